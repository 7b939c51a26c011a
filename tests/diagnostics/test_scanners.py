"""Findings in the forms of others: SARIF, by its own schema, and the workflow commands of GitHub."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from leadflow.diagnostics.github import render_github
from leadflow.diagnostics.sarif import to_sarif
from leadflow.pipeline import check_source
from tests.chunks import read_chunks
from tests.doubles import NODE, installed

CASES = Path(__file__).parent.parent / "cases" / "check"
AJV = """
const [schema, logs] = process.argv.slice(1).map(file => JSON.parse(require("fs").readFileSync(file)));
const ajv = new (require("ajv"))({ schemaId: "id", unknownFormats: "ignore", meta: false, allErrors: true });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
const valid = ajv.compile(schema);
console.log(JSON.stringify(logs.map(log => valid(log) ? null : ajv.errorsText(valid.errors))));
"""
"""Validates a list of logs by a schema; prints what is wrong with each."""


def invalid(logs: list[object], folder: Path) -> list[str]:
    """What the official schema finds wrong."""
    package = installed("@microsoft/jest-sarif", "1.0.0-beta.0")
    file = folder / "logs.json"
    file.write_text(json.dumps(logs), "utf-8")
    schema = package / "lib" / "schemas" / "sarif-2.1.0-rtm.5.json"
    command = [str(NODE), "-e", AJV, str(schema), str(file)]
    ran = subprocess.run(command, cwd=package, check=True, capture_output=True, text=True, timeout=120)
    return [problem for problem in json.loads(ran.stdout) if problem is not None]


def log_of(text: str, name: str = "main.flow") -> dict[str, Any]:
    """The log of one text."""
    checked, report = check_source(name, text)
    sources = {} if checked is None else {m.source.name: m.source for m in checked.modules.values()}
    return to_sarif(report.diagnostics, sources, version="0.1.0")


@pytest.mark.node
def test_logs_are_valid(tmp_path: Path) -> None:
    """Everything that any case says is a log by the schema of SARIF 2.1.0, and so is silence."""
    texts = [chunk.text for path in sorted(CASES.glob("*.flow")) for chunk in read_chunks(path)]
    logs = [log_of(text, "odd folder/ä:1.flow") for text in ["leadflow 1\n", *texts]]
    assert any("fixes" in result for log in logs for result in log["runs"][0]["results"])
    assert any("relatedLocations" in result for log in logs for result in log["runs"][0]["results"])
    assert [] == invalid(list(logs), tmp_path)


@pytest.mark.node
def test_a_planted_flaw_is_found(tmp_path: Path) -> None:
    """The schema is not asked in vain: a wrong key, a line 0 and a missing message are all seen."""
    log = log_of("leadflow 1\nconst x = y\n")
    result = log["runs"][0]["results"][0]
    result["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    del result["message"]
    result["kinds"] = ""
    (problem,) = invalid([log], tmp_path)
    assert ["additional properties", "'message'", ">= 1"] == re.findall("additional properties|'message'|>= 1", problem)


def test_rules_are_the_codes_that_were_found() -> None:
    """Each once, with its page; a result names its rule by place, too."""
    (run,) = log_of("leadflow 1\nconst x = y + z\nconst x = 1\n")["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert ["FLOW201", "FLOW202"] == [rule["id"] for rule in rules]
    assert all("```flow" in rule["help"]["markdown"] and rule["shortDescription"]["text"] for rule in rules)
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [r["ruleId"] for r in run["results"]]


@given(st.text(st.sampled_from("aé😀\n"), min_size=1, max_size=20), st.data())
def test_regions_count_characters(text: str, data: st.DataObject) -> None:
    """Lines and columns from 1, columns in code points as the log says: the region is the span, read back."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    finding = Diagnostic("FLOW999", "t", "error", Span("a.flow", start, end), "m")
    (run,) = to_sarif([finding], {"a.flow": Source("a.flow", text)}, version="0")["runs"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    lines = text.split("\n")
    at = {
        which: sum(len(line) + 1 for line in lines[: region[f"{which}Line"] - 1]) + region[f"{which}Column"] - 1
        for which in ("start", "end")
    }
    assert ("unicodeCodePoints", start, end) == (run["columnKind"], at["start"], at["end"])


def test_a_fix_is_a_replacement() -> None:
    """Per file; what it deletes is empty where it only inserts."""
    fix = Fix("write it", (Edit(Span("a b.flow", 1, 1), "x"), Edit(Span("/c.flow", 0, 1), "")), safe=True)
    sources = {name: Source(name, "ab") for name in ("a b.flow", "/c.flow")}
    finding = Diagnostic("FLOW999", "t", "warning", Span("a b.flow", 0, 1), "m", fix=fix)
    (found,) = to_sarif([finding], sources, version="0")["runs"][0]["results"][0]["fixes"]
    assert ["a%20b.flow", "file:///c.flow"] == [c["artifactLocation"]["uri"] for c in found["artifactChanges"]]
    region = {"startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 2}
    (first,) = found["artifactChanges"][0]["replacements"]
    assert {"deletedRegion": region, "insertedContent": {"text": "x"}} == first
    assert {"safe": True} == found["properties"]


def test_a_place_in_the_standard_library_is_no_file() -> None:
    """It has the module's name, which no viewer takes for a path."""
    label = Label(Span("std.agents", 0, 3), "declared here")
    finding = Diagnostic("FLOW999", "t", "error", Span("a.flow", 0, 1), "m", (label,))
    sources = {"a.flow": Source("a.flow", "a"), "std.agents": Source("std.agents", "abc")}
    (related,) = to_sarif([finding], sources, version="0")["runs"][0]["results"][0]["relatedLocations"]
    assert [{"fullyQualifiedName": "std.agents", "kind": "module"}] == related["logicalLocations"]


def test_a_command_names_the_place_and_the_code() -> None:
    """Both ends are included; notes and the fix follow the message on lines of their own."""
    finding = Diagnostic(
        "FLOW201", "Unknown name", "error", Span("a.flow", 3, 5), "no 'x'", (), ("100 %",), Fix("write `y`", ())
    )
    expected = (
        "::error file=a.flow,line=2,endLine=2,col=2,endColumn=3,title=FLOW201 Unknown name"
        "::no 'x'%0Anote: 100 %25%0Asuggestion: write `y`\n"
    )
    assert expected == render_github([finding], {"a.flow": Source("a.flow", "a\nbcde")})


def test_over_several_lines_there_are_no_columns() -> None:
    """The runner takes columns for one line only."""
    finding = Diagnostic("FLOW201", "t", "warning", Span("a.flow", 0, 3), "m")
    expected = "::warning file=a.flow,line=1,endLine=2,title=FLOW201 t::m\n"
    assert expected == render_github([finding], {"a.flow": Source("a.flow", "a\nb")})


def runner_reads(line: str) -> tuple[dict[str, str], str]:
    """What GitHub's runner makes of a command."""

    def plain(text: str, marks: tuple[tuple[str, str], ...]) -> str:
        for written, mark in marks:
            text = text.replace(written, mark)
        return text

    in_text = (("%0D", "\r"), ("%0A", "\n"))
    head, _, message = line.removeprefix("::").partition("::")
    pairs = [pair.split("=", 1) for pair in head.partition(" ")[2].split(",")]
    marks = (*in_text, ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    return {name: plain(value, marks) for name, value in pairs}, plain(message, (*in_text, ("%25", "%")))


@given(st.text(st.sampled_from("a:,%\r\n0AD=:é"), max_size=12), st.text(st.sampled_from("a:,%\r\n0AD25é"), max_size=12))
def test_no_text_of_an_author_breaks_a_command(name: str, message: str) -> None:
    """Whatever a file is called and a message quotes: it is one line, and the runner reads back what was meant."""
    finding = Diagnostic("FLOW201", "t", "error", Span(name, 0, 0), message)
    (line,) = render_github([finding], {}).splitlines()
    assert ({"file": name, "title": "FLOW201 t"}, message) == runner_reads(line)
