"""A kept run as `runs show` and `runs replay` draw it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.cli.exports import NotAnExport, export_lines, read_export
from leadflow.cli.views.runs import event_data
from leadflow.cli.views.tree import moment_of, state_data, tree
from leadflow.events.fold import fold
from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BudgetReserved,
    BudgetSettled,
    CallPassedOn,
    CallUsed,
    CallWaits,
    CancelRequested,
    DoubtSettled,
    Entry,
    Event,
    Failure,
    FlowEvent,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    RunResumed,
    Status,
    ToolCalled,
    ToolEnded,
    ToolStep,
    UndoBegan,
    UndoKept,
    Usage,
)
from leadflow.keeping import Kept, Origin
from leadflow.run.driver import Bounds
from leadflow.run.kernel import Program
from leadflow.run.store import RunRow
from leadflow.settings import Project, Settings
from tests.goldens import Golden
from tests.run.fakes import compiled, started
from tests.run.random_plans import plans, world
from tests.run.sagas import THREE

SLIP = AttemptFailure(1, "put", "network.connect", "no route", 0.25, 503)
NO = Failure("agent.failed", "agent", "sage: nothing there", "both/d")
PLAN = compiled(THREE)
EVENTS: list[tuple[float, Event]] = [
    (0.0, started(PLAN)),
    (0.0, NodeStarted("f/a")),
    (0.0, BudgetReserved("f/a", 1, 9_000, 900)),
    (0.3, AttemptFailed("f/a", SLIP, 0.1)),
    (0.4, AttemptStarted("f/a", 2, "put")),
    (1.0, BudgetSettled("f/a", 2, 12_300, 456, False)),
    (1.0, NodeDone("f/a", {"id": "T-1", "text": "x" * 200})),
    (1.0, UndoKept("f/a", {"x": "T-1"})),
    (1.0, NodeStarted("f/b")),
    (1.0, CallPassedOn("f/b", "put", Failure("resource.breaker", "resource", "put is not asked"), "look")),
    (90.0, RunResumed("ada@host, process 7")),
    (90.0, DoubtSettled("f/b", "retry", "told by the operator")),
    (90.0, AttemptStarted("f/b", 2, "put")),
    (92.0, NodeDone("f/b", "B", None, "look")),
    (92.0, NodeStarted("f/c")),
    (92.5, CallWaits("f/c", "put", "10 calls at once", None)),
    (95.0, CancelRequested("not today", False, "bob")),
    (95.0, NodeCancelled("f/c", "not today", True)),
    (95.0, NodeBlocked("f/d", "f/c")),
    (95.0, UndoBegan(("f/a",), None)),
    (95.0, NodeStarted("f/a~undo")),
    (95.5, NodeDone("f/a~undo", None)),
    (95.5, RunCancelled("not today")),
]
ENTRIES = [Entry(seq, 1_000_000.0 + at, event) for seq, (at, event) in enumerate(EVENTS)]
SETTING = '{"calls":5,"deadline":null,"by":"ada","from":["run-0","f/a"]}'
ROW = RunRow("run-1", "f", PLAN.hash, "test.flow", "digest", SETTING, 1_000_000.0, Status.CANCELLED, 1_000_095.5, 2,
             None, False, 2)  # fmt: skip
KEPT = Kept(ROW, PLAN, Bounds(calls=5), "ada", Origin("run-0", "f/a"))


def test_a_run_is_drawn(golden: Golden, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Times, attempts and why they failed, costs, undos, what waits for what, and who did what; then some moments."""
    monkeypatch.setattr("leadflow.cli.views.tree.moment", lambda at: f"{at - 1_000_000:.1f}")
    tree(KEPT, ENTRIES, Project(Path(), Settings()), now=1_000.0)
    for number in (8, 15):
        print()
        moment_of(KEPT, ENTRIES, number)
    golden(Path(__file__).with_name("tree.txt"), capsys.readouterr().out)


def test_machines_are_told_who_was_passed_over() -> None:
    """Which agent, why, and who was asked for it."""
    told = {"agent": "put", "failure": "put is not asked", "error": "resource.breaker", "then": "look"}
    assert [told] == state_data(fold(ENTRIES))["steps"]["f/b"]["passed"]


def test_what_is_under_way_takes_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a run that somebody works on, it and its steps have taken as long as until now."""
    row = replace(ROW, status=Status.RUNNING, owner="ada 7 1", is_held=True)
    tree(replace(KEPT, row=row), ENTRIES[:15], Project(Path(), Settings()), now=1_000_100.0)
    shown = capsys.readouterr().out.splitlines()
    assert "f  running  1 m 40 s" in shown[0]
    assert ["  ▸ c  8.0 s"] == [line.rstrip() for line in shown if "▸ c" in line]


def test_why_a_tool_of_a_model_failed_at_last_stands_below_its_step(capsys: pytest.CaptureFixture[str]) -> None:
    """What was told the model; machines have the code, too."""
    no = Failure("tool.arguments", "validation", "'q' is missing", "f/a")
    events: list[Event] = [
        started(PLAN),
        NodeStarted("f/a"),
        *(ToolCalled("f/a", n, 1, "find", "read", {}) for n in range(2)),
        ToolEnded("f/a", 0, "find", 1.0, NO, 0),
        ToolEnded("f/a", 1, "find", 1.0, no, 0),
        NodeDone("f/a", "done"),
        RunDone("done"),
    ]
    entries = [Entry(seq, 1_000_000.0 + seq, event) for seq, event in enumerate(events)]
    tree(replace(KEPT, row=replace(ROW, status=Status.DONE)), entries, Project(Path(), Settings()), now=1_000_100.0)
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "find failed: 'q' is missing [tool.arguments]" == shown[shown.index("✓ a  5.0 s  find x2 (2 failed)") + 1]
    told = {"calls": 2, "seconds": 2.0, "failed": 2, "failure": "'q' is missing", "error": "tool.arguments"}
    assert {"find": told} == state_data(fold(entries))["steps"]["f/a"]["tools"]


def test_a_flow_that_a_model_uses_as_a_tool_stands_below_its_step(
    golden: Golden, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what its steps cost, by the number of the tool's call; the sum of the run has it once. For machines, too."""
    monkeypatch.setattr("leadflow.cli.views.tree.moment", lambda at: f"{at - 1_000_000:.1f}")
    call, deep = "f/a~tools[0]", "f/a~tools[0]/both/d~tools[0]"
    inner: list[FlowEvent] = [
        replace(started(PLAN), flow="both"),
        NodeStarted("both/c"),
        AttemptFailed("both/c", SLIP, 0.1),
        AttemptStarted("both/c", 2, "look"),
        NodeDone("both/c", "seen"),
        NodeStarted("both/d"),
    ]
    ends: list[FlowEvent] = [NodeFailed("both/d", NO), NodeBlocked("both/e", "both/d"), RunFailed(NO)]
    begun = replace(started(PLAN), flow="look")
    look: list[FlowEvent] = [begun, NodeStarted("look/page"), NodeDone("look/page", "p"), RunDone("p")]
    events: list[Event] = [
        started(PLAN),
        NodeStarted("f/z"),
        NodeDone("f/z", "Z"),
        NodeStarted("f/a"),
        CallUsed("f/a", 1, "fast", Usage(100, 20), 140),
        ToolCalled("f/a", 0, 1, "both", "read", {"x": "1"}),
        *(ToolStep(call, event) for event in inner),
        ToolStep(call, ToolCalled("both/d", 0, 1, "look", "read", {})),
        *(ToolStep(deep, event) for event in look),
        ToolStep(call, ToolEnded("both/d", 0, "look", 1.0, None, 1)),
        CallUsed(f"{call}/both/d", 1, "sage", Usage(10, 5), 20),
        *(ToolStep(call, event) for event in ends),
        ToolEnded("f/a", 0, "both", 9.0, NO, 0),
        NodeDone("f/a", "done"),
        RunDone("done"),
    ]
    entries = [Entry(seq, 1_000_000.0 + seq, event) for seq, event in enumerate(events)]
    row = replace(ROW, status=Status.DONE, changed=entries[-1].at)
    tree(replace(KEPT, row=row), entries, Project(Path(), Settings()), now=1_000_100.0)
    golden(Path(__file__).with_name("tree_of_tools.txt"), capsys.readouterr().out)
    data = state_data(fold(entries))
    asked = data["steps"][f"{call}/both/d"]
    assert ("failed", 20) == (asked["status"], asked["used"]["money"])
    assert (160, "p") == (data["used"]["money"], data["steps"][f"{deep}/look/page"]["value"])
    told = [event_data(entry) for entry in entries if isinstance(entry.event, ToolStep)]
    assert {"seq": 7, "at": 1_000_007.0, "event": "ToolStep", "path": call, "inner": {
        "event": "NodeStarted", "path": "both/c",
    }} == told[1]  # fmt: skip
    assert entries == list(read_export("\n".join(export_lines(replace(KEPT, row=row), entries)))[1])


def test_an_export_reads_again() -> None:
    """A run is the same behind its lines of JSON, and so are the lines."""
    lines = list(export_lines(KEPT, ENTRIES))
    run, entries = read_export("\n".join(lines))
    assert (list(entries), run.plan, run.bounds, run.origin) == (ENTRIES, PLAN, KEPT.bounds, KEPT.origin)
    assert lines == list(export_lines(run, entries))
    assert all(line.isascii() and json.loads(line) for line in lines)


@given(st.data())
@settings(deadline=None, max_examples=30)
def test_any_run_is_the_same_behind_its_lines(data: st.DataObject) -> None:
    """Law: whatever a run is made of and wherever its log ends, its lines give it back, and all of it folds."""
    plan = data.draw(plans())
    made = world(Program(plan), lambda count: data.draw(st.integers(0, count - 1)), failing=20)
    for _ in range(data.draw(st.integers(0, 6))):
        if not made.kernel.has_ended:
            made.give(made.next_fact())
    entries = [Entry(seq, 0.1 * seq, event) for seq, event in enumerate(made.log)]
    row = replace(ROW, plan=plan.hash, status=fold(entries).status)
    run, read = read_export("\n".join(export_lines(Kept(row, plan, Bounds(calls=5)), entries)))
    assert (entries, plan) == (list(read), run.plan)
    assert state_data(fold(entries)) == state_data(fold(read))


@pytest.mark.parametrize("what", ["cut", "changed", "moved", "head", "late", "seq", "plan", "form", "other", "nothing"])
def test_what_is_no_whole_export_is_refused(what: str) -> None:
    """Case D11: a file that lacks an event, or in which one is another, is not replayed."""
    lines = list(export_lines(KEPT, ENTRIES))
    texts = {
        "cut": lines[:-1],
        "changed": [line.replace("not today", "not ever") for line in lines],
        "moved": [*lines[:4], lines[5], lines[4], *lines[6:]],
        "head": [lines[0].replace('"id":"run-1"', '"id":"run-2"'), *lines[1:]],
        "late": [re.sub('"started":[0-9.]+', f'"started":1{"0" * 400}', lines[0]), *lines[1:]],
        "seq": [*lines[:2], re.sub('"at":[0-9.]+', f'"at":1{"0" * 400}', lines[2]), *lines[3:]],
        "plan": [lines[0], "{}", *lines[2:]],
        "form": [lines[0].replace('"form":1', '"form":99'), *lines[1:]],
        "other": ['{"leadflow":"plan"}', *lines[1:]],
        "nothing": [],
    }
    with pytest.raises(NotAnExport):
        read_export("\n".join(texts[what]))
