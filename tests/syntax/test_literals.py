"""Rules D6 and D7 (SPEC.md): what strings and numbers say."""

import pytest

from leadflow.syntax import tree
from leadflow.syntax.walk import walk
from tests.syntax.reading import codes, fixed, good, read, said, value


def text(written: str) -> tree.Text:
    """A string."""
    found = value(written)
    assert isinstance(found, tree.Text)
    return found


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ('""', ""),
        ('"hello"', "hello"),
        (r'"a\n\t\"\\\u{e9}\u{1F600}"', 'a\n\t"\\é\U0001f600'),
        ('"use $${ here, $5, $ and $"', "use ${ here, $5, $ and $"),
        ('"""one "line" of text"""', 'one "line" of text'),
        ('"""\n  """', ""),
        ('"""\n  a\n    b\n\n  c\n  """', "a\n  b\n\nc"),
        ('"""\n  a\n \n  b\n  """', "a\n\nb"),
        ('"""\n  \\u{20}a\n  """', " a"),
        ('"""\n\ta\n\t\tb\n\t"""', "a\n\tb"),
        ('"""\na\n"""', "a"),
        ('"""\n  a \\""" b\n  """', 'a """ b'),
    ],
)
def test_what_a_string_says(written: str, plain: str) -> None:
    """Escapes are resolved, the indent of the closing quotes is removed, and the last line has no end."""
    assert plain == text(written).plain


def test_holes_hold_expressions() -> None:
    """Pieces and holes alternate; holes may hold plain strings; `$${` is text; places are those of the file."""
    source = '"${a.b}x$${y} ${f("z", 1 + 2)}${c}"'
    first, between, call, last = text(source).parts
    assert (tree.Member, "x${y} ", tree.Call, tree.Name) == (type(first), between, type(call), type(last))
    (const,) = good(f"leadflow 1\nconst x = {source}\n").items
    begin = len("leadflow 1\nconst x = ")
    places = {node.span for node in walk(const) if isinstance(node, tree.Member | tree.Call | tree.Name)}
    assert {source[p.start - begin : p.end - begin] for p in places} == {"a.b", "a", 'f("z", 1 + 2)', "f", "c"}


def test_a_hole_in_a_block_is_where_it_stands() -> None:
    """What is wrong in a hole of a block of text is said at its place."""
    assert [("FLOW101", "d")] == said('leadflow 1\nconst x = """\n    a ${b}\n    ${c d}\n    """\n')


def test_strings_are_told_apart_from_blocks() -> None:
    """The two ways of writing a text are remembered, and mean the same."""
    block, line = text('"""\n  a\n  """'), text('"a"')
    assert (True, False, True) == (block.block, line.block, block == line)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('"hello', [("FLOW110", '"hello')]),
        ('f("hello, x)', [("FLOW110", '"hello, x)')]),
        ('"hello\nworld"', [("FLOW110", '"hello')]),
        ('"', [("FLOW110", '"')]),
        ('"hi ${name"', [("FLOW115", "${")]),
        ('f("hi ${name", 1)', [("FLOW115", "${")]),
        ('"${f({a: {b: 1}})} x"', [("FLOW115", "${f({a: {b: 1}})}")]),
        ('"${}"', [("FLOW115", "")]),
        ('"${ }"', [("FLOW115", "")]),
        ('"${a +}"', [("FLOW115", "")]),
        ('"${a:>9}"', [("FLOW115", "a")]),
        ('"${"${a}"}"', [("FLOW115", '${"${a}"}')]),
        (r'"\d"', [("FLOW114", r"\d")]),
        (r'"\u{110000} \u{D800}"', [("FLOW114", r"\u{110000}"), ("FLOW114", r"\u{D800}")]),
        (r'"\u{} \u00e9"', [("FLOW114", r"\u{}"), ("FLOW114", r"\u")]),
        ("'it is'", [("FLOW116", "'it is'")]),
        ("don't", [("FLOW116", "'")]),
        ('f"x"', [("FLOW118", "f")]),
    ],
)  # fmt: skip
def test_bad_strings_have_one_message(written: str, found: list[tuple[str, str]]) -> None:
    """Each slip in a string is said once, at the slip, and the next declaration is read."""
    assert [*found, ("FLOW108", "^")] == said(f"leadflow 1\nconst x = {written}\nconst y = 1 ^ 2\n")


def test_an_unclosed_block_is_found_by_its_indent() -> None:
    """The message stands at the quotes that are not closed, not in the next prompt; what follows is read."""
    source = """\
leadflow 1
flow f() {
  step a = x.ask(\"""
    Hello
  step b = y.ask(\"""
    World ^
    \""")
  step c = 1 ^ 2
}
"""
    file, (open_block, wrong) = read(source)
    assert ("FLOW111", source.index('"""'), "FLOW108") == (open_block.code, open_block.span.start, wrong.code)
    assert 'step b = y.ask("""' == source[slice(*open_block.labels[0].span[1:])]
    (flow,) = file.items
    assert isinstance(flow, tree.FlowDecl)
    names = [step.name.text for step in flow.body.statements if isinstance(step, tree.Step)]
    assert ["a", "b", "c"] == names


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ('"""\n    a\n  b\n    """', [("FLOW113", "b")]),
        ('"""a\n    b\n    """', [("FLOW112", '"""')]),
        ('"""\n    a\n    b"""', [("FLOW112", '"""')]),
        ('"""\n    a\n    b', [("FLOW111", '"""')]),
        ('"""\n    a\n    \\d\n    """', [("FLOW114", "\\d")]),
        ('"""\n    a\\\n    b\n    """', [("FLOW114", "\\")]),
        ('"""a', [("FLOW111", '"""')]),
    ],
)
def test_bad_blocks_have_one_message(block: str, found: list[tuple[str, str]]) -> None:
    """Each slip in a block of text is said once, and the next declaration is read."""
    assert [*found, ("FLOW108", "^")] == said(f"leadflow 1\nconst x = {block}\nconst y = 1 ^ 2\n")


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("'it \"is\"'", r'"it \"is\""'),
        (r"'it\'s'", '"it\'s"'),
        (r'"C:\data"', r'"C:\\data"'),
        ('f"x"', '"x"'),
        ("5min", "5m"),
        ("10mb", "10MB"),
        ("007", "7"),
        ("60 per minutes", "60 per minute"),
        ('upper("Hello)', 'upper("Hello")'),
        ('len(["a", "b])', 'len(["a", "b"])'),
        ('"Hello (you)', '"Hello (you)"'),
    ],
)
def test_fixes_of_literals_mend_them(written: str, right: str) -> None:
    """With its fix, a slip is gone and the literal says what was meant."""
    source = f"leadflow 1\nconst x = {written}\n"
    mended = fixed(source, read(source)[1])
    assert (f"leadflow 1\nconst x = {right}\n", []) == (mended, codes(mended))


@pytest.mark.parametrize(
    ("written", "node", "number"),
    [
        ("100_000", tree.Int, 100_000),
        ("0", tree.Int, 0),
        ("9223372036854775807", tree.Int, 2**63 - 1),
        ("0.25", tree.Float, 0.25),
        ("1_0.5", tree.Float, 10.5),
        ("1h30m", tree.Duration, 5_400_000),
        ("1d2h3m4s5ms", tree.Duration, 93_784_005),
        ("1.5s", tree.Duration, 1_500),
        ("500ms", tree.Duration, 500),
        ("$0.50", tree.Money, 500_000),
        ("$1_000", tree.Money, 10**9),
        ("$0.000001", tree.Money, 1),
        ("10MB", tree.Size, 10**7),
        ("1.5KB", tree.Size, 1_500),
    ],
)
def test_what_a_number_says(written: str, node: type[tree.Node], number: float) -> None:
    """Milliseconds, millionths of a dollar, bytes; the spelling is kept beside the value."""
    found = value(written)
    fields = [getattr(found, name) for name in ("value", "milliseconds", "micros", "bytes") if hasattr(found, name)]
    assert (node, [number], written) == (type(found), fields, getattr(found, "written", None))


@pytest.mark.parametrize("unit", ["second", "minute", "hour", "day"])
def test_rates_have_units(unit: str) -> None:
    """`per` takes a unit word or a duration."""
    rate = value(f"60 per {unit}")
    other = value("60 per 30s")
    assert isinstance(rate, tree.Rate) and isinstance(other, tree.Rate)
    assert (unit, tree.Duration) == (rate.per, type(other.per))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1h30", "FLOW120"), ("5min", "FLOW120"), ("30sec", "FLOW120"), ("7x", "FLOW120"), ("60 per week", "FLOW120"),
        ("1e3", "FLOW121"), ("1e999", "FLOW121"), ("0x1F", "FLOW121"), ("0x", "FLOW121"), ("007", "FLOW121"),
        ("1.5.2s", "FLOW121"), ("1__0", "FLOW121"), ("1_", "FLOW121"), ("$0.0000001", "FLOW121"), ("€5", "FLOW121"),
        ("0.0001s", "FLOW121"), ("999999999999h", "FLOW121"), ("1h1h", "FLOW121"), ("9223372036854775808", "FLOW121"),
    ],
)  # fmt: skip
def test_bad_numbers_have_one_message(written: str, code: str) -> None:
    """Each bad number is said once, with the units there are, and the next declaration is read."""
    _, found = read(f"leadflow 1\nconst x = {written}\nconst y = 1 ^ 2\n")
    assert [code, "FLOW108"] == [one.code for one in found]
    assert "1h30m" in found[0].notes[0]
