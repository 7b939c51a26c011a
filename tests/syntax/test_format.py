"""The formatter: what it writes, that it writes everything, and that it writes it in one way only."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given

from leadflow.cli.new import FILES as BEGUN
from leadflow.diagnostics import Report, Source
from leadflow.syntax import tree
from leadflow.syntax.format import format_source, format_text, format_tree
from leadflow.syntax.lexer import comments
from leadflow.syntax.parser import parse
from tests.making.trees import random_tree
from tests.strategies import layouts, trees

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = sorted(path for folder in ("examples", "stdlib") for path in (ROOT / folder).rglob("*.flow"))
FILES = [*OURS, ROOT / "tests" / "data" / "example.flow"]
TEXTS = [path.read_text("utf-8") for path in FILES]


def understood(text: str) -> tree.File:
    """The tree of a text without mistakes."""
    report = Report()
    file = parse(Source("<text>", text), report)
    assert [] == [(found.code, found.message) for found in report if found.severity == "error"]
    return file


def formatted(text: str) -> str:
    """A text without mistakes, written anew."""
    source = Source("<text>", text)
    return format_source(source, understood(text), comments(source))


def notes(text: str) -> Counter[str]:
    """The comments of a text; what begins with `##` and documents nothing may lose a `#`."""
    return Counter(comment.text.removeprefix("##").removeprefix("#").strip() for comment in comments(Source("", text)))


def in_flow(*lines: str) -> str:
    """Lines of a flow's body as a file."""
    body = "".join(f"  {line}\n" if line else "\n" for line in lines)
    return f"leadflow 1\n\nflow f() {{\n{body}}}\n"


@given(trees())
def test_a_tree_comes_back_from_its_text(made: tree.File) -> None:
    """parse(format(tree)) is the tree, for every form of every node."""
    assert made == understood(format_tree(made))


@given(layouts(*TEXTS))
def test_formatting_keeps_the_tree_and_the_comments(text: str) -> None:
    """However a text is laid out, formatting keeps what it says, loses no comment, and is done after one time."""
    once = formatted(text)
    assert understood(text) == understood(once)
    assert notes(text) == notes(once)
    assert once == formatted(once)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_of_the_repository_survive(path: Path) -> None:
    """Every file of ours keeps its tree and its comments, and formatting it twice is formatting it once."""
    text = path.read_text("utf-8")
    once = formatted(text)
    assert understood(text) == understood(once)
    assert notes(text) == notes(once)
    assert once == formatted(once)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_we_ship_is_formatted(path: Path) -> None:
    """Examples and the standard library are written as the formatter writes."""
    assert formatted(path.read_text("utf-8")) == path.read_text("utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "let x = a + b * c ?? d",
        "let x = (a + b) * -c",
        "let x = a - (b - c) - d",
        "let x = (a == b) == c",
        "let x = not a in b and (c or d)",
        "let x = (not a) == b",
        "let x = (if a then b else c).d",
        "let x = if a then b else if c then d else e",
        "let x = (match a { 1 then b }) ?? c",
        "let x = (-a).b?.c[d](e: f)",
        "let x = (5).a",
        'let x = [y for y in (if a then b else c) if y != none and "x" not in y]',
        'let x: (list[string]? | "a")? = none',
        'let x = { if: 1, "x-id": [], "": {} }',
        'let x = "a \\" \\\\ \\n \\t \\u{0} $${ \\u{24}${y ?? "}"} ${f("a", b: 1)}"',
        "step x = a.b() after c, d undo none catch e => e.message",
        "step x = race { }",
        'fail "no ${x}"',
    ],
)
def test_parentheses_and_spelling_are_minimal(line: str) -> None:
    """What is written as tersely as it can be stays as it is."""
    expected = in_flow(line.replace("{ }", "{}"))
    assert expected == formatted(in_flow(line))


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("let x = ((a)) + (b * (c))", "let x = a + b * c"),
        ("let x = a ?? (b ?? c)", "let x = a ?? (b ?? c)"),
        ("let x = (a or b) or c", "let x = a or b or c"),
        ("let x = not (a in b)", "let x = not a in b"),
        ('let x = { "if": 1, }', "let x = { if: 1 }"),
        ('let x = "\\u{41}"', 'let x = "A"'),
        ('let x = """one "line" """', 'let x = """one "line" """'),
        ('let x = """ends"\\u{22}"""', 'let x = """ends\\"\\""""'),
        ("let x = a . b ?. c", "let x = a.b?.c"),
        ('let x : ( string ) = "a"', 'let x: string = "a"'),
    ],
)
def test_what_can_be_written_in_many_ways_is_written_in_one(line: str, plain: str) -> None:
    """Parentheses, quotes, escapes and spaces that say nothing go away."""
    assert in_flow(plain) == formatted(in_flow(line))


BEFORE = '''## About the file.
leadflow 1
# first
use "a.flow" (b, # takes b
  c)
use std.agents   as  agents
type Short { a: string, b: int @range(0, 9), }
type Long {
  ## What it is.
  a: string


  b: int   # of them
}
agent one: openai { model: "m"  key: secret("A_RATHER_LONG_NAME")  system: "You are a reviewer of drafts." }
@read tool search(query: string, limit: int = 5) -> list[string] = python("tools:search")
@write @retry(3) tool send(to: string) = python("tools:send")
policy net { @retry(3) @timeout(30s) }
flow f(a: string) -> { x: int, y: string? } { # opens
  step t: { id: string } = one.ask("a question that is so long", temperature: 0.5) catch e => { id: "" }
  step v = one.ask("""
      Two
        lines ${a}
      """,
      temperature: 0.2) # cool
  if a == "" { # empty
    return none
  } else if a == "b" { fail "b" } # not b
  else { let z = 1 }
  match a { "x" => { return 1 } _ => { step u = one.ask("u")
    return u } }


  # the end
  return { x: 1, # one
    y: none }
  # really
}
# after
'''

AFTER = '''## About the file.
leadflow 1

# first
use "a.flow" (
  b,  # takes b
  c,
)
use std.agents as agents
type Short { a: string  b: int @range(0, 9) }
type Long {
  ## What it is.
  a: string

  b: int  # of them
}
agent one: openai {
  model: "m"
  key: secret("A_RATHER_LONG_NAME")
  system: "You are a reviewer of drafts."
}
@read tool search(query: string, limit: int = 5) -> list[string] = python("tools:search")
@write @retry(3)
tool send(to: string) = python("tools:send")
policy net { @retry(3) @timeout(30s) }

flow f(a: string) -> { x: int, y: string? } {  # opens
  step t: { id: string } = one.ask("a question that is so long", temperature: 0.5)
    catch e => { id: "" }
  step v = one.ask("""
    Two
      lines ${a}
    """, temperature: 0.2)  # cool
  if a == "" {  # empty
    return none
  } else if a == "b" {
    fail "b"
  } else {  # not b
    let z = 1
  }
  match a {
    "x" => { return 1 }
    _ => {
      step u = one.ask("u")
      return u
    }
  }

  # the end
  return {
    x: 1,  # one
    y: none,
  }
  # really
}
# after
'''


def test_one_file_with_most_of_the_language() -> None:
    """The whole style on one page."""
    assert AFTER == formatted(BEFORE)
    assert AFTER == formatted(AFTER)


def test_a_comment_without_a_place_goes_above_what_it_was_in() -> None:
    """Between a name and its value no comment can stay; it is kept, and documents nothing where it goes."""
    text = in_flow("step a =  ## why", "  x.y()")
    assert in_flow("# why", "step a = x.y()") == formatted(text)


def test_a_file_with_mistakes_is_not_written() -> None:
    """Without a tree nothing is formatted, so nothing can be lost."""
    text, report = format_text("a.flow", "leadflow 1\nflow f( {\n")
    assert text is None
    assert report.has_errors


def test_a_formatted_file_comes_with_its_warnings() -> None:
    """What can be formatted is, and the report says what was found on the way."""
    text, report = format_text("a.flow", "leadflow 1\n# a note\n")
    assert "leadflow 1\n# a note\n" == text
    assert () == report.diagnostics


def nested(open_: str, close: str, depth: int) -> str:
    """A value with so many brackets inside each other."""
    return f"const x = {open_ * depth}1{close * depth}\n"


@pytest.mark.parametrize(
    "declaration",
    [
        nested("[", "]", 60),
        nested("(a or b and not c == d + e * f ?? -g)[", "]", 60),
        nested("f(a: ", ")", 60),
        f"type x = {'list[{ a: ' * 30}string{' }]' * 30}\n",
        f"flow f() {{\n{'if a {' * 45}{'}' * 45}\n}}\n",
        f"const x = {' + '.join(['a'] * 90)}\n",
        f"const x = {' ?? '.join(['a'] * 90)}\n",
        f"const x = a{'.b' * 90}\n",
        f"const x = {'not ' * 90}a\n",
        f"const x = {'-' * 90}a\n",
        f"const x = {'if a then b else ' * 90}c\n",
        f"flow f() {{\nif a {{}} {'else if a {}' * 90}\n}}\n",
    ],
    ids=["lists", "operators", "calls", "types", "blocks", "+", "??", "members", "not", "minus", "then", "else"],
)
def test_neither_depth_nor_length_costs_stack(declaration: str) -> None:
    """Whatever the parser takes, however deep or long, is formatted."""
    text = formatted(f"leadflow 1\n\n{declaration}")
    assert text == formatted(text)


def test_every_kind_of_node_is_among_the_random_trees() -> None:
    """The properties above speak of the whole language: no node class is missing from what they draw."""
    classes = {name for name, found in vars(tree).items() if isinstance(found, type) and issubclass(found, tree.Node)}
    mistakes = {"Node", "BadExpr", "NamePattern"}
    seen: set[str] = set()
    for seed in range(300):
        todo: list[object] = [random_tree(Random(seed), 6)]
        while todo:
            node = todo.pop()
            if isinstance(node, tuple):
                todo.extend(node)
            elif isinstance(node, tree.Node):
                seen.add(type(node).__name__)
                todo.extend(getattr(node, slot) for slot in type(node).__dataclass_fields__)
    assert classes - mistakes == seen


def test_a_doc_line_may_end_in_an_odd_space() -> None:
    """What the parser takes for a doc comment stays one, whatever blank its line ends in."""
    text = "leadflow 1\n\n## A limit.\u00a0\nconst most = 5\n"
    written, report = format_text("main.flow", text)
    assert ("leadflow 1\n\n## A limit.\nconst most = 5\n", False) == (written, report.has_errors)


def test_a_new_project_is_written_as_the_formatter_writes_it() -> None:
    """What `leadflow new` writes passes `leadflow fmt --check`."""
    assert BEGUN["main.flow"] == formatted(BEGUN["main.flow"])
