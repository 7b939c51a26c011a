"""What the command line asks for and cannot be had, each told in one line."""

import click


class Refused(click.UsageError):
    """Words that are not understood (`usage.py`), or a file, a flow, an input of theirs that is missing or wrong. Exit
    code 2."""

    def show(self, file: object = None) -> None:
        """One line on standard error."""
        for line in self.message.splitlines():
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(line, err=True)
