"""`leadflow doctor` and `leadflow config`: what is there, what is not, how to mend it, and no secret."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from leadflow.settings import JOURNAL
from tests.agents.mcp.links import HOSTILE
from tests.agents.servers import answering, closed_port
from tests.cli.session import Said, leadflow

KEY = "sk-canary-0123456789"
URL = "http://127.0.0.1:9/v1"
FLOW = """leadflow 1

agent fast: openai { model: "gpt-5-mini"  key: secret("DOCTOR_KEY")  max_tokens: 100 }
agent odd: openai { model: "acme-1"  base_url: "ADDRESS"  max_tokens: 100 }
agent files: mcp.files { reads: ["echo"] }

flow main(question: string) -> string {
  step a = fast.ask(question)
  step b = odd.ask(a)
  step c: string = files.echo(text: b)
  return c
}
"""

PROGRAMS = """leadflow 1

agent lint: process { command: "lint" }
agent build: process { command: "make" }
agent idle: process { command: "never" }

flow main() -> string {
  step found: string = lint.run(["."]) undo none
  step made: string = build.run([found]) undo none
  return made
}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a server of tools and settings that only its owner may read."""
    server = [sys.executable, "-S", str(HOSTILE), "good"]
    (tmp_path / "leadflow.toml").write_text(
        f'[run]\nconcurrency = 7\n\n[commands]\nlint = ["python3", "-m", "ruff"]\n\n[mcp.files]\ncommand = {server!r}\n'
    )
    (tmp_path / "leadflow.toml").chmod(0o600)
    (tmp_path / "main.flow").write_text(FLOW.replace("ADDRESS", f"http://127.0.0.1:{closed_port()}/v1"))
    return tmp_path


def doctor(folder: Path, *words: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code, and what is said of each part."""
    ran = leadflow("doctor", *words, "--format", "json", folder=folder)
    found: dict[str, list[dict[str, str]]] = {}
    for one in json.loads(ran.stdout):
        found.setdefault(one["part"], []).append(one)
    return ran.code, found


def states(found: dict[str, list[dict[str, str]]], part: str) -> list[str]:
    """How the parts of a kind are."""
    return [one["state"] for one in found.get(part, ())]


def test_a_project_that_is_well(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a flow needs is there: exit 0. What was not asked for is not started."""
    monkeypatch.setenv("DOCTOR_KEY", "sk-canary-0123456789")
    assert 0 == leadflow("mcp", "pin", "files", folder=project).code
    code, found = doctor(project, "main.flow")
    assert 0 == code
    assert (["ok"], ["ok"], ["ok"]) == (states(found, "key"), states(found, "server"), states(found, "settings"))
    assert ["ok", "ok", "warn"] == states(found, "price")
    assert "the price of model 'acme-1' of agent 'odd' is not known" == found["price"][2]["said"]
    assert "--online" in found["endpoint"][0]["said"]


def test_a_server_with_more_tools(project: Path) -> None:
    """What a server has beside its lock is told, and changes nothing."""
    assert 0 == leadflow("mcp", "pin", "files", folder=project).code
    lock = project / "leadflow.lock" / "mcp" / "files.json"
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "tools": []}))
    _, found = doctor(project, "--online")
    assert ["[mcp.files]: it has 1 tool more than its lock"] == [row["said"] for row in found["server"]]


def test_a_command_that_nobody_allows(project: Path) -> None:
    """A flow that would start a program is told what the operator has to write; one that nobody calls is none."""
    flow = project / "programs.flow"
    flow.write_text(PROGRAMS)
    code, found = doctor(project, "programs.flow")
    assert (1, ["ok", "fail"]) == (code, states(found, "program"))
    assert "agent build: leadflow.toml allows no command 'make'" == found["program"][1]["said"]
    assert 'write make = ["…"] under [commands] there' == found["program"][1]["mend"]
    assert "error: programs.flow:4:7: agent 'build'" in leadflow("run", "programs.flow", folder=project).stderr


def test_online_asks(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are asked, and servers compared with their locks: one does not answer, one is as it was."""
    monkeypatch.setenv("DOCTOR_KEY", "sk-canary-0123456789")
    assert 0 == leadflow("mcp", "pin", "files", folder=project).code
    flow = project / "main.flow"
    flow.write_text(flow.read_text().replace("agent fast: openai {", f'agent fast: openai {{ base_url: "{URL}"'))
    code, found = doctor(project, "main.flow", "--online")
    assert (1, ["fail", "fail"], ["ok"]) == (code, states(found, "endpoint"), states(found, "server"))
    assert ["fail", "fail"] == states(found, "model")
    assert "[mcp.files]: 1 tool, as its lock says" == found["server"][0]["said"]
    assert "the address of agent odd does not answer" in found["endpoint"][1]["said"]


OFFERS: Mapping[str, tuple[web.Response, str, str]] = {
    "has it": (web.json_response({"data": [{"id": "gpt-5-mini"}]}), "ok", "takes its credential, and has 'gpt-5-mini'"),
    "has another": (web.json_response({"data": [{"id": "gpt-5-nano"}]}), "warn", "does not list 'gpt-5-mini'"),
    "lists none": (web.Response(status=404), "warn", "lists no models: nobody knows whether it has 'gpt-5-mini'"),
    "wrong key": (
        web.json_response({"error": KEY}, status=401),
        "fail",
        "answers 401; its credential is in DOCTOR_KEY",
    ),
    "a page": (web.Response(text="<html>", content_type="text/html"), "fail", "expected JSON, got an HTML page"),
    "something": (web.json_response({"hello": 1}), "fail", "JSON that lists no models"),
}


@pytest.mark.parametrize("case", OFFERS)
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_online_asks_what_models_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, kind: str
) -> None:
    """A wrong key, model or address is found before a run does, with the credential of the agent."""
    monkeypatch.setenv("DOCTOR_KEY", KEY)
    answer, state, said = OFFERS[case]

    async def offer(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "HEAD":
            return web.Response()
        assert ("/v1/models", True) == (request.path, KEY in str(dict(request.headers)))
        return web.Response(status=answer.status, body=answer.body, headers={"Content-Type": answer.content_type})

    with answering(offer) as (url, _):
        agent = f'model: "gpt-5-mini"  base_url: "{url}/v1"  key: secret("DOCTOR_KEY")  max_tokens: 9'
        flow = 'flow main() -> string {\n  step a = fast.ask("Hi")\n  return a\n}\n'
        (tmp_path / "main.flow").write_text(f"leadflow 1\n\nagent fast: {kind} {{ {agent} }}\n\n{flow}")
        code, found = doctor(tmp_path, "main.flow", "--online")
    assert ([state], int(state == "fail")) == (states(found, "model"), code)
    assert said in found["model"][0]["said"]
    assert "many end in /v1" not in str(found["model"][0])


def test_an_address_without_a_scheme_is_found_without_asking(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run would refuse it; `check` cannot know what a variable will hold."""
    monkeypatch.setenv("DOCTOR_KEY", KEY)
    monkeypatch.setenv("DOCTOR_URL", "odd.example.com/v1")
    flow = project / "main.flow"
    flow.write_text(re.sub(r'base_url: "http://[^"]*"', 'base_url: secret("DOCTOR_URL")', flow.read_text()))
    code, found = doctor(project, "main.flow")
    assert (1, "agent odd: its base_url does not begin with http:// or https://") == (
        code,
        found["endpoint"][0]["said"],
    )


def test_what_is_missing_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not set, a program that is not there, a server without a lock: each with how to mend it."""
    monkeypatch.delenv("DOCTOR_KEY", raising=False)
    settings = project / "leadflow.toml"
    settings.write_text(settings.read_text().replace("python3", "no-such-program"))
    code, found = doctor(project, "main.flow")
    assert (1, ["fail"], ["fail"], ["warn"]) == (code, *(states(found, part) for part in ("key", "program", "server")))
    assert ("DOCTOR_KEY is not set (agent fast)", "export DOCTOR_KEY=…") == (
        found["key"][0]["said"],
        found["key"][0]["mend"],
    )
    assert "leadflow mcp pin files" == found["server"][0]["mend"]


def test_131_a_weak_secret_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of a few characters cannot be told from other text, so that no message can hide it."""
    monkeypatch.setenv("DOCTOR_KEY", "ab")
    _, found = doctor(project, "main.flow")
    assert [("warn", "DOCTOR_KEY is shorter than 4 characters (agent fast): no message can hide it")] == [
        (one["state"], one["said"]) for one in found["key"]
    ]


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o644, "ok"), (0o664, "fail"), (0o646, "fail")])
def test_132_nobody_else_may_write_the_settings(project: Path, mode: int, state: str) -> None:
    """They say which programs are started."""
    (project / "leadflow.toml").chmod(mode)
    assert [state] == states(doctor(project)[1], "settings")


def test_132_a_credential_in_the_settings_is_for_nobody_else(project: Path) -> None:
    """A header with its text in a file that others may read: a warning, and the text is not said."""
    settings = project / "leadflow.toml"
    text = '[mcp.web]\nurl = "https://127.0.0.1/"\nheaders = { Authorization = "Bearer sk-canary-0123456789" }\n'
    settings.write_text(settings.read_text() + text)
    settings.chmod(0o644)
    ran = leadflow("doctor", folder=project)
    assert "warn  settings  leadflow.toml holds the text of the header 'Authorization' of [mcp.web]" in ran.stdout
    assert "canary" not in ran.stdout + ran.stderr
    settings.chmod(0o600)
    assert ["ok"] == states(doctor(project)[1], "settings")


def test_a_journal_that_is_broken_is_told(project: Path) -> None:
    """Its bytes are looked at, as `journal verify` does."""
    (project / JOURNAL).parent.mkdir()
    (project / JOURNAL).write_bytes(b"no database " * 100)
    code, found = doctor(project)
    assert (1, "fail") == (code, states(found, "journal")[0])


def test_settings_that_cannot_be_read_end_it(project: Path) -> None:
    """With the line, for people and for machines."""
    settings = project / "leadflow.toml"
    settings.write_text(settings.read_text().replace("concurrency", "concurency"))
    ran = leadflow("doctor", folder=project)
    said = "leadflow.toml:2: run.concurency: there is no such setting; did you mean 'concurrency'?"
    assert (1, True) == (ran.code, f"fail  settings  {said}" in ran.stdout)
    right = settings.read_text().replace("concurency", "concurrency")
    ways = {
        settings.read_text(): "write concurrency in line 2 of leadflow.toml",
        right.replace(
            "concurrency =", "concurrency = -"
        ): "change line 2 of leadflow.toml so, or leave it out for the default",
        "[run]\nconcurrency\n": "change line 2 of leadflow.toml so, or leave it out for the default",
    }
    for text, way in ways.items():
        settings.write_text(text)
        (found,) = json.loads(leadflow("doctor", "--format", "json", folder=project).stdout)
        assert ("fail", way) == (found["state"], found["mend"]), found
    settings.unlink()
    settings.mkdir()
    way = "make leadflow.toml a file of TOML that you may read, or remove it for the defaults"
    assert way == json.loads(leadflow("doctor", "--format", "json", folder=project).stdout)[0]["mend"]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("LEADFLOW_RUN_CONCURENCY", "set LEADFLOW_RUN_CONCURRENCY instead of LEADFLOW_RUN_CONCURENCY"),
        ("LEADFLOW_RUN_CONCURRENCY", "unset LEADFLOW_RUN_CONCURRENCY, or set it so"),
    ],
)
def test_a_variable_that_cannot_be_a_setting(
    name: str, way: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is what is to be changed, and no line of the file."""
    monkeypatch.setenv(name, "many")
    (found,) = json.loads(leadflow("doctor", "--format", "json", folder=project).stdout)
    assert ("fail", way) == (found["state"], found["mend"])


BROKE = """leadflow 1
agent odd: openai { model: "acme-1"  key: secret("DOCTOR_KEY")  max_tokens: 100 }
agent desk: python { module: "desk.py" }
agent gone: python { module: "nosuch.py" }
agent idle: python { module: "nobody_calls_it.py" }
flow main() -> int {
  step n: int = desk.cout()
  step m: int = gone.count(n)
  return m
}
@budget($1)
flow dear() -> string {
  step a = odd.ask("?")
  return a
}
"""


def test_what_no_run_starts_with_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices that a budget needs, files and functions that are called; no file is loaded for it."""
    monkeypatch.setenv("DOCTOR_KEY", "sk-canary-0123456789")
    (tmp_path / "main.flow").write_text(BROKE)
    (tmp_path / "desk.py").write_text("raise SystemExit\n\ndef count():\n    return 1\n")
    code, found = doctor(tmp_path, "main.flow")
    assert 1 == code
    assert [
        ("fail", "agent 'desk': desk.py has no function 'cout'; did you mean 'count'?"),
        ("fail", "agent 'gone': there is no file 'nosuch.py' for its module 'nosuch.py'"),
    ] == [(one["state"], one["said"]) for one in found["function"]]
    assert ["ok", "warn", "fail"] == states(found, "price")
    assert "and a budget in money counts on it" in found["price"][2]["said"]
    (tmp_path / "main.flow").write_text(BROKE.replace("cout", "count"))
    assert ["ok", "fail"] == states(doctor(tmp_path, "main.flow")[1], "function")
    (tmp_path / "desk.py").write_text("def (:\n")
    assert "cannot be read" in doctor(tmp_path, "main.flow")[1]["function"][0]["said"]


# --- config ------------------------------------------------------------------------------------------------------


def origins(ran: Said) -> dict[str, tuple[Any, str]]:
    """Value and origin of each setting."""
    return {one["setting"]: (one["value"], one["origin"]) for one in json.loads(ran.stdout)}


def test_each_setting_says_where_it_comes_from(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default, a line of the file, or a variable, which goes before the file."""
    found = origins(leadflow("config", "show", "--json", folder=project))
    assert (7, "leadflow.toml:2") == found["run.concurrency"]
    assert ([], "default") == found["process.pass_env"]
    assert (["python3", "-m", "ruff"], "leadflow.toml:5") == found["commands.lint"]
    monkeypatch.setenv("LEADFLOW_RUN_CONCURRENCY", "9")
    found = origins(leadflow("config", "show", "--json", folder=project))
    assert (9, "LEADFLOW_RUN_CONCURRENCY") == found["run.concurrency"]
    assert "run.concurrency" in leadflow("config", "show", folder=project).stdout


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEADFLOW_RUN_CONCURRENCY", "many", "LEADFLOW_RUN_CONCURRENCY: write a whole number"),
        ("LEADFLOW_RUN_CONCURRENCY", "0", "LEADFLOW_RUN_CONCURRENCY: write 1 or more"),
        (
            "LEADFLOW_RUN_CONCURENCY",
            "1",
            "LEADFLOW_RUN_CONCURENCY: the environment sets no such setting; did you mean 'LEADFLOW_RUN_CONCURRENCY'?",
        ),
    ],
)
def test_a_variable_that_says_nothing_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    """By its own name, before anything is done."""
    monkeypatch.setenv(name, value)
    ran = leadflow("config", "show", folder=project)
    assert (2, f"error: {said}\n") == (ran.code, ran.stderr)


def test_what_may_be_a_credential_is_not_shown(project: Path) -> None:
    """A header's text is not; the name of its variable is."""
    settings = project / "leadflow.toml"
    text = (
        '[mcp.web]\nurl = "https://127.0.0.1/"\nheaders = { X-Key = "sk-canary-012345", X-Team = { env = "TEAM" } }\n'
    )
    settings.write_text(settings.read_text() + text)
    ran = leadflow("config", "show", "--json", folder=project)
    assert ("***", {"env": "TEAM"}) == tuple(
        origins(ran)[f"mcp.web.headers.{header}"][0] for header in ("X-Key", "X-Team")
    )
    assert "canary" not in ran.stdout + ran.stderr


def test_a_new_journal_is_nobody_elses(tmp_path: Path) -> None:
    """The first run makes the folder and the file, and doctor has nothing to say of them."""
    (tmp_path / "main.flow").write_text("leadflow 1\nflow main() -> int { return 1 }\n")
    assert 0 == leadflow("run", "main.flow", "-q", folder=tmp_path).code
    path = tmp_path / JOURNAL
    assert (0o700, 0o600) == (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777)
    assert ["ok"] == states(doctor(tmp_path)[1], "journal")
