"""How the house writes: lint and types are tests, and so are the rules that no linter knows."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("leadflow", "tests", "examples")
ENUMS = {"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"}
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K|NotImplemented[E]rror)\b")

BROAD = {
    "leadflow/run/under_way.py": "calls agents, and posts what they raise as an event",
    "leadflow/run/driver.py": "shows entries to observers, and logs what they raise",
    "leadflow/policies/call.py": "calls agents: what they raise is a failure of the call, the rest is raised again",
    "leadflow/policies/renewal.py": "closes an agent that nobody uses any more, and logs what it raises",
    "leadflow/agents/mcp/link.py": "holds a connection in a task of its own, and tells who waits how it ended",
    "leadflow/agents/python.py": "carries what an author's function raises from its thread to the task that waits",
    "leadflow/stores/writer.py": "hands it to whoever waits in the loop, where it is raised again",
    "tests/fuzz/fuzz_sources.py": "looks for the exceptions that must not be",
    "tests/fuzz/fuzz_expressions.py": "looks for the exceptions that must not be",
    "leadflow/plugins.py": "loads a stranger's package, and says what it raised",
}
"""Where any exception at all may be caught and kept, and why."""

LAWFUL_TWINS = ["leadflow/plan/expr.py: BinaryOp and leadflow/syntax/tree.py: BinaryOp"]
"""Of the tree and of the plan: neither room may see the other, so this test holds them together."""

pytestmark = pytest.mark.house


def python_files() -> dict[str, str]:
    """The text of every Python file of the repository by its path from the root."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}


def complaints(*command: str) -> str:
    """What a checker of this environment prints when it is not content; empty when it is."""
    run = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, check=False)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def test_ruff_is_content() -> None:
    """The linter finds nothing."""
    assert "" == complaints("ruff", "check", ".")


def test_mypy_is_content() -> None:
    """Types hold strictly, in the package and in the tests."""
    assert "" == complaints("mypy")


def test_ruff_finds_a_planted_mistake() -> None:
    """The linter is not configured into silence: a banned module and a late import are both seen."""
    planted = '"""A."""\nimport time\n\ndef late() -> float:\n    import os\n    return os.getpid() + time.time()\n'
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename=leadflow/planted.py", "-"]
    run = subprocess.run(command, input=planted, capture_output=True, text=True, cwd=ROOT, check=False)
    assert 1 == run.returncode
    assert {"TID251", "PLC0415"} <= set(re.findall(r"\b[A-Z]+[0-9]+\b", run.stdout))


def test_mypy_finds_a_planted_mistake(tmp_path: Path) -> None:
    """The type checker is strict: a wrong result and an untyped function are both seen."""
    (tmp_path / "planted.py").write_text("def f(x: int) -> str:\n    return x\n\ndef g(x):\n    return x\n")
    run = complaints("mypy", str(tmp_path / "planted.py"))
    assert {"return-value", "no-untyped-def"} <= set(re.findall(r"\[([a-z-]+)\]", run))


def slips(text: str, file: str) -> Iterator[str]:
    """What a file says or leaves out against the house's manners, with its line."""
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield f"{file}:1: opens without saying what it decides"
    for number, line in enumerate(text.splitlines(), 1):
        if found := UNFINISHED.search(line):
            yield f"{file}:{number}: {found.group()}: finish it, or leave it out"
    for node in ast.walk(tree):
        match node:
            case ast.ExceptHandler(type=None | ast.Name(id="Exception" | "BaseException"), body=[*_, last]):
                if file in BROAD or (isinstance(last, ast.Raise) and (last.exc is None or last.cause is not None)):
                    continue
                yield f"{file}:{node.lineno}: catches everything; name what can happen"
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if file.startswith("tests/") and name.startswith("test_") and not ast.get_docstring(node):
                    yield f"{file}:{node.lineno}: {name} does not say its truth in a docstring"


def test_manners() -> None:
    """Every module opens with its theory, every test says its truth, nothing is left unfinished or swallowed."""
    assert [] == [line for file, text in python_files().items() for line in slips(text, file)]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("x = 1\n", "leadflow/run/driver.py"),
        ('"""A."""\n# TO' + "DO: later\n", "leadflow/run/driver.py"),
        ('"""A."""\ndef f():\n    raise NotImplemented' + "Error\n", "leadflow/run/driver.py"),
        ('"""A."""\ntry:\n    f()\nexcept Exception:\n    g()\n', "leadflow/run/kernel.py"),
        ('"""A."""\ntry:\n    f()\nexcept:\n    raise ValueError\n', "tests/test_a.py"),
        ('"""A."""\nclass TestA:\n    async def test_a(self): ...\n', "tests/test_a.py"),
    ],
)
def test_a_planted_slip_is_found(text: str, file: str) -> None:
    """Each of these is reported once."""
    assert 1 == len(list(slips(text, file)))


@pytest.mark.parametrize("last", ["raise", "raise Failed(str(e)) from e"])
def test_passing_on_is_no_slip(last: str) -> None:
    """A handler of everything that ends in a bare `raise`, or in one with its cause, swallows nothing."""
    text = f'"""A."""\ntry:\n    f()\nexcept BaseException as e:\n    g()\n    {last}\n'
    assert [] == list(slips(text, "leadflow/a.py"))


def choices(text: str, file: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Every enum and every named `Literal` of a file: where it stands, and its members."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ClassDef(name=name, bases=bases) if ENUMS & {ast.unparse(b).split(".")[-1] for b in bases}:
                targets = [part.targets[0] for part in node.body if isinstance(part, ast.Assign)]
                members = {target.id.lower() for target in targets if isinstance(target, ast.Name)}
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Subscript(value=ast.Name(id="Literal"), slice=values)
            ):
                members = {str(ast.literal_eval(value)).lower() for value in getattr(values, "elts", [values])}
            case _:
                continue
        if len(members) > 1:
            yield f"{file}: {name}", frozenset(members)


def twins(files: dict[str, str]) -> list[str]:
    """Pairs of enums that have the same members, and will drift apart."""
    found = [choice for file, text in sorted(files.items()) for choice in choices(text, file)]
    return [f"{a} and {b}" for (a, first), (b, second) in combinations(found, 2) if first == second]


def test_no_enum_is_written_twice() -> None:
    """No two enums or named literals of the package have the same members; the lawful twins still have."""
    assert LAWFUL_TWINS == twins({file: text for file, text in python_files().items() if file.startswith("leadflow/")})


def test_planted_twins_are_found() -> None:
    """An enum and a literal with the same members are one thing written twice, whatever their order."""
    enum = "class State(StrEnum):\n    DONE = 'done'\n    FAILED = 'failed'\n"
    literal = "Outcome = Literal['failed', 'done']\n"
    assert ["a.py: State and b.py: Outcome"] == twins({"a.py": enum, "b.py": literal})
    assert [] == twins({"a.py": enum, "b.py": "Outcome = Literal['failed', 'done', 'skipped']\n"})
