"""Files as the checker may read them: from below the root only, and nothing stays open."""

import os
from pathlib import Path

import pytest

from leadflow.check.reading import ReadProblem
from leadflow.files import MOST_BYTES, find_main, find_root, reader


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a flow in a folder, beside a neighbour's."""
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "secret.flow").write_text("secret")
    project = tmp_path / "project"
    (project / "parts").mkdir(parents=True)
    (project / "leadflow.toml").touch()
    (project / "parts" / "a.flow").write_text("a")
    return project


def test_a_flow_is_known_by_its_path_from_the_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is named: absolute, from the working folder, through `..` or a linked folder."""
    (root.parent / "link").symlink_to(root / "parts", target_is_directory=True)
    monkeypatch.chdir(root / "parts")
    names = [root / "parts" / "a.flow", Path("a.flow"), Path("../parts/a.flow"), root.parent / "link" / "a.flow"]
    assert [(root, "parts/a.flow")] * 4 == [find_main(name) for name in names]


def test_a_linked_flow_belongs_where_the_link_stands(root: Path) -> None:
    """A link inside of the project is one of its files; a link out of it leads nowhere."""
    (root / "near.flow").symlink_to("parts/a.flow")
    (root / "far.flow").symlink_to("../neighbour/secret.flow")
    assert (root, "near.flow") == find_main(root / "near.flow")
    read = reader(root)
    assert b"a" == read("near.flow")
    assert ReadProblem("outside", "its place is outside of the project") == read("far.flow")


def test_the_root_may_be_reached_through_a_link(root: Path) -> None:
    """Where the project really lies does not matter to those who read it."""
    (root.parent / "project link").symlink_to(root, target_is_directory=True)
    linked = root.parent / "project link"
    assert b"a" == reader(linked)("parts/a.flow")
    assert root == find_root(linked / "parts" / "a.flow")


def test_no_more_is_read_than_is_needed_to_refuse(root: Path) -> None:
    """A file of any size is cut one byte behind the limit."""
    with (root / "large.flow").open("wb") as file:
        file.truncate(10 * MOST_BYTES)
    data = reader(root)("large.flow")
    assert isinstance(data, bytes)
    assert MOST_BYTES + 1 == len(data)


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        ("parts", "not_a_file"),
        ("fifo.flow", "not_a_file"),
        ("gone.flow", "missing"),
        ("gone/a.flow", "missing"),
        ("parts/a.flow/b.flow", "missing"),
        ("parts/A.flow", "case"),
        ("../neighbour/secret.flow", "outside"),
        ("round.flow", "outside"),
        ("link/secret.flow", "outside"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_stays_open(root: Path, path: str, trouble: str) -> None:
    """Each has its trouble, and the process has as many open files as before."""
    os.mkfifo(root / "fifo.flow")
    (root / "round.flow").symlink_to("round.flow")
    (root / "link").symlink_to(root.parent / "neighbour", target_is_directory=True)
    read = reader(root)
    before = sorted(os.listdir("/proc/self/fd"))
    found = [read(path) for _ in range(5)]
    assert before == sorted(os.listdir("/proc/self/fd"))
    assert [trouble] * 5 == [one.trouble for one in found if isinstance(one, ReadProblem)]
