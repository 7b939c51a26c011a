"""What a flow is likely to take: the middle of what its finished runs took. Pure: the logs of these runs come in.

A run's money and tokens are what was told of each request that a model answered; where one does not say what it used,
what its budgets settled; where a log tells neither, what the answers reported, at today's prices. What nobody reported
is not known, which is not 0: then the run says nothing of that figure. Its time is that of its log without the time in
which no process worked on it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from statistics import median_high
from typing import Any, TypeAlias

from leadflow.bound.asks import MILLION, Known, is_asked, price_of
from leadflow.events.model import (
    AttemptStarted,
    BudgetSettled,
    CacheUsed,
    CallUsed,
    Entry,
    NodeDone,
    NodeStarted,
    RunResumed,
)
from leadflow.plan.forms import duration_text
from leadflow.plan.kinds import find_kind
from leadflow.plan.paths import find_steps, without_numbers
from leadflow.plan.plan import AgentCall, AgentSpec, Plan
from leadflow.plan.types import Money
from leadflow.plan.words import duration_words, value_words
from leadflow.record import record


@record
class Taken:
    """What one run took."""

    money: int | None
    """Millionths of a dollar, for models; None: not known."""
    tokens: int | None
    calls: int
    """Attempts with agents."""
    time: int
    """Microseconds."""


@record
class Expected:
    """What a run is likely to take: each figure is the median of those that are known."""

    runs: int
    """How many finished runs there are to tell it from."""
    are_same: bool
    """They ran this very plan; else earlier or later versions of the flow."""
    money: int | None
    tokens: int | None
    calls: int
    time: int


def expected(runs: Sequence[Taken], *, are_same: bool) -> Expected | None:
    """The middle of some runs; None of none."""
    if not runs:
        return None
    return Expected(
        len(runs),
        are_same,
        _median(run.money for run in runs),
        _median(run.tokens for run in runs),
        median_high(run.calls for run in runs),
        median_high(run.time for run in runs),
    )


def _median(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return median_high(known) if known else None


# --- one run ------------------------------------------------------------------------------------------------------


_Cost: TypeAlias = tuple[int | None, int | None]
"""Money and tokens; None: not known."""


class History:
    """Reads the logs of runs of one plan."""

    def __init__(self, plan: Plan, known: Known) -> None:
        self._plan = plan
        self._known = known
        self._calls: dict[str, AgentCall | None] = {}
        """The call of a path without its numbers; None where there is none."""

    @property
    def file(self) -> str:
        """The file of the flows whose runs these are."""
        return self._plan.file

    def taken(self, entries: Sequence[Entry]) -> Taken:
        """What a run took, by its log."""
        settled: dict[str, list[BudgetSettled]] = {}
        used: dict[str, list[CallUsed]] = {}
        done: dict[str, NodeDone] = {}
        remembered: set[str] = set()
        calls, idle = 0, 0.0
        for before, (_, at, event) in zip([entries[0], *entries], entries, strict=False):
            match event:
                case NodeStarted(path=path):
                    calls += self._call(path) is not None
                case AttemptStarted():
                    calls += 1
                case CacheUsed(path=path):
                    remembered.add(path)
                case CallUsed(path=path):
                    used.setdefault(path, []).append(event)
                case BudgetSettled(path=path):
                    settled.setdefault(path, []).append(event)
                case NodeDone(path=path):
                    done[path] = event
                case RunResumed():
                    idle += at - before.at
                case _:
                    pass
        told = {path: [self._told(each) for each in parts] for path, parts in used.items()}
        costs = list[_Cost]()
        for path in dict.fromkeys((*told, *settled, *done)):
            if path in told and (path not in settled or not any(None in cost for cost in told[path])):
                costs += told[path]
            elif path in settled:
                costs += [(each.money, each.tokens) for each in settled[path]]
            else:
                costs.append(self._cost(path, done[path]))
        time = timedelta(seconds=max(0.0, entries[-1].at - entries[0].at - idle))
        return Taken(
            _sum(money for money, _ in costs),
            _sum(tokens for _, tokens in costs),
            calls - len(remembered),
            time // timedelta(microseconds=1),
        )

    def _told(self, event: CallUsed) -> _Cost:
        """The money and the tokens of one request."""
        usage, spec = event.usage, self._plan.agents.get(event.agent)
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None, None
        money = event.money
        if money is None and spec is not None:
            money = self._money(spec, usage.input_tokens, usage.output_tokens)
        return money, usage.input_tokens + usage.output_tokens

    def _cost(self, path: str, done: NodeDone) -> _Cost:
        """The same of a call of which only its answer tells."""
        call = self._call(path)
        spec = None if call is None else self._plan.agents.get(done.agent or call.agent)
        if call is None or spec is None or not is_asked(find_kind(self._known.catalogue, spec.kind), call):
            return 0, 0
        usage = done.usage
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            return None, None
        return self._money(spec, usage.input_tokens, usage.output_tokens), usage.input_tokens + usage.output_tokens

    def _money(self, spec: AgentSpec, read: int, written: int) -> int | None:
        if read == written == 0:
            return 0  # an answer from memory
        found = price_of(self._known, spec)
        if found is None or (written and found.price.output is None):
            return None
        amount = read * found.price.input + written * (found.price.output or 0)
        return -(-amount // MILLION) + -(-found.price.request // 1000)

    def _call(self, path: str) -> AgentCall | None:
        plain = without_numbers(path)
        if plain not in self._calls:
            found = find_steps(self._plan, plain)
            work = found[0][-1].node.work if isinstance(found, tuple) else None
            self._calls[plain] = work if isinstance(work, AgentCall) else None
        return self._calls[plain]


def _sum(parts: Iterable[int | None]) -> int | None:
    found = 0
    for part in parts:
        if part is None:
            return None
        found += part
    return found


# --- in words, and as data ----------------------------------------------------------------------------------------


def expected_text(found: Expected) -> str:
    """`expected $0.012 for models, 812 tokens, 3 calls, 12 s (median of 14 runs)`."""
    parts = [] if found.money is None else [f"{value_words(Money(found.money))} for models"]
    parts += [] if not found.tokens else [f"{found.tokens:,} token{'' if found.tokens == 1 else 's'}"]
    parts += [f"{found.calls:,} call{'' if found.calls == 1 else 's'}", _time(found.time)]
    unknown = "; what models cost is not known" if found.money is None else ""
    runs = f"{found.runs:,} run{'' if found.runs == 1 else 's'}"
    whose = "" if found.are_same else " of other versions of this flow"
    return f"expected {', '.join(parts)} (median of {runs}{whose}{unknown})"


def _time(micros: int) -> str:
    unit = 1_000 if micros < 1_000_000 else 100_000 if micros < 60_000_000 else 1_000_000
    return duration_words(timedelta(microseconds=-(-micros // unit) * unit)) if micros else "no time"


def expected_data(found: Expected | None) -> Mapping[str, Any] | None:
    """The same for machines; null where there is no history."""
    if found is None:
        return None
    return {
        "runs": found.runs,
        "same_plan": found.are_same,
        "money": None if found.money is None else str(Money(found.money)),
        "tokens": found.tokens,
        "calls": found.calls,
        "time": duration_text(timedelta(microseconds=found.time)),
    }
