"""Asking the person at the terminal, where a run waits for people and somebody sits there.

What they leave for later stays open: the run is paused, and is answered with `leadflow approve` and `leadflow answer`.
"""

import asyncio
import sys

import click

from leadflow.answers import NotAnswered, Typed, type_of
from leadflow.api import Program
from leadflow.cli.views import human, questions
from leadflow.events.model import QuestionAsked
from leadflow.plan.types import Type, show
from leadflow.run.adapters import SystemClock
from leadflow.run.driver import Result

_LATER = "later"
_SAID = {"yes": True, "y": True, "no": False, "n": False}


def can_ask() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(result: Result, program: Program) -> bool:
    """Ask all that a paused run waits for; True when there is something to go on with."""
    heard = False
    for asked in result.questions:
        heard = _ask(result.run, asked, program) or heard
    return heard


def _ask(run: str, asked: QuestionAsked, program: Program) -> bool:
    type_ = type_of(program.plan, asked)
    for line in questions.head(asked, now=SystemClock().timestamp()):
        click.echo(line, err=True)
    while True:
        try:
            value, note = _approval() if asked.is_approval else _answer(type_)
        except click.Abort:  # Ctrl-C, or the end of the input
            click.echo(err=True)
            return False
        if value is None:
            return False
        try:
            asyncio.run(program.answer(run, asked.path, value, note=note))
        except NotAnswered as problem:
            human.problem(str(problem))
            if not asyncio.run(_is_open(run, asked, program)):
                return True
        else:
            return True


async def _is_open(run: str, asked: QuestionAsked, program: Program) -> bool:
    """Whether somebody may still answer: nobody else has, and it has not expired."""
    now = SystemClock().timestamp()
    is_late = asked.expires is not None and asked.expires <= now
    return not is_late and asked in [one.asked for one in await program.questions(run)]


def _approval() -> tuple[bool | None, str]:
    words = click.Choice([*_SAID, _LATER], case_sensitive=False)
    said = _SAID.get(click.prompt("yes, no or later", type=words, show_choices=False, err=True))
    return said, click.prompt("why", default="", show_default=False, err=True) if said is False else ""


def _answer(type_: Type) -> tuple[Typed | None, str]:
    said = click.prompt(f"{show(type_)} (empty: {_LATER})", default="", show_default=False, err=True)
    return (Typed(said) if said else None), ""
