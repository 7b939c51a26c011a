"""What a flow is likely to take: what is read from the logs of its runs, and what `leadflow plan` says of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

from leadflow.bound.asks import Known
from leadflow.bound.history import Expected, History, Taken, expected, expected_data, expected_text
from leadflow.cli.bounds import known_of
from leadflow.events.model import (
    AttemptStarted,
    BudgetSettled,
    CacheUsed,
    CallUsed,
    Entry,
    Event,
    NodeDone,
    NodeStarted,
    RunResumed,
    RunStarted,
    Usage,
)
from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.plugins import Installed
from leadflow.settings import Settings
from tests.cli.session import leadflow

FLOW = """leadflow 1
agent fast: openai { model: "gpt-5-mini"  max_tokens: 100  price: { input: $1, output: $2 } }
agent other: openai { model: "unheard-of"  max_tokens: 100 }
agent ops: python { module: "ops.py"  reads: ["look"] }
flow main(words: list[string]) -> list[string] {
  step all = for word in words at most 9 {
    @fallback(other)
    step one = fast.ask(word)
    yield one
  }
  step seen: int = ops.look(1)
  return all
}
"""


def plan() -> Plan:
    """The plan of the flow."""
    found, report = compile_source("main.flow", FLOW)
    assert found is not None, report.diagnostics
    return found


def known() -> Known:
    """The prices of the snapshot."""
    return known_of(Settings(), Installed())


def log(*events: Event | tuple[float, Event]) -> list[Entry]:
    """A log of events, a second from one to the next; each may say its own time."""
    found = list[Entry]()
    for number, event in enumerate(events):
        at, one = event if isinstance(event, tuple) else (float(number), event)
        found.append(Entry(number, at, one))
    return found


def started() -> RunStarted:
    """The first event."""
    return RunStarted("r-1", "main", "hash", {}, 1, datetime(2026, 1, 1, tzinfo=UTC))


def taken(*events: Event | tuple[float, Event]) -> Taken:
    """What a run with these events took."""
    return History(plan(), known()).taken(log(started(), *events))


def test_usage_at_todays_prices() -> None:
    """What models reported, over all iterations; functions have no price and are calls."""
    found = taken(
        NodeStarted("main/all"),
        NodeStarted("main/all[0]/one"),
        NodeStarted("main/all[1]/one"),
        NodeDone("main/all[0]/one", "a", usage=Usage(1000, 10)),
        NodeDone("main/all[1]/one", "b", usage=Usage(500, 20)),
        NodeStarted("main/seen"),
        NodeDone("main/seen", 1),
        NodeDone("main/all", ("a", "b")),
    )
    assert Taken(1020 + 540, 1530, 3, 8_000_000) == found


def test_what_budgets_settled_stands() -> None:
    """It is of every attempt, also of those that failed; the answer's own report is a part of it."""
    found = taken(
        NodeStarted("main/all[0]/one"),
        BudgetSettled("main/all[0]/one", 1, 70, 7, False),
        AttemptStarted("main/all[0]/one", 2, "fast"),
        BudgetSettled("main/all[0]/one", 2, 30, 3, False),
        NodeDone("main/all[0]/one", "a", usage=Usage(1, 1)),
    )
    assert (100, 10, 2) == (found.money, found.tokens, found.calls)


def test_what_each_request_used_comes_first() -> None:
    """Also of attempts that failed, and of several requests of one; the answer's own report is a part of it."""
    path = "main/all[0]/one"
    found = taken(
        NodeStarted(path),
        CallUsed(path, 1, "fast", Usage(10, 5), 20),
        AttemptStarted(path, 2, "fast"),
        CallUsed(path, 2, "fast", Usage(10, 6), 22),
        CallUsed(path, 2, "fast", Usage(100, 0), None),
        NodeDone(path, "a", usage=Usage(110, 6)),
    )
    assert (142, 131, 2) == (found.money, found.tokens, found.calls)


def test_what_a_request_does_not_say_budgets_do() -> None:
    """An estimate is better than nothing; where there is none, it is not known."""
    path = "main/all[0]/one"
    silent = CallUsed(path, 1, "fast", None, None)
    found = taken(NodeStarted(path), silent, BudgetSettled(path, 1, 70, 7, True), NodeDone(path, "a"))
    assert (70, 7) == (found.money, found.tokens)
    assert (None, None) == (taken(NodeStarted(path), silent).money, taken(NodeStarted(path), silent).tokens)


def test_what_nobody_reported_is_not_known() -> None:
    """A model without a report, or one of its numbers: neither money nor tokens; one without a price: no money."""
    call = NodeStarted("main/all[0]/one")
    for usage in (None, Usage(5, None), Usage(None, 5)):
        found = taken(call, NodeDone("main/all[0]/one", "a", usage=usage))
        assert (None, None, 1) == (found.money, found.tokens, found.calls)
    unpriced = taken(call, NodeDone("main/all[0]/one", "a", agent="other", usage=Usage(5, 5)))
    assert (None, 10) == (unpriced.money, unpriced.tokens)


def test_an_answer_from_memory_is_no_call_and_costs_nothing() -> None:
    """Case $6, also where the model of the answer has no price."""
    path = "main/all[0]/one"
    done = NodeDone(path, "a", agent="other", usage=Usage(0, 0))
    found = taken(NodeStarted(path), CacheUsed(path, "other", False), done)
    assert (0, 0, 0) == (found.money, found.tokens, found.calls)


def test_time_without_a_process_does_not_count() -> None:
    """A run that was resumed a day later took the time in which somebody worked on it."""
    found = taken((10.0, NodeStarted("main/seen")), (90_000.0, RunResumed("me")), (90_005.5, NodeDone("main/seen", 1)))
    assert 15_500_000 == found.time


def test_a_path_that_leads_nowhere_is_no_call() -> None:
    """A log of another version may name steps that there are no more."""
    found = taken(NodeStarted("main/gone"), NodeDone("main/gone", 1), NodeStarted("old/step"))
    assert (0, 0, 0) == (found.money, found.tokens, found.calls)


def several(*money: int | None) -> Expected:
    """Runs that took so much."""
    found = expected([Taken(one, None if one is None else one * 2, 3, 1_500_000) for one in money], are_same=True)
    assert found is not None
    return found


def test_the_middle_of_what_is_known() -> None:
    """A run that is not known leaves the others; none at all is no history."""
    assert (5, 10, 3) == (several(5).money, several(5).tokens, several(5).runs + 2)
    assert 5 == several(1, 9, 5).money
    assert 9 == several(None, 9, None).money
    assert several(None).money is None
    assert expected([], are_same=True) is None


def test_in_words() -> None:
    """Money first, then tokens, calls and time, and what it stands on."""
    assert "expected $0.012 for models, 24,000 tokens, 3 calls, 1s500ms (median of 1 run)" == expected_text(
        several(12_000)
    )
    assert "expected 3 calls, 1s500ms (median of 2 runs; what models cost is not known)" == expected_text(
        several(None, None)
    )
    other = Expected(14, False, 0, 0, 1, 61_400_000)
    assert "expected $0.00 for models, 1 call, 1m2s (median of 14 runs of other versions of this flow)" == (
        expected_text(other)
    )
    assert "1 token, 0 calls, no time" in expected_text(Expected(1, True, 0, 1, 0, 0))


def test_as_data() -> None:
    """The same figures; null without a history."""
    assert expected_data(None) is None
    assert {
        "runs": 1,
        "same_plan": True,
        "money": "USD 0.000005",
        "tokens": 10,
        "calls": 3,
        "time": "PT1.5S",
    } == expected_data(several(5))
    assert {"money": None, "tokens": None} == {
        name: value for name, value in (expected_data(several(None)) or {}).items() if name in ("money", "tokens")
    }


PLAIN = """leadflow 1
agent ops: python { module: "ops.py"  reads: ["double", "fail"] }
flow main(n: int) -> int {
  @timeout(5s)
  step a: int = ops.double(n)
  return a
}
flow other() -> int {
  @timeout(5s)
  step a: int = ops.double(1)
  return a
}
"""


def lines(folder: Path, *words: str) -> list[str]:
    """What `leadflow plan` says of the flow, its bound and what is expected."""
    said = leadflow("plan", "main.flow", *words, folder=folder)
    assert 0 == said.code
    return [line.strip() for line in said.stdout.splitlines() if line.strip().startswith(("expected", "at most"))]


def project(folder: Path) -> Path:
    """A flow that runs."""
    (folder / "ops.py").write_text(
        "def double(n: int) -> int:\n    if n < 0:\n        raise ValueError\n    return 2 * n\n"
    )
    (folder / "main.flow").write_text(PLAIN)
    return folder


def test_the_plan_says_what_finished_runs_took(tmp_path: Path) -> None:
    """Runs that failed, and those of another flow, tell nothing; those of other versions are named so."""
    folder = project(tmp_path)
    assert 2 == len(lines(folder))
    for n in ("1", "2", "-1"):
        leadflow("run", "main.flow", "main", "-i", f"n={n}", "-q", folder=folder)
    told = lines(folder, "main")
    assert 2 == len(told)
    assert told[0].startswith("expected $0.00 for models, 1 call, ") and told[0].endswith(" (median of 2 runs)")
    assert "at most $0.00 for models, 1 call, 10s" == told[1]
    data = json.loads(leadflow("plan", "main.flow", "--format", "json", folder=folder).stdout)
    expected = {flow["name"]: flow["bound"]["expected"] for flow in data["flows"]}
    assert (True, 2, None) == (expected["main"]["same_plan"], expected["main"]["runs"], expected["other"])
    (folder / "main.flow").write_text(PLAIN.replace("5s", "6s"))
    assert lines(folder, "main")[0].endswith("(median of 2 runs of other versions of this flow)")
    (folder / "main.flow").rename(folder / "moved.flow")
    (folder / "main.flow").write_text(PLAIN.replace("5s", "7s"))
    leadflow("run", "moved.flow", "main", "-i", "n=3", "-q", folder=folder)
    assert lines(folder, "main")[0].endswith("(median of 2 runs of other versions of this flow)")


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """The bound is said all the same."""
    folder = project(tmp_path)
    (folder / ".leadflow").mkdir()
    (folder / ".leadflow" / "journal.db").write_text("no database")
    said = leadflow("plan", "main.flow", "main", folder=folder)
    assert 0 == said.code
    assert "warning: the runs that tell what to expect cannot be read: " in said.stderr
    assert "at most $0.00 for models, 1 call" in said.stdout
