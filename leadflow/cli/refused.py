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


class Unusable(Refused):
    """Nothing is wrong with the words: the journal cannot be used, or a run in it is not what was written. Exit code 1:
    a script that tells the two apart has nothing to mend in its command line."""

    exit_code = 1
