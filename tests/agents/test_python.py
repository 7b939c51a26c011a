"""The kind `python`: where files may lie, what functions get and give, and that a blocking one blocks nobody."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from leadflow.agents.predeclared import ClockKind, RandomKind
from leadflow.agents.python import PythonKind
from leadflow.plan.plan import AgentSpec, Place, SettingValue
from leadflow.plan.types import JSON, Money, Value
from leadflow.policies.outcomes import is_in_doubt
from leadflow.run.errors import CallError, FunctionCutOff, FunctionFailed, NotAllowed, Permanent
from leadflow.run.ports import Agent, Request, Uses
from tests.agents.worlds import world

DESK = """
import asyncio, threading, time
from dataclasses import dataclass
from helper import twice

@dataclass
class Card:
    name: str

def add(a, b=2):
    return twice(a) + b

async def later(x):
    await asyncio.sleep(0)
    return {"x": x}

def change(xs, record):
    xs.append(record.pop("a"))
    return xs

def card():
    return [Card("x")]

def thread():
    return threading.current_thread().name

def block(gate):
    while not __import__("os").path.exists(gate):
        time.sleep(0.001)
    return "late"

def stop():
    raise StopIteration

def leave():
    raise SystemExit(3)

async def leave_later():
    raise SystemExit(3)

def interrupt():
    raise KeyboardInterrupt

def deep(x):
    return {}[x]

def broken():
    raise ConnectionResetError("reply lost")

def _hidden():
    return 1
"""


def project(tmp_path: Path) -> Path:
    """A project with a module in a folder and a file beside it."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "desk.py").write_text(DESK)
    (tmp_path / "shop" / "helper.py").write_text("def twice(n): return 2 * n\n")
    return tmp_path


def build(root: Path, uses: Uses, module: str = "desk.py") -> Agent:
    """The agent `desk` of `shop/main.flow`."""
    spec = AgentSpec("desk", "python", {"module": module}, (), "desk", Place("shop/main.flow", 1, 1))
    return PythonKind().build(spec, uses, world(root))


def ask(action: str, **args: Value) -> Request:
    """One attempt."""
    named = {name.removeprefix("_"): value for name, value in args.items()}
    return Request(action, named, JSON, False, "run", "f/s", 1, None, True, None)


async def test_functions_are_actions(tmp_path: Path) -> None:
    """Positional and named arguments arrive, async functions too, and files beside the module can be imported."""
    agent = build(project(tmp_path), {"add": (("0", "b"), ("0",)), "later": (("x",),)})
    assert (await agent.call(ask("add", _0=1, b=5))).value == 7
    assert (await agent.call(ask("add", _0=1))).value == 4
    assert (await agent.call(ask("later", x=(1, 2)))).value == {"x": [1, 2]}


def test_settings_that_name_no_function_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A slip in `reads` or `dangerous` would leave the function that was meant without it."""
    settings: dict[str, SettingValue] = {"module": "desk.py", "reads": ("ad", "later"), "dangerous": ("stopp",)}
    spec = AgentSpec("desk", "python", settings, (), "desk", Place("shop/main.flow", 1, 1))
    PythonKind().build(spec, {"add": ()}, world(project(tmp_path)))
    assert {
        "agent 'desk': reads names 'ad', which desk.py does not have; did you mean 'add'?",
        "agent 'desk': dangerous names 'stopp', which desk.py does not have; did you mean 'stop'?",
    } == set(caplog.messages)


async def test_a_dotted_module_is_a_path(tmp_path: Path) -> None:
    """`shop.desk` beside the flow is shop/desk.py."""
    root = project(tmp_path)
    spec = AgentSpec("desk", "python", {"module": "shop.desk"}, (), "desk", Place("main.flow", 1, 1))
    agent = PythonKind().build(spec, {"add": ()}, world(root))
    assert (await agent.call(ask("add", _0=3))).value == 8


async def test_a_function_gets_its_own_copy(tmp_path: Path) -> None:
    """What a function does to its arguments changes no value of the run."""
    agent = build(project(tmp_path), {"change": ()})
    record = {"a": 1}
    assert (await agent.call(ask("change", xs=(0,), record=record))).value == [0, 1]
    assert record == {"a": 1}


async def test_dataclasses_become_plain_data(tmp_path: Path) -> None:
    """An answer may be made of dataclasses."""
    assert (await build(project(tmp_path), {"card": ()}).call(ask("card"))).value == [{"name": "x"}]


async def test_money_stays_money(tmp_path: Path) -> None:
    """A named tuple is no list."""
    agent = build(project(tmp_path), {"later": ()})
    assert (await agent.call(ask("later", x=Money(5)))).value == {"x": Money(5)}


async def test_t7_a_blocking_function_stalls_nobody(tmp_path: Path) -> None:
    """T7: while one function blocks, others run; cancelling it does not wait for it."""
    agent = build(project(tmp_path), {"block": (), "add": (), "thread": ()})
    gate = tmp_path / "gate"
    blocked = asyncio.create_task(agent.call(ask("block", gate=str(gate))))
    assert (await agent.call(ask("add", _0=1))).value == 4
    assert (await agent.call(ask("thread"))).value == "desk.thread"
    started = time.monotonic()
    blocked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await blocked
    assert time.monotonic() - started < 1
    os.close(os.open(gate, os.O_CREAT))


async def test_a_function_that_stops_iteration_fails(tmp_path: Path) -> None:
    """An exception that futures refuse still arrives as an exception."""
    with pytest.raises(FunctionFailed, match=r"desk\.stop raised StopIteration"):
        await build(project(tmp_path), {"stop": ()}).call(ask("stop"))


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("leave", r"desk\.leave: SystemExit: 3 \(shop/desk\.py:\d+, in leave\)"),
        ("leave_later", r"desk\.leave_later: SystemExit: 3 \(shop/desk\.py:\d+, in leave_later\)"),
        ("interrupt", r"desk\.interrupt raised KeyboardInterrupt"),
        ("deep", r"desk\.deep: KeyError: 'q' \(shop/desk\.py:\d+, in deep\)"),
    ],
)
async def test_a_function_that_raises_is_told_with_its_place(tmp_path: Path, action: str, said: str) -> None:
    """Whatever a function raises, also to end the process, is the failure of its call and names the line."""
    with pytest.raises(FunctionFailed, match=said):
        await build(project(tmp_path), {action: ()}).call(ask(action, **({"x": "q"} if action == "deep" else {})))


async def test_r2_a_lost_connection_leaves_a_write_in_doubt(tmp_path: Path) -> None:
    """R2: after a function's own connection broke, nobody knows whether it has done its work."""
    with pytest.raises(FunctionCutOff) as problem:
        await build(project(tmp_path), {"broken": ()}).call(ask("broken"))
    assert is_in_doubt(problem.value, repeatable=False)
    assert not is_in_doubt(problem.value, repeatable=True)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("../../etc.py", "outside of the project"),
        ("/etc/passwd.py", "outside of the project"),
        ("missing.py", "no file 'shop/missing.py'"),
        ("missing.deep", "no file 'shop/missing/deep.py'"),
    ],
)
def test_modules_stay_inside_the_project(tmp_path: Path, module: str, said: str) -> None:
    """A flow cannot load what lies elsewhere."""
    with pytest.raises(NotAllowed, match=said):
        build(project(tmp_path), {}, module)


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    """Links are followed before the place is judged."""
    root = project(tmp_path)
    (root.parent / f"{root.name}-outside.py").write_text("raise SystemExit")
    (root / "shop" / "link.py").symlink_to(root.parent / f"{root.name}-outside.py")
    with pytest.raises(NotAllowed, match="outside of the project"):
        build(root, {}, "link.py")


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        ({"ad": ((),)}, r"desk\.py has no function 'ad'"),
        ({"_hidden": ((),)}, "has no function '_hidden'"),
        ({"add": (("0", "c"),)}, r"add\(a, b=2\): got an unexpected keyword argument 'c'"),
        ({"add": ((),)}, "missing a required argument: 'a'"),
    ],
)
def test_what_is_missing_is_found_at_the_start(tmp_path: Path, uses: Uses, said: str) -> None:
    """Functions and their parameters are looked at before the run spends anything."""
    with pytest.raises(Permanent, match=said):
        build(project(tmp_path), uses)


def test_a_module_that_raises_says_so(tmp_path: Path) -> None:
    """What a file does wrong while it is loaded is told in one line."""
    root = project(tmp_path)
    (root / "shop" / "bad.py").write_text("1 / 0\n")
    with pytest.raises(Permanent, match=r"loading bad\.py failed: ZeroDivisionError"):
        build(root, {}, "bad.py")


async def test_time_and_chance_are_agents(tmp_path: Path) -> None:
    """`clock` and `random` answer from the ports."""
    here = world(tmp_path)
    none = AgentSpec("clock", "clock", {}, (), "clock", None)
    clock, chance = ClockKind().build(none, {}, here), RandomKind().build(none, {}, here)
    assert (await clock.call(ask("now"))).value == here.clock.now()
    drawn = [(await chance.call(ask("int", low=1, high=3))).value for _ in range(50)]
    assert set(drawn) == {1, 2, 3}
    assert len(str((await chance.call(ask("uuid"))).value)) == 36
    with pytest.raises(CallError, match="5 is above 3"):
        await chance.call(ask("int", low=5, high=3))
