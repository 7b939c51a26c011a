"""A run in words as it goes, for logs and pipes: a line where a call begins or ends, and for what people have to know.

Nothing is drawn anew, and nothing is cut to a width: what is written stays. `--json` is for machines.
"""

import click

from leadflow.cli.views.human import duration, one_line
from leadflow.cli.views.marks import MARKS, marked
from leadflow.cli.views.tree import once_words
from leadflow.events.model import (
    AttemptFailed,
    AttemptStarted,
    BreakerMoved,
    CallPassedOn,
    CallWaits,
    CancelRequested,
    Entry,
    NodeStarted,
    OnceFound,
    QuestionAnswered,
    QuestionAsked,
    RunPaused,
    RunResumed,
    RunStarted,
    Status,
    UndoBegan,
)
from leadflow.events.places import in_place
from leadflow.plan.plan import Plan
from leadflow.testing.trace import Trace

_NARROW, _WIDE = 16, 44
"""Columns: each grows with what comes, up to the second of these."""
_LONG = 1.0
"""Seconds that a call has to wait for its turn: of less nothing is said."""


class Teller:
    """Tells a run; call it with each entry."""

    def __init__(self, plan: Plan) -> None:
        self._trace = Trace(plan)
        self._began: float | None = None
        self._since: dict[str, float] = {}
        """When the calls that are under way began."""
        self._between: set[str] = set()
        """Those of which no attempt is."""
        self._columns = [_NARROW, _NARROW]

    def __call__(self, entry: Entry) -> None:
        """Write what an event is told as."""
        event = in_place(entry.event)
        path = str(getattr(event, "path", ""))
        self._began = entry.at if self._began is None else self._began
        if isinstance(event, NodeStarted) and (call := self._trace.call(path)) is not None:
            self._since[path] = entry.at
            self._write(entry, Status.RUNNING, self._head(path.partition("/")[2], call).rstrip())
        line = self._trace.line(event)
        if line is not None and not line.is_turn:
            status = Status.FAILED if line.is_bad else Status.DONE
            took = f"  ({duration(entry.at - self._since.pop(path))})" if path in self._since else ""
            self._write(entry, status, f"{self._head(line.path, line.what)}{one_line(line.how)}{took}")
        elif (said := self._said(event, path)) is not None:
            self._write(entry, Status.WAITING, said)
        self._count(event, path)

    def _count(self, event: object, path: str) -> None:
        """Note whether an attempt of a call is under way; those of a process that ended are not."""
        match event:
            case AttemptFailed(is_beside=False) | CallPassedOn():
                self._between.add(path)
            case RunResumed():
                self._between.update(self._since)
            case AttemptStarted():
                self._between.discard(path)
            case _ if path not in self._since:
                self._between.discard(path)

    def _said(self, event: object, path: str) -> str | None:
        """What people have to know besides, or None."""
        step = path.partition("/")[2]
        match event:
            case RunStarted(run=run, flow=flow):
                return f"run {run} of {flow}"
            case RunResumed():
                return "the run goes on"
            case AttemptFailed(failure=failure, delay=float() as delay):
                again = f"again in {duration(delay)}" if delay else "again at once"
                head = self._head(step, self._trace.call(path) or "")
                return f"{head}{one_line(failure.message)} [{failure.error}]; {again}"
            case AttemptFailed(failure=failure, then=str() as then) | CallPassedOn(failure=failure, then=then):
                head = self._head(step, self._trace.call(path) or "")
                return f"{head}{one_line(failure.message)} [{failure.error}]; {then} is asked"
            case AttemptStarted(agent=agent) if path in self._since and path not in self._between:
                return f"{self._head(step, self._trace.call(path) or '')}no answer yet: {agent} is asked a second time"
            case CallWaits(agent=agent, why=why, seconds=float() as seconds) if seconds >= _LONG:
                return f"{self._head(step, self._trace.call(path) or '')}waiting {duration(seconds)}: {agent}, {why}"
            case OnceFound() as found:
                return self._head(step) + once_words(found)
            case BreakerMoved(agent=agent, state=state, why=why):
                return f"the breaker of {agent} is {state.replace('_', ' ')}: {one_line(why)}"
            case QuestionAsked(agent=agent, question=question, assignee=assignee):
                return f"{self._head(step)}asks {one_line(assignee or agent)}: {one_line(question)}"
            case QuestionAnswered(by=by):
                return f"{self._head(step)}answered by {one_line(by)}"
            case CancelRequested(why=why):
                return f"is to be cancelled: {one_line(why)}"
            case RunPaused(why=why, paths=()):
                return f"pauses: {one_line(why)}"
            case UndoBegan(paths=paths):
                return f"takes back {', '.join(paths)}"
            case _:
                return None

    def _write(self, entry: Entry, status: Status, said: str) -> None:
        since = duration(entry.at - (entry.at if self._began is None else self._began))
        sign, color = MARKS[status]
        click.echo(f"{click.style(f'{since:>8}', dim=True)} {marked(sign, color)} {said}", err=True)

    def _head(self, *words: str) -> str:
        """A step, and what it calls, in their columns."""
        told = [one_line(word) for word in words if word]
        for at, word in enumerate(told):
            self._columns[at] = max(self._columns[at], min(len(word), _WIDE))
        return "".join(f"{word:{column}}  " for word, column in zip(told, self._columns, strict=False))
