"""One cause, one finding: what a case cannot say, because the mistake hides it or its mending needs another one."""

import pytest

from leadflow.check.gather import gathered
from leadflow.diagnostics import Diagnostic, Edit, Fix, Span
from leadflow.pipeline import check_source
from tests.fuzz.fuzz_mistakes import plant


def codes(text: str) -> list[str]:
    """What is said of a text."""
    _, report = check_source("main.flow", text)
    return [found.code for found in report]


def test_a_quote_without_a_partner() -> None:
    """What was read the wrong way round before it is no news; what stands on other lines is."""
    text = 'leadflow 1\nflow main(word: string) -> bool {\n  return word in ["bug", "billing, "praise"]\n}\n'
    assert ["FLOW110"] == codes(text)
    assert ["FLOW151", "FLOW110"] == codes(text.replace("\nflow", "\n}\nflow"))


def test_a_text_of_several_lines() -> None:
    """One that begins and ends with one quote each is told where it begins; two that do not end are two."""
    text = 'leadflow 1\nflow main(of: int) -> string {\n  let a = "several\n    lines ${of}\n    text"\n  return a\n}\n'
    _, report = check_source("main.flow", text)
    (found,) = report
    assert ("FLOW110", 52, None) == (found.code, found.span.start, found.fix)
    two = 'leadflow 1\nflow main() -> string {\n  let a = "one\n  let b = "two\n  return a\n}\n'
    assert ["FLOW110", "FLOW110"] == codes(two)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('agent web: http { url url: "https://example.com" }', "FLOW101"),
        ('agent web: http ( url: "https://example.com" }', "FLOW166"),
    ],
)
def test_a_setting_that_could_not_be_read_is_not_missing(line: str, code: str) -> None:
    """An agent of which a part could not be read is not said to lack it."""
    flow = 'flow main() -> string {\n  step page: string = web.get("/page")\n  return page\n}\n'
    assert [code] == codes(f"leadflow 1\n{line}\n{flow}")


def test_a_step_that_could_not_be_read_needs_nothing() -> None:
    """What a word too many makes of a line is not looked at."""
    agent = 'agent web: http { url: "https://example.com" }'
    flow = 'flow main() -> string {\n  step page page = web.get("/x")\n  return page\n}\n'
    assert ["FLOW154"] == codes(f"leadflow 1\n{agent}\n{flow}")


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("step all = for id of ids {", "FLOW164"),
        ("step all = foreach id in ids {", "FLOW164"),
        ("step all = for (id in ids) {", "FLOW164"),
        ("step all = for each id in ids {", "FLOW164"),
        ("step all = loop over ids {", "FLOW164"),
        ("step all = ids.map(id => {", "FLOW167"),
        ("step all = gather ids {", "FLOW101"),
        ("all: list[string] = for id in ids {", "FLOW155"),
        ("foreach id in ids {", "FLOW133"),
        ("ids.each(id => {", "FLOW155"),
    ],
)
def test_annotations_go_with_the_step_under_them(head: str, code: str) -> None:
    """Those above a step that cannot be read, or only in part, are judged on nothing else (rule D1)."""
    agent = 'agent web: http { url: "https://example.com" }'
    rounds = '    step page: string = web.get("/x")\n    yield page\n  }\n  return ids'
    above = '@concurrency(2) @on_failure("partial")'
    flow = f"flow main(ids: list[string]) -> list[string] {{\n  {above}\n  {head}\n{rounds}\n}}"
    assert [code] == codes(f"leadflow 1\n{agent}\n{flow}\n")


def test_annotations_go_with_the_declaration_under_them() -> None:
    """What stands above an agent of which nothing could be read is not judged on the flow below it."""
    flow = "flow main(n: int) -> int { return n }"
    assert ["FLOW157"] == codes(f"leadflow 1\n@limit(60 per minute) @breaker(failures: 3)\nserver crm http\n{flow}\n")


def test_a_step_without_a_value_has_no_wrong_annotations() -> None:
    """Whether a call or a loop was to stand there nobody knows."""
    flow = "flow main(n: int) -> int {\n  @concurrency(2)\n  step all =\n  return n\n}"
    assert ["FLOW142"] == codes(f"leadflow 1\n{flow}\n")


def said(code: str, message: str, start: int, fix: Fix | None = None) -> Diagnostic:
    """A finding at a place."""
    return Diagnostic(code, "title", "error", Span("main.flow", start, start + 1), message, fix=fix)


def written(start: int, text: str = "x") -> Fix:
    """A fix at a place."""
    return Fix("write `x`", (Edit(Span("main.flow", start, start + 1), text),), safe=True)


def test_the_same_words_are_said_once() -> None:
    """The first place is told, the others are its labels, and one fix mends all; more than four are counted."""
    places = [said("FLOW303", "no such text", 10 * n, written(10 * n)) for n in range(7)]
    (found,) = gathered(places, lambda span: span.file)
    assert 0 == found.span.start
    assert [10, 20, 30, 40] == [label.span.start for label in found.labels]
    assert ("the same holds at 2 more places",) == found.notes
    assert found.fix is not None
    assert 7 == len(found.fix.edits)
    assert found.fix.safe


def test_what_is_mended_in_different_ways_has_no_common_fix() -> None:
    """Another title, no fix at one place, or two edits of one place: nothing is offered for all."""
    other = Fix("write `y`", written(10).edits)
    for fix in (other, None, Fix("write `x`", (Edit(Span("main.flow", 0, 5), "x"),))):
        (found,) = gathered([said("FLOW303", "m", 0, written(0)), said("FLOW303", "m", 10, fix)], lambda _: 0)
        assert found.fix is None


def test_different_causes_stay_apart() -> None:
    """Another declaration, other words, another code, or a code that tells of the place itself."""
    by_ten = [said("FLOW205", "m", 0), said("FLOW205", "m", 10)]
    assert by_ten == gathered(by_ten, lambda span: span.start // 10)
    names = [said("FLOW201", "unknown name 'a'", 0), said("FLOW201", "unknown name 'a'", 10)]
    assert names == gathered(names, lambda span: span.start // 10)
    assert 1 == len(gathered(names, lambda _: 0))
    apart = [said("FLOW402", "m", 0), said("FLOW402", "m", 10), said("FLOW205", "n", 0), said("FLOW310", "n", 0)]
    assert apart == gathered(apart, lambda _: 0)
    nones = [said("FLOW306", "m", 0), said("FLOW306", "m", 10)]
    assert nones == gathered(nones, lambda _: 0)


def test_most_planted_mistakes_give_one_finding() -> None:
    """Of mistakes of all kinds that are found, nine in ten are told in one finding."""
    counts = plant(200, 7).values()
    found, several = sum(count.found for count in counts), sum(count.several for count in counts)
    assert several <= 0.1 * found
