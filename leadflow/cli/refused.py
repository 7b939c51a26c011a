"""What the command line asks for and cannot be had. Told in one line, without the usage that a misspelt option gets."""

import click


class Refused(click.UsageError):
    """The words are understood; a file, a flow, an input that they name is missing or wrong. Exit code 2."""

    def show(self, file: object = None) -> None:
        """One line on standard error."""
        for line in self.message.splitlines():
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(line, err=True)
