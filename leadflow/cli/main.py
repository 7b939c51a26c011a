"""`leadflow`: finds the command that is asked for and loads only that one, so that `--help` and `fmt` start at once.

Exit codes of all commands: 0 done and clean, 1 findings or a failed run, 2 the command line is wrong, 3 a run
that waits for people.
"""

import gc
import sys
from importlib import import_module
from types import TracebackType
from typing import Any

import click

import leadflow
from leadflow.cli.streams import hush
from leadflow.cli.usage import told_plainly

COMMANDS = {
    "new": "Start a project: a flow, its functions, its settings.",
    "check": "Find every mistake that can be found before anything runs.",
    "fmt": "Write flows the one way they are written.",
    "plan": "Show what a run would do, and what waits for what.",
    "diff": "Show what differs in meaning between two flows, and whether open runs may move.",
    "graph": "Draw a flow: DOT, Mermaid, SVG or JSON.",
    "schema": "Write types as JSON Schema.",
    "run": "Run a flow.",
    "test": "Make the tests that are written in flows.",
    "resume": "Go on with a run whose process has ended.",
    "approve": "Say yes or no to a run that asks for it.",
    "answer": "Answer a question of a run.",
    "runs": "List the runs that are kept, and show what happened in one.",
    "journal": "Look whether kept runs are whole, and copy them.",
    "tools": "List the tools of a flow, and count how they were used.",
    "mcp": "Look at the servers of tools, and lock what they offer.",
    "config": "Show the operator's settings in force, and where each is said.",
    "doctor": "Look whether what runs need is there, and tell how to mend it.",
    "explain": "Tell what a code means, or all that stands around a step.",
    "grammar": "Write the highlighters of editors, and the grammar itself.",
}
"""The commands in the order of their use; each is `command` in the module of its name."""


class LazyGroup(click.Group):
    """A group that loads a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"leadflow.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The words that stand before a command, read."""
        with told_plainly():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an interrupt and a reader who has enough end it without a word."""
        try:
            with told_plainly():
                return super().invoke(ctx)
        except BrokenPipeError:
            hush()
            sys.exit(141)
        except KeyboardInterrupt:
            sys.exit(130)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(leadflow.__version__, prog_name="leadflow", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a bug in leadflow.")
def cli(*, debug: bool) -> None:
    """leadflow: flows of AI agents, checked before anything is spent.

    \b
      leadflow new shop && cd shop
      leadflow check main.flow
      leadflow run main.flow --input names='["Ada", "Grace"]'
    """
    if not debug:
        sys.excepthook = _say_sorry


def _say_sorry(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    """An exception that nobody expected."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(f"{kind.__name__}: {problem}", err=True)
    click.echo("This is a bug in leadflow, not in your flow. `leadflow --debug …` shows where it happened.", err=True)


def main() -> None:
    """The entry point of the script `leadflow`: one command, then the process ends.

    Modules and trees stay until then. Python looks through them for garbage again and again, and once more at the end,
    which takes up to half of a check.
    """
    gc.set_threshold(100_000)
    try:
        cli()
    finally:
        if not {"run", "resume", "approve", "answer"} & {
            *sys.argv
        }:  # a project's functions may leave files to the last collection
            gc.freeze()
