""" "Did you mean": the nearest of the known names. Pure; bounded in time however many names there are."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice

_MOST = 5_000
"""Names looked at, at the most: a file with more gets a suggestion from the first ones, in time."""


_SHORT = 5
"""Letters of a name that is short."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` most likely was meant to be, or None when nothing is near.

    A name that differs only in case or in `_` wins, then one with two letters the other way round; else the best ratio
    does: of at least 0.7, and of 0.6 for a short name, in which one slip weighs more.
    """
    wanted = _plain(name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    best, best_ratio = None, 0.6 if len(wanted) <= _SHORT else 0.7
    for candidate in islice(known, _MOST):
        plain = _plain(candidate)
        if plain == wanted and candidate != name:
            return candidate
        if _is_swapped(plain, wanted):
            best, best_ratio = candidate, 1.0
            continue
        if abs(len(plain) - len(wanted)) > max(2, len(wanted) // 2):
            continue
        matcher.set_seq1(plain)
        if matcher.real_quick_ratio() <= best_ratio or matcher.quick_ratio() <= best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio and candidate != name:
            best, best_ratio = candidate, ratio
    return best


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the nearest known name, else the empty string."""
    found = nearest(name, known)
    return f"; did you mean '{found}'?" if found else ""


def _is_swapped(one: str, other: str) -> bool:
    """Whether two names differ in the order of two letters that stand side by side, and in nothing else."""
    if len(one) != len(other) or one == other:
        return False
    at = next(n for n, (left, right) in enumerate(zip(one, other, strict=True)) if left != right)
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()[:200]
