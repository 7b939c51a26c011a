"""How findings look to people and machines."""

import json

import pytest

from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Report, Source, Span
from leadflow.diagnostics.render import apply_edits, render_concise, render_text, summary, to_json

SOURCE = Source("main.flow", 'leadflow 1\nagent echo: openai { }\nflow f() {\n\tstep a = ecko.ask("日本 \x1b[2J")\n}\n')
SOURCES = {"main.flow": SOURCE}


def span(text: str) -> Span:
    """The place where a text stands first."""
    start = SOURCE.text.index(text)
    return Span("main.flow", start, start + len(text))


FOUND = Diagnostic(
    "FLOW201",
    "Unknown agent",
    "error",
    span("ecko"),
    "unknown agent 'ecko'; did you mean 'echo'?",
    (Label(span("echo"), "declared here"),),
    ("agents are declared at the top of a file",),
    Fix("write `echo`", (Edit(span("ecko"), "echo"),), safe=True),
)


def test_people_see_the_line_the_carets_and_the_second_place() -> None:
    """Tabs count four columns, escapes of the source are shown as pictures."""
    expected = """\
error[FLOW201]: unknown agent 'ecko'; did you mean 'echo'?
  --> main.flow:4:11
4 |     step a = ecko.ask("日本 ␛[2J")
  |              ^^^^
2 | agent echo: openai { }
  |       ---- declared here
  = note: agents are declared at the top of a file
  = fix: write `echo`

"""
    assert render_text([FOUND], SOURCES) == expected


def test_colours_are_only_added() -> None:
    """A coloured text without its escapes is the plain one."""
    coloured = render_text([FOUND], SOURCES, colour=True)
    for escape in ("\x1b[1;31m", "\x1b[1m", "\x1b[36m", "\x1b[0m"):
        assert escape in coloured
        coloured = coloured.replace(escape, "")
    assert coloured == render_text([FOUND], SOURCES)


def test_a_finding_without_its_source_still_says_where() -> None:
    """The file is named when its text is not at hand."""
    assert "--> main.flow\n" in render_text([FOUND], {})


def test_concise_is_one_line_each() -> None:
    """The form that editors and grep read."""
    expected = "main.flow:4:11: error FLOW201 unknown agent 'ecko'; did you mean 'echo'?\n"
    assert render_concise([FOUND], SOURCES) == expected


def test_json_carries_positions_and_the_edits() -> None:
    """A machine can apply the fix from the JSON alone."""
    (found,) = json.loads(json.dumps(to_json([FOUND], SOURCES)))
    assert found["start"] == {"line": 4, "column": 11, "offset": SOURCE.text.index("ecko")}
    (edit,) = found["fix"]["edits"]
    start, end = edit["start"]["offset"], edit["end"]["offset"]
    assert "echo.ask" in SOURCE.text[:start] + edit["text"] + SOURCE.text[end:]


def test_edits_apply_together_and_may_not_overlap() -> None:
    """Offsets are those of the text before any edit."""
    edits = [Edit(Span("x", 4, 5), "Z"), Edit(Span("x", 0, 1), "long"), Edit(Span("x", 2, 2), "+")]
    assert apply_edits("abcde", edits) == "longb+cdZ"
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abcde", [Edit(Span("x", 0, 3), ""), Edit(Span("x", 2, 4), "")])


def test_a_report_keeps_equal_findings_once_and_in_order() -> None:
    """Files come in the order of their first finding, then places."""
    report = Report()
    later = Diagnostic("FLOW101", "t", "warning", Span("main.flow", 0, 1), "m")
    other = Diagnostic("FLOW101", "t", "warning", Span("b.flow", 0, 1), "m")
    for finding in (FOUND, other, later, FOUND):
        report(finding)
    assert report.diagnostics == (later, FOUND, other)
    assert report.has_errors
    assert summary(report.diagnostics) == "1 error, 2 warnings"
