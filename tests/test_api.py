"""The Python door: a file is loaded once and run often; what goes wrong is an exception that says everything."""

import asyncio
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import invalidate_caches
from pathlib import Path

import pytest

import leadflow
from leadflow import Entry, RunOptions, Status
from leadflow.check.check import UnknownProfile
from leadflow.events.model import NodeStarted, RunStarted
from leadflow.settings import SettingsError
from leadflow.testing import run_virtual
from tests.cli.session import leadflow as command_line

FLOW = """leadflow 1

agent desk: python { module: "desk.py"  reads: ["greet", "broken", "slow"] }

const mark = "."

profile loud {
  const mark = "!"
}

flow main(name: string, times: int = 1) -> string {
  step text: string = desk.greet(name)
  return "${text}${mark} ${times}"
}

flow broken() -> string {
  @retry(2, backoff: 1ms) step text: string = desk.broken()
  return text
}

@on_failure("continue")
flow twice() -> int {
  step a = broken()
  step b = broken()
  return len(a) + len(b)
}

flow slow() -> int {
  step n: int = desk.slow()
  return n
}
"""
DESK = '''"""A desk."""

import asyncio

import leadflow


def greet(name: str) -> str:
    """A greeting."""
    return f"Hello, {name}"


def broken() -> str:
    """Never works."""
    raise leadflow.Transient("out of order")


async def slow() -> int:
    """Waits for ever."""
    await asyncio.Event().wait()
    return 1
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a flow and its functions; the flow's path."""
    (tmp_path / "desk.py").write_text(DESK)
    (tmp_path / "main.flow").write_text(FLOW)
    return tmp_path / "main.flow"


# --- running ------------------------------------------------------------------------------------------------------


async def test_a_flow_is_run_with_one_call(project: Path) -> None:
    """`await leadflow.run(file, inputs)` gives the result."""
    result = await leadflow.run(project, name="Ada")
    assert ("Hello, Ada. 1", Status.DONE, None) == (result.unwrap(), result.status, result.failure)


def test_the_sync_door_gives_the_same(project: Path) -> None:
    """For code that is not async; the flow is named behind the file, and the path may be a text."""
    assert "Hello, Ada. 2" == leadflow.run_sync(str(project), "main", name="Ada", times=2).value


def test_inputs_may_be_called_like_our_own_parameters(project: Path) -> None:
    """`file` and `flow` are names like any other for the author of a flow."""
    project.write_text('leadflow 1\nflow main(file: string, flow: string) -> string {\n  return "${file}${flow}"\n}\n')
    assert "ab" == leadflow.run_sync(project, file="a", flow="b").value


def test_a_program_is_loaded_once_and_run_often(project: Path) -> None:
    """Several runs at once do not disturb each other, and each has its own identity and log."""
    program = leadflow.load(project)

    async def all_of_them() -> list[leadflow.Result]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(program.run(None, {"name": f"N{n}"})) for n in range(20)]
        return [task.result() for task in tasks]

    results = asyncio.run(all_of_them())
    assert [f"Hello, N{n}. 1" for n in range(20)] == [result.value for result in results]
    assert 20 == len({result.run for result in results})
    assert {len(results[0].entries)} == {len(result.entries) for result in results}


def test_a_profile_is_chosen_when_loading(project: Path) -> None:
    """And one that the program does not have is the caller's mistake."""
    assert "Hello, Ada! 1" == asyncio.run(leadflow.load(project, profile="loud").run("main", {"name": "Ada"})).value
    with pytest.raises(UnknownProfile, match="there is no profile 'laud'; did you mean 'loud'"):
        leadflow.load(project, profile="laud")


def test_a_file_that_changes_after_loading_changes_nothing(project: Path) -> None:
    """What was checked is what is run: case 123 of the bad inputs."""
    program = leadflow.load(project)
    project.write_text("leadflow 1\nflow main(name: string) -> string {\n  return name\n}\n")
    assert "Hello, Ada. 1" == asyncio.run(program.run("main", {"name": "Ada"})).value


def test_a_seed_repeats_chance_and_not_identity(project: Path) -> None:
    """Keys of writes are made of a run's identity, so that a repeated run does not pass for the one before."""
    program, options = leadflow.load(project), RunOptions(seed=7)
    first, second = (asyncio.run(program.run("main", {"name": "Ada"}, options)) for _ in range(2))
    starts = [run.entries[0].event for run in (first, second)]
    assert [7, 7] == [event.seed for event in starts if isinstance(event, RunStarted)]
    assert first.run != second.run


def test_a_deadline_bounds_the_run(project: Path) -> None:
    """A run that takes longer fails, and says how long it was allowed to take."""
    program = leadflow.load(project)
    result = run_virtual(program.run("slow", {}, RunOptions(deadline=timedelta(seconds=90))))
    assert result.failure is not None
    assert ("timeout.total", "the run took longer than 90 s") == (result.failure.error, result.failure.message)


# --- observing ----------------------------------------------------------------------------------------------------


def test_observing_takes_two_lines(project: Path) -> None:
    """Every entry of the log, in order, as it happens."""
    seen: list[Entry] = []
    result = asyncio.run(leadflow.load(project).run("main", {"name": "Ada"}, RunOptions(observers=[seen.append])))
    assert list(result.entries) == seen
    assert list(range(len(seen))) == [entry.seq for entry in seen]


def test_an_observer_that_raises_changes_nothing(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Case X10: it is logged; the run and the other observers do not notice."""
    seen: list[Entry] = []

    def clumsy(entry: Entry) -> None:
        raise RuntimeError("dropped it")

    options = RunOptions(observers=[clumsy, seen.append])
    result = asyncio.run(leadflow.load(project).run("main", {"name": "Ada"}, options))
    assert "Hello, Ada. 1" == result.value
    assert len(result.entries) == len(seen) == len(caplog.records)
    assert "an observer failed at entry 0" in caplog.text


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_run_that_failed_has_no_value(project: Path) -> None:
    """`value` is None; `unwrap` raises what was wrong, with every cause."""
    result = leadflow.run_sync(project, "twice")
    assert (Status.FAILED, None) == (result.status, result.value)
    with pytest.raises(leadflow.RunNotDone) as caught:
        result.unwrap()
    assert result.failure is caught.value.failure
    assert result is caught.value.result
    assert [
        "the run failed",
        "  twice: 2 members failed; the first: out of order [flow.members]",
        "    twice/a/text: out of order [agent.transient]",
        "    twice/b/text: out of order [agent.transient]",
    ] == sorted(str(caught.value).splitlines(), key=lambda line: (len(line) - len(line.lstrip()), line))


def test_a_run_that_is_cancelled_raises_as_async_code_does(project: Path) -> None:
    """Cancelling the task cleans up first; nothing is swallowed."""
    started = asyncio.Event()
    seen: list[str] = []

    def watch(entry: Entry) -> None:
        seen.append(type(entry.event).__name__)
        if isinstance(entry.event, NodeStarted):
            started.set()

    async def main() -> None:
        task = asyncio.create_task(leadflow.load(project).run("slow", {}, RunOptions(observers=[watch])))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ["CancelRequested", "NodeCancelled", "NodeCancelled", "RunCancelled"] == seen[-4:]


def test_a_program_with_errors_cannot_be_loaded(project: Path) -> None:
    """The exception has the findings, and its text shows them."""
    project.write_text(FLOW.replace("desk.greet", "dsk.greet"))
    with pytest.raises(leadflow.CheckFailed) as caught:
        leadflow.load(project)
    assert ["FLOW201"] == [found.code for found in caught.value.found if found.severity == "error"]
    assert "1 error" in str(caught.value).splitlines()[0]
    assert "unknown agent 'dsk'; did you mean 'desk'?\n  --> main.flow:12:23" in str(caught.value)


@pytest.mark.parametrize("name", ["gone.flow", "no/such/folder/main.flow", "."])
def test_what_is_no_file_cannot_be_loaded(project: Path, name: str) -> None:
    """A file that is not there is told like any other mistake."""
    with pytest.raises(leadflow.CheckFailed, match=r"FLOW2\d\d"):
        leadflow.load(project.parent / name)


@pytest.mark.parametrize(
    ("flow", "inputs", "said"),
    [
        ("main", {}, "main needs the input 'name' (string)"),
        ("main", {"name": 1}, "input of main: at /name: expected string, got int"),
        ("main", {"name": "a", "tmes": 2}, "main has no input 'tmes'; did you mean 'times'?"),
    ],
)
def test_wrong_inputs_start_nothing(project: Path, flow: str, inputs: dict[str, object], said: str) -> None:
    """They have an exception of their own, so that a server can answer 4xx."""
    seen: list[Entry] = []
    with pytest.raises(leadflow.InputProblem) as caught:
        asyncio.run(leadflow.load(project).run(flow, inputs, RunOptions(observers=[seen.append])))
    assert ((said,), []) == (caught.value.problems, seen)
    assert isinstance(caught.value, leadflow.StartProblem)


def test_a_flow_that_is_not_there(project: Path) -> None:
    """The nearest name is told, or all of them; a file without a main flow asks for one."""
    program = leadflow.load(project)
    with pytest.raises(leadflow.StartProblem, match="there is no flow 'brokn'; did you mean 'broken'"):
        asyncio.run(program.run("brokn"))
    with pytest.raises(leadflow.StartProblem, match=r"there is no flow 'x'; main\.flow has main, broken, twice, slow"):
        asyncio.run(program.run("x"))
    project.write_text("leadflow 1\nflow a() -> int { return 1 }\nflow b() -> int { return 2 }\n")
    with pytest.raises(leadflow.StartProblem, match=r"name a flow: main\.flow has a, b"):
        asyncio.run(leadflow.load(project).run())


def test_settings_that_nobody_understands(project: Path) -> None:
    """The operator's file is named, and what is wrong in it."""
    (project.parent / "leadflow.toml").write_text("[run]\nconcurency = 3\n")
    with pytest.raises(SettingsError, match=r"leadflow\.toml:2: run\.concurency: "):
        leadflow.load(project)


# --- a stranger's kind of agent -----------------------------------------------------------------------------------

FAX = """leadflow 1

agent office: acme.fax { number: "+49 30 1"  pin: secret("FAX_PIN") }

flow main(text: string) -> string {
  @retry(2, backoff: 1ms) @idempotent(key: text) step sent = office.send(text)
  return sent
}
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages in which a stranger's is installed; a flow that uses it."""
    site = tmp_path / "site"
    shutil.copytree(Path(__file__).parent / "data" / "strangers", site)
    about = site / "acme_fax-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-fax\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[leadflow.agents]\nacme.fax = acme_fax:Fax\n")
    (tmp_path / "main.flow").write_text(FAX)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("FAX_PIN", "1234")
    invalidate_caches()
    yield tmp_path / "main.flow"
    sys.modules.pop("acme_fax", None)


def test_a_strangers_kind_runs(installed: Path) -> None:
    """Installed is known: checked by its row, built with its settings and secrets, called under our policies."""
    result = leadflow.run_sync(installed, text="hello")
    assert "+49 30 1 has received: hello" == result.unwrap()


def test_a_strangers_kind_is_checked(installed: Path) -> None:
    """Its settings and actions are known to the checker."""
    installed.write_text(FAX.replace("number:", "numbr:").replace("office.send", "office.sent"))
    with pytest.raises(leadflow.CheckFailed) as caught:
        leadflow.load(installed)
    assert ["FLOW208", "FLOW207"] == [found.code for found in caught.value.found]


def test_a_strangers_kind_obeys_the_start(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its secret nothing is built."""
    monkeypatch.delenv("FAX_PIN")
    with pytest.raises(
        leadflow.StartProblem, match="'office' needs the environment variable FAX_PIN, which is not set"
    ):
        leadflow.run_sync(installed, text="hello")


def test_a_kind_that_is_not_installed_is_unknown(project: Path) -> None:
    """Without the package the checker does not know the kind."""
    project.write_text(FAX)
    with pytest.raises(leadflow.CheckFailed, match="FLOW206"):
        leadflow.load(project)


@pytest.mark.parametrize("command", ["check", "plan", "graph"])
def test_the_commands_know_a_strangers_kind(installed: Path, command: str) -> None:
    """What can be run can be checked, planned and drawn."""
    said = command_line(command, "main.flow", folder=installed.parent)
    assert (0, "") == (said.code, said.stderr)
    assert 0 == command_line("run", "-q", "main.flow", "-i", "text=hi", folder=installed.parent).code


def test_a_strangers_kind_that_cannot_be_loaded_is_told(installed: Path) -> None:
    """Beside the finding that the kind is unknown."""
    (installed.parent / "site" / "acme_fax.py").write_text("import no_such_module\n")
    said = command_line("check", "main.flow", "--format", "concise", folder=installed.parent)
    assert (1, True) == (said.code, "FLOW206" in said.stdout)
    assert "agent kind 'acme.fax' (acme_fax:Fax): cannot be loaded: ModuleNotFoundError" in said.stderr


def test_nothing_of_strangers_is_loaded_unasked(installed: Path) -> None:
    """A program that does not name the kind does not load its package."""
    installed.write_text("leadflow 1\nflow main() -> int { return 1 }\n")
    assert 0 == command_line("check", "main.flow", folder=installed.parent).code
    assert "acme_fax" not in sys.modules


# --- operators ----------------------------------------------------------------------------------------------------


def with_breaker(project: Path, failures: int, of: str = "desk") -> leadflow.Program:
    """The program, with a breaker on its desk, or on the agent that this is made from."""
    text = FLOW.replace("agent desk", f"@breaker(failures: {failures})\nagent {of}")
    copied = "" if of == "desk" else f"agent desk: {of} {{ }}\n"
    project.write_text(text.replace("const mark", f"{copied}const mark", 1))
    return leadflow.load(project)


async def test_an_operator_opens_a_breaker_by_hand(project: Path) -> None:
    """Case B13: calls of the agent fail at once in every run of the program until it is released."""
    program = with_breaker(project, 3)
    program.shared.force_open("desk", "the desk moves to another floor")
    shut = await program.run("main", {"name": "Ada"})
    assert shut.failure is not None
    said = "desk is not asked: its breaker was opened by an operator: the desk moves to another floor"
    assert ("resource.breaker", said) == (shut.failure.error, shut.failure.message)
    program.shared.release("desk")
    assert "Hello, Ada. 1" == (await program.run("main", {"name": "Ada"})).value


def test_an_operator_who_names_no_breaker_is_told_so(project: Path) -> None:
    """Case B13: a name that is misspelt would hold nothing back, and nobody would know."""
    program = with_breaker(project, 3)
    with pytest.raises(ValueError, match=r"^agent 'dsk' has no breaker; there are those of desk$"):
        program.shared.force_open("dsk", "it is being moved")
    project.write_text(FLOW)
    with pytest.raises(ValueError, match=r"; there is none$"):
        leadflow.load(project).shared.force_close("desk", "we know")


async def test_an_operator_names_any_agent_that_has_the_breaker(project: Path) -> None:
    """Case B13: one breaker may be that of several agents, and each of their names holds it open."""
    program = with_breaker(project, 3, of="base")
    assert "base" == program.plan.agents["desk"].shares
    program.shared.force_open("desk", "it is being moved")
    shut = await program.run("main", {"name": "Ada"})
    assert shut.failure is not None
    assert "resource.breaker" == shut.failure.error


async def test_runs_of_a_program_share_its_breakers(project: Path) -> None:
    """Case B11: what one run has seen, the next one knows; another program reads of it in the journal or nowhere."""
    program = with_breaker(project, 2)
    await program.run("broken")
    result = await program.run("main", {"name": "Ada"})
    assert "resource.breaker" == (result.failure.error if result.failure else None)
    alone = await leadflow.load(project).run("main", {"name": "Ada"}, RunOptions(durable=False))
    assert Status.DONE == alone.status
