"""What a model says while it says it. Transient: no log keeps it, no state is folded from it, nobody waits for it.

The answer is what the step's `NodeDone` has; until then these are words that may come to nothing.
"""

from leadflow.record import record


@record
class Words:
    """A piece of a model's answer."""

    path: str
    """Of the step, as in events: also of one in a flow that is called."""
    attempt: int
    agent: str
    text: str
    is_first: bool
    """The first piece of its attempt: whatever was heard of this path before is void (case R21)."""
