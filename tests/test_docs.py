"""What the documents show is true: their flows check as they say, their commands print what they print.

- A ` ```flow ` block is a whole file in which no error is found; in one marked ` ```flow error FLOW301 ` at least that
  code is.
- A ` ```console ` block is a session: after `$ ` a command, below it what it prints; a line `...` stands for any lines.
- A ` ```sh tested ` block runs and must succeed. Other ` ```sh ` blocks are not run here: the README's two set-up
  commands are run by `.ci/run`.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blocks import Block, blocks
from tests.checking import findings
from tests.testing.trying import made, told

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "grammar/SPEC.md",
    "grammar/GUIDE.md",
    ".github/CONTRIBUTING.md",
    ".github/decisions/README.md",
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")

pytestmark = pytest.mark.house


def flows(document: str) -> Iterator[Block]:
    """The blocks of a document that are flows."""
    return blocks(document, "flow")


def wide(document: str) -> Iterator[int]:
    """The lines of paragraphs and lists that are wider than code may be."""
    is_code = False
    for number, line in enumerate(document.splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        if not is_code and not line.lstrip().startswith("|") and len(line.rstrip()) > 120:
            yield number


def errors(block: Block) -> list[str]:
    """What a flow of a document gives against its mark: errors where none may be, or the lack of the promised code."""
    found = findings(block.text)
    match block.words:
        case ():
            return [f"line {block.line}: {one.code} {one.message}" for one in found if one.severity == "error"]
        case ("error", code) if code in {one.code for one in found}:
            return []
        case words:
            return [f"line {block.line}: {' '.join(words)} gives {[one.code for one in found]}"]


def run(command: str, folder: Path) -> tuple[int, str]:
    """Exit code and everything printed of a command line, as on a terminal that is no terminal."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def session(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines it prints."""
    command, printed = "", list[str]()
    for line in [*text.splitlines(), "$ "]:
        if not line.startswith("$ "):
            printed.append(line.rstrip())
            continue
        if command:
            yield command, printed
        command, printed = line.removeprefix("$ "), []


def prints(wanted: list[str], actual: str) -> bool:
    """Whether a command printed what a document says; `...` stands for any lines, also none."""
    parts = ["(?:.*\n)*" if line.strip() == "..." else re.escape(line) + "[ ]*\n" for line in wanted]
    return re.fullmatch("".join(parts), actual.rstrip("\n") + "\n" if actual.strip() else "") is not None


def lies(document: str, folder: Path) -> Iterator[str]:
    """Every command of a document that fails, or prints something else than the document says."""
    for block in blocks(document):
        if block.language == "sh" and "tested" in block.words:
            code, printed = run(block.text, folder)
            if code != 0:
                yield f"line {block.line}: exit code {code}\n{printed}"
        elif block.language == "console":
            for command, wanted in session(block.text):
                code, printed = run(command, folder)
                if "Traceback" in printed or code > 1 or not prints(wanted, printed):
                    yield f"line {block.line}: $ {command}\n{printed}(exit code {code})"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_flows_of_the_documents_check(name: str) -> None:
    """Every flow of a document is accepted, or gives the code that its mark promises."""
    document = (ROOT / name).read_text("utf-8")
    assert [] == [line for block in flows(document) for line in errors(block)]


def test_the_tests_of_the_guide_pass(tmp_path: Path) -> None:
    """What the page shows as a test holds."""
    texts = [block.text for block in flows((ROOT / "grammar/GUIDE.md").read_text("utf-8")) if "\ntest " in block.text]
    outcomes = [outcome for text in texts for outcome in made(text, tmp_path)]
    assert outcomes
    assert [] == [told(one) for one in outcomes if one.passed < len(one.samples)]


def test_the_reference_has_flows() -> None:
    """The reference shows the language by flows that are right and by flows that are wrong."""
    marks = [block.words for block in flows((ROOT / "grammar/SPEC.md").read_text("utf-8"))]
    assert len(marks) >= 50
    assert {(), ("error",)} == {words[:1] for words in marks}


@pytest.mark.parametrize(
    ("fence", "text", "found"),
    [
        ("flow", "leadflow 1\nconst a = 1", 0),
        ("flow", "leadflow 1\nconst a = = 1", 1),
        ("flow error FLOW101", "leadflow 1\nconst a = 1", 1),
        ("flow wrong", "leadflow 1\nconst a = 1", 1),
        ("flow error", "leadflow 1\nconst a = = 1", 1),
    ],
)
def test_a_planted_flow_is_found(fence: str, text: str, found: int) -> None:
    """A flow with an error, a promise that is not kept, and a mark that says nothing are reported."""
    (block,) = flows(f"```{fence}\n{text}\n```\n")
    assert found == len(errors(block))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what a reader of the README has: the examples, in a clone."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def test_the_commands_of_the_readme_tell_the_truth(checkout: Path) -> None:
    """Each command that the README shows with its output prints that output."""
    assert [] == list(lies((ROOT / "README.md").read_text("utf-8"), checkout))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a document leads to a file of the repository."""
    document = ROOT / name
    links = LINK.findall(document.read_text("utf-8"))
    assert [] == [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize("name", (*DOCUMENTS[:3], "CHANGELOG.md"))
def test_paragraphs_keep_to_the_width(name: str) -> None:
    """As code does, so that two versions of a page can be compared line by line."""
    assert [] == list(wide((ROOT / name).read_text("utf-8")))


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (f"{'a ' * 60}\n", []),
        (f"\n{'a ' * 60}a\n", [2]),
        (f"| {'a ' * 60} |\n", []),
        (f"```\n{'a ' * 70}\n```\n- {'b' * 120}\n", [4]),
    ],
)
def test_a_planted_wide_line_is_found(document: str, found: list[int]) -> None:
    """Tables and code are as wide as what they hold."""
    assert found == list(wide(document))


def test_the_readme_has_its_two_commands() -> None:
    """One line makes an environment and runs the first example, one runs the tests: CI runs these very lines."""
    text = (ROOT / "README.md").read_text("utf-8")
    lines = [line for block in blocks(text, "sh") for line in block.text.splitlines() if "-m venv" in line]
    assert ["examples/01_triage", "-m pytest -q"] == [
        part for line in lines for part in ("examples/01_triage", "-m pytest -q") if part in line
    ]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ("```console\n$ echo a; echo b\na\nb\n```\n", 0),
        ("```console\n$ echo a; echo b\na\n```\n", 1),
        ("```console\n$ echo a; echo b\n...\nb\n$ printf 'x  '\nx\n```\n", 0),
        ("```console\n$ true\n$ echo c\nd\n```\n", 1),
        ("```console\n$ echo told; exit 1\ntold\n```\n", 0),
        ("```console\n$ echo told; exit 2\ntold\n```\n", 1),
        ("```console\n$ true\nnever\n```\n", 1),
        ("```sh tested\nfalse\ntrue\n```\n", 1),
        ("```sh tested\ntest -t 0 && exit 1\ntrue\n```\n", 0),
        ("```sh\nfalse\n```\n", 0),
    ],
)
def test_a_planted_lie_is_found(document: str, found: int, tmp_path: Path) -> None:
    """What a command does not print, or a command that fails, is reported once."""
    assert found == len(list(lies(document, tmp_path)))
