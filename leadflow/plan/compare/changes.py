"""One difference between two plans, as data."""

from typing import Literal

from leadflow.record import record

Kind = Literal["added", "removed", "renamed", "changed"]
Subject = Literal["program", "type", "agent", "tool", "flow", "step", "let", "control"]
"""What a change is about; `control` is what an author writes without a name: `if match return yield fail`."""


@record
class Change:
    """One line of a difference."""

    subject: Subject
    path: str
    """The subject's name in the new plan; in the old one when it was removed."""
    kind: Kind
    aspect: str
    """What of it: `prompt`, `@retry attempts`, `waits for`; empty when it is the subject as a whole."""
    old: str | None
    """In words; None: it was not there."""
    new: str | None
    old_origin: str = ""
    """Of a policy, as `Applied.origin` has it."""
    new_origin: str = ""
    is_text: bool = False
    """True for texts such as prompts, which are compared line by line."""
