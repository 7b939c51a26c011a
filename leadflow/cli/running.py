"""A run on the screen: who watches it, what Ctrl-C does, how it ended. For the commands that run a flow.

Standard output has the result and nothing else; what happens on the way goes to standard error.
"""

import contextlib
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, Literal, TextIO, TypeAlias, cast

from leadflow.answers import type_at
from leadflow.api import Program
from leadflow.assembly import StartProblem
from leadflow.cli import asking
from leadflow.cli.interrupts import Interrupted, run_interruptibly
from leadflow.cli.journals import elsewhere
from leadflow.cli.names import Names
from leadflow.cli.streams import Lines, printing_to
from leadflow.cli.views import human, machine, questions, runs, spending, words
from leadflow.cli.views.failures import absorbed, failure, left_out, undone, untold
from leadflow.cli.views.logs import OneLine
from leadflow.events.model import Entry, RunFailed, RunStarted, Status, UndoBegan
from leadflow.plan.forms import to_plain
from leadflow.plan.plan import FlowPlan, Plan
from leadflow.record import record
from leadflow.run.adapters import SystemClock
from leadflow.run.brake import Brake
from leadflow.run.driver import Listener, Observer, Result
from leadflow.run.store import JournalProblem, NoSuchRun
from leadflow.runs import InputProblem, RunOptions
from leadflow.testing.recording import Recorder

Show: TypeAlias = Literal["live", "lines", "json", "quiet"]
"""A picture on a terminal; words in lines, for logs; nothing but JSON lines; nothing of it."""


WAITS = 3
"""The exit code of a run that waits for people."""


def shown(option: str | None) -> Show:
    """How a run is shown: as the option says, else as standard error can."""
    return cast(Show, option or ("live" if sys.stderr.isatty() else "lines"))


@record
class Job:
    """What shall be run, and how it is shown."""

    program: Program
    flow: FlowPlan
    show: Show
    left: str | None = None
    """What to say when whoever watches leaves a run that goes on without them; None: it is the run that is stopped."""
    brake: Brake | None = None
    """What Ctrl-C pulls, so that the run is paused and can go on; None: it is cancelled."""
    tells_value: bool = True
    """What the run gives is printed."""
    recorder: Recorder | None = None
    """Who writes down what agents are asked, also behind the answers that whoever sits at the terminal gives."""


@record
class Audience:
    """Who watches a run."""

    observers: tuple[Observer, ...] = ()
    listeners: tuple[Listener, ...] = ()

    def of(self, options: RunOptions, *others: Observer) -> RunOptions:
        """The options of the run that they watch, and others too. The loop is there for that run (`_ran`)."""
        return replace(options, observers=(*self.observers, *others), listeners=self.listeners, alone=True)


Work: TypeAlias = Callable[[Audience], Coroutine[Any, Any, Result]]
"""Takes who watches, and ends with the run."""


def go(job: Job, work: Work) -> int:
    """Do the work of a run, shown as the job says; returns the exit code. Whoever sits at the terminal is asked what
    the run asks people, and it goes on."""
    ended = _ran(job, work)
    while isinstance(ended, Result) and _is_asked_here(ended, job) and asking.ask(ended, job.program):
        ended = _ran(job, _resuming(ended.run, job), ended.entries)
    return ended if isinstance(ended, int) else _tell(ended, job)


def _is_asked_here(ended: Result, job: Job) -> bool:
    return bool(ended.questions) and job.brake is not None and job.show == "live" and asking.can_ask()


def _resuming(run: str, job: Job) -> Work:
    """The work of a run that goes on."""
    options, heard = RunOptions(brake=job.brake, cast=job.recorder), () if job.recorder is None else (job.recorder,)
    return lambda audience: job.program.resume(run, audience.of(options, *heard))


def _ran(job: Job, work: Work, before: Sequence[Entry] = ()) -> Result | int:
    """How a run ended; or an exit code, where nothing more is to be said.

    Args:
        before: what happened in it already, for whoever watches.
    """
    end: list[Entry] = []
    started: list[str] = []

    def note(entry: Entry) -> None:
        """Remember which run it is and how it ends: nobody gets the result of a run that is interrupted."""
        if isinstance(entry.event, RunStarted):
            started.append(entry.event.run)
        elif end or isinstance(entry.event, UndoBegan | RunFailed):
            end.append(entry)

    try:
        with _watch(job, before) as (audience, leave):
            stop = None if job.brake is None else _pulling(job.brake)
            watched = replace(audience, observers=(*audience.observers, note))
            left = partial(_leave_at_once, leave, started, job)
            result, code = run_interruptibly(work(watched), leave=left, stop=stop)
    except (StartProblem, JournalProblem, NoSuchRun) as problem:
        problems = problem.problems if isinstance(problem, StartProblem) else (str(problem),)
        if job.show == "json":
            machine.line({"event": "StartProblem", "problems": list(problems)})
        for line in problems if job.show != "json" else ():
            human.problem(_seen_from_here(line, job))
        return 2 if isinstance(problem, InputProblem) else 1
    except Interrupted as stopped:
        if job.left is not None and job.show != "json":
            human.note(job.left)
        elif job.show != "json":
            human.problem("interrupted; what was under way has been cleaned up")
            _tell_end(end, job)
        return stopped.code
    if code is not None and result.is_paused:
        if job.show != "json":
            human.problem(_stopped(result, job))
        return code
    return result


def _leave_at_once(leave: Callable[[], None], started: Sequence[str], job: Job) -> None:
    """What a second signal does before the process ends, in its handler: no buffer may be touched there."""
    leave()
    if job.brake is None or job.show == "json":
        return
    named = " ".join(["leadflow resume", *started[:1]]) + elsewhere(job.program.project)
    told = f"error: ended at once; nothing that was acknowledged is lost\n  {named}   goes on with the run\n"
    with contextlib.suppress(OSError):
        os.write(2, told.encode())


def _pulling(brake: Brake) -> Callable[[int], None]:
    """What a first signal does."""
    return lambda number: brake.pull(signal.Signals(number).name)


def _stopped(result: Result, job: Job) -> str:
    """What to say of a run that was paused by a signal."""
    run = result.run + elsewhere(job.program.project)
    return (
        "stopped; nothing that was acknowledged is lost\n"
        f"  leadflow resume {run}   goes on with the run\n"
        f"  leadflow runs cancel {run}   takes back what it did"
    )


def _tell_end(end: Sequence[Entry], job: Job) -> None:
    """What an interrupted run took back, and what it could not."""
    last = end[-1].event if end else None
    why = last.failure if isinstance(last, RunFailed) else None
    ended = Result("", Status.CANCELLED, None, why, end)
    if why is not None:
        failure(ended, job.program.plan, Names(job.program.project.root))
    else:
        undone(ended.undone)


def _seen_from_here(line: str, job: Job) -> str:
    """A problem that begins with a place, `file:line:column: `, with the file as the working folder calls it."""
    file, _, rest = line.partition(":")
    return f"{Names(job.program.project.root)(file)}:{rest}" if rest[:1].isdigit() else line


def _tell(result: Result, job: Job) -> int:
    if job.show in ("live", "lines"):
        spending.tell(result.used)
    if result.status is Status.DONE:
        if job.show == "live":
            absorbed(result)
        elif job.show == "lines":
            left_out(result)
        if job.show != "json":
            untold(result, job.program.plan)
        if job.tells_value:
            machine.document(to_plain(result.value))
        return 0
    if result.is_paused:
        if job.show != "json":
            _tell_waiting(result, job)
        return WAITS
    if job.show != "json":
        is_kept = job.brake is not None or job.left is not None
        where = elsewhere(job.program.project) if is_kept else None
        failure(result, job.program.plan, Names(job.program.project.root), where=where)
        if result.status is Status.WAITING:
            here = result.run + elsewhere(job.program.project)
            human.note(_how_to_go_on(result, here, job.program.plan))
    return 1


def _tell_waiting(result: Result, job: Job) -> None:
    """Whom a paused run waits for, and what to type."""
    if not result.questions:
        human.problem(_stopped(result, job))
        return
    now = SystemClock().timestamp()
    questions.waiting(result.run, result.questions, job.program.plan, where=elsewhere(job.program.project), now=now)


def _how_to_go_on(result: Result, run: str, plan: Plan) -> str:
    """What to do with a run that waits.

    Args:
        run: as a command names it from here.
    """
    doubts = result.failure.causes if result.failure is not None and result.failure.in_doubt else ()
    if result.failure is not None and result.failure.error == "system.taken_over":
        return f"nothing that was acknowledged is lost; `leadflow runs watch {run}` follows it there"
    if not doubts:
        return f"nothing that was acknowledged is lost; go on with `leadflow resume {run}`"
    gave = f"{doubts[0].path}={questions.as_json(type_at(plan, doubts[0].path))}"
    path = shlex.quote(doubts[0].path)  # a shell may take the number of an item for a pattern
    return (
        f"find out what is true, and say it: leadflow resume {run}\n"
        f"  --done {shlex.quote(gave)}   it was done, and gave this\n"
        f"  --failed {path}   it was not done\n"
        f"  --again {path}   call it again, whether it was done or not"
    )


# --- while it runs ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _watch(job: Job, before: Sequence[Entry]) -> Iterator[tuple[Audience, Callable[[], None]]]:
    """Who is shown the events while the run lasts; what functions print and what is logged goes to standard error."""
    as_json = job.show == "json"
    warn = {"json": _tell_as_json("Logged"), "live": human.warning_above}.get(job.show, human.warning)
    with (
        _logged(warn),
        _screen(job, before) as shown,
        contextlib.closing(Lines(_tell_as_json("Printed"))) as lines,
        # looked at here, because the screen has lent its own standard error, which writes above the picture
        printing_to(cast(TextIO, lines) if as_json else sys.stderr),
    ):
        yield shown


def _tell_as_json(event: str) -> Callable[[str], None]:
    return lambda text: machine.line({"event": event, "text": text})


@contextlib.contextmanager
def _screen(job: Job, before: Sequence[Entry]) -> Iterator[tuple[Audience, Callable[[], None]]]:
    """Who is shown the events, and what to do with the screen when the process ends at once."""
    match job.show:
        case "quiet":
            yield Audience(), lambda: None
        case "json":
            yield Audience((_while_read(runs.event),)), lambda: None
        case "lines":
            yield Audience((_while_read(words.Teller(job.program.plan)),)), lambda: None
        case "live":
            progress = import_module("leadflow.cli.views.progress")  # rich is slow to load
            watch = progress.Watch(job.program.plan, job.flow.name)
            for entry in before:
                watch(entry)
            screen = progress.Screen(watch, lambda: SystemClock().now().timestamp())
            with screen:
                yield Audience((watch,), (watch.hear,)), screen.leave


def _while_read(tell: Observer) -> Observer:
    """Tells each event, until nobody reads that any more; the run goes on."""
    is_read = True

    def write(entry: Entry) -> None:
        nonlocal is_read
        if is_read:
            try:
                tell(entry)
            except BrokenPipeError:
                is_read = False

    return write


@contextlib.contextmanager
def _logged(say: Callable[[str], None]) -> Iterator[None]:
    """What leadflow logs, in one line each, without tracebacks."""
    handler = OneLine(say)
    logger = logging.getLogger("leadflow")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
