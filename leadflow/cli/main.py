"""`leadflow`: finds the command that is asked for and loads only that one, so that `--help` and `fmt` start at once.

Exit codes of all commands: 0 done and clean, 1 findings or a failed run, 2 the command line is wrong.
"""

import sys
from importlib import import_module

import click

import leadflow

COMMANDS = {
    "new": "Start a project: a flow, its functions, its settings.",
    "check": "Find every mistake that can be found before anything runs.",
    "fmt": "Write flows the one way they are written.",
    "plan": "Show what a run would do, and what waits for what.",
    "graph": "Draw a flow: DOT, Mermaid, SVG or JSON.",
    "run": "Run a flow.",
    "explain": "Tell what a code means, with an example.",
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(leadflow.__version__, prog_name="leadflow")
def cli() -> None:
    """leadflow: flows of AI agents, checked before anything is spent.

    \b
      leadflow new shop && cd shop
      leadflow check main.flow
      leadflow run main.flow --input name=Ada
    """


def main() -> None:
    """The entry point of the script `leadflow`."""
    try:
        cli(standalone_mode=True)
    except BrokenPipeError:  # whoever read our output has enough
        sys.stderr.close()
        sys.exit(141)
