"""Nothing grows past what one reader holds in mind: ceilings for files, functions, classes, tests too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, PARAMETERS, METHODS = 600, 60, 8, 20

pytestmark = pytest.mark.house

Function = ast.FunctionDef | ast.AsyncFunctionDef


def length(function: Function) -> int:
    """Lines from the `def` to the end, without the docstring: an explain page is prose."""
    last = function.end_lineno or function.lineno
    text = function.body[0]
    prose = 0
    if ast.get_docstring(function) is not None:
        prose = (text.end_lineno or text.lineno) - text.lineno + 1
    return last - function.lineno + 1 - prose


def parameters(function: Function) -> int:
    """Parameters that a caller gives."""
    names = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return len([name for name in names if name.arg not in ("self", "cls")])


def methods(body: list[ast.stmt]) -> int:
    """Different method names of a class body: overloads and setters count once."""
    return len({part.name for part in body if isinstance(part, Function)})


def excesses(text: str, file: str) -> Iterator[str]:
    """Every ceiling that a file's text breaks, with its line."""
    if (lines := sum(1 for line in text.splitlines() if line.strip())) > FILE_LINES:
        yield f"{file}: {lines} lines that are not blank, at most {FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function):
            where = f"{file}:{node.lineno}: {node.name}"
            if (lines := length(node)) > FUNCTION_LINES:
                yield f"{where} has {lines} lines, at most {FUNCTION_LINES}"
            if (count := parameters(node)) > PARAMETERS:
                yield f"{where} takes {count} parameters, at most {PARAMETERS}"
        elif isinstance(node, ast.ClassDef) and (count := methods(node.body)) > METHODS:
            yield f"{file}:{node.lineno}: {node.name} has {count} methods, at most {METHODS}"


def test_everything_keeps_its_shape() -> None:
    """No file, function or class of the package or of the tests is over its ceiling."""
    files = [path for folder in ("leadflow", "tests", "examples") for path in (ROOT / folder).rglob("*.py")]
    assert Path(__file__).resolve() in files
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}
    assert [] == [line for file, text in texts.items() for line in excesses(text, file)]


BODY = "    x = 1\n" * FUNCTION_LINES
PROSE = '    """A page.\n' + "    Text.\n" * 100 + '    """\n'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = 1\n" * (FILE_LINES + 1), 1),
        ("x = 1\n\n" * FILE_LINES, 0),
        ("def f():\n" + BODY, 1),
        ("class A:\n  async def f(self):\n" + BODY, 1),
        ("def f():\n" + PROSE + "    return 1\n", 0),
        ("def f():\n" + PROSE + BODY, 1),
        ("def f(a, b, c, d, e, f, *, g, h, i): ...", 1),
        ("class A:\n  def f(self, a, b, c, d, e, f, *, g, h): ...", 0),
        ("class A:\n" + "".join(f"  def f{n}(self): ...\n" for n in range(METHODS + 1)), 1),
        ("class A:\n" + "".join(f"  def f{n % METHODS}(self): ...\n" for n in range(2 * METHODS)), 0),
    ],
)
def test_a_planted_excess_is_found(text: str, found: int) -> None:
    """Each ceiling is reported when it is broken by one, and not at the ceiling itself."""
    assert found == len(list(excesses(text, "planted.py")))


def test_the_top_level_is_the_one_of_the_picture() -> None:
    """Nothing joins the files and folders at the top: what is new belongs into one of them."""
    pictured = {"leadflow", "grammar", "stdlib", "examples", "tests"}
    pictured |= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}
    made = {"build", "dist", "node_modules"}
    assert pictured == {path.name for path in ROOT.iterdir() if path.name[0] != "."} - made
