"""`leadflow explain permission.refused`: what a failure means that a run ended with, its class, and whether `@retry`
tries it again. Reads what `run/errors.py` says of its classes and the table of outcomes; knows no run."""

import re
from collections.abc import Iterator

from leadflow.plan.policy import ErrorClass
from leadflow.policies.outcomes import OUTCOMES, Again
from leadflow.run import errors

_KERNEL = {
    "agent.failed": "A call failed, and its agent does not say how.",
    "flow.failed": "The flow ended in `fail`.",
    "flow.members": "Several members of a block failed; what each ended with stands below it.",
    "flow.exhausted": "A `repeat` made its last round, and what it waits for did not come.",
    "flow.race": "No member of a `race` answered.",
    "flow.need": "Fewer members of a block succeeded than `need:` asks for.",
    "flow.too_many": "A `for` was given more items than `at most` allows.",
    "flow.compensation": "The run failed, and some of its writes could not be taken back.",
    "flow.not_undone": "A write of a run that failed stands: its `undo` failed.",
    "run.cancelled": "The run was cancelled.",
    "system.in_doubt": "The process ended in the middle of a write: nobody knows whether it was done.",
    "system.not_done": "The process ended in the middle of a write, and a look showed that it was not done.",
    "system.journal": "The run could not be written to the journal.",
    "system.taken_over": "Another process has the run now: this one was silent for longer than its claim held.",
    "system.interrupted": "The process ended while this was under way.",
    "system.internal": "A bug in leadflow.",
}
"""What the failures mean that no call ends with."""

_AGAIN = {
    Again.ALWAYS: "`@retry` tries it again.",
    Again.REPEATABLE: "`@retry` tries it again where a call may be made twice: a read, or a write with `@idempotent`; "
    "and where nothing was sent.",
    Again.ASKED: "`@retry` tries it again only where `on:` names its class, and a call may be made twice.",
    Again.NEVER: "`@retry` does not try it again.",
}


def failure_page(name: str) -> str | None:
    """What to say of a failure; None: there is none of this name."""
    found = _classes().get("resource.loop_turns" if name in _LOOPS else name)
    if name in _KERNEL:
        meaning, group = _KERNEL[name], errors.FLOW_ERRORS[name]
    elif found is None:
        return None
    else:
        meaning, group = _meaning(found), found.category
    again = "" if found is None else " " + _AGAIN[_again(found)]
    return f"{name}: {meaning}\n\n{_class_words(group)}{again}"


def failure_names() -> tuple[str, ...]:
    """The names of all failures."""
    return tuple(dict.fromkeys((*_classes(), *_LOOPS, *_KERNEL)))


_LOOPS = tuple(f"resource.loop_{bound}" for bound in errors.LoopStopped.bounds)


def _class_words(group: ErrorClass) -> str:
    return f'Its class is `{group}`: `e.class == "{group}"`, `@on_error({group}: …)`.'


def _classes() -> dict[str, type[errors.CallError]]:
    found: dict[str, type[errors.CallError]] = {}
    for kind in _with_subclasses(errors.CallError):
        if kind.__module__ == errors.__name__:
            found.setdefault(kind.error, kind)
    return {**found, "resource.loop_turns": errors.LoopStopped}


def _with_subclasses(kind: type[errors.CallError]) -> Iterator[type[errors.CallError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from _with_subclasses(inner)


def _again(kind: type[errors.CallError]) -> Again:
    return next(OUTCOMES[base].again for base in kind.__mro__ if base in OUTCOMES)


def _meaning(kind: type[errors.CallError]) -> str:
    """The docstring without what points into our own documents."""
    text = " ".join((kind.__doc__ or "").split())
    return re.sub(r" \((?:case|cases|rule) [^)]*\)", "", text)
