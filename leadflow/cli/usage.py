"""A command line that nobody understands, told as every other mistake is: what is wrong, what was meant, where to look.

Knows click's exceptions; whoever raises one says in its text what is wrong, and nothing else.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

from leadflow.cli.refused import Refused
from leadflow.diagnostics import did_you_mean


@contextmanager
def told_plainly() -> Iterator[None]:
    """Whatever click finds wrong with the words becomes one line of our own.

    Raises:
        Refused: they are wrong.
    """
    try:
        yield
    except (Refused, click.exceptions.NoArgsIsHelpError):
        raise
    except click.UsageError as problem:
        raise Refused(usage(problem)) from None


def usage(problem: click.UsageError) -> str:
    """What is wrong with a command line, in one line."""
    what = _what(problem)
    if problem.ctx is None:
        return what
    where = f"`{problem.ctx.command_path} --help`"
    return f"{what} See {where}" if what.endswith("?") else f"{what}; see {where}"


def _what(problem: click.UsageError) -> str:
    ctx = problem.ctx
    match problem:
        case click.exceptions.NoSuchCommand(command_name=name) if ctx is not None and isinstance(
            ctx.command, click.Group
        ):
            return f"there is no command '{name}'{did_you_mean(name, ctx.command.list_commands(ctx))}"
        case click.NoSuchOption(option_name=name) if ctx is not None:
            known = [option for param in ctx.command.get_params(ctx) for option in param.opts]
            return f"there is no option '{name}'{did_you_mean(name, known) or _below(name, ctx)}"
        case click.MissingParameter(param=click.Parameter() as param) if ctx is not None:
            return f"{_called(param, ctx)} is missing"
        case click.BadParameter(param=click.Parameter() as param) if ctx is not None:
            return f"{_called(param, ctx)}: {_plain(problem.message)}"
        case _:
            return _plain(problem.message)


def _below(option: str, ctx: click.Context) -> str:
    """Which commands of a group have the option that it has not itself."""
    if not isinstance(ctx.command, click.Group):
        return ""
    commands = [(name, ctx.command.get_command(ctx, name)) for name in ctx.command.list_commands(ctx)]
    having = [
        f"`{ctx.command_path} {name}`"
        for name, command in commands
        if command is not None and any(option in param.opts for param in command.params)
    ]
    return f"; {', '.join(having[:3])} {'has' if len(having) == 1 else 'have'} it" if having else ""


def _called(param: click.Parameter, ctx: click.Context) -> str:
    """What people call a parameter: an option by its long name, an argument as the usage shows it."""
    return max(param.opts, key=len) if isinstance(param, click.Option) else param.make_metavar(ctx)


def _plain(message: str) -> str:
    """A sentence of click as a part of one of ours."""
    return _NUMBER.sub(lambda found: _NUMBERS[found[1]], message[:1].lower() + message[1:].rstrip("."))


_NUMBERS = {"integer": "a whole number", "float": "a number"}
_NUMBER = re.compile(r"a valid (integer|float)(?: range)?$")
"""How click ends what it says of a text that is no number."""
