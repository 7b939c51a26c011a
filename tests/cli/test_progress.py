"""The live picture of a run: what it says at each moment, in every size. Golden: `progress.txt`."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from rich.console import Console

from leadflow.cli.views.progress import Picture, Screen, Watch
from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BranchTaken,
    BreakerMoved,
    BreakerState,
    CallAdmitted,
    CallPassedOn,
    CallWaits,
    CancelRequested,
    Entry,
    Event,
    Failure,
    NodeBlocked,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunCancelled,
    RunDone,
    RunFailed,
    RunStarted,
    ToolStep,
    UndoBegan,
)
from leadflow.events.words import Words
from leadflow.pipeline import compile_source
from leadflow.plan.types import Value
from tests.goldens import Golden

FLOW = """leadflow 1
agent a: python { module: "a.py"  reads: ["f", "g"] }
agent b: python { module: "b.py"  reads: ["f"] }
flow main(names: list[string], hard: bool) -> int {
  let wanted = [name for name in names if name != ""]
  if hard {
    step extra: int = a.g()
    let e = extra
  }
  @retry(3, backoff: 2s) @fallback(b) step first: int = a.f(1)
  @concurrency(2) @on_failure("partial")
  step rows = for name in wanted {
    @retry(3, backoff: 1s) step one: int = a.f(name)
    step two: int = a.g(one)
    yield two
  }
  step both = parallel {
    step left: int = a.f(first)
    step right: int = a.g(first)
  }
  @optional step maybe: int = a.g(2)
  step rounds = repeat v = 0 at most 4 { step r: int = a.g(v)  yield r } until v > 2 else 0
  step last: int = a.f(rows)
  return last + first + rounds + both.left + (maybe ?? 0)
}
"""
BUSY = AttemptFailure(
    1, "a", "resource.overloaded", "503: the service is busy, please come back in a little while", 0.4
)
GONE = Failure("tool.raised", "tool", "a.g: LookupError: nothing there", "main/maybe")


def events() -> Iterator[tuple[float, Event | str]]:
    """A run, with a title where a picture is taken. Times in seconds from its start."""
    inputs: dict[str, Value] = {"names": ("Ada", "", "Grace", "Joan"), "hard": False}
    yield 0.0, RunStarted("run-1", "main", "hash", inputs, 1, datetime(2026, 1, 1, tzinfo=UTC))
    for name in ("first", "rows", "rows[0]/one", "rows[1]/one", "maybe", "rounds", "rounds[0]/r"):
        yield 0.0, NodeStarted(f"main/{name}")
    yield 0.1, BranchTaken("main/if@1", 1, "else")
    yield 0.1, NodeSkipped("main/extra", "if@1 = else")
    yield 0.2, CallWaits("main/maybe", "a", "tokens per minute", 0.9)
    yield 0.3, CallWaits("main/rounds[0]/r", "a", "2 calls at once", None)
    yield 0.4, AttemptFailed("main/first", BUSY, 2.0)
    yield 0.5, NodeDone("main/rows[0]/one", 1)
    yield 0.5, NodeStarted("main/rows[0]/two")
    yield 0.6, AttemptFailed("main/rows[1]/one", BUSY, 1.0)
    yield 1.0, "soon after the start"
    yield 1.05, CallAdmitted("main/rounds[0]/r", "a", 0.75)
    yield 1.1, NodeDone("main/rounds[0]/r", 1)
    yield 1.1, CallAdmitted("main/maybe", "a", 0.9)
    yield 1.1, NodeDone("main/rounds[0]/yield@1", 1)
    yield 1.1, NodeStarted("main/rounds[1]/r")
    yield 1.2, NodeDone("main/maybe", None, GONE)
    yield 1.3, NodeFailed("main/rows[0]/two", GONE)
    yield 1.3, NodeBlocked("main/rows[0]/yield@1", "main/rows[0]/two")
    yield 1.3, NodeStarted("main/rows[2]/one")
    yield 2.4, AttemptStarted("main/first", 2, "a")
    yield 3.0, AttemptFailed("main/first", BUSY, None)
    yield 3.0, AttemptStarted("main/first", 3, "b")
    yield 4.0, NodeDone("main/first", 7, None, "b")
    for name in ("both", "both/left", "both/right"):
        yield 4.0, NodeStarted(f"main/{name}")
    yield 65.0, NodeDone("main/both/left", 1)
    yield 70.0, "in the middle"


def the_end() -> Iterator[tuple[float, Event | str]]:
    """How it ends well."""
    yield 71.0, NodeDone("main/both/right", 1)
    yield 71.0, NodeDone("main/both", {"left": 1, "right": 1})
    for n in (1, 2):
        yield 71.0, NodeDone(f"main/rows[{n}]/one", 1)
        yield 71.0, NodeDone(f"main/rows[{n}]/two", 1)
        yield 71.0, NodeDone(f"main/rows[{n}]/yield@1", 1)
    yield 71.0, NodeDone("main/rows", (None, 1, 1))
    yield 71.0, NodeDone("main/rounds[1]/r", 3)
    yield 71.0, NodeDone("main/rounds[1]/yield@1", 3)
    yield 71.0, NodeDone("main/rounds", 3)
    yield 71.0, NodeStarted("main/last")
    yield 72.5, NodeDone("main/last", 1)
    yield 72.5, RunDone(1)
    yield 99.0, "when it is done"


def an_interrupt() -> Iterator[tuple[float, Event | str]]:
    """How it ends when somebody interrupts it."""
    yield 71.0, CancelRequested("interrupted")
    yield 71.5, "while it is interrupted"
    for name in ("both/right", "both", "rows[1]/one", "rows[2]/one", "rows", "rounds[1]/r", "rounds", "last"):
        yield 72.0, NodeCancelled(f"main/{name}", "interrupted")
    yield 72.0, RunCancelled("interrupted")
    yield 99.0, "when it was interrupted"


def a_failure() -> Iterator[tuple[float, Event | str]]:
    """How it ends when the last step fails, and others are taken back."""
    for at, what in the_end():
        if what == NodeStarted("main/last"):
            break
        yield at, what
    gone = Failure("tool.raised", "tool", "a.f: LookupError: nothing there", "main/last")
    kept = ("main/rows[2]/two", "main/both/left", "main/rows[1]/two", "main/first")
    yield 71.0, NodeStarted("main/last")
    yield 71.2, NodeFailed("main/last", gone)
    yield 71.2, UndoBegan(kept, gone)
    yield 71.2, NodeStarted(f"{kept[0]}~undo")
    yield 71.4, NodeDone(f"{kept[0]}~undo", None)
    yield 71.4, NodeStarted(f"{kept[1]}~undo")
    yield 71.8, NodeFailed(f"{kept[1]}~undo", gone)
    yield 71.8, NodeStarted(f"{kept[2]}~undo")
    yield 72.0, "while steps are taken back"
    for path in kept[2:]:
        yield 72.4, NodeDone(f"{path}~undo", None)
    yield 72.5, RunFailed(Failure("flow.compensation", "agent", "1 step is not undone, of 4: main/both/left"))
    yield 99.0, "when three of four are taken back"


def watch() -> Watch:
    """Somebody who watches the flow."""
    plan, report = compile_source("main.flow", FLOW)
    assert plan is not None, list(report)
    return Watch(plan, "main")


def played(*parts: Iterator[tuple[float, Event | str]]) -> Iterator[tuple[str, Watch, float]]:
    """Every moment at which a picture is taken."""
    watching, seq = watch(), 0
    for part in parts:
        for at, what in part:
            if isinstance(what, str):
                yield what, watching, at
            else:
                watching(Entry(seq, at, what))
                seq += 1


def drawn(watching: Watch, now: float | None, *, width: int, height: int) -> str:
    """What a terminal of that size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None, legacy_windows=False)
    with console.capture() as shown:
        console.print(Picture(watching, now))
    return "\n".join(line.rstrip() for line in shown.get().splitlines())


def test_pictures(golden: Golden) -> None:
    """What is under way, why it waits, how far loops are, what was tried again, skipped, absorbed, cancelled."""
    pictures: dict[str, None] = {}
    for width, height in ((100, 30), (60, 30), (60, 8)):
        for ending in (the_end, an_interrupt, a_failure):
            for title, watching, at in played(events(), ending()):
                shown = drawn(watching, None if at > 90 else at, width=width, height=height)
                pictures[f"--- {title}, {width} x {height}\n{shown}\n"] = None
    golden(Path(__file__).with_name("progress.txt"), "\n".join(pictures))


@pytest.mark.parametrize("height", [4, 5, 6, 8, 12, 24])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_picture_is_larger_than_its_terminal(width: int, height: int) -> None:
    """Not higher, so that it can be drawn over; not wider, so that no line is broken."""
    for _, watching, at in played(events(), the_end()):
        lines = drawn(watching, at, width=width, height=height).splitlines()
        assert len(lines) < height
        assert max(map(len, lines)) <= width


def test_breakers_that_are_not_closed_are_told() -> None:
    """Above the steps, as long as they are not, and while the run goes on."""
    watching = watch()
    moves: tuple[tuple[BreakerState, str], ...] = (
        ("open", "the breaker of a is open"),
        ("half_open", "the breaker of a tries it again"),
        ("forced_open", "the breaker of a is held open"),
        ("closed", "main"),
    )
    watching(Entry(0, 0.0, RunStarted("r", "main", "hash", {"names": ()}, 1, datetime(2026, 1, 1, tzinfo=UTC))))
    for number, (state, said) in enumerate(moves, 1):
        watching(Entry(number, float(number), BreakerMoved("main/first", "a", state, "so", None)))
        head = drawn(watching, float(number), width=100, height=30).splitlines()[0]
        assert said in head
        assert ("breaker" in head) == (state != "closed")
    watching(Entry(9, 9.0, BreakerMoved("main/first", "a", "open", "so", 30.0)))
    watching(Entry(10, 10.0, RunDone(1)))
    assert "breaker" not in drawn(watching, None, width=100, height=30)


def test_who_is_asked_for_an_agent_that_was_not_is_shown() -> None:
    """While it is asked, with why; what it has answered says by whom it was."""
    flow = 'flow main() -> string {\n  step s = m.ask("?")\n  return s\n}\n'
    plan, _ = compile_source("main.flow", f'leadflow 1\nagent m: openai {{ model: "y" }}\n{flow}')
    assert plan is not None
    watching = Watch(plan, "main")
    why = Failure("resource.breaker", "resource", "m is not asked")
    watching(Entry(0, 0.0, NodeStarted("main/s")))
    watching(Entry(1, 0.0, CallPassedOn("main/s", "m", why, "spare")))
    watching(Entry(2, 0.0, AttemptStarted("main/s", 1, "spare")))
    assert "asks spare: m is not asked" in drawn(watching, 0.1, width=100, height=10)
    watching(Entry(3, 0.2, NodeDone("main/s", "all", None, "spare")))
    shown = drawn(watching, 0.3, width=100, height=10)
    assert (True, False) == ("answered by spare" in shown, "asks" in shown)


def test_what_a_model_says_is_shown_while_it_says_it() -> None:
    """The last words of the newest attempt stand at their step, and go when it is done."""
    flow = 'flow main() -> string {\n  step s = m.ask("?")\n  return s\n}\n'
    plan, _ = compile_source("main.flow", f'leadflow 1\nagent m: openai {{ model: "y" }}\n{flow}')
    assert plan is not None
    watching = Watch(plan, "main")
    watching(Entry(0, 0.0, NodeStarted("main/s")))
    for attempt, text, is_first in (
        (1, "void", True),
        (2, "Once upon", True),
        (1, "late", False),
        (2, " a time", False),
    ):
        watching.hear(Words("main/s", attempt, "m", text, is_first))
    assert "… Once upon a time" in drawn(watching, 0.1, width=100, height=10)
    watching.hear(Words("main/s", 2, "m", "x" * 500, False))
    assert 60 == drawn(watching, 0.1, width=200, height=10).count("x")
    watching(Entry(1, 0.2, NodeDone("main/s", "all")))
    assert "x" not in drawn(watching, 0.3, width=200, height=10)


def test_what_a_flow_does_that_a_model_uses_as_a_tool_is_shown() -> None:
    """What is under way in it stands below the step, why it waits and what its models say, until the flow ends."""
    plan, _ = compile_source(
        "main.flow",
        'leadflow 1\nagent m: openai { model: "y"  tools: [look] }\nagent n: openai { model: "y" }\n'
        'flow look() -> string {\n  step page = do {\n    step p = n.ask("?")\n    yield p\n  }\n  return page\n}\n'
        'flow main() -> string {\n  step s = m.ask("?")\n  return s\n}\n',
    )
    assert plan is not None
    watching, call = Watch(plan, "main"), "main/s~tools[0]"
    started = RunStarted("r", "look", "hash", {}, 1, datetime(2026, 1, 1, tzinfo=UTC))
    watching(Entry(0, 0.0, NodeStarted("main/s")))
    for event in (started, NodeStarted("look/page"), NodeStarted("look/page/p")):
        watching(Entry(1, 1.0, ToolStep(call, event)))
    watching.hear(Words(f"{call}/look/page/p", 1, "n", "Once upon", True))
    shown = drawn(watching, 3.0, width=100, height=10)
    assert ["▸   look/page/p", "2.0 s  … Once upon"] == re.split(r"\s{6,}", shown.splitlines()[2])
    assert 3 == len(shown.splitlines())
    watching(Entry(2, 3.0, ToolStep(call, CallWaits("look/page/p", "n", "10 calls at once", 9.0))))
    assert "waiting 8.0 s: n, 10 calls at once" in drawn(watching, 4.0, width=100, height=10)
    watching(Entry(3, 4.0, ToolStep(call, CallAdmitted("look/page/p", "n", 1.0))))
    watching(Entry(4, 5.0, ToolStep(call, AttemptFailed("look/page/p", BUSY, 4.0))))
    assert "attempt 2 in 3.0 s: 503" in drawn(watching, 6.0, width=100, height=10)
    watching(Entry(5, 9.0, ToolStep(call, NodeDone("look/page/p", "all"))))
    assert "Once" not in drawn(watching, 9.0, width=100, height=10)
    watching(Entry(6, 9.0, ToolStep(call, NodeDone("look/page", "all"))))
    watching(Entry(7, 9.0, ToolStep(call, RunDone("all"))))
    assert "tools" not in drawn(watching, 9.0, width=100, height=10)


def test_many_steps_are_summed_up() -> None:
    """What fails or is under way is shown, and how many others there are."""
    steps = "".join(f"  step s{n}: int = a.f({n})\n" for n in range(200))
    head = 'leadflow 1\nagent a: python { module: "a.py"  reads: ["f"] }\n'
    plan, _ = compile_source("main.flow", f"{head}flow main() -> int {{\n{steps}  return 1\n}}\n")
    assert plan is not None
    watching = Watch(plan, "main")
    for seq, name in enumerate(["s0", "s1", "s150"]):
        watching(Entry(seq, 0.0, NodeStarted(f"main/{name}")))
    watching(Entry(3, 0.1, NodeDone("main/s0", 1)))
    lines = drawn(watching, 0.2, width=80, height=10).splitlines()
    assert 9 == len(lines)
    assert ["▸ s1", "▸ s150"] == [line.split("  ")[0] for line in lines[1:] if line.startswith("▸")]
    assert "  and 193 more steps: 192 pending, 1 done" == lines[-1]


def test_the_last_picture_stays() -> None:
    """A screen draws while it is open and leaves all steps behind when it is closed, the cursor included."""
    console = Console(file=io.StringIO(), width=80, height=6, force_terminal=True, color_system=None)
    ((_, watching, _),) = [moment for moment in played(events(), the_end()) if moment[0] == "when it is done"]
    with Screen(watching, lambda: 99.0, console):
        pass
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    last = said[said.rindex("✓ main") :]
    assert [name in last for name in ("first", "rows", "both", "maybe", "rounds", "last")] == [True] * 6
    assert said.endswith("\x1b[?25h")


def test_nothing_is_drawn_of_a_run_that_never_began() -> None:
    """What kept it from beginning is told on a clean screen."""
    console = Console(file=io.StringIO(), width=80, height=6, force_terminal=True, color_system=None)
    with Screen(watch(), lambda: 99.0, console):
        pass
    assert isinstance(console.file, io.StringIO)
    assert "first" not in console.file.getvalue()


def test_thousands_of_calls_are_no_trouble() -> None:
    """A picture of 20,000 calls under way takes a blink, and counts calls, not the blocks around them."""
    watching = watch()
    start = next(events())[1]
    assert not isinstance(start, str)
    watching(Entry(0, 0.0, start))
    watching(Entry(0, 0.0, NodeStarted("main/rows")))
    for number in range(20_000):
        watching(Entry(number, 0.0, NodeStarted(f"main/rows[{number}]/one")))
        watching(Entry(number, 0.0, NodeStarted(f"main/rows[{number}]/one/inner")))
    began = process_time()
    lines = drawn(watching, 1.0, width=80, height=20).splitlines()
    assert process_time() - began < 0.5
    assert "20000 under way" in lines[0]
    assert ["  [0]/one/inner"] == [line[2:17] for line in lines if "[0]" in line]
