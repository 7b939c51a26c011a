"""The kind `folder`: files below its root, and nothing that lies outside of it."""

import os
from pathlib import Path

import pytest

from leadflow.agents.tools.folder import FolderKind
from leadflow.plan.plan import AgentSpec, Place
from leadflow.plan.types import JSON, Value
from leadflow.run.errors import CallError, FunctionFailed, NotAllowed
from leadflow.run.ports import Agent, Request
from tests.agents.worlds import world


def agent(project: Path, root: str = "notes", *, file: str = "main.flow", most: int = 100) -> Agent:
    """The agent `notes`."""
    spec = AgentSpec("notes", "folder", {"root": root, "max_size": most}, (), "notes", Place(file, 1, 1))
    return FolderKind().build(spec, {}, world(project))


async def ask(notes: Agent, action: str, **args: Value) -> object:
    """What `notes.action(…)` gives."""
    return (await notes.call(Request(action, args, JSON, False, "run", "f/s", 1, None, True, None))).value


async def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Folders are made, a file is replaced as a whole or added to, and a listing names them."""
    notes = agent(tmp_path, file="flows/main.flow")
    assert {"path": "a/b.txt", "bytes": 3} == await ask(notes, "write_file", path="./a//b.txt", text="olé"[:2] + "d")
    assert {"path": "a/b.txt", "bytes": 5} == await ask(notes, "write_file", path="a/b.txt", text="é", append=True)
    assert "oldé" == await ask(notes, "read_file", path="a/b.txt")
    await ask(notes, "write_file", path="z.txt", text="")
    assert [["a/", "z.txt"], ["b.txt"]] == [await ask(notes, "list_files"), await ask(notes, "list_files", path="a")]
    assert "oldé" == (tmp_path / "flows" / "notes" / "a" / "b.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "../out.txt",
        "a/../../out.txt",
        "/etc/passwd",
        "..",
        "",
        ".",
        "C:\\x",
        "a\\..\\b",
        "\\\\host\\x",
        "a\0b",
        "x" * 2000,
    ],
)
@pytest.mark.parametrize("action", ["read_file", "write_file"])
async def test_no_path_leads_out(tmp_path: Path, path: str, action: str) -> None:
    """SECURITY 120: absolute, upwards, of another system, empty."""
    (tmp_path / "out.txt").write_text("outside", "utf-8")
    (tmp_path / "notes").mkdir()
    with pytest.raises(NotAllowed):
        await ask(agent(tmp_path), action, path=path, text="x")
    assert "outside" == (tmp_path / "out.txt").read_text("utf-8")


@pytest.mark.parametrize("action", ["read_file", "write_file", "list_files"])
@pytest.mark.parametrize("path", ["file", "folder/x", "circle", "up/x"])
async def test_links_are_not_followed(tmp_path: Path, path: str, action: str) -> None:
    """A link to a file, a folder, itself, or a folder of the root itself: none of them is a way."""
    outside, notes = tmp_path / "outside", tmp_path / "notes"
    outside.mkdir()
    notes.mkdir()
    (outside / "x").write_text("secret", "utf-8")
    (notes / "file").symlink_to(outside / "x")
    (notes / "folder").symlink_to(outside)
    (notes / "circle").symlink_to("circle")
    (notes / "up").symlink_to(notes)
    with pytest.raises(CallError):
        await ask(agent(tmp_path), action, path=path, text="mine")
    assert "secret" == (outside / "x").read_text("utf-8")
    assert ["x"] == os.listdir(outside)


async def test_the_root_itself_is_no_link(tmp_path: Path) -> None:
    """A root that was made a link meanwhile leads nowhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "notes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CallError):
        await ask(agent(tmp_path), "write_file", path="a", text="x")
    assert [] == os.listdir(tmp_path / "elsewhere")


@pytest.mark.parametrize("root", ["..", "../other", "/elsewhere", "a/../../b", ""])
def test_a_root_that_leads_out(tmp_path: Path, root: str) -> None:
    """It is refused before the run starts."""
    with pytest.raises(NotAllowed, match="agent 'notes': its root"):
        agent(tmp_path, root)


async def test_what_is_no_file_and_what_is_too_much(tmp_path: Path) -> None:
    """SECURITY 122: a FIFO does not hang the run; a size is kept to both ways, and a file stays as it was."""
    notes = tmp_path / "notes"
    (notes / "folder").mkdir(parents=True)
    os.mkfifo(notes / "fifo")
    (notes / "big").write_bytes(b"x" * 101)
    (notes / "bytes").write_bytes(b"\xff\xfe\xfd")
    (notes / "full").write_bytes(b"x" * 100)
    for path in ("fifo", "folder", "big", "bytes", "missing"):
        with pytest.raises((NotAllowed, FunctionFailed), match=f"notes.read_file: '{path}'"):
            await ask(agent(tmp_path), "read_file", path=path)
    for path, more in (("fifo", False), ("folder", False), ("full", True)):
        with pytest.raises(NotAllowed, match=f"notes.write_file: '{path}'"):
            await ask(agent(tmp_path), "write_file", path=path, text="x", append=more)
    assert 100 == (notes / "full").stat().st_size
    assert {"big", "bytes", "fifo", "folder", "full"} == set(os.listdir(notes))
