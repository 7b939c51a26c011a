"""Bad inputs: what a file may be made of, and that refusing one costs neither time nor memory."""

import tracemalloc
from time import process_time

import pytest

from leadflow.diagnostics import Report
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source
from tests.syntax.reading import codes, fixed, good, read, said

EDITION = b"leadflow 1\n"


@pytest.mark.parametrize("data", [b"", b" \n\n", b"# a\n## b\n", b"\xef\xbb\xbf", b"\t"])
def test_an_empty_file_is_told_what_to_begin_with(data: bytes) -> None:
    """Nothing, blanks, comments, a byte order mark alone: the file is empty."""
    assert ["FLOW100"] == codes(data)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("leadflow 1".encode("utf-16"), ""),
        ("leadflow 1\nconst a = 1".encode("utf-16-be"), "\0"),
        (EDITION + b'const a = "\xff"', "\ufffd"),
        (b"\xef\xbb\xbf" + EDITION + b'const a = "\xc3"', "\ufffd"),
        (EDITION + b'const a = "x\0y"', "\0"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0", "\0"),
        (b"\x89PNG\r\n\x1a\n\0\0", "\ufffd"),
    ],
)
def test_other_encodings_are_refused(data: bytes, place: str) -> None:
    """UTF-16, invalid UTF-8, NUL, binaries: one message, at the byte that shows it."""
    ((code, shown),) = said(data.removeprefix(b"\xef\xbb\xbf"))
    assert ("FLOW102", place) == (code, shown if place else "")
    assert ["FLOW102"] == codes(data)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_are_alike(end: str) -> None:
    """CR LF and lone CR are line ends; a byte order mark at the start is no text."""
    report = Report()
    text = end.join(["leadflow 1", "## One.", "const a = 1", ""])
    source = read_source("x.flow", b"\xef\xbb\xbf" + text.encode(), report)
    assert source is not None
    assert ("leadflow 1\n## One.\nconst a = 1\n", []) == (source.text, list(report))
    assert good(source.text) == parse(source, report)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# \u202e x\nconst a = 1", [("FLOW106", "\u202e")]),
        ('const a = "x\u2066y"', [("FLOW106", "\u2066")]),
        ("const a\u200db = 1", [("FLOW106", "\u200d")]),
        ("const a\u200bb = 1", [("FLOW106", "\u200b")]),
        ("const a =\u00a01", [("FLOW106", "\u00a0")]),
        ("const \u0430 = 1", [("FLOW107", "\u0430")]),
        ("const cafe\u0301 = 1", [("FLOW107", "cafe\u0301")]),
        ("type T { größe: int }", [("FLOW107", "größe")]),
        ('const a = "café \U0001f469\u200d\U0001f467 \u26a0\ufe0f"  # größe', []),
        ("type T {\n  a: string\n  b: string\u2028}", [("FLOW106", "\u2028")]),
    ],
)
def test_characters_that_deceive_are_refused(text: str, found: list[tuple[str, str]]) -> None:
    """Direction marks and controls nowhere; invisible and foreign letters not in code; strings may hold any script."""
    assert found == said(f"leadflow 1\n{text}\n")


def const(value: bytes) -> bytes:
    """A file with one constant."""
    return EDITION + b"const a = " + value


HUGE = {
    "10 MB of spaces": (b" " * 10_000_000, "FLOW103"),
    "a line of 5 MB": (b"a" * 5_000_000, "FLOW103"),
    "nested parentheses": (const(b"(" * 100_000), "FLOW103"),
    "nested blocks": (EDITION + b"flow f() " + b"{ if x " * 100_000, "FLOW103"),
    "a sum of 500,000": (const(b"a+" * 500_000 + b"a"), "FLOW103"),
    "a sum of 90,000": (const(b"a+" * 90_000 + b"a"), "FLOW103"),
    "members": (const(b"a" + b".a" * 200_000), "FLOW103"),
    "signs": (const(b"-" * 200_000 + b"a"), "FLOW103"),
    "negations": (const(b"not " * 200_000 + b"a"), "FLOW103"),
    "else if": (EDITION + b"flow f() { if a { }" + b" else if a { }" * 40_000 + b"}", "FLOW103"),
    "declarations": (EDITION + b"use a\n" * 100_000, "FLOW103"),
    "words": (EDITION + b"a " * 500_000, "FLOW103"),
    "comments": (EDITION + b"#\n" * 500_000, "FLOW103"),
    "an open string": (const(b'"' + b"\\n" * 500_000), "FLOW110"),
    "open holes": (const(b'"${' * 300_000), "FLOW115"),
    "open blocks": (const(b'"""x\n' * 60_000), "FLOW112"),
    "quotes": (const(b"'" * 1_000_000), "FLOW116"),
    "semicolons": (EDITION + b";" * 1_000_000, "FLOW131"),
    "annotations": (EDITION + b"@a" * 500_000, "FLOW103"),
    "steps": (EDITION + b"flow f() {\n" + b"step " * 200_000, "FLOW103"),
    "closing braces": (EDITION + b"}" * 250_000, "FLOW151"),
    "digits": (const(b"1" * 100_000), "FLOW121"),
    "durations": (const(b"1h" * 50_000), "FLOW121"),
    "another alphabet": (EDITION + "\u0430 ".encode() * 300_000, "FLOW107"),
    "slashes": (EDITION + b"//\n" * 300_000, "FLOW132"),
    "bad fields": (EDITION + b"type T {\n" + b"a b\n" * 90_000, "FLOW166"),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_is_too_much_is_refused_in_time(name: str) -> None:
    """Each has its code, a place inside the text, few messages, and ends within seconds on any machine."""
    data, code = HUGE[name]
    report, start = Report(), process_time()
    source = read_source("x.flow", data, report)
    if source is not None:
        parse(source, report)
    spent = process_time() - start
    found = list(report)
    assert code == found[0].code
    assert len(found) <= 202
    assert all(0 <= one.span.start <= one.span.end <= len(data) for one in found)
    assert spent < 10


def test_refusing_costs_little_memory() -> None:
    """A sum of half a million terms is refused before a tree of it stands in memory."""
    tracemalloc.start()
    try:
        assert ["FLOW103"] == codes(HUGE["a sum of 500,000"][0])
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_the_depth_of_brackets_is_counted_in_code_only() -> None:
    """Brackets in strings and comments are text; 64 in each other are fine, 65 are not."""
    deep = "[" * 64 + "1" + "]" * 64
    assert [] == codes(f'leadflow 1\n# {"(" * 90}\nconst a = "{"(" * 90}"\nconst b = {deep}\n')
    assert ["FLOW103"] == codes(f"leadflow 1\nconst b = [{deep}]\n")


def test_what_is_too_deep_is_left_out_of_the_tree() -> None:
    """No later phase meets more than a hundred levels of expressions: what is deeper becomes a BadExpr."""
    file, found = read(f"leadflow 1\nconst a = {'a + ' * 101}a\nconst b = {'a + ' * 100}a\n")
    assert (["FLOW103"], 2) == ([one.code for one in found], len(file.items))


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        ("const a = 1\n", "FLOW104", "leadflow 1\n\nconst a = 1\n"),
        ("leadflow 2\nconst a = 1\n", "FLOW105", "leadflow 1\nconst a = 1\n"),
        ("leadflow v1\nconst a = 1\n", "FLOW105", "leadflow 1\nconst a = 1\n"),
        ("leadflow 1.0\nconst a = 1\n", "FLOW105", "leadflow 1\nconst a = 1\n"),
        ("leadflow 1_\nconst a = 1\n", "FLOW105", "leadflow 1\nconst a = 1\n"),
        ("leadflow\nconst a = 1\n", "FLOW104", "leadflow 1\nconst a = 1\n"),
        ("leadflow: 1\nconst a = 1\n", "FLOW104", "leadflow 1\nconst a = 1\n"),
        ("version 1\nconst a = 1\n", "FLOW104", "leadflow 1\nconst a = 1\n"),
        ("# Sums.\nedition = 1\nconst a = 1\n", "FLOW104", "# Sums.\nleadflow 1\nconst a = 1\n"),
    ],
)
def test_the_edition_line_is_required(text: str, code: str, fix: str) -> None:
    """Rule D12 (SPEC.md): without `leadflow 1` a file is refused with the fix; the rest of it is read."""
    file, (found,) = read(text)
    assert (code, 1) == (found.code, len(file.items))
    assert fix == fixed(text, [found])


@pytest.mark.parametrize(
    ("before", "behind", "safe"),
    [
        ("```leadflow\n", "```\n", True),
        ("\n~~~flow\n", "~~~\n\n", True),
        ("```\n", "", True),
        ("Here is the flow:\n\n```flow\n", "```\n\nIt does 'things'.\n", False),
        ("Here is the flow:\n\n", "", False),
        ("---\nname: sums\n---\n", "", False),
    ],
)
def test_what_stands_around_a_file_is_told_once(before: str, behind: str, safe: bool) -> None:
    """Rule D12: of a page that the file was copied from. The flow is read; a fix that only takes fences is safe."""
    right = '# Sums.\nleadflow 1\nconst a = """\n  ```\n  1\n  ```\n  """\n'
    text = before + right + behind
    file, (found,) = read(text)
    assert ("FLOW109", 1) == (found.code, len(file.items))
    assert found.fix is not None
    assert (right, safe) == (fixed(text, [found]), found.fix.safe)


def test_a_declaration_above_the_edition_line_stands_around_nothing() -> None:
    """Rule D12: it belongs to the file."""
    assert "FLOW109" not in codes("const b = 1\nleadflow 1\nconst a = 1\n")
