"""When a run that waits for people goes on although nobody works on it: a question has an answer or has expired, or the
time of what stands around it is over; and what keeps one whose process ended from going on. Pure: reads the log and
what people have said since, and sets no alarm.
"""

from collections.abc import Iterator, Sequence

from leadflow.events.model import Entry, QuestionAnswered
from leadflow.plan.paths import is_inside
from leadflow.plan.policy import Timeout, policy_of
from leadflow.record import record
from leadflow.run.kernel import Call, Kernel, StartTimer
from leadflow.run.questions import Asked
from leadflow.run.recover import replay, rest_of
from leadflow.run.taken_up import Past


@record
class Wake:
    """A moment from which a run can go on."""

    at: float
    """In seconds since the epoch; it may be long ago."""
    why: str
    """What has happened then, in a few words."""


def wakes(kernel: Kernel, entries: Sequence[Entry], answers: Sequence[QuestionAnswered], now: float) -> Wake | None:
    """The first moment from which a run that waits for people can go on; None: only an answer wakes it.

    Args:
        kernel: a new one, of the run's plan and bounds.
        answers: all that people have said to the run.
        now: seconds since the epoch.

    Raises:
        InternalError: the log is not one of this plan.
    """
    return min(_moments(kernel, entries, answers, now), key=lambda wake: wake.at, default=None)


def too_late(
    kernel: Kernel, entries: Sequence[Entry], answers: Sequence[QuestionAnswered], now: float, path: str
) -> str | None:
    """Whose time is over, so that no answer to the question at a path counts any more: that of the step, or of what
    stands around it; None: an answer is in time.

    Args:
        kernel: a new one, of the run's plan and bounds.
        answers: all that people have said to the run.
        now: seconds since the epoch.

    Raises:
        InternalError: the log is not one of this plan.
    """
    over = (of for of, at in _ends(kernel, entries, answers, now) if at <= now and (of == path or is_inside(path, of)))
    return next((of or "the run" for of in over), None)


def doubts(kernel: Kernel, entries: Sequence[Entry]) -> Sequence[str]:
    """The steps of a run whose process ended of which somebody has to say whether they were done: no probe of theirs
    looks, and nothing that was written decides it.

    Args:
        kernel: a new one, of the run's plan and bounds.

    Raises:
        InternalError: the log is not one of this plan.
    """
    past = Past(entries)
    calls = [one for one in replay(kernel, [entry.event for entry in entries]).commands if isinstance(one, Call)]
    begun = [one for one in calls if past.has_begun(one.path) and one.layout.node.probe is None]
    return [one.path for one in begun if past.settled(one, {}) is None]


def _moments(
    kernel: Kernel, entries: Sequence[Entry], answers: Sequence[QuestionAnswered], now: float
) -> Iterator[Wake]:
    asked = Asked(entries)
    yield from (Wake(min(one.at, now), f"{one.path} has an answer") for one in answers if asked.fits(one))
    for one in asked.unanswered:
        if one.expires is not None:
            yield Wake(one.expires, f"the question at {one.path} expired")
    for path, at in _ends(kernel, entries, answers, now):
        yield Wake(at, f"the time of {path or 'the run'} was over")


def _ends(
    kernel: Kernel, entries: Sequence[Entry], answers: Sequence[QuestionAnswered], now: float
) -> Iterator[tuple[str, float]]:
    """When the time is over of what has a limit and is under way: its path, the run's own is empty, and the moment."""
    past = Past(entries, answers, now=now)
    for command in replay(kernel, [entry.event for entry in entries]).commands:
        if isinstance(command, StartTimer):
            yield command.path, now + rest_of(command, past, kernel, now).total_seconds()
        elif isinstance(command, Call) and past.has_begun(command.path):
            limit = policy_of(command.layout.node.policies, Timeout)
            if limit is not None and limit.total is not None:
                left = limit.total - past.worked_since(command.path)
                yield command.path, now + left.total_seconds()
