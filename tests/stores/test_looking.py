"""Journals that whoever looks at them may not write: a copy on a read-only place, somebody else's project."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadflow.events.model import NodeStarted
from leadflow.run.adapters import SystemClock
from leadflow.stores.sqlite import SqliteStore
from tests.stores.conformance import new_run


@pytest.fixture
def project() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder
        for each in (folder, folder / ".leadflow"):
            each.chmod(0o755)


async def _kept(project: Path, ends: tuple[str, ...]) -> None:
    """A journal with one run, as a process that has it open, or died, leaves it."""
    work, place = project / "work", project / ".leadflow"
    place.mkdir()
    store = SqliteStore(work / "journal.db", SystemClock(), owner="one")
    await store.open()
    journal = await store.create(new_run("aaaa"), "plan")
    await journal.append([NodeStarted("main/a")])
    if not ends:
        await store.aclose()
    for end in ("", *ends):
        shutil.copy(work / f"journal.db{end}", place)
        (place / f"journal.db{end}").chmod(0o444)
    await store.aclose()
    place.chmod(0o555)


def _typed(project: Path, *words: str) -> tuple[int, str]:
    """A command of somebody who may not write there; root may write anywhere."""
    somebody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    command = [*somebody, sys.executable, "-m", "leadflow", *words, "--in", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("ends", [(), ("-wal", "-shm")], ids=["closed", "left open"])
def test_a_journal_that_may_not_be_written_can_be_looked_at(project: Path, ends: tuple[str, ...]) -> None:
    """What a process left in the log beside the file belongs to it, and nothing is put beside it."""
    asyncio.run(_kept(project, ends))
    before = sorted(os.listdir(project / ".leadflow"))
    code, said = _typed(project, "runs")
    assert (0, True, before) == (code, "aaaa" in said, sorted(os.listdir(project / ".leadflow")))


def test_a_log_that_cannot_be_read_is_not_left_out(project: Path) -> None:
    """Without its index SQLite would have to write to read it: better no runs than too few, and what to do."""
    asyncio.run(_kept(project, ("-wal",)))
    code, said = _typed(project, "runs")
    assert (1, True) == (code, "copy it, with all files beside it" in said)


def test_what_would_write_is_refused(project: Path) -> None:
    """Nothing is changed in such a journal."""
    asyncio.run(_kept(project, ()))
    code, said = _typed(project, "runs", "rm", "aaaa", "--force")
    assert (1, True) == (code, "may not be written here" in said)


def test_a_folder_that_nobody_else_may_enter_is_told(project: Path) -> None:
    """Case D8: the message says what stands in the way."""
    asyncio.run(_kept(project, ()))
    (project / ".leadflow").chmod(0)
    code, said = _typed(project, "runs")
    assert (1, True) == (code, "cannot be read: Permission denied" in said)


def test_a_copy_that_cannot_be_made_is_told(project: Path) -> None:
    """Case D19: what stands in the way is the copy's place, and nothing of the journal."""
    asyncio.run(_kept(project, ()))
    copy = project / ".leadflow" / "copy.db"
    code, said = _typed(project, "journal", "backup", str(copy))
    assert (1, f"error: the copy {copy} cannot be made: Permission denied\n") == (code, said)
