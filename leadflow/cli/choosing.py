"""Options that are one choice together: whoever gives two of them is told so, instead of getting the last.

What was chosen stands in the context of the command: as parameters there would be too many.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
_CHOSEN = "leadflow.chosen"


def one_of(choice: str, word: str, told: str) -> Callable[[F], F]:
    """The option `--WORD`, one of those of a choice.

    Args:
        told: what `--help` says of it.
    """

    def choose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if not value:
            return
        before = ctx.meta.setdefault(_CHOSEN, {}).setdefault(choice, word)
        if before != word:
            raise click.UsageError(f"--{before} and --{word} are two answers to one question; give one of them")

    return click.option(f"--{word}", is_flag=True, expose_value=False, callback=choose, help=told)


def chosen(choice: str) -> str | None:
    """The word that was chosen; None: none of them."""
    found: dict[str, str] = click.get_current_context().meta.get(_CHOSEN, {})
    return found.get(choice)
