"""Questions to people, for people: who is asked what, and exactly what to type to answer."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from leadflow.answers import OpenQuestion, type_of
from leadflow.cli.views.human import duration, one_line
from leadflow.events.model import QuestionAsked
from leadflow.plan.forms import to_plain, to_text
from leadflow.plan.plan import Plan
from leadflow.plan.types import ListType, LiteralType, MapType, OptionalType, Prim, RecordType, Type, UnionType, show

MOST_SHOWN = 2_000
"""Characters of what is shown with a question."""


def waiting(run: str, questions: Sequence[QuestionAsked], plan: Plan, *, where: str, now: float) -> None:
    """A run that waits for people, on standard error.

    Args:
        where: the option that names its project, when that is not the working folder's.
    """
    click.secho("waiting: ", fg="yellow", bold=True, nl=False, err=True)
    many = f"{len(questions)} people's answers" if len(questions) > 1 else "a person's answer"
    click.echo(f"run {run} needs {many}, and goes on from there", err=True)
    for asked in questions:
        for line in lines(run, asked, type_of(plan, asked), where=where, now=now):
            click.echo(f"  {line}", err=True)
    if any(asked.expires is not None for asked in questions):
        stay = f"leadflow resume --wait {run}{where}"
        timer = f"`leadflow resume --due{where}`"
        click.echo(f"  {stay}   # waits here, also for what expires; or a timer calls {timer}", err=True)


def open_ones(found: Sequence[OpenQuestion], *, where: str, now: float) -> None:
    """Questions that nobody has answered, on standard output."""
    if not found:
        click.echo("nobody is asked anything", err=True)
    for one in found:
        for line in lines(one.run, one.asked, one.type, where=where, now=now, since=one.since):
            click.echo(line)


def lines(
    run: str, asked: QuestionAsked, type_: Type, *, where: str, now: float, since: float | None = None
) -> Iterator[str]:
    """A question, what the person has to see, and how it is answered."""
    yield from head(asked, now=now, since=since)
    yield f"    {how(run, asked, type_, where=where, now=now)}"


def head(asked: QuestionAsked, *, now: float, since: float | None = None) -> Iterator[str]:
    """A question, and what the person has to see."""
    told = [] if since is None else [f"{duration(now - since)} ago"]
    told += [] if asked.expires is None else [_left(asked.expires, now)]
    times = f" ({', '.join(told)})" if told else ""
    yield f"{asked.path} asks {one_line(asked.assignee or asked.agent)}{times}: {one_line(asked.question)}"
    yield from (f"    {line}" for line in shown(asked))


def shown(asked: QuestionAsked) -> Iterator[str]:
    """What the person has to see, a line for each field."""
    if isinstance(asked.show, Mapping):
        yield from (_cut(f"{name}: {to_text(value)}") for name, value in asked.show.items())
    elif asked.show is not None:
        yield _cut(to_text(asked.show))


def how(run: str, asked: QuestionAsked, type_: Type, *, where: str, now: float) -> str:
    """The command that answers it."""
    if asked.expires is not None and asked.expires <= now:
        return f"leadflow resume {run}{where}   # goes on without an answer"
    if asked.is_approval:
        return f"leadflow approve {run} {shlex.quote(asked.path)} --yes{where}   # or --no --note 'why'"
    typed = shlex.quote(example(type_))
    return f"leadflow answer {run} {shlex.quote(asked.path)} {typed}{where}   # {show(type_)}"


def data(question: OpenQuestion) -> dict[str, Any]:
    """A question for machines."""
    asked = question.asked
    return {
        "run": question.run,
        "step": asked.path,
        "action": "approve" if asked.is_approval else "ask",
        "question": asked.question,
        "show": to_plain(asked.show),
        "assignee": asked.assignee,
        "agent": asked.agent,
        "asked": question.since,
        "expires": asked.expires,
        "type": show(question.type),
    }


def example(type_: Type) -> str:
    """An answer of the type, as it may be typed."""
    made = _made(type_)
    return made if isinstance(made, str) else json.dumps(made)


def as_json(type_: Type) -> str:
    """A value of the type, as JSON."""
    return json.dumps(_made(type_))


def _made(type_: Type) -> Any:
    """Something of the type."""
    match type_:
        case LiteralType(value=word):
            return word
        case UnionType(members=(first, *_)) | OptionalType(inner=first):
            return _made(first)
        case ListType(item=item):
            return [_made(item)]
        case MapType(item=item):
            return {"KEY": _made(item)}
        case RecordType(fields=fields):
            return {field.name: _made(field.type) for field in fields}
        case Prim(name=name):
            return _EXAMPLES.get(name, "TEXT")


_EXAMPLES = {"bool": True, "int": 1, "float": 0.5, "duration": "30m", "money": "$10", "time": "2026-03-01T09:30:00Z"}
"""By the name of a primitive type."""


def _left(expires: float, now: float) -> str:
    if expires <= now:
        return f"expired {duration(now - expires)} ago"
    return f"expires in {duration(expires - now)}"


def _cut(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return plain if len(plain) <= MOST_SHOWN else plain[: MOST_SHOWN - 1] + "…"
