"""The table of runs: how wide it is, and what it leaves out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from leadflow.cli.views.kept import Table, data, show
from leadflow.due import Idle, InDoubt
from leadflow.events.model import Status
from leadflow.run.store import RunRow
from leadflow.settings import Project, Settings
from tests.cli.session import leadflow

ROW = RunRow("", "main", "hash", "main.flow", "digest", "{}", 1_000_000.0, Status.DONE, 1_000_002.0, 1, None, False, 1)
PROJECT = Project(Path(), Settings())


def rows(*ids: str) -> list[RunRow]:
    """Runs of these ids, the newest first."""
    return [replace(ROW, id=one) for one in ids]


def shown(capsys: pytest.CaptureFixture[str], table: Table) -> tuple[list[str], str]:
    """The ids that a table shows, and what is told beside it."""
    show(table, PROJECT, now=1_000_100.0)
    out, err = capsys.readouterr()
    return [line.split()[0] for line in out.splitlines()[1:]], err


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (["0d618f38-f08a-4d46", "9f7fe8e3-65e7-4c6f"], ["0d618f38", "9f7fe8e3"]),
        (["0d618f38-f08a-4d46"], ["0d618f38"]),
        (["0d618f38-f08a", "9f7fe8e3-65e7", "0d618f38-f1"], ["0d618f38-f0", "9f7fe8e3-65", "0d618f38-f1"]),
        (["short", "shorter"], ["short", "shorter"]),
    ],
)
def test_an_id_is_as_long_as_it_takes(
    capsys: pytest.CaptureFixture[str], ids: Sequence[str], told: Sequence[str]
) -> None:
    """Eight characters of it name a run, or as many as tell it from the others."""
    assert (told, "") == shown(capsys, Table(rows(*ids), Idle((), ()), "", are_all=True))


def test_older_runs_are_counted_and_not_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    """What is left out is said, with the command that shows it, and what a run left out needs somebody's word for."""
    some = rows(*(f"run-{number:04}-0" for number in range(25)))
    table = Table(some, Idle((), (InDoubt(some[24], ("main/pay",)),)), " --in shop", are_all=True, last=20)
    ids, told = shown(capsys, table)
    assert [f"run-{number:04}" for number in range(20)] == ids
    first, doubt = told.splitlines()
    assert "and 5 older; `leadflow runs ls --in shop` lists all" == first
    assert doubt.startswith("run run-0024-0 is in doubt")
    assert [row.id for row in some[:20]] == [one["run"] for one in data(table, PROJECT)]


def test_the_command_shows_the_newest(tmp_path: Path) -> None:
    """`--last` bounds what `ls` lists, and has nothing to do with questions."""
    (tmp_path / "main.flow").write_text("leadflow 1\nflow main(n: int) -> int {\n  return n\n}\n")
    for number in range(3):
        assert 0 == leadflow("run", "main.flow", "-q", "-i", f"n={number}", folder=tmp_path).code
    assert 4 == len(leadflow("runs", folder=tmp_path).stdout.splitlines())
    said = leadflow("runs", "ls", "--last", "2", folder=tmp_path)
    assert (3, "and 1 older; `leadflow runs ls` lists all\n") == (len(said.stdout.splitlines()), said.stderr)
    assert 2 == leadflow("runs", "ls", "--last", "2", "--waiting", folder=tmp_path).code
    refused = leadflow("runs", "ls", "--last", "0", folder=tmp_path)
    assert (2, "error: --last: 0 is not in the range x>=1; see `leadflow runs ls --help`\n") == (
        refused.code,
        refused.stderr,
    )
