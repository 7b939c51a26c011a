"""How many tokens an attempt takes at most, worked out before it is sent. Pure: settings and arguments in, numbers out.

`@limit(tokens:)` and `@budget` reserve this much. A request to a model is counted as the agents count it
(`plan/tokens.py`): a token for each byte and ample room for what stands around texts; what a model writes is bounded
by `max_tokens` alone. What a function, a program or a server behind HTTP takes, nobody says: its arguments are counted
as they are, and the number bounds nothing.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from leadflow.plan.forms import to_json_text
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.tokens import HINT_TOKENS, PER_MESSAGE, PER_REQUEST, message_tokens, schema_tokens, text_tokens
from leadflow.plan.types import STRING, Value
from leadflow.record import record


@record
class Estimate:
    """What an attempt takes."""

    input: int
    """Tokens of the request: at most, where `is_bound`."""
    output: int | None
    """Most tokens of the answer; None: as many as it likes."""
    is_bound: bool = True
    """False where the request may have more tokens than were counted: pictures in a history, no model at all."""


Estimator: TypeAlias = Callable[[Mapping[str, Value], bool], Estimate]
"""The estimate of one attempt, from its arguments, and whether it is told what was wrong with the answer before."""


def estimator(spec: AgentSpec, call: AgentCall) -> Estimator:
    """What attempts of a call with an agent take; what all of them have in common is counted once."""
    if not isinstance(spec.settings.get("model"), str):
        return _of_arguments
    if call.action == "embed":
        return lambda args, again: Estimate(_within(spec, PER_REQUEST + _message(args.get("text"))), 0)
    is_shaped = call.declared and call.result != STRING
    fixed = PER_REQUEST + (schema_tokens(call.result) if is_shaped else 0)

    def estimate(args: Mapping[str, Value], again: bool) -> Estimate:
        history, is_text = _history(args.get("history"))
        system = args.get("system", spec.settings.get("system"))
        most = fixed + history + (HINT_TOKENS if again else 0)
        most += sum(_message(text) for text in (system, args.get("prompt")) if text is not None)
        files = args.get("files")
        most += PER_MESSAGE * len(files) if isinstance(files, tuple) else 0
        written = args.get("max_tokens", spec.settings.get("max_tokens"))
        return Estimate(_within(spec, most), max(0, written) if type(written) is int else None, is_text and not files)

    return estimate


def _within(spec: AgentSpec, most: int) -> int:
    """A longer request than the agent allows is not sent."""
    limit = spec.settings.get("max_input_tokens")
    return min(limit, most) if isinstance(limit, int) else most


def _message(text: object) -> int:
    return PER_MESSAGE + text_tokens(text if isinstance(text, str) else str(text))


def _history(history: Value) -> tuple[int, bool]:
    """The tokens of an explicit history, and whether it holds nothing but text."""
    if history is None:
        return 0, True
    messages = history if isinstance(history, tuple) and type(history) is tuple else (history,)
    counted = [message_tokens(message) for message in messages]
    rest = (PER_MESSAGE + text_tokens(to_json_text(message)) for message in messages if message_tokens(message) is None)
    return sum(number for number in counted if number is not None) + sum(rest), None not in counted


def _of_arguments(args: Mapping[str, Value], again: bool) -> Estimate:
    """The bytes of all arguments, as texts."""
    texts = (value if isinstance(value, str) else to_json_text(value) for value in args.values())
    return Estimate(sum(map(text_tokens, texts)), None, is_bound=False)
