"""Rule E10: tests of the language run with the real kernel and policies; mocks answer; what fails says why."""

from pathlib import Path
from time import perf_counter

import pytest

from leadflow.plan.trial import ERRORS, FAILURES, failure_meant
from leadflow.run.errors import FLOW_ERRORS, CallError, LoopStopped
from leadflow.testing.stand_ins import Fails, error_of
from leadflow.testing.trials import Ways
from tests.testing.trying import made, told

CASES = Path(__file__).resolve().parent / "cases"
HEAD = """leadflow 1
agent fast: openai { model: "gpt-5-mini"  key: secret("NOBODY_HAS_THIS_KEY") }
agent web: http { url: "https://example.com"  auth: bearer(secret("NOR_THIS")) }
agent desk: python { module: "not_there.py"  reads: ["look"] }
"""


@pytest.mark.parametrize("case", sorted(CASES.glob("*.flow")), ids=lambda file: file.stem)
def test_case(case: Path, tmp_path: Path) -> None:
    """Each test of a chunk ends as the chunk says: `### passes`, or `### ` and what is told of its failure."""
    for number, chunk in enumerate(case.read_text("utf-8").split("\n---\n")):
        folder = tmp_path / str(number)
        folder.mkdir()
        wanted = [line.partition("### ")[2] for line in chunk.splitlines() if line.startswith("### ")]
        outcomes = made(HEAD + chunk, folder)
        found = [line for outcome in outcomes for line in told(outcome) or ["passes"]]
        shifted = [_shift(line, HEAD.count("\n")) for line in found]
        assert wanted == shifted, f"{case.name}, chunk {number + 1}"


def _shift(line: str, by: int) -> str:
    first, _, rest = line.partition(" ")
    return f"{int(first) - by} {rest}" if first.isdigit() else line


def test_failures_have_names() -> None:
    """A mock can answer with every failure of a call and of a flow, and with no other."""
    found: list[type[CallError]] = [CallError]
    for kind in found:
        found += kind.__subclasses__()
    own = {kind.error for kind in found if kind.__module__ == "leadflow.run.errors"}
    own |= {LoopStopped("", bound=bound).error for bound in LoopStopped.bounds}
    flows = {name for name in FLOW_ERRORS if name.startswith("flow.")} - {"flow.compensation", "flow.not_undone"}
    assert own | flows == set(ERRORS)
    for name in ERRORS:
        problem = error_of(Fails(name, "because"))
        assert (name, "because") == (problem.error, problem.message)
        assert problem.category == "resource" or not name.startswith("resource.")


def test_what_a_reason_means() -> None:
    """A class, a name and the last word of one; a message behind a colon; nothing else."""
    assert ("timeout.attempt", "") == failure_meant("timeout")
    assert ("timeout.idle", "") == failure_meant("timeout.idle")
    assert ("resource.rate", "in an hour: later") == failure_meant("rate: in an hour: later")
    assert ("flow.failed", "") == failure_meant("failed")
    assert failure_meant("slow") is None
    assert failure_meant("answer") is None, "there are two"
    assert all(failure_meant(word) for word in FAILURES)


FAST = (
    HEAD
    + """
@retry(3, backoff: 1h, max: 1h)
agent slow: http { url: "https://example.com" }
flow main(ids: list[string]) -> list[string?] {
  @on_failure("partial")
  step all = for id in ids {
    step one: string = slow.get("/${id}")
    step two = fast.ask(one)
    yield two
  }
  return all
}
"""
)
TRIAL = """
test "number {}" {{
  mock main.one => fail "network" then fail "timeout" then "a" then fail "rejected"
  mock main.two => "b"
  run r = main(ids: ["1", "2", "3"])
  expect r.value == [none, none, "b"] and r.took > 10s
}}
"""


def test_hundreds_a_second(tmp_path: Path) -> None:
    """Two hundred tests with three calls and hours of back-off each take a second or two."""
    text = FAST + "".join(map(TRIAL.format, range(200)))
    began = perf_counter()
    outcomes = made(text, tmp_path)
    took = perf_counter() - began
    assert [] == [line for outcome in outcomes for line in told(outcome)]
    assert took < 8, "on a machine that does nothing else it is a second"


def test_each_time_the_same(tmp_path: Path) -> None:
    """Events, values and times of a test are equal each time it is made; another seed makes other values."""
    text = FAST + TRIAL.format(1)
    logs = []
    for seed in (1, 1, 2):
        (outcome,) = made(text, tmp_path, Ways(seed=seed))
        (run,) = outcome.shown.runs
        logs.append((run.took, [repr(entry) for entry in run.entries]))
    assert logs[0] == logs[1]
    assert logs[0] != logs[2]


def test_fakes_answer_what_no_mock_does(tmp_path: Path) -> None:
    """With `--fake` a test without mocks runs through; the values keep to their types."""
    text = (
        HEAD
        + """
type Verdict {
  urgent: bool
  score: float @range(0.5, 1)
  code: string @pattern("T-[0-9]{4}")
  tags: list[string] @length(2, 3)
}
flow main() -> Verdict {
  step verdict: Verdict = fast.ask("hello")
  return verdict
}
test "made up" {
  run r = main()
  expect r.value != none and (r.value?.score ?? 0.0) >= 0.5 and len(r.value?.tags ?? []) in [2, 3]
}
"""
    )
    (outcome,) = made(text, tmp_path)
    assert ["unmocked: fast.ask at main/verdict, mock main.verdict"] == told(outcome)[:1]
    for seed in range(20):
        (outcome,) = made(text, tmp_path, Ways(has_fakes=True, seed=seed))
        assert [] == told(outcome)


NET = """leadflow 1
agent web: http { url: "https://example.com" }
@read tool customer(id: string) -> string = web.get("/c/${id}")
flow fetch(q: string) -> string {
  step hit: string = web.get("/find/${q}") undo none
  step two = customer(hit)
  return two
}
"""
LIB = """leadflow 1
use "net.flow" (fetch)
flow find(q: string) -> string {
  step hit = fetch(q)
  return hit
}
"""


def test_what_nobody_answers_is_told_as_the_test_would_write_it(tmp_path: Path) -> None:
    """A step of another file: by the name that this file has for it, else with what has to be imported first."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "net.flow").write_text(NET, "utf-8")
    (tmp_path / "deep" / "lib.flow").write_text(LIB, "utf-8")
    trial = 'test "t" {{\n{mock}run r = look(q: "x")\nexpect r.value == "y" }}\n'
    head = 'leadflow 1\nuse "deep/lib.flow" (find as look)\n'
    (far,) = made(head + trial.format(mock=""), tmp_path)
    assert "unmocked: deep.net.web.get at deep.lib.find/hit/hit, mock net.fetch.hit, use deep.net" == told(far)[0]
    for use, name in (("use deep.net as n", "n.fetch"), ("use deep.net (fetch as get)", "get")):
        mock = f'mock {name}.hit => "x"\n'
        (one,) = made(f"{head}{use}\n{trial.format(mock=mock)}", tmp_path)
        assert [f"unmocked: deep.net.customer.get at deep.lib.find/hit/two, mock {name}.two"] == told(one)[:1]
        mock += f'mock {name}.two => "y"\n'
        (passes,) = made(f"{head}{use}\n{trial.format(mock=mock)}", tmp_path)
        assert [] == told(passes)


def test_nothing_is_kept(tmp_path: Path) -> None:
    """A test writes nothing: neither a journal nor anything else."""
    made(FAST + TRIAL.format(1), tmp_path)
    assert ["main.flow"] == sorted(path.name for path in tmp_path.rglob("*"))
