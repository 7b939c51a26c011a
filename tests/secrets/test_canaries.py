"""Z14: two hundred canaries, behind every door that a credential can go through, and in nothing that leadflow says.

Each is the credential of one agent. Everything that knows it says it again in answers, failures, names, streams and
uses of tools (`parrot.py`, `leaky.py`), in copies enough that wherever a message is cut, one of them is cut through.
Then all that commands print is searched, what a terminal is shown while a run lasts, and every file that was written.
"""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

import leadflow as library
from leadflow.events.words import Words
from tests.agents.servers import answering
from tests.cli.session import leadflow
from tests.secrets.canaries import IN_HEADERS, SHAPES, canary, leaks_in
from tests.secrets.parrot import credentials, parrot

LEAKY = Path(__file__).with_name("leaky.py")
HTTP = {
    "answers": ("json", "text", "typed", "head"),
    "failures": ("refused", "auth", "denied", "missing", "unfit", "limited", "server", "busy"),
    "oddities": ("moved", "page", "broken", "reason", "trouble"),
}
MODEL = {
    "answers": ("say", "typed", "tool", "stranger", "refusal"),
    "failures": (*HTTP["failures"], "cut"),
    "oddities": HTTP["oddities"],
}
"""What upstreams do, by group; each group has canaries of its own."""
DOORS: Mapping[str, tuple[str, str]] = {
    "bearer": ("http", 'url: "URL"  auth: bearer(secret("KEY"))'),
    "basic": ("http", 'url: "URL"  auth: basic("user", secret("KEY"))'),
    "header": ("http", 'url: "URL"  headers: { "X-Token": prefix("Token ", secret("KEY")) }'),
    "plain": ("http", 'url: "URL"  headers: { "x-api-key": secret("KEY") }'),
    "chat": ("openai", 'model: "m"  base_url: "URL/v1"  key: secret("KEY")  max_tokens: 9'),
    "responses": ("openai", 'model: "m"  api: "responses"  base_url: "URL/v1"  key: secret("KEY")  max_tokens: 9'),
    "messages": ("anthropic", 'model: "m"  base_url: "URL"  key: secret("KEY")  max_tokens: 9'),
    "gateway": ("openai", 'model: "m"  base_url: "URL/v1"  headers: { "X-Token": secret("KEY") }  max_tokens: 9'),
}
PROGRAM = ("answer", "text", "broken", "fails", "raises")
SERVER = ("say", "failed", "fault", "dies")
ENDS = ("dies", "broken", "page")
"""After these a connection is over, with the calls beside them: they are flows of their own."""
REMOTE = ("say", "failed", "fault", "auth", "limited", "server", "broken", "page", "missing")


class Project:
    """A project in which each canary has an agent, and each agent a step for each way in which it can be betrayed."""

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url
        self.env: dict[str, str] = {}
        self.names: list[str] = []
        self._agents, self._settings = ["leadflow 1", 'agent desk: python { module: "desk.py"  reads: ["say"] }'], [""]
        self._steps: dict[str, list[str]] = {"answers": [], "failures": [], "oddities": [], "programs": [], "ends": []}
        for door, (kind, written) in DOORS.items():
            for group, modes in (MODEL if "model" in written else HTTP).items():
                for shape in IN_HEADERS:
                    self._door(door, kind, written, group, modes, shape)
        for group, modes in HTTP.items():
            self._door("place", "http", 'url: secret("KEY")', group, modes, "address")
        self._programs()
        self._servers()
        self._write()

    def variable(self, name: str, shape: str) -> str:
        """A variable with a canary of its own."""
        variable = f"{name}_{shape}_key".upper()
        self.env[variable] = canary(variable, shape)
        self.names.append(variable)
        return variable

    def _door(self, door: str, kind: str, written: str, group: str, modes: tuple[str, ...], shape: str) -> None:
        variable, agent = self.variable(f"{door}_{group}", shape), f"{door}_{group}_{shape}"
        if shape == "address":
            self.env[variable] = self.env[variable].replace("https://", "http://").replace(
                "hooks.example.com", self.url.removeprefix("http://")
            )  # fmt: skip
        settings = written.replace("URL", self.url).replace("KEY", variable)
        tools = "  tools: [desk.say]" if kind != "http" and group == "answers" else ""
        self._agents.append(f"agent {agent}: {kind} {{ {settings}{tools} }}")
        for mode in modes:
            call = f'ask("mode-{mode}")' if kind != "http" else f'get("/mode-{mode}")'
            if mode == "head" and kind == "http":
                call = 'head("/mode-head")'
            self._step(group, f"{agent}_{mode}", "int" if mode == "typed" else "json", f"{agent}.{call}")

    def _step(self, group: str, name: str, type_: str, call: str) -> None:
        otherwise = "0" if type_ == "int" else "e.message"
        self._steps[group].append(f"  step {name}: {type_} = {call} catch e => {otherwise}")

    def _programs(self) -> None:
        passed, commands = [], []
        for shape in SHAPES:
            variable = self.variable("program", shape)
            passed.append(variable)
            for mode in PROGRAM:
                name = f"program_{shape}_{mode}"
                commands.append(f"{name} = {json.dumps([sys.executable, '-S', str(LEAKY), variable, mode])}")
                self._agents.append(f'agent {name}: process {{ command: "{name}"  reads: ["run"] }}')
                self._step("programs", f"{name}_s", "string" if mode == "text" else "json", f"{name}.run()")
            self._step("programs", f"raised_{shape}", "json", f'desk.say("{variable}")')
        self._settings += [f"[process]\npass_env = {json.dumps(passed)}", "[commands]", *commands]

    def _servers(self) -> None:
        for shape in SHAPES:
            variable = self.variable("stdio", shape)
            self._server(f"stdio_{shape}", SERVER, {"command": [sys.executable, "-S", str(LEAKY), variable],
                                                     "env": [variable]})  # fmt: skip
        for shape in IN_HEADERS:
            variable = self.variable("remote", shape)
            self._server(f"remote_{shape}", REMOTE, {"url": self.url}, f'X-Token = {{ env = "{variable}" }}')
            name = self.variable("written", shape)  # in the file itself
            headers = f"Authorization = {json.dumps('Bearer ' + self.env.pop(name))}"
            self._server(f"written_{shape}", REMOTE, {"url": self.url}, headers)

    def _server(self, name: str, modes: tuple[str, ...], settings: Mapping[str, object], headers: str = "") -> None:
        self._settings += [f"[mcp.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
        self._settings += [f"[mcp.{name}.headers]", headers] if headers else []
        self._agents.append(f'agent {name}: mcp.{name} {{ reads: ["echo"] }}')
        for mode in modes:
            group = "ends" if mode in ENDS else "programs"
            self._step(group, f"{name}_{mode}", "json", f'{name}.echo(text: "mode-{mode}")')

    def _write(self) -> None:
        for group, steps in self._steps.items():
            for at in range(0, len(steps), 60):
                self._file(f"{group}_{at // 60}", steps[at : at + 60])
        bare = self._agents[2].split()[1].rstrip(":")
        self._file("fails", [f'  step a: json = {bare}.get("/mode-refused")'])
        (self.root / "leadflow.toml").write_text("\n".join(self._settings))
        (self.root / "leadflow.toml").chmod(0o600)
        (self.root / "desk.py").write_text(
            "import os\n\n\ndef say(text: str) -> str:\n    if text.endswith('_KEY'):\n"
            "        raise KeyError(os.environ[text] * 30)\n    return text\n"
        )

    def _file(self, name: str, steps: list[str]) -> None:
        """A flow with the agents that it asks, in a file of its own."""
        called = {step.split(" = ", 1)[1].partition(".")[0] for step in steps} | {"desk"}
        agents = [agent for agent in self._agents[1:] if agent.split()[1].rstrip(":") in called]
        first = steps[0].split()[1].rstrip(":")
        lines = [self._agents[0], *agents, f"flow {name}() -> json {{", *steps, f"  return {first}", "}", ""]
        (self.root / f"{name}.flow").write_text("\n".join(lines))

    @property
    def flows(self) -> list[str]:
        """The flows in which every failure is caught."""
        return [f"{group}_{at}" for group, steps in self._steps.items() for at in range(-(-len(steps) // 60))]


def locked(root: Path) -> None:
    """Give every server the lock of the first: they have the same tool."""
    folder = root / "leadflow.lock" / "mcp"
    text = (folder / "stdio_plain.json").read_text()
    names = [line[5:-1] for line in (root / "leadflow.toml").read_text().splitlines() if line.startswith("[mcp.")]
    for name in names:
        if not name.endswith(".headers"):
            (folder / f"{name}.json").write_text(text.replace('"stdio_plain"', f'"{name}"'))


def on_a_terminal(words: list[str], folder: Path) -> bytes:
    """What a terminal is shown, byte by byte."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from leadflow.cli.main import cli; cli()", *words]
    shown = b""
    with subprocess.Popen(command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        with suppress(OSError):  # how Linux says that nobody writes any more
            while piece := os.read(ours, 65536):
                shown += piece
    os.close(ours)
    return shown


class Searched:
    """Commands in a project, and all that they said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs: dict[str, bytes] = {}

    def typed(self, line: str) -> int:
        """The exit code of a command."""
        ran = leadflow(*line.split(), folder=self.folder)
        self.outputs[line] = (ran.stdout + ran.stderr).encode()
        return ran.code

    def files(self) -> Iterator[tuple[str, bytes]]:
        """What was written, but for the file in which the operator has a credential."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "leadflow.toml":
                yield str(path.relative_to(self.folder)), path.read_bytes()


async def heard(project: Project) -> bytes:
    """The words of models as they come, of those flows in which they stream."""
    said: list[Words] = []
    for flow in project.flows:
        if flow in ("answers_3", "failures_5"):
            options = library.RunOptions(durable=False, listeners=(said.append,))
            await library.load(project.root / f"{flow}.flow").run(flow, {}, options)
    return json.dumps([[words.path, words.text] for words in said]).encode() + "".join(w.text for w in said).encode()


@pytest.fixture(scope="module")
def betrayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Mapping[str, bytes]]]:
    """The project after all of its flows were run, and all that was said of them."""
    root = tmp_path_factory.mktemp("betrayed")
    searched = Searched(root)
    with pytest.MonkeyPatch.context() as patch, answering(parrot) as (url, seen):
        project = Project(root, url)
        for variable, value in project.env.items():
            patch.setenv(variable, value)
        assert 0 == searched.typed("mcp pin stdio_plain"), searched.outputs
        locked(root)
        for flow in project.flows:
            assert 0 == searched.typed(f"run {flow}.flow --record {flow}.jsonl"), searched.outputs
        assert 1 == searched.typed("run fails.flow")
        for flow in ("answers_3", "ends_0"):
            searched.outputs[f"terminal {flow}"] = on_a_terminal(["run", f"{flow}.flow", "--no-journal"], root)
        searched.outputs["words"] = asyncio.run(heard(project))
        told = {token for request in seen.requests for token in credentials(request)}
        looks(searched)
        yield project, {**searched.outputs, **dict(searched.files()), "told": json.dumps(sorted(told)).encode()}


def looks(searched: Searched) -> None:
    """Every command that shows something of a project or of its runs."""
    lines = """
        doctor answers_2.flow --online; doctor programs_0.flow --format json; config show; config show --json; mcp ls;
        mcp ls --json; mcp ls stdio_long remote_plain; mcp diff stdio_file remote_pair written_json;
        plan answers_2.flow; plan answers_2.flow --format json; explain fails.flow fails.a; tools ls answers_2.flow;
        tools stats; tools stats --json; journal verify; journal backup copy.db; runs ls; runs ls --json;
        graph fails.flow; schema fails.flow fails.result
    """
    for line in map(str.strip, lines.split(";")):
        assert searched.typed(line) in (0, 1), searched.outputs[line]
    shown = {row["flow"].partition("_")[0]: row["run"] for row in json.loads(searched.outputs["runs ls --json"])}
    for run in shown.values():  # one of each kind; the journal's own bytes hold all of them
        for look in ("show", "show --json", "logs", "watch", "export", "replay", "replay --json"):
            verb, *options = look.split()
            line = " ".join(["runs", verb, run, *options])
            assert searched.typed(line) in (0, 1), searched.outputs[line]


def test_z14_two_hundred_canaries(betrayed: tuple[Project, Mapping[str, bytes]]) -> None:
    """None is found in what commands print, on a terminal, in words as they come, and in any file."""
    project, outputs = betrayed
    assert len(project.names) >= 200
    assert [] == leaks_in({name: data for name, data in outputs.items() if name != "told"}, project.names)


def test_z14_every_door_was_gone_through(betrayed: tuple[Project, Mapping[str, bytes]]) -> None:
    """Upstreams were told the credentials; each command said something; what was hidden stands there as `***`."""
    project, outputs = betrayed
    remote = [name for name in project.names if not name.startswith(("PROGRAM", "STDIO"))]
    assert set(remote) == {found.split(": ")[1] for found in leaks_in({"told": outputs["told"]}, remote)}
    assert ["journal backup copy.db"] == [name for name, data in outputs.items() if not data]
    for name in ("run answers_0.flow --record answers_0.jsonl", "answers_0.jsonl", "terminal answers_3",
                 ".leadflow/journal.db", "copy.db", "words", "run fails.flow"):  # fmt: skip
        assert b"***" in outputs[name], name
