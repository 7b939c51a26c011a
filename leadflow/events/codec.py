"""Events as JSON and back: lossless, canonical, nothing but data (cases D16, D17).

The form is that of `plan.shapes`: an event says in `is` what it is, and leaves out what it does not have. Reading makes
events and nothing else, whatever stands there.
"""

import json
from typing import cast

from leadflow.events.model import AttemptFailure, Event, Failure
from leadflow.plan.shapes import NotAPlan, learn, reader, writer

FORMAT = 1
"""The form of an event's JSON; it grows when an old reader could not read a new event."""


class NotAnEvent(ValueError):
    """The text is no event. One line for people."""


learn({"Failure": Failure, "AttemptFailure": AttemptFailure})

_write = writer(Event, full=True)
_read = reader(Event)


def event_text(event: Event) -> str:
    """The event as canonical JSON in ASCII: always the same text for the same event."""
    return _write(event)


def read_event(text: str) -> Event:
    """The event that `event_text` wrote.

    Raises:
        NotAnEvent: it is none.
    """
    try:
        return cast(Event, _read(json.loads(text, parse_constant=_no_constant)))
    except (NotAPlan, ValueError, RecursionError) as problem:
        raise NotAnEvent(
            f"this is no event: {problem}" if isinstance(problem, NotAPlan) else "this is no JSON"
        ) from None


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")
