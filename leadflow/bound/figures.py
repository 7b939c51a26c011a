"""Numbers that may have no bound, and why.

A figure is a whole number, plus so much for each of things whose number nobody knows before the run (`$0.004 x
len(tickets)`), or has no bound at all. It carries every reason why it is not just a number: which line makes it so, and
what would bound it. All arithmetic rounds up.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from leadflow.plan.plan import Place
from leadflow.record import record


class Cause(NamedTuple):
    """Why a figure has no bound."""

    place: Place
    what: str
    """What makes it so: `step 'reply' (fast.ask) has no timeout`."""
    mend: str
    """What would bound it: `write @timeout(…) on it or on agent fast`."""


MOST_CAUSES = 25
"""Reasons that a figure keeps; a flow of ten thousand steps may have as many."""


@record
class Figure:
    """A number of something: millionths of a dollar, tokens, calls, microseconds."""

    known: int
    """The part that is a plain number."""
    per: tuple[tuple[int, str], ...] = ()
    """So much for each of so many: `(4000, "len(tickets)")`."""
    causes: tuple[Cause, ...] = ()
    """Why it is no plain number, the first `MOST_CAUSES` of the reasons; none when it is one."""
    is_endless: bool = False
    """True when it has no bound, not even for each of something."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a number."""
        return not self.per and not self.is_endless


NOTHING = Figure(0)


@record
class Course:
    """How long something takes, in microseconds, and how it takes part in queues."""

    span: Figure = NOTHING
    """From when nothing outside is missing to its end, if nobody waits in the queues around it."""
    work: Figure = NOTHING
    """All of its calls one after the other, pauses between their attempts included."""
    width: int = 0
    """Calls that can be under way at once."""
    slots: tuple[tuple[str, "Course"], ...] = ()
    """The part of it that stands at the slots of an agent, by whose they are."""


def endless(*causes: Cause) -> Figure:
    """What has no bound."""
    return Figure(0, (), causes, is_endless=True)


def per_each(name: str, cause: Cause) -> Figure:
    """A number that nobody knows before the run, by its name."""
    return Figure(0, ((1, name),), (cause,))


def total(figures: Iterable[Figure]) -> Figure:
    """All of them together."""
    figures = list(figures)
    if all([figure.is_plain for figure in figures]):
        return Figure(sum([figure.known for figure in figures]))
    known, per, causes, is_endless = 0, dict[str, int](), dict[Cause, None](), False
    for figure in figures:
        known += figure.known
        is_endless = is_endless or figure.is_endless
        for amount, name in figure.per:
            per[name] = per.get(name, 0) + amount
        if figure.causes and len(causes) < MOST_CAUSES:
            causes.update(dict.fromkeys(figure.causes))
    return _made(known, per, causes, is_endless=is_endless)


def largest(figures: Iterable[Figure]) -> Figure:
    """No less than any of them."""
    figures = list(figures)
    if all([figure.is_plain for figure in figures]):
        return Figure(max([figure.known for figure in figures], default=0))
    known, per, causes, is_endless = 0, dict[str, int](), dict[Cause, None](), False
    for figure in figures:
        known = max(known, figure.known)
        is_endless = is_endless or figure.is_endless
        for amount, name in figure.per:
            per[name] = max(per.get(name, 0), amount)
        if figure.causes and len(causes) < MOST_CAUSES:
            causes.update(dict.fromkeys(figure.causes))
    return _made(known, per, causes, is_endless=is_endless)


def product(figure: Figure, count: Figure | int) -> Figure:
    """So much, so many times; nothing is nothing, however often."""
    other = Figure(count) if isinstance(count, int) else count
    if NOTHING in (figure, other):
        return NOTHING
    causes = dict.fromkeys((*figure.causes, *other.causes))
    if figure.is_endless or other.is_endless:
        return _made(0, {}, causes, is_endless=True)
    per: dict[str, int] = {}
    for amount, name in _terms(figure):
        for factor, other_name in _terms(other):
            joined = " x ".join(filter(None, (name, other_name)))
            per[joined] = per.get(joined, 0) + amount * factor
    return _made(per.pop("", 0), per, causes, is_endless=False)


def share(figure: Figure, parts: int) -> Figure:
    """One of so many equal parts."""
    return Figure(
        -(-figure.known // parts),
        tuple((-(-amount // parts), name) for amount, name in figure.per),
        figure.causes,
        figure.is_endless,
    )


def cut(figure: Figure, most: Figure | int) -> Figure:
    """No more than a limit, which is a plain number or says nothing."""
    limit = Figure(most) if isinstance(most, int) else most
    if not limit.is_plain:
        return figure
    return limit if not figure.is_plain or limit.known < figure.known else figure


def _terms(figure: Figure) -> list[tuple[int, str]]:
    return [(amount, name) for amount, name in ((figure.known, ""), *figure.per) if amount]


def _made(known: int, per: dict[str, int], causes: Iterable[Cause], *, is_endless: bool) -> Figure:
    kept = tuple(islice(causes, MOST_CAUSES))
    if is_endless:
        return Figure(0, (), kept, is_endless=True)
    terms = tuple((amount, name) for name, amount in per.items() if amount)
    return Figure(known, terms, kept if terms else ())
