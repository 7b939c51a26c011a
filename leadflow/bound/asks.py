"""What one attempt with an agent costs at most: tokens in and out, and their price.

Only models are priced: what a function, a program or a server behind HTTP costs, nobody says. What a model reads is
counted as `plan/tokens.py` counts it; what it writes is bounded by `max_tokens`.
"""

from collections.abc import Mapping
from decimal import Decimal

from leadflow.bound.expressions import Reads, size_of
from leadflow.bound.figures import NOTHING, Cause, Figure, endless, product, total
from leadflow.bound.prices import HOMES, Found, Price, Prices
from leadflow.bound.sizes import Most
from leadflow.plan.expr import Const, Expr
from leadflow.plan.kinds import Catalogue, Kind, find_kind
from leadflow.plan.looping import Loop, loop_of
from leadflow.plan.plan import AgentCall, AgentSpec, Node, Place, Plan
from leadflow.plan.tokens import HINT_TOKENS, PER_MESSAGE, PER_REQUEST, schema_tokens, text_tokens
from leadflow.plan.types import STRING, Money
from leadflow.record import record

MILLION = 1_000_000


@record
class Known:
    """What is known beside the plan."""

    catalogue: Catalogue
    prices: Prices
    own: Mapping[str, tuple[Decimal, Decimal | None]]
    """Prices of the operator, by model: dollars for a million tokens in and out."""
    calls: int | None
    """Calls under way at once in a run; None: as many as there are."""


@record
class Cost:
    """What something costs, and what the dearest attempt in it does."""

    money: Figure = NOTHING
    """Millionths of a dollar."""
    tokens: Figure = NOTHING
    calls: Figure = NOTHING
    """Attempts with agents."""
    each_money: Figure = NOTHING
    """Of one attempt."""
    each_tokens: Figure = NOTHING


@record
class Ask:
    """One attempt with a model."""

    agent: str
    input: Figure
    """Tokens."""
    output: Figure
    money: Figure

    @property
    def tokens(self) -> tuple[Figure, Figure]:
        """What it reads and writes."""
        return self.input, self.output


def is_asked(kind: Kind | None, call: AgentCall) -> bool:
    """Whether a call of an agent of this kind goes to a model."""
    action = None if kind is None else kind.action(call.action)
    return kind is not None and action is not None and (action.asks_model or kind.setting("model") is not None)


def place_of(plan: Plan, spec: AgentSpec) -> Place:
    """Where an agent is declared."""
    return spec.place or Place(plan.file, 1, 1)


def tool_loop(plan: Plan, name: str, call: AgentCall) -> Loop | None:
    """How far the model of an agent may go with tools in a call; None: it has none."""
    spec = plan.agents[call.role or name]
    return loop_of(spec) if spec.settings.get("tools") and call.action != "embed" else None


# --- how much a model writes --------------------------------------------------------------------------------------


def most_written(spec: AgentSpec, call: AgentCall) -> Most:
    """Most tokens of an answer: the call's `max_tokens`, else the agent's."""
    given = dict(call.args).get("max_tokens")
    if given is not None:
        return given.value if isinstance(given, Const) and type(given.value) is int else None
    setting = spec.settings.get("max_tokens")
    return setting if isinstance(setting, int) else None


# --- one attempt --------------------------------------------------------------------------------------------------


def ask_of(
    plan: Plan, known: Known, name: str, node: Node, call: AgentCall, *, reads: Reads, found: Found | None, again: bool
) -> Ask:
    """What an attempt of a call with a model is at most.

    Args:
        found: the price of the model.
        again: it may be told what was wrong with the answer before.
    """
    spec = plan.agents[name]
    kind = find_kind(known.catalogue, spec.kind)
    action = None if kind is None else kind.action(call.action)
    writes = action is None or action.asks_model
    if kind is None or kind.setting("model") is None:
        what = f"nobody knows what agent '{name}' of the kind {spec.kind} costs"
        nobody = endless(Cause(place_of(plan, spec), what, "ask a model by an agent of its own"))
        return Ask(name, nobody, nobody, nobody)
    read = _read(plan, spec, node, call, reads, again=again and writes)
    if (loop := tool_loop(plan, name, call)) is not None and (read.is_plain or call.action == "ask"):
        limit = spec.settings.get("max_input_tokens")  # what tools give comes back with each turn
        read = Figure(min(limit, loop.tokens) if isinstance(limit, int) else loop.tokens)
    written = _written(plan, spec, call) if writes else NOTHING
    if found is None or (writes and found.price.output is None):
        return Ask(name, read, written, endless(no_price(plan, spec), *read.causes, *written.causes))
    return Ask(name, read, written, _money(found.price, read, written))


def _money(price: Price, read: Figure, written: Figure) -> Figure:
    """Rounded up to a millionth of a dollar."""
    amounts = total((product(read, price.input), product(written, price.output or 0)))
    if not amounts.is_plain:
        return amounts
    return Figure(-(-amounts.known // MILLION) + -(-price.request // 1000))


def _read(plan: Plan, spec: AgentSpec, node: Node, call: AgentCall, reads: Reads, *, again: bool) -> Figure:
    """The tokens of a request."""
    most: Most = PER_REQUEST + (HINT_TOKENS if again else 0)
    args = dict(call.args)
    open_ = ""
    if call.action == "chat":
        most, open_ = None, "a history"
    if "files" in args:
        most, open_ = None, "files"
    for arg in ("system", "prompt", "text"):
        size, name = _text(args.get(arg), spec.settings.get(arg) if arg == "system" else None, reads)
        most = None if most is None or size is None else most + size
        open_ = open_ or name
    if call.declared and call.result != STRING:
        most = None if most is None else most + schema_tokens(call.result)
    limit = spec.settings.get("max_input_tokens")
    if isinstance(limit, int):
        return Figure(limit if most is None else min(limit, most))
    if most is not None:
        return Figure(most)
    what = f"step '{node.name}' sends {open_}, of any length, to {spec.name}"
    at = place_of(plan, spec)
    mend = f"write `max_input_tokens: …` on agent '{spec.name}' ({at.file}:{at.line}:{at.column})"
    if "files" in args:
        mend += ", under which files of text go and pictures do not: nobody can count these"
    elif call.action != "chat":
        mend += f", or `@length(…)` behind the type of {open_}{reads.mend(open_)}"
    return endless(Cause(node.place, what, mend))


def _text(given: Expr | None, setting: object, reads: Reads) -> tuple[Most, str]:
    """Most tokens of a message, and the name of what has no bound."""
    if given is None:
        return (PER_MESSAGE + text_tokens(setting) if isinstance(setting, str) else 0), ""
    size = size_of(given, reads)
    if size.text is not None:
        return PER_MESSAGE + size.text, ""
    return None, size.open or reads.words(given)


def _written(plan: Plan, spec: AgentSpec, call: AgentCall) -> Figure:
    most = most_written(spec, call)
    if most is not None:
        return Figure(max(0, most))
    what = f"agent '{spec.name}' may answer at any length"
    return endless(Cause(place_of(plan, spec), what, "write `max_tokens: …` in its settings"))


# --- prices -------------------------------------------------------------------------------------------------------


def price_of(known: Known, spec: AgentSpec) -> Found | None:
    """What the model of an agent costs: its own word, else the operator's, else what is published."""
    own = spec.settings.get("price")
    if isinstance(own, Mapping):
        read, written = own.get("input"), own.get("output")
        if isinstance(read, Money):
            output = written.micros if isinstance(written, Money) else None
            return Found(Price(read.micros, output), f"agent {spec.name}")
    model = spec.settings.get("model")
    if not isinstance(model, str):
        return None
    if model in known.own:
        dollars, others = known.own[model]
        return Found(Price(_micros(dollars), None if others is None else _micros(others)), "leadflow.toml")
    address = spec.settings.get("base_url")
    if address is not None:
        return known.prices.find(model, address=address) if isinstance(address, str) else None
    return known.prices.find(model, provider=HOMES.get(spec.kind))


def _micros(dollars: Decimal) -> int:
    return int(dollars * MILLION)


def no_price(plan: Plan, spec: AgentSpec) -> Cause:
    """Why what an agent costs has no bound."""
    model = spec.settings.get("model")
    what = f"the price of model '{model}' of agent '{spec.name}' is not known"
    mend = f'write `price: {{ input: $…, output: $… }}` on it, or [prices."{model}"] in leadflow.toml'
    return Cause(place_of(plan, spec), what, mend)
