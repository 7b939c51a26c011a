"""What `check` keeps: it saves time and changes nothing else, whatever happens to the files and to what was kept."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadflow.cli import kept
from leadflow.cli.memory import Memory
from leadflow.cli.programs import check_flow
from leadflow.diagnostics.render import to_json
from tests.chunks import read_chunks
from tests.cli.session import leadflow

CASES = sorted(path for path in (Path(__file__).parent.parent / "cases").rglob("*.flow"))
WRONG = "leadflow 1\nuse parts (SIZE)\nconst x = SIZ\nflow f() -> int { return 1 }\n"
PARTS = "leadflow 1\nconst SIZE = 1\nconst y = 2\n"
ENTRIES = (".leadflow", "cache", "check")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose main file has a mistake and imports another; nobody's home but its neighbour's."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "main.flow").write_text(WRONG, "utf-8")
    (root / "parts.flow").write_text(PARTS, "utf-8")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(root)
    return root


def entries(root: Path) -> list[Path]:
    """What is kept below a folder."""
    return sorted(root.joinpath(*ENTRIES).glob("*"))


def keep(name: str = "main.flow") -> None:
    """Check a program and keep what is said."""
    finding = check_flow(name).finding
    assert finding is not None
    Memory().keep(name, finding)


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_what_is_recalled_is_what_a_check_says(cases: Path, project: Path) -> None:
    """Of every case: the same findings with the same places, labels, notes and fixes, in the same order."""
    memory = Memory()
    for chunk in read_chunks(cases):
        (project / "main.flow").write_text(chunk.text, "utf-8")
        checking = check_flow("main.flow")
        if checking.finding is None:
            assert "FLOW206" in {one.code for one in checking.said.found}  # a kind that a package could bring
            continue
        memory.keep("main.flow", checking.finding)
        known, said = Memory().recall("main.flow"), checking.said
        assert known is not None
        assert (said.name, said.found, said.alone) == (known.name, known.found, known.alone)
        assert to_json(said.found, said.sources) == to_json(known.found, known.sources)


@pytest.mark.parametrize("form", ["text", "concise", "json", "sarif", "github"])
@pytest.mark.parametrize("files", [["main.flow"], ["main.flow", "parts.flow"], ["."]])
def test_every_format_is_the_same_byte_for_byte(form: str, files: list[str], project: Path) -> None:
    """Without what was kept, when it is kept, and from what was kept."""
    words = ("check", *files, "--format", form)
    anew = leadflow(*words, "--no-cache", folder=project)
    assert [] == entries(project)
    assert [anew, anew] == [leadflow(*words, folder=project) for _ in range(2)]
    assert entries(project)


CHANGES: dict[str, Callable[[Path], object]] = {
    "the main file": lambda root: (root / "main.flow").write_text(WRONG.replace("SIZ\n", "SIZE\n")),
    "an imported file": lambda root: (root / "parts.flow").write_text(PARTS.replace("SIZE", "WIDTH")),
    "an imported file, in size the same": lambda root: (root / "parts.flow").write_text(PARTS.replace("SIZE", "SIZZ")),
    "an imported file goes": lambda root: (root / "parts.flow").unlink(),
    "an imported file is renamed": lambda root: (root / "parts.flow").rename(root / "Parts.flow"),
    "an imported file lies elsewhere": lambda root: (root / "parts.flow").replace(root.parent / "parts.flow"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str, project: Path) -> None:
    """What was said of other texts is not said again."""
    leadflow("check", "main.flow", folder=project)
    CHANGES[change](project)
    assert Memory().recall("main.flow") is None
    assert leadflow("check", "main.flow", "--no-cache", folder=project) == leadflow(
        "check", "main.flow", folder=project
    )


def test_a_file_that_was_missing_is_seen_when_it_comes(project: Path) -> None:
    """What was asked for and not there is part of what an entry stands on."""
    (project / "parts.flow").unlink()
    missing = leadflow("check", "main.flow", folder=project)
    (project / "parts.flow").write_text(PARTS)
    assert missing != leadflow("check", "main.flow", folder=project)


def test_another_installation_checks_anew(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version, another Python, other files of ours: any of them may say something else."""
    keep()
    assert Memory().recall("main.flow") is not None
    monkeypatch.setattr("leadflow.__version__", "9.9.9")
    assert Memory().recall("main.flow") is None
    monkeypatch.undo()
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "version", "3.99")
    assert Memory().recall("main.flow") is None


def test_our_own_files_are_looked_at(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a checkout the code changes without a new version."""
    (tmp_path / "std").mkdir()
    monkeypatch.setattr("leadflow.cli.memory.STDLIB", tmp_path / "std")
    keep()
    assert Memory().recall("main.flow") is not None
    (tmp_path / "std" / "new.flow").write_text("leadflow 1\n")
    assert Memory().recall("main.flow") is None


def test_what_depends_on_other_packages_is_not_kept(project: Path) -> None:
    """A kind that may come from a package: the package can change without a trace in our files."""
    (project / "main.flow").write_text("leadflow 1\nagent a: acme.fax {}\n")
    assert check_flow("main.flow").finding is None
    assert leadflow("check", "main.flow", folder=project) == leadflow("check", "main.flow", folder=project)
    assert [] == entries(project)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_entry_is_ignored(data: st.DataObject, project: Path) -> None:
    """Cut, with a bit turned, or another's JSON with a right hash: the check says what it says without."""
    keep()
    (entry,) = entries(project)
    whole = entry.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    turned = whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
    entry.write_bytes(data.draw(st.sampled_from([whole[:at], turned, b"", b"\n", b"\xff\n{}"])))
    assert Memory().recall("main.flow") is None


@pytest.mark.parametrize("body", [b"[]", b"{}", b"1", b'{"stamp": 1}', b"\xff"])
def test_what_is_no_entry_is_ignored(body: bytes, project: Path) -> None:
    """Also where its hash is right."""
    keep()
    (entry,) = entries(project)
    entry.write_bytes(blake2b(body, digest_size=16).hexdigest().encode("ascii") + b"\n" + body)
    assert Memory().recall("main.flow") is None


def test_what_was_kept_can_go_at_any_time(project: Path) -> None:
    """The next check says the same."""
    first = leadflow("check", "main.flow", folder=project)
    rmtree(project / ".leadflow")
    assert first == leadflow("check", "main.flow", folder=project)


@pytest.mark.parametrize("part", [ENTRIES[:1], ENTRIES[:2], ENTRIES])
def test_no_link_is_followed(part: tuple[str, ...], project: Path) -> None:
    """A project cannot have files written elsewhere: its cache is refused, and the user's own serves."""
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    project.joinpath(*part[:-1]).mkdir(parents=True, exist_ok=True)
    project.joinpath(*part).symlink_to(elsewhere, target_is_directory=True)
    keep()
    assert [] == list(elsewhere.rglob("*"))
    assert Memory().recall("main.flow") is not None
    assert 1 == len(list((project.parent / "home" / ".cache" / "leadflow" / "check").iterdir()))


def test_version_control_and_backups_leave_it_alone(project: Path) -> None:
    """By the signs that they know."""
    keep()
    assert (project / ".leadflow" / "cache" / ".gitignore").read_text().endswith("\n*\n")
    assert (project / ".leadflow" / "cache" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f59")


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Rights like anybody's: root, who may write everywhere, is somebody else meanwhile. A folder for a project."""
    own = os.geteuid()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o777)
        (root / "main.flow").write_text("leadflow 1\nconst x = y\n")
        monkeypatch.chdir(root)
        check_flow("main.flow")  # modules may lie where only root may read
        if own == 0:
            os.seteuid(65534)
        yield root
        os.seteuid(own)
        root.chmod(0o777)


@pytest.mark.parametrize("home", ["home", "nowhere"])
def test_a_project_that_may_not_be_written_uses_the_users_own(
    home: str, nobody: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where there is no such place either, nothing is kept and nothing is said of it."""
    (nobody / "home").mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(nobody / home))
    (nobody / ".leadflow").write_text("in the way, as a folder is that may not be written")
    said = leadflow("check", "main.flow", folder=nobody)
    assert said == leadflow("check", "main.flow", folder=nobody)
    assert [] == entries(nobody)
    assert (home == "home") == (Memory().recall("main.flow") is not None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_nobody_elses_entry_is_believed(project: Path) -> None:
    """In a folder that all may write, another user could say that there are no mistakes."""
    keep()
    assert Memory().recall("main.flow") is not None
    (entry,) = entries(project)
    os.chown(entry, 65534, -1)
    assert Memory().recall("main.flow") is None


def test_what_is_kept_is_bounded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest half goes when there is too much; what is too large is not kept at all."""
    monkeypatch.setattr(kept, "MOST_FILES", 10)
    place = kept.Kept(project, "check")
    for number in range(11):
        place.write(f"{number}.json", b"x")
        os.utime(project.joinpath(*ENTRIES, f"{number}.json"), (number, number))
    place.write("large.json", b"x" * (kept.MOST_BYTES + 1))
    place.tidy()
    assert {"6.json", "7.json", "8.json", "9.json", "10.json"} == {path.name for path in entries(project)}
    place.tidy()
    assert 5 == len(entries(project))


def test_many_at_once_say_the_same(project: Path) -> None:
    """At their first use, in the same folder, at the same time."""
    command = [sys.executable, "-c", "from leadflow.cli.main import main; main()", "check", "main.flow"]
    running = [subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = {one.communicate(timeout=60)[0] for one in running}
    assert {leadflow("check", "main.flow", "--no-cache", folder=project).stdout} == said
    assert 1 == len(entries(project))


def test_an_unchanged_program_loads_no_checker(project: Path) -> None:
    """That is what makes it fast: neither the parser nor the checker is imported."""
    show = "atexit.register(lambda: print(*sys.modules))"
    code = f"import sys, atexit; {show}; from leadflow.cli.main import main; main()"
    loaded = [
        subprocess.run(
            [sys.executable, "-c", code, "check", "main.flow"], cwd=project, capture_output=True, text=True, check=False
        ).stdout
        for _ in range(2)
    ]
    assert "leadflow.check.infer" in loaded[0]
    assert not any(room in loaded[1] for room in ("leadflow.syntax", "leadflow.pipeline", "leadflow.check.check"))
