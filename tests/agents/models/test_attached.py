"""Files that go with a question: pictures, PDFs and texts of the project, and nothing from outside of it."""

import base64
import json
from pathlib import Path

import pytest

from leadflow.plan.types import FileRef
from leadflow.plan.types import Value as FlowValue
from leadflow.run.errors import CallError, FunctionFailed, NotAllowed
from tests.agents.models.asking import Watching, agent_on, asked
from tests.agents.models.wires import WIRES, judge_request
from tests.doubles import LlmDouble

pytestmark = pytest.mark.node
each_wire = pytest.mark.parametrize("wire", WIRES)

PICTURE, PAPER = b"\x89PNG\r\n", b"%PDF-1.7"
FILES: FlowValue = (FileRef("in/cat.PNG"), FileRef("in/bill.pdf"), FileRef("in/note.md"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a few files."""
    folder = tmp_path / "project" / "in"
    folder.mkdir(parents=True)
    (folder / "cat.PNG").write_bytes(PICTURE)
    (folder / "bill.pdf").write_bytes(PAPER)
    (folder / "note.md").write_text("Grüße", "utf-8")
    (folder / "program.exe").write_bytes(b"MZ")
    (folder / "link.png").symlink_to("cat.PNG")
    (tmp_path / "secret.txt").write_text("s3cret", "utf-8")
    return tmp_path / "project"


@each_wire
async def test_files_go_before_the_question(
    wire: str, project: Path, llm_double: LlmDouble, transport: Watching
) -> None:
    """By name: what is looked at and what is read, in the wire's own form, and texts as words."""
    llm_double.answer({}, {"content": "seen"})
    agent = agent_on(wire, llm_double.base_url, transport, root=project)
    reply = await agent.call(asked(prompt="What is it?", files=FILES))
    assert "seen" == reply.value
    (body,) = transport.sent
    judge_request(wire, body)
    text = json.dumps(body, ensure_ascii=False)
    order = [base64.b64encode(PICTURE).decode(), base64.b64encode(PAPER).decode(), "note.md:\\nGrüße", "What is it?"]
    places = [text.find(part) for part in order]
    assert -1 not in places
    assert sorted(places) == places


@each_wire
async def test_a_history_may_hold_files(wire: str, project: Path, llm_double: LlmDouble, transport: Watching) -> None:
    """Among the words of a user, where they stand."""
    llm_double.answer({}, {"content": "seen"})
    history: FlowValue = ({"role": "user", "content": ("Look:", FileRef("in/cat.PNG"), "Well?")},)
    agent = agent_on(wire, llm_double.base_url, transport, root=project)
    await agent.call(asked("chat", history=history))
    judge_request(wire, transport.sent[0])
    assert base64.b64encode(PICTURE).decode() in json.dumps(transport.sent[0])


REFUSED: list[tuple[str, type[CallError], str]] = [
    ("../secret.txt", NotAllowed, "secret.txt"),
    ("/etc/hosts.txt", NotAllowed, "hosts"),
    ("in/link.png", CallError, "link.png"),
    ("in/program.exe", NotAllowed, "does not say what it is"),
    ("in/none.png", FunctionFailed, "none.png"),
]


@pytest.mark.parametrize(("path", "failure", "said"), REFUSED)
async def test_nothing_else_goes(
    path: str, failure: type[CallError], said: str, project: Path, transport: Watching
) -> None:
    """Bad inputs 62, 120: what leads out of the project, a link, an unknown kind; nothing is sent."""
    agent = agent_on("chat", "http://127.0.0.1:1", transport, root=project)
    with pytest.raises(failure, match=said):
        await agent.call(asked(prompt="?", files=(FileRef(path),)))
    assert [] == transport.sent


async def test_nobody_can_count_a_picture(project: Path, transport: Watching, llm_double: LlmDouble) -> None:
    """Under max_input_tokens a text is counted as it is sent, and a picture is not sent."""
    llm_double.answer({}, {"content": "seen"})
    agent = agent_on("chat", llm_double.base_url, transport, root=project, max_input_tokens=100)
    await agent.call(asked(prompt="?", files=(FileRef("in/note.md"),)))
    with pytest.raises(NotAllowed, match="nothing but text"):
        await agent.call(asked(prompt="?", files=(FileRef("in/cat.PNG"),)))
    assert 1 == len(transport.sent)
