"""`leadflow doctor [FILES]`: whether what runs need is there, part by part, and how to mend what is not."""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from leadflow.cli import checkups
from leadflow.cli.bounds import known_of
from leadflow.cli.checkups import Finding
from leadflow.cli.programs import compile_flow
from leadflow.cli.views import human, machine
from leadflow.files import SETTINGS
from leadflow.plugins import Installed
from leadflow.run.adapters import SystemClock
from leadflow.settings import Project, SettingsError, load_project

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.argument("files", nargs=-1)
@click.option("--in", "folder", metavar="DIR", help="The project's folder; else that of the first file, or this one.")
@click.option("--profile", metavar="NAME", help="The profile of the files.")
@click.option(
    "--online",
    is_flag=True,
    help="Ask addresses whether they answer, models' endpoints what they offer, and start the servers of tools.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people, or machines.")
def command(files: tuple[str, ...], *, folder: str | None, profile: str | None, online: bool, form: str) -> None:
    """Look at the settings, programs, servers of tools, prices and kept runs of a project; with FILES, also at the
    keys, models, functions and addresses of their agents. No secret is printed, and nothing is called.

    \b
    Exit code 0    all is well, or there are warnings only
              1    something that a run needs is missing or broken
    """
    main = Path(folder) / "main.flow" if folder is not None else Path(files[0] if files else "main.flow")
    findings = list(_findings(main, files, profile, online=online))
    if form == "json":
        machine.document([{"part": f.part, "state": f.state, "said": f.said, "mend": f.mend} for f in findings])
    else:
        _show(findings)
    sys.exit(1 if any(one.state == "fail" for one in findings) else 0)


def _findings(main: Path, files: tuple[str, ...], profile: str | None, *, online: bool) -> Iterator[Finding]:
    try:
        project = load_project(main)
    except SettingsError as problem:
        for line in str(problem).splitlines():
            yield Finding("settings", "fail", line, _way_out(line))
        return
    installed = Installed()
    known = known_of(project.settings, installed)
    yield from checkups.settings_file(project)
    yield from checkups.programs(project)
    yield from checkups.servers(project, online=online)
    yield from checkups.prices(known, project, SystemClock().now().date())
    yield from checkups.journal(project)
    for file in files:
        yield from _of_file(file, profile, project, installed, online=online)


def _way_out(said: str) -> str:
    """How to mend settings, of which it is said what is wrong: the place, and what to write there."""
    line, right = _LINE.search(said), _MEANT.search(said)
    name = said.partition(":")[0]
    if line is not None:
        place = f"line {line[1] or line[2]} of {SETTINGS}"
        return f"write {right[1]} in {place}" if right else f"change {place} so, or leave it out for the default"
    if name.startswith("LEADFLOW_"):
        return f"set {right[1]} instead of {name}" if right else f"unset {name}, or set it so"
    return f"make {SETTINGS} a file of TOML that you may read, or remove it for the defaults"


_LINE = re.compile(rf"^{re.escape(SETTINGS)}:([0-9]+): |\(at line ([0-9]+),")
_MEANT = re.compile(r"did you mean '([^']+)'")


def _of_file(
    file: str, profile: str | None, project: Project, installed: Installed, *, online: bool
) -> Iterator[Finding]:
    plan = compile_flow(file, profile=profile, catalogue=installed)
    known = known_of(project.settings, installed)
    yield from checkups.keys(plan)
    yield from checkups.functions(plan, project)
    yield from checkups.commands(plan, project)
    yield from checkups.models(plan, known)
    yield from checkups.budgets(plan, known)
    yield from checkups.endpoints(plan, online=online)
    if online:
        yield from checkups.offers(plan)
    for name, spec in plan.agents.items():
        head, _, server = spec.kind.partition(".")
        if head == "mcp" and server not in project.settings.mcp:
            yield Finding("server", "fail", f"agent {name}: leadflow.toml allows no server '{server}'",
                          f"write [mcp.{server}] there")  # fmt: skip


def _show(findings: list[Finding]) -> None:
    parts = max(len(one.part) for one in findings)
    for one in findings:
        click.secho(f"{one.state:<5}", fg=_COLOURS[one.state], bold=one.state == "fail", nl=False)
        click.echo(f" {one.part:<{parts}}  {human.one_line(one.said)}")
        if one.mend:
            click.echo(f"{'':<{parts + 8}}to mend it: {one.mend}")
    counts: Counter[str] = Counter(one.state for one in findings)
    told = [f"{counts[state]} {word}" for state, word in (("fail", "to mend"), ("warn", "to look at")) if counts[state]]
    click.echo(", ".join(told) or "all is well", err=True)
