"""Results for people. Findings and progress go to standard error, what was asked for to standard output."""

import sys
from collections.abc import Mapping, Sequence

import click

from leadflow.diagnostics import CodePage, Diagnostic
from leadflow.diagnostics.render import Sources, render_concise, render_text, summary


def findings(
    found: Sequence[Diagnostic], sources: Sources, *, concise: bool = False, files: int = 1, asked: bool = False
) -> None:
    """Findings with their lines, or one line each, and how many there are.

    `asked`: they are what was asked for, so that they go to standard output.
    """
    if concise:
        click.echo(render_concise(found, sources), nl=False, err=not asked)
        return
    stream = sys.stdout if asked else sys.stderr
    click.echo(render_text(found, sources, colour=stream.isatty()), nl=False, err=not asked)
    where = f"; {files} files checked" if files > 1 else ""
    if found:
        click.echo(f"{summary(found)}{where}", err=not asked)


def clean(files: Sequence[str]) -> None:
    """Nothing was found, which was asked."""
    what = files[0] if len(files) == 1 else f"{len(files)} files"
    click.secho(f"{what}: no mistakes found", fg="green")


def safe_fixes(count: int) -> None:
    """How many of the findings `--fix` would mend."""
    if count:
        note(f"`leadflow check --fix` mends {count} of them")


def more_fixes(count: int, option: str) -> None:
    """How many of the findings that are left offer a change that may not be what was meant."""
    if count:
        note(f"{count} more {'has a suggestion' if count == 1 else 'have suggestions'}; {option} makes {_them(count)}")


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def problem(message: str) -> None:
    """Something that is no finding in a flow: settings, files, the environment."""
    click.secho("error: ", fg="red", bold=True, nl=False, err=True)
    click.echo(message, err=True)


def warning(message: str) -> None:
    """Something that went wrong on the way, and did not stop it."""
    click.secho("warning: ", fg="yellow", bold=True, nl=False, err=True)
    click.echo(message, err=True)


def warning_above(message: str) -> None:
    """The same above the picture of a run, into which it would run if it did not go through `sys.stderr`."""
    print(click.style("warning: ", fg="yellow", bold=True) + message, file=sys.stderr)


def note(message: str) -> None:
    """Something to know."""
    click.echo(message, err=True)


def text(content: str) -> None:
    """What was asked for."""
    click.echo(content, nl=not content.endswith("\n"))


def duration(seconds: float) -> str:
    """A time for people, in its two largest parts: `12 ms`, `3.4 s`, `2 m 05 s`, `4 h 10 m`, `3 d 02 h`. Between
    moments of a clock that was set back meanwhile it is none (case K1)."""
    seconds = max(0.0, seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} m {int(seconds % 60):02} s"
    minutes = round(seconds / 60)
    if minutes < 1440:
        return f"{minutes // 60} h {minutes % 60:02} m"
    hours = round(seconds / 3600)
    return f"{hours // 24} d" + (f" {hours % 24:02} h" if hours % 24 else "")


def counted(number: int, one: str) -> str:
    """So many of something whose plural ends in an s: `1 call`, `1,200 calls`."""
    return f"{number:,} {one}{'s' if number != 1 else ''}"


def one_line(text: str) -> str:
    """A text from outside on one line, cut, without control characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 300 else line[:299] + "…"


def code_list(pages: Mapping[str, CodePage]) -> None:
    """All codes with their titles."""
    for number in sorted(pages):
        page = pages[number]
        click.echo(f"{number}  {page.title}" + ("" if page.severity == "error" else f" ({page.severity})"))


def explain_page(page: CodePage) -> None:
    """One code's page; examples are set off by their indent."""
    click.secho(f"{page.code}: {page.title}", bold=True)
    click.echo()
    inside = False
    for line in page.text.splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
            continue
        click.echo(click.style(f"    {line}", fg="cyan") if inside else line)
