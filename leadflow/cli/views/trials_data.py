"""Tests for machines: one JSON document, or JUnit's XML, which CI servers read. Keys and elements are stable."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, assert_never
from xml.etree import ElementTree as Xml

import click

from leadflow.cli.trying import Tried
from leadflow.cli.views.trials import failure_lines
from leadflow.diagnostics.render import render_text, to_json
from leadflow.plan.forms import to_plain
from leadflow.testing.coverage import Coverage
from leadflow.testing.outcome import Made, NotStarted, NoValue, Outcome, Problem, Stuck, Unmet
from leadflow.testing.stand_ins import Drift, Unmocked
from leadflow.testing.trace import trace

# --- JSON ---------------------------------------------------------------------------------------------------------


def document(all_tried: Sequence[Tried], coverage: Coverage) -> dict[str, Any]:
    """All that is known of all tests."""
    tests = [_test(tried, outcome) for tried in all_tried for outcome in tried.outcomes]
    return {
        "passed": sum(test["passed"] for test in tests),
        "failed": sum(not test["passed"] for test in tests),
        "tests": tests,
        "errors": [finding for tried in all_tried if tried.is_broken for finding in _findings(tried)],
        "coverage": {
            "percent": round(coverage.percent, 2),
            "kinds": {kind: {"gone": gone, "all": total} for kind, gone, total in coverage.by_kind()},
            "missed": [
                {"file": way.place.file, "line": way.place.line, "kind": way.kind, "path": way.path, "said": way.said}
                for way in coverage.missed
            ],
        },
    }


def _findings(tried: Tried) -> list[Any]:
    return list(to_json(tried.said.found, tried.said.sources))


def _test(tried: Tried, outcome: Outcome) -> dict[str, Any]:
    shown, place = outcome.shown, outcome.trial.place
    return {
        "file": tried.names(place.file),
        "line": place.line,
        "name": outcome.trial.name,
        "passed": outcome.has_passed,
        "samples": {"made": len(outcome.samples), "passed": outcome.passed, "needed": outcome.needed},
        "problems": [_problem(problem) for problem in shown.problems],
        "notes": [{"line": note.place.line, "text": note.text} for note in shown.notes],
        "runs": [_run(tried, run) for run in shown.runs],
    }


def _problem(problem: Problem) -> dict[str, Any]:
    match problem:
        case Unmet(expect, parts, apart):
            values = {part.written: to_plain(part.value) for part in parts}
            told = {"line": expect.place.line, "expected": expect.written, "values": values, "differ": list(apart)}
            return {"kind": "unmet", **told}
        case NoValue(place, written, message):
            return {"kind": "no value", "line": place.line, "expression": written, "message": message}
        case NotStarted(place, problems):
            return {"kind": "not started", "line": place.line, "problems": list(problems)}
        case Stuck(place, message):
            return {"kind": "stuck", "line": place.line, "message": message}
        case Unmocked(path, agent, action, target, use, args):
            sent = {name: to_plain(value) for name, value in args.items()}
            told = {"kind": "unmocked", "path": path, "call": f"{agent}.{action}", "args": sent, "mock": target}
            return told if use is None else {**told, "use": use}
        case Drift(path, said, changes):
            return {"kind": "drift", "path": path, "message": said, "changes": list(changes)}
        case _:
            assert_never(problem)


def _run(tried: Tried, run: Made) -> dict[str, Any]:
    failure = run.result.failure
    told: dict[str, Any] = {"name": run.name, "flow": run.flow, "took": round(run.took, 6)}
    if failure is None:
        told["value"] = to_plain(run.result.value)
    else:
        told["failure"] = {"error": failure.error, "class": failure.category, "message": failure.message}
    if tried.subject is not None:
        lines = trace(tried.subject.plan, run.entries)
        told["path"] = [{"path": line.path, "what": line.what, "how": line.how} for line in lines]
    return told


# --- JUnit --------------------------------------------------------------------------------------------------------

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(all_tried: Sequence[Tried]) -> str:
    """The tests as JUnit's XML: a suite for each file."""
    root = Xml.Element("testsuites", name="leadflow")
    for tried in all_tried:
        root.append(_suite(tried))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    Xml.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _suite(tried: Tried) -> Xml.Element:
    cases = list(_cases(tried))
    suite = Xml.Element("testsuite", name=_clean(tried.file), tests=str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    suite.set("skipped", "0")
    suite.set("time", f"{sum(outcome.seconds for outcome in tried.outcomes):.3f}")
    suite.extend(cases)
    return suite


def _cases(tried: Tried) -> Iterator[Xml.Element]:
    if tried.is_broken:
        case = Xml.Element("testcase", classname=_clean(tried.file), name="the file is right", time="0.000")
        found = tried.said.found
        error = Xml.SubElement(case, "error", message=_clean(found[0].message), type="check")
        error.text = _clean(render_text(found, tried.said.sources))
        yield case
    for outcome in tried.outcomes:
        name = _clean(outcome.trial.name)
        case = Xml.Element("testcase", classname=_clean(tried.file), name=name, time=f"{outcome.seconds:.3f}")
        if not outcome.has_passed:
            lines = [click.unstyle(line) for line in failure_lines(tried, outcome)]
            first = _problem(outcome.shown.problems[0])
            failure = Xml.SubElement(case, "failure", message=_clean(_said(first)), type=first["kind"])
            failure.text = _clean("\n".join(lines))
        yield case


def _said(problem: dict[str, Any]) -> str:
    """A problem in one line."""
    if problem["kind"] == "unmet":
        return f"expected {problem['expected']}"
    if problem["kind"] == "unmocked":
        return f"nothing answers {problem['call']} for {problem['path']}"
    return str(problem.get("message") or "; ".join(problem.get("problems", ())))


def _clean(text: str) -> str:
    """Without the characters that XML has no form for."""
    return _NOT_IN_XML.sub("\ufffd", text)
