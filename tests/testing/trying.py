"""Tests of the language as texts: compiled and made, and what came of them in a few words."""

from collections.abc import Sequence
from pathlib import Path

from leadflow.agents.registry import Registry, find_kinds
from leadflow.files import find_main, reader
from leadflow.graph.trials import trials_of
from leadflow.pipeline import check_file, plan_of
from leadflow.plan.words import value_words
from leadflow.settings import load_project
from leadflow.testing.outcome import NotStarted, NoValue, Outcome, Problem, Stuck, Unmet
from leadflow.testing.stand_ins import Drift, Unmocked
from leadflow.testing.trials import Subject, Ways, run_trial

_KINDS: list[Registry] = []


def kinds() -> Registry:
    """The kinds of this installation, found once."""
    if not _KINDS:
        _KINDS.append(find_kinds())
    return _KINDS[0]


def made(text: str, folder: Path, ways: Ways | None = None, *, name: str = "main.flow") -> list[Outcome]:
    """The outcomes of all tests of a text, which lies in a folder."""
    file = folder / name
    file.write_text(text, "utf-8")
    root, main = find_main(file)
    checked, report = check_file(main, reader(root), catalogue=kinds().catalogue)
    assert [] == [found.message for found in report.diagnostics if found.severity == "error"]
    assert checked is not None
    subject = Subject(plan_of(checked), load_project(file), kinds(), folder, {}, [])
    return [run_trial(trial, subject, ways or Ways()) for trial in trials_of(checked)]


def told(outcome: Outcome) -> list[str]:
    """The problems and notes of an outcome, a line each, behind the line of the source."""
    shown = outcome.shown
    lines = [_told(problem) for problem in shown.problems]
    return [*lines, *(f"{note.place.line} note: {note.text}" for note in shown.notes)]


def _told(problem: Problem) -> str:
    match problem:
        case Unmet(expect, parts, apart):
            values = "; ".join(f"{part.written} = {value_words(part.value)}" for part in parts)
            return f"{expect.place.line} unmet: {values}" + "".join(f" | {line}" for line in apart)
        case NoValue(place, _, message):
            return f"{place.line} no value: {message}"
        case NotStarted(place, problems):
            return f"{place.line} not started: {' '.join(problems)}"
        case Stuck(place, message):
            return f"{place.line} stuck: {message}"
        case Unmocked(path, agent, action, target, use):
            there = "" if use is None else f", use {use}"
            return f"unmocked: {agent}.{action} at {path}, mock {target}{there}"
        case Drift(path, said, changes):
            return f"drift: {path}: {said}" + "".join(f" | {line}" for line in changes)


def passed(outcomes: Sequence[Outcome]) -> dict[str, bool]:
    """By name: whether a test passed."""
    return {outcome.trial.name: outcome.has_passed for outcome in outcomes}
