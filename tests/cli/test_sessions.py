"""Every session of `sessions/` prints what it says. `pytest --update` writes them anew: read the difference."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from leadflow.cli.main import COMMANDS
from tests.agents.servers import answering
from tests.cli.session import commands, replayed
from tests.goldens import Golden

HERE = Path(__file__).resolve().parent
SESSIONS = sorted((HERE / "sessions").glob("*.txt"))


async def complete(request: web.BaseRequest) -> web.Response:
    """A model that looks up once how far it is, and then says that it knows."""
    asked = json.loads(await request.read())
    looked_up = [message["content"] for message in asked["messages"] if message["role"] == "tool"]
    use = {"id": "c-1", "type": "function", "function": {"name": "miles", "arguments": '{"way": 21}'}}
    said = {"content": json.dumps({"answer": f"{looked_up[0]} miles"})} if looked_up else {"tool_calls": [use]}
    choice = {"message": {"role": "assistant", **said}, "finish_reason": "stop" if looked_up else "tool_calls"}
    usage = {"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}
    return web.json_response({"choices": [choice], "usage": usage})


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The address of a model on loopback."""
    with answering(complete) as (url, _):
        yield url


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str) -> Path:
    """A copy of the project that the sessions work in, with what no repository holds."""
    monkeypatch.delenv("LEADFLOW_TEST_KEY", raising=False)
    monkeypatch.setenv("LEADFLOW_TEST_MODEL", model)
    folder = tmp_path / "project"
    shutil.copytree(HERE / "project", folder)
    (folder / "program.flow").write_bytes(b"\x7fELF\x02\x01\x01\x00")
    (folder / "windows.flow").write_bytes(b"\xef\xbb\xbfleadflow 1\r\n\r\nflow main() -> int {\r\n  return 1\r\n}\r\n")
    (folder / "no_end.flow").write_bytes(b"leadflow 1\n\nflow main() -> int {\n  return 1\n}")
    (folder / "twice.json").write_bytes(b'{"name": "Ada", "name": "Grace"}')
    (folder / "empty").mkdir()
    (folder / "locked.flow").write_text("leadflow 1\nflow main() -> int {return 1}\n")
    (folder / "locked.flow").chmod(0o444)
    (folder / "stuck.flow").write_text("leadflow 1\nflow main(a: bool) -> bool { return !a }\n")
    (folder / "stuck.flow").chmod(0o444)
    return folder


@pytest.mark.parametrize("session", [pytest.param(file, id=file.stem) for file in SESSIONS])
def test_session(session: Path, project: Path, golden: Golden) -> None:
    """What the commands of the session print is what the session says."""
    golden(session, replayed(session.read_text("utf-8"), project))


def test_every_command_is_in_a_session() -> None:
    """No command is without its help and without a use in the sessions."""
    typed = commands(SESSIONS)
    assert [] == [name for name in COMMANDS if f"leadflow {name} --help" not in typed]
