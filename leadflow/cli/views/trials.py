"""Tests for people: each by its name as it is made, then what went wrong with its source, its values and its path."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import assert_never

import click

from leadflow.cli.trying import Tried
from leadflow.cli.views import human
from leadflow.cli.views.marks import MARKS, marked
from leadflow.events.model import Status
from leadflow.plan.plan import Place, Plan
from leadflow.plan.types import Value
from leadflow.plan.words import call_words, value_words
from leadflow.testing.apart import short
from leadflow.testing.coverage import Coverage
from leadflow.testing.fakes import sample
from leadflow.testing.outcome import Made, NotStarted, NoValue, Outcome, Problem, Stuck, Unmet
from leadflow.testing.stand_ins import Drift, Unmocked
from leadflow.testing.trace import Line, trace

MOST_LINES = 40
"""Lines of a run's path that are shown."""
_WIDTH = 118

Print = Callable[[str], None]


def file_done(tried: Tried) -> None:
    """A file's tests, a line each."""
    click.secho(tried.file, bold=True)
    if tried.is_broken:
        click.echo(f"  {_mark(has_passed=False)} it has errors")
    for outcome in tried.outcomes:
        often = f"  {outcome.passed} of {len(outcome.samples)} passed" if outcome.trial.sampling is not None else ""
        click.echo(f"  {_mark(has_passed=outcome.has_passed)} {outcome.trial.name}{click.style(often, dim=True)}")
        if outcome.has_passed:
            for note in outcome.shown.notes:
                click.echo(f"    {click.style('note:', fg='yellow')} line {note.place.line}: {note.text}")


def _mark(*, has_passed: bool) -> str:
    return marked(*MARKS[Status.DONE if has_passed else Status.FAILED])


def failures(all_tried: Sequence[Tried]) -> None:
    """Everything that went wrong, at length."""
    for tried in all_tried:
        if tried.is_broken:
            click.echo()
            human.findings(tried.said.found, tried.said.sources, asked=True)
        for outcome in tried.outcomes:
            if not outcome.has_passed:
                click.echo()
                for line in failure_lines(tried, outcome):
                    click.echo(line)


def summary(all_tried: Sequence[Tried], coverage: Coverage, seconds: float) -> None:
    """How it went, in one line; and how much of the flows was tried, in another."""
    outcomes = [outcome for tried in all_tried for outcome in tried.outcomes]
    passed = sum(outcome.has_passed for outcome in outcomes)
    broken = sum(tried.is_broken for tried in all_tried)
    parts = [click.style(f"{passed} passed", fg="green", bold=True)] if passed else []
    if len(outcomes) > passed:
        parts.insert(0, click.style(f"{len(outcomes) - passed} failed", fg="red", bold=True))
    if broken:
        word = "file has" if broken == 1 else "files have"
        parts.append(click.style(f"{broken} {word} errors", fg="red", bold=True))
    click.echo(f"\n{', '.join(parts)} ({human.duration(seconds)})")
    if coverage.ways:
        kinds = ", ".join(f"{_KINDS[kind]} {gone}/{all_of_them}" for kind, gone, all_of_them in coverage.by_kind())
        click.echo(f"coverage {coverage.percent:.0f}%: {kinds}")


_KINDS = {"step": "steps", "arm": "arms", "catch": "catches", "fallback": "fallbacks", "undo": "undos"}


def missed(coverage: Coverage) -> None:
    """The ways that no test went, a line each."""
    if not coverage.missed:
        return
    click.echo("\nno test went here:")
    for way in coverage.missed:
        click.echo(f"  {way.place.file}:{way.place.line}: {way.said}")


# --- one failed test ----------------------------------------------------------------------------------------------


def failure_lines(tried: Tried, outcome: Outcome) -> Iterator[str]:
    """Why a test failed."""
    shown, source = outcome.shown, tried.said.sources
    name = tried.names(outcome.trial.place.file)
    lines = source[name].text.splitlines() if name in source else []
    head = click.style("failed:", fg="red", bold=True)
    yield f"{head} {click.style(outcome.trial.name, bold=True)}  {name}:{outcome.trial.place.line}"
    if outcome.trial.sampling is not None:
        often = f"{outcome.passed} of {len(outcome.samples)} passed, and {outcome.needed} had to"
        yield f"  {often}; the first that failed:"
    for problem in shown.problems:
        yield ""
        yield from _problem(problem, lines, tried.names)
    for note in shown.notes:
        yield ""
        yield f"  {click.style('note:', fg='yellow')} line {note.place.line}: {note.text}"
    if tried.subject is not None:
        for run in shown.runs:
            yield ""
            yield from _run(run, tried.subject.plan)


def _problem(problem: Problem, lines: Sequence[str], names: Callable[[str], str]) -> Iterator[str]:
    match problem:
        case Unmet(expect, parts, apart):
            yield from _source(lines, expect.place)
            values = {part.written: short(part.value, _WIDTH - 12) for part in parts}
            yield from _table(values)
            if apart:
                yield "      they differ:"
                yield from (f"        {line}" for line in apart)
        case NoValue(place, _, message):
            yield from _source(lines, place)
            yield f"      has no value: {message}"
        case NotStarted(place, problems):
            yield from _source(lines, place)
            yield from (f"      could not start: {one}" for one in problems)
        case Stuck(place, message):
            yield from _source(lines, place)
            yield f"      never ends: {message}"
        case Unmocked():
            yield from _unmocked(problem, names)
        case Drift(path, said, changes, place):
            yield f"  {path}{_at(place, names)}: {said}"
            yield from (f"      {line}" for line in changes)
            yield "  if that is meant, record the run anew: leadflow run --record"
        case _:
            assert_never(problem)


def _source(lines: Sequence[str], place: Place) -> Iterator[str]:
    text = lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""
    yield f"  {click.style(f'{place.line} |', dim=True)} {text}"


def _table(values: Mapping[str, str]) -> Iterator[str]:
    width = max((len(written) for written in values if len(written) <= 40), default=0)
    for written, value in values.items():
        if len(written) > 40:
            yield f"      {written}"
        yield f"      {('' if len(written) > 40 else written).ljust(width)}  {value}"


def _at(place: Place | None, names: Callable[[str], str]) -> str:
    return "" if place is None else f" ({names(place.file)}:{place.line})"


def _unmocked(call: Unmocked, names: Callable[[str], str]) -> Iterator[str]:
    called = call_words(call.agent, call.action)
    yield f"  nothing answers {click.style(called, bold=True)} for {call.path}{_at(call.place, names)}"
    yield from _table({f"{name}:": short(value, _WIDTH - 20) for name, value in call.args.items()})
    if call.use is not None:
        yield f"  to answer it, import its file with `use {call.use}`, and write into the test:"
    else:
        yield "  to answer it, write into the test:"
    line = f"mock {call.target} => {value_words(sample(call.result))}"
    yield click.style(f"      {line}", fg="cyan")


# --- the path of a run --------------------------------------------------------------------------------------------


def _run(run: Made, plan: Plan) -> Iterator[str]:
    result = run.result
    took = human.duration(run.took)
    if result.failure is None:
        how = f"gave {_value(result.value)}"
    else:
        how = f"failed: {result.failure.message} [{result.failure.error}]"
    yield from _wrapped(f"  {click.style(run.written, bold=True)}", f"{how}, in {took}")
    lines = list(trace(plan, run.entries))
    shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES // 2], *lines[-MOST_LINES // 2 :]]
    paths = min(max((len(line.path) for line in shown), default=0), 30)
    whats = min(max((len(line.what) for line in shown if not line.is_turn), default=0), 30)
    for number, line in enumerate(shown):
        if len(shown) < len(lines) and number == MOST_LINES // 2:
            yield f"      … {len(lines) - len(shown)} more"
        yield _trace_line(line, paths, whats)
    if result.undone:
        yield f"      undone: {', '.join(result.undone)}"


def _trace_line(line: Line, paths: int, whats: int) -> str:
    how = click.style(line.how, fg="red") if line.is_bad else line.how
    return f"      {line.path.ljust(paths)}  {click.style(line.what.ljust(whats), dim=True)}  {how}"


def _value(value: Value) -> str:
    return short(value, 80)


def _wrapped(head: str, rest: str) -> Iterator[str]:
    """On one line where there is room."""
    if len(click.unstyle(head)) + len(rest) + 1 <= _WIDTH:
        yield f"{head} {rest}"
        return
    yield textwrap.shorten(head, _WIDTH, placeholder=" …") if click.unstyle(head) == head else head
    yield f"    {rest}"
