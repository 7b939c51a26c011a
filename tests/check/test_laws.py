"""Laws of the checker: it never fails, it is in time, its types behave, its tables leave nothing out."""

from pathlib import Path
from time import process_time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.check.check import check
from leadflow.check.infer import _INFER
from leadflow.check.loader import load_source
from leadflow.check.reading import ReadProblem
from leadflow.check.types import (
    comparable,
    either,
    fits,
    holds_none,
    join,
    members,
    only_words,
    union,
    without_none,
    without_words,
    words_of,
)
from leadflow.diagnostics import Report, Source, pages
from leadflow.pipeline import CATALOGUE, check_source
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.types import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    JSON,
    NEVER,
    NONE,
    STRING,
    TIME,
    UNKNOWN,
    FieldType,
    ListType,
    LiteralType,
    MapType,
    RecordType,
    Type,
    optional,
)
from leadflow.syntax import tree
from leadflow.syntax.format import format_tree
from tests.checking import LOCKS
from tests.chunks import read_chunks
from tests.strategies import layouts, trees

CASES = Path(__file__).parent.parent / "cases" / "check"

# --- any text -----------------------------------------------------------------------------------------------------


@given(trees(size=6).map(format_tree))
def test_any_tree_is_checked(text: str) -> None:
    """Whatever can be written is checked without an exception, and every finding stands in the text."""
    checked, report = check_source("main.flow", text)
    assert checked is not None
    assert [] == [d for d in report if not 0 <= d.span.start <= d.span.end <= len(text)]


TEXTS = [text for path in sorted(CASES.glob("*.flow")) for text in path.read_text("utf-8").split("\n---\n")]


@given(layouts(*(text for text in TEXTS if len(text) < 400), size=1))
def test_any_layout_is_checked(text: str) -> None:
    """Any text of the cases, laid out anew, is checked without an exception."""
    checked, _ = check_source("main.flow", text)
    assert checked is not None


def test_a_finding_stands_alone() -> None:
    """Every message of the cases is one line without a full stop at its end."""
    for text in TEXTS:
        _, report = check_source("main.flow", text)
        assert [] == [d.message for d in report if "\n" in d.message or d.message.endswith(".")]


@pytest.mark.parametrize("folder", ["check", "right"])
def test_where_nothing_is_wrong_nothing_is_unknown(folder: str) -> None:
    """A type is unknown where that was said: else whatever is read from it would be taken for right."""
    for path in sorted((CASES.parent / folder).glob("*.flow")):
        for chunk in read_chunks(path):
            checked, report = check_source("main.flow", chunk.text, files=LOCKS)
            if checked is not None and not report.has_errors:
                unknown = [type_ for type_ in checked.types.values() if repr(UNKNOWN) in repr(type_)]
                assert (chunk.name, []) == (chunk.name, unknown)


def test_every_code_has_a_case() -> None:
    """No code of the checker is without a test that asks for it."""
    files = [*CASES.glob("*.flow"), *Path(__file__).parent.glob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in files)
    assert [] == [code for code in pages() if code[:5] in ("FLOW2", "FLOW3", "FLOW4", "FLOW5") and code not in text]


# --- in time ------------------------------------------------------------------------------------------------------


def steps(count: int) -> str:
    """A flow of so many steps, each reading the one before."""
    lines = [
        f'step s{n}: V = fast.ask("Do ${{s{n - 1}.score}} and ${{text}}", temperature: 0.2)' for n in range(1, count)
    ]
    head = (
        'leadflow 1\ntype V { score: float }\nagent fast: openai { model: "m" }\nflow main(text: string) -> float {\n'
    )
    return "\n".join([head, 'step s0: V = fast.ask("Do ${text}")', *lines, f"return s{count - 1}.score }}"])


@pytest.mark.parametrize("count", [1_000])
def test_a_long_flow_is_checked_in_time(count: int) -> None:
    """A thousand steps take a fraction of a second (the target is 0.15 s on an idle machine)."""
    report = Report()
    loaded = load_source(Source("main.flow", steps(count)), lambda path: ReadProblem("missing"), report)
    start = process_time()
    check(loaded, CATALOGUE, report)
    assert process_time() - start < 5
    assert [] == list(report)


def test_many_unknown_names_are_answered_in_time() -> None:
    """Ten thousand similar names and a thousand misspelt ones: suggestions stop before they cost time (case 26)."""
    consts = "".join(f"const name_{n} = 1\n" for n in range(10_000))
    wrong = "".join(f"const wrong_{n} = namme_{n}\n" for n in range(1_000))
    start = process_time()
    _, report = check_source("main.flow", f"leadflow 1\n{consts}{wrong}")
    assert process_time() - start < 10
    found = [d for d in report if d.code == "FLOW201"]
    assert 1_000 == len(found)
    assert "did you mean" in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"type T{n} {{ a: T{n + 1} }}\n" for n in range(3_000)) + "type T3000 = string\n",
        "".join(f"const c{n} = c{n + 1}\n" for n in range(3_000)) + "const c3000 = 1\n",
        "".join(f"agent a{n}: a{n + 1} {{ }}\n" for n in range(3_000)) + 'agent a3000: openai { model: "m" }\n',
        "".join(f"flow f{n}() -> int {{\n step a = f{n + 1}()\n return a }}\n" for n in range(2_000))
        + "flow f2000() -> int { return 1 }\n",
        "".join(f"type D{n} {{ a: D{n + 1}  b: D{n + 1} }}\n" for n in range(60)) + "type D60 = string\n",
    ],
    ids=["types", "constants", "agents", "flows", "wide types"],
)
def test_long_chains_of_declarations_end(text: str) -> None:
    """Thousands of declarations that need each other in a row are checked, without recursion and in time."""
    start = process_time()
    checked, _ = check_source("main.flow", f"leadflow 1\n{text}")
    assert checked is not None
    assert process_time() - start < 10


def test_a_wide_match_is_checked_in_time() -> None:
    """A union of two thousand texts, matched one by one, costs no more than other texts of that length."""
    words = [f'"w{number}"' for number in range(2_000)]
    arms = ", ".join(f"{word} then {word}" for word in words)
    text = f"leadflow 1\ntype T = {' | '.join(words)}\nflow main(t: T) -> T {{ return match t {{ {arms} }} }}\n"
    start = process_time()
    _, report = check_source("main.flow", text)
    assert process_time() - start < 10
    assert [] == list(report)


def test_a_thousand_steps_in_the_wrong_order_are_reported_in_time() -> None:
    """Each step that reads the next one is told to move, without searching for loops for ever."""
    lines = "".join(f'step v{n}: string = web.get("/${{v{n + 1}}}")\n' for n in range(1_000))
    start = process_time()
    _, report = check_source(
        "main.flow",
        f'leadflow 1\nagent web: http {{ url: "https://a.b" }}\nflow main() -> string {{\n{lines}return v0 }}\n',
    )
    assert process_time() - start < 10
    assert {"FLOW214", "FLOW201"} == {d.code for d in report}


# --- types --------------------------------------------------------------------------------------------------------

SIMPLE = [STRING, INT, FLOAT, BOOL, DURATION, TIME, LiteralType("a"), LiteralType("b"), LiteralType("c")]


def records(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    """Records of up to three fields."""
    fields = st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
    return fields.map(lambda found: RecordType(tuple(FieldType(name, type_) for name, type_ in sorted(found.items()))))


TYPES: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from([*SIMPLE, JSON, NONE, union([LiteralType("a"), LiteralType("b")])]),
    lambda inner: st.one_of(inner.map(ListType), inner.map(MapType), inner.map(optional), records(inner)),
    max_leaves=6,
)


@given(TYPES)
def test_a_type_fits_itself(type_: Type) -> None:
    """Every type fits itself, its optional, json; `never` fits it, and what was reported fits both ways."""
    assert fits(type_, type_) and fits(type_, optional(type_)) and fits(type_, JSON)
    assert fits(NEVER, type_) and fits(UNKNOWN, type_) and fits(type_, UNKNOWN)


@given(TYPES, TYPES, TYPES)
def test_fitting_carries_over(a: Type, b: Type, c: Type) -> None:
    """What fits a type fits whatever that type fits."""
    if fits(a, b) and fits(b, c):
        assert fits(a, c)


@given(TYPES, TYPES)
def test_both_fit_their_join(a: Type, b: Type) -> None:
    """A join takes the values of both sides, whichever comes first."""
    both = join(a, b)
    assert both is None or (fits(a, both) and fits(b, both))
    assert (both is None) == (join(b, a) is None)


@given(TYPES, TYPES)
def test_equal_values_are_comparable(a: Type, b: Type) -> None:
    """Types of which one fits the other may hold equal values, and comparing has no direction."""
    assert comparable(a, b) == comparable(b, a)
    if fits(a, b) and JSON not in (a, b):
        assert comparable(a, b)


@given(TYPES, TYPES)
def test_either_takes_both(a: Type, b: Type) -> None:
    """A value that is of one of two types is of what is known of it whichever it is."""
    known = either(a, b)
    assert known is None or (fits(a, known) and fits(b, known))


@given(TYPES, st.lists(st.sampled_from("abcd"), min_size=1, unique=True))
def test_words_are_kept_or_taken_away(type_: Type, words: list[str]) -> None:
    """A value that is one of some texts, and one that is not, are still of the type; no text is lost between them."""
    inside, outside = only_words(type_, words), without_words(type_, words)
    assert fits(inside, type_) and fits(outside, type_)
    if words_of(type_) is not None:
        both = {*(words_of(inside) or ()), *(words_of(outside) or ())}
        assert both == set(words_of(type_) or ())


@given(TYPES)
def test_none_can_be_taken_away(type_: Type) -> None:
    """What remains without none holds none no more, but for json."""
    assert type_ == JSON or not holds_none(without_none(type_))
    assert union(members(type_)) == type_


# --- tables -------------------------------------------------------------------------------------------------------


def test_every_expression_has_a_rule() -> None:
    """The table of inference has one function for each kind of expression."""
    assert set(get_args(tree.Expr)) == set(_INFER)


def test_every_function_can_be_called() -> None:
    """A call of each built-in function with arguments of its own kinds has a type."""
    values = {
        "of": "words", "text": '"a"', "part": '"b"', "old": '"a"', "new": '"b"', "separator": '","', "items": "rows",
        "value": "1", "time": "at", "pattern": '"YYYY"', "duration": "1s", "number": "1.5", "digits": "1", "n": "2",
        "start": "0", "end": "2", "lists": "[words]", "left": "words", "right": "rows", "map": "counts",
        "entries": "entries(counts)", "first": "counts", "second": "counts", "field": '"n"',
    }  # fmt: skip
    special = {"join": "words", "sum": "[1]", "average": "[1]", "min": "[1]", "max": "[1]", "sort": "[1]",
               "all": "[true]", "any": "[true]", "compact": "[none, 1]"}  # fmt: skip
    for name, row in FUNCTIONS.items():
        given_values = [
            special.get(name, "") if p.name == "items" and name in special else values[p.name] for p in row.params
        ]
        value = "rows[0]" if name in ("count", "index_of") else None
        args = [value if value and p.name == "value" else v for p, v in zip(row.params, given_values, strict=True)]
        call = f"{name}({', '.join(str(arg) for arg in args)})"
        text = (
            "leadflow 1\ntype Row { n: int }\n"
            "flow main(words: list[string], rows: list[Row], counts: map[int], at: time) -> json {\n"
            f"  return {{ a: words, b: rows, c: counts, d: at, e: {call} }}\n}}\n"
        )
        _, report = check_source("main.flow", text)
        assert (name, []) == (name, [d.message for d in report])
