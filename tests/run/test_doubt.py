"""`@on_doubt`: what follows for a call in whose middle the process ended (case D2)."""

from collections.abc import Sequence

import pytest

from leadflow.events.model import DoubtSettled, Entry, Event, NodeStarted, Status
from leadflow.plan.plan import Plan
from leadflow.run.driver import Bounds, Driver, Ports, Result
from leadflow.run.kernel import Program
from leadflow.run.probing import Probed, probed
from leadflow.run.taken_up import Told
from leadflow.stores.memory import MemoryJournal
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK
from tests.run.fakes import Behaviour, Fails, Fake, Says, compiled, run

ASKED = """flow f() -> string {{
  step seen = look("1")
  {}
  step filed = put(seen)
  return filed
}}
{}"""
FIND = """flow find(x: string) -> string? {
  step hit = look(x)
  return if hit == "" then none else hit
}"""


def killed(plan: Plan, path: str) -> list[Event]:
    """The log of a run whose process ended in a call."""
    events = [entry.event for entry in run(plan).entries]
    return events[: events.index(NodeStarted(path)) + 1]


def resumed(plan: Plan, events: Sequence[Event], script: dict[str, Behaviour] | None = None) -> tuple[Result, Fake]:
    """It goes on: its probes are asked first."""
    fake = Fake(script or {})
    entries = [Entry(seq, float(seq), event) for seq, event in enumerate(events)]
    program, ports = Program(plan), Ports(fake, MemoryJournal(CLOCK, entries), CLOCK)

    async def main() -> Result:
        found = await look(program, entries, ports)
        return await Driver(program, ports).resume(entries, found.told, owner="me", why=found.why)

    return run_virtual(main()), fake


async def look(program: Program, entries: Sequence[Entry], ports: Ports, told: dict[str, Told] | None = None) -> Probed:
    """Ask the probes."""
    return await probed(program, entries, ports, Bounds(), journal=lambda: MemoryJournal(CLOCK), told=told or {})


def settled(result: Result) -> list[DoubtSettled]:
    """What was decided."""
    return [entry.event for entry in result.entries if isinstance(entry.event, DoubtSettled)]


@pytest.mark.parametrize(
    ("said", "status", "decision", "called"),
    [
        ('@on_doubt("retry")', Status.DONE, "retry", ["f/filed"]),
        ('@on_doubt("fail")', Status.FAILED, "failed", []),
        ('@on_doubt("ask")', Status.WAITING, None, []),
        ("", Status.WAITING, None, []),
        ('@on_doubt("ask") @idempotent', Status.WAITING, None, []),
        ('@on_doubt("fail") @idempotent(key: "k")', Status.FAILED, "failed", []),
    ],
)
def test_an_author_says_what_follows(said: str, status: Status, decision: str | None, called: list[str]) -> None:
    """Case D2: called again, failed, or asked about, also what may be repeated; without a word it asks."""
    plan = compiled(ASKED.format(said, ""))
    result, fake = resumed(plan, killed(plan, "f/filed"))
    assert (status, called) == (result.status, [order.path for order in fake.orders])
    assert ([] if decision is None else [decision]) == [one.decision for one in settled(result)]


def test_what_fails_in_doubt_is_absorbed_by_nothing() -> None:
    """Rule C3: `@on_doubt("fail")` fails the run, `@optional` or not, and says that nobody knows."""
    plan = compiled(ASKED.format('@on_doubt("fail") @optional', "").replace("return filed", 'return filed ?? "-"'))
    result, _ = resumed(plan, killed(plan, "f/filed"))
    assert result.failure is not None
    assert ("system.in_doubt", True, Status.FAILED) == (result.failure.error, result.failure.in_doubt, result.status)


@pytest.mark.parametrize(
    ("answer", "called", "value", "why"),
    [
        (Says("T-1"), [], "T-1", "the probe found it"),
        (Says(None), ["f/filed"], "f/filed", "the probe found nothing"),
    ],
)
def test_a_probe_looks(answer: Behaviour, called: list[str], value: str, why: str) -> None:
    """Case D2: what the probe finds is what the step gave; when it finds nothing, the step is called again."""
    plan = compiled(ASKED.format('@on_doubt(probe: look("case of ${seen}"))', ""))
    result, fake = resumed(plan, killed(plan, "f/filed"), {"filed~probe": answer})
    assert (["filed~probe/filed~probe", *called], value) == ([order.path for order in fake.orders], result.value)
    assert "case of f/seen" == fake.orders[0].args["x"]
    assert [why] == [one.why for one in settled(result)]


@pytest.mark.parametrize(("hit", "value"), [("T-1", "T-1"), ("", "f/filed")])
def test_a_flow_may_look(hit: str, value: str) -> None:
    """A probe is a flow, where one call is not enough."""
    plan = compiled(ASKED.format("@on_doubt(probe: find(seen))", FIND))
    result, _ = resumed(plan, killed(plan, "f/filed"), {"hit": Says(hit)})
    assert value == result.value


def test_a_probe_that_cannot_tell_leaves_the_question() -> None:
    """A probe that fails says nothing about the step: somebody is asked, and hears why."""
    plan = compiled(ASKED.format('@on_doubt(probe: look("x"))', ""))
    result, fake = resumed(plan, killed(plan, "f/filed"), {"filed~probe": Fails()})
    assert result.failure is not None
    (cause,) = result.failure.causes
    assert (Status.WAITING, ["filed~probe/filed~probe"]) == (result.status, [order.path for order in fake.orders])
    assert "its probe could not tell: filed~probe said no" in cause.message


def test_where_somebody_told_nobody_looks() -> None:
    """What an operator says goes before a probe; and a call that is not in doubt is not looked for."""
    plan = compiled(ASKED.format('@on_doubt(probe: look("x"))', ""))
    fake = Fake()
    for path, told in (("f/filed", {"f/filed": Told("failed")}), ("f/seen", {})):
        entries = [Entry(seq, float(seq), event) for seq, event in enumerate(killed(plan, path))]
        ports = Ports(fake, MemoryJournal(CLOCK, entries), CLOCK)
        assert Probed({}, {}) == run_virtual(look(Program(plan), entries, ports, told))
    assert [] == fake.orders
