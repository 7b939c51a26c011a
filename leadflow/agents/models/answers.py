"""What a model's last turn is worth: the step's value, or the failure that its stop means. Pure."""

import re
from collections.abc import Iterable, Sequence

from leadflow.agents.models.common import as_json
from leadflow.agents.models.turns import Turn
from leadflow.agents.wire import read_json
from leadflow.plan.schema import json_schema
from leadflow.plan.tokens import as_object
from leadflow.plan.types import RecordType, Type
from leadflow.run.errors import AnswerInvalid, BadResponse, Declined, Filtered, Incomplete
from leadflow.run.redact import one_line
from leadflow.run.values import excerpt


def read_answer(turn: Turn, type_: Type | None, secrets: Iterable[str] = (), *, most: int | None = None) -> object:
    """The value of a turn: its text, or the JSON of the asked type.

    Args:
        secrets: what may not be quoted of an answer that is none.
        most: tokens that it was allowed; None: as many as the provider allows.

    Raises:
        Declined, Filtered, Incomplete: there is no answer, or not the whole.
        AnswerInvalid: it is not JSON, not of the asked form, or waits for tools.
    """
    match turn.stop:
        case "refusal":
            raise Declined(f"the model declined: {one_line(turn.refusal, secrets, 200)}")
        case "length":
            limit = "the provider's max_tokens" if most is None else f"max_tokens, {most:,}"
            raise Incomplete(f"the answer was cut off at {limit}; allow more, or ask for less")
        case "filter":
            raise Filtered("the answer was cut off by the provider's content filter")
        case "tools":
            raise AnswerInvalid("the model asks for tools that it was not given")
    return turn.text if type_ is None else _structured(turn.text, type_, secrets)


def in_words(type_: Type) -> str:
    """A schema as an instruction, for an endpoint that takes none."""
    schema, _ = json_schema(as_object(type_), strict=True)
    return f"Answer with JSON of this schema and with nothing else, no fence and no comment:\n{as_json(schema)}"


def with_words(system: str | None, words: str) -> str:
    """A system message with an instruction behind it."""
    return words if system is None else f"{system}\n\n{words}"


def repair_words(mistakes: str, most: int) -> str:
    """What a model is told whose last answer could not be used (case R20)."""
    return f"Your last answer could not be used: {one_line(mistakes, most=most)}. Answer again, in the asked form."


def _structured(text: str, type_: Type, secrets: Iterable[str]) -> object:
    """The answer's JSON; a fence of backticks around it is taken off."""
    inner = text.strip()
    if (fenced := _FENCED.fullmatch(inner)) is not None:
        inner = fenced[1]
    try:
        value = read_json(inner.encode("utf-8", "replace"), None)
    except BadResponse as problem:
        raise AnswerInvalid(f"{problem.message}: {excerpt(text, secrets)}") from None
    if isinstance(type_, RecordType):
        return value
    if not isinstance(value, dict) or "value" not in value:
        raise AnswerInvalid(f"the answer lacks the field 'value': {excerpt(text, secrets)}")
    return value["value"]


_FENCED = re.compile(r"```[^\n{]*(.*)```", re.DOTALL)
"""JSON between backticks, behind the name of its language or without one, on one line or on several."""


def read_vector(told: object) -> Sequence[object]:
    """The vector of an answer to `embed`.

    Raises:
        BadResponse: there is none.
    """
    match told:
        case {"data": [{"embedding": list(vector)}, *_]}:
            return vector
        case _:
            raise BadResponse("the answer has no vector")
