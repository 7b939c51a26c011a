"""What an explanation gives to recovery: what to say, and how the text could be read after all."""

from collections.abc import Callable
from typing import NamedTuple

from leadflow.diagnostics import Diagnostic
from leadflow.syntax.braces import Braces
from leadflow.syntax.trouble import Trouble


class Insert(NamedTuple):
    """Read on as if tokens of these kinds stood before."""

    kinds: tuple[str, ...]
    token: int | None = None
    """An earlier token to go back to; None for the one that cannot follow."""


class Replace(NamedTuple):
    """Read the token, and those after it, as tokens of these kinds."""

    kinds: tuple[str, ...]


class Reread(NamedTuple):
    """Go back to an earlier token, and read from there as tokens of these kinds."""

    token: int
    kinds: tuple[str, ...]


class Instead(NamedTuple):
    """Go back to an earlier token, and read tokens of these kinds in place of it and those up to another."""

    first: int
    kinds: tuple[str, ...]
    following: int


class Skip(NamedTuple):
    """Go on with this token, as if nothing stood between."""

    token: int


class Search(NamedTuple):
    """Look from this token for the next place where things can go on."""

    token: int


Repair = Insert | Replace | Reread | Instead | Skip | Search


class Finding(NamedTuple):
    """What is wrong with a token that cannot follow."""

    diagnostic: Diagnostic | None
    """None when it was said before."""
    repair: Repair | None = None
    """None to look for the next place where things can go on."""


Explanation = Callable[[Trouble, Braces], Finding | None]
"""Looks for one thing that may be wrong; None when it is something else."""
