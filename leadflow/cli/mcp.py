"""`leadflow mcp`: the servers of tools that the operator allows: what they offer, what of it was looked at, and what
has changed since. `pin` and `diff` start a server, `ls` starts nothing."""

import asyncio
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from leadflow.agents.discreet import hide
from leadflow.agents.mcp.kind import link_module
from leadflow.check.locks import kind_of, problems_of
from leadflow.cli.inputs import find_project
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.diagnostics import did_you_mean
from leadflow.plan.kinds import BUILT_IN, ActionRow
from leadflow.plan.lock import BadLock, Lock, LockedTool, conflicts, drift, lock_path, read_lock, write_lock
from leadflow.plan.types import RecordType, show
from leadflow.run.adapters import SystemClock
from leadflow.run.errors import CallError
from leadflow.run.redact import all_forms, one_line
from leadflow.settings import McpSettings, Project, find_server, shown_address

_IN = click.option("--in", "folder", metavar="DIR", default=".", help="The project's folder; else this one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")
_WIDTH = 100
"""Characters of a line of a description."""


@click.group()
def command() -> None:
    """The servers of tools (Model Context Protocol) that leadflow.toml allows.

    \b
    [mcp.files]
    command = ["mcp-server-filesystem", "/srv/notes"]

    A flow calls the tools of a server by an agent of the kind `mcp.files`, after `pin` has written its lock.
    """


@command.command("ls")
@click.argument("names", nargs=-1)
@_IN
@_JSON
def list_(names: tuple[str, ...], *, folder: str, as_json: bool) -> None:
    """List the servers and, of each NAME, the tools of its lock. Starts nothing."""
    project = find_project(str(Path(folder) / "main.flow"))
    chosen = names or tuple(project.settings.mcp)
    locks = {name: kept_lock(project, name) for name in chosen if _settings(project, name)}
    if as_json:
        machine.document([_data(name, locks[name], project) for name in locks])
        return
    if not locks:
        human.note("leadflow.toml allows no server of tools; add one as [mcp.NAME]")
    for name, lock in locks.items():
        _show(name, lock, project, whole=bool(names))


@command.command("pin", short_help="Start a server once, and lock what it offers.")
@click.argument("name")
@_IN
def pin(name: str, *, folder: str) -> None:
    """Start the server NAME once, show what it offers, and write that down as its lock.

    Look at what is shown before you keep it: a model reads the descriptions. What a server says of the effects of its
    tools is shown and not believed: the agent's `reads` and `dangerous` decide.
    """
    project = find_project(str(Path(folder) / "main.flow"))
    before, now = kept_lock(project, name), asyncio.run(look_at(project, name))
    if clash := conflicts(now.tools):
        raise Refused(f"the server '{name}' is not pinned: {'; '.join(clash)}")
    path = project.root / lock_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = write_lock(now)
    if len(text.encode()) > _MOST_LOCK:
        raise Refused(f"the server '{name}' is not pinned: its tools take more than {_MOST_LOCK:,} bytes")
    path.write_text(text, "utf-8")
    _show(name, now, project, whole=True)
    if before is not None:
        _tell(drift(_hashes(before), now.tools), before, now)
    for tool in now.tools:
        for problem in problems_of(tool):
            human.warning(f"{tool.action}: {human.one_line(problem)}; it is json in a flow")
    human.note(f"wrote {path.relative_to(project.root)}")


_MOST_LOCK = 1024 * 1024
"""Bytes: what the checker reads of a file."""


@command.command("diff")
@click.argument("names", nargs=-1)
@_IN
@click.pass_context
def diff(ctx: click.Context, names: tuple[str, ...], *, folder: str) -> None:
    """Start each server NAME, or all, and show what differs from its lock.

    \b
    Exit code 0    nothing differs
              1    something does, or a server has no lock or does not come up
    """
    project = find_project(str(Path(folder) / "main.flow"))
    is_clean = True
    for name in names or tuple(project.settings.mcp):
        before = kept_lock(project, name)
        if before is None:
            human.problem(f"the server '{name}' has no lock; `leadflow mcp pin {name}` writes it")
            is_clean = False
            continue
        now = asyncio.run(look_at(project, name))
        found = drift(_hashes(before), now.tools)
        if found:
            click.echo(f"{name}:")
            _tell(found, before, now)
        else:
            click.echo(f"{name}: the {_count(now)} of its lock, unchanged")
        is_clean = is_clean and not found
    ctx.exit(0 if is_clean else 1)


# --- asking ------------------------------------------------------------------------------------------------------


def _settings(project: Project, name: str) -> McpSettings:
    """What leadflow.toml says of a server.

    Raises:
        Refused: nothing.
    """
    found = project.settings.mcp.get(name)
    if found is None:
        known = project.settings.mcp
        hint = did_you_mean(name, known) or f"; it allows {', '.join(known) or 'none'}"
        raise Refused(f"leadflow.toml allows no server '{name}'{hint}")
    return found


async def look_at(project: Project, name: str) -> Lock:
    """What a server offers now.

    Raises:
        Refused: it does not come up, or tells a secret: what it says is written down, and models read it.
    """
    _settings(project, name)
    server, missing = find_server(project, name)
    if server is None or missing:
        raise Refused(f"the server '{name}' needs the environment variable {', '.join(missing)}, which is not set")
    try:
        module = link_module(f"the server '{name}'")
        link = module.Link(server, module.Around(project.root, SystemClock()))
        try:
            found: Lock = await link.look()
        finally:
            await link.aclose()
    except CallError as problem:
        raise Refused(one_line(problem.message, server.secrets)) from None
    told = {tool.action: [tool.name, tool.description, tool.input, tool.output] for tool in found.tools}
    forms = all_forms(server.secrets)
    if giving := [action for action, facts in told.items() if hide(facts, forms) is not facts]:
        raise Refused(
            f"the server '{name}' tells a secret that it was given, in what it says of '{hide(giving[0], forms)}'"
        )
    return replace(found, said=one_line(found.said, server.secrets, 100))


def kept_lock(project: Project, name: str) -> Lock | None:
    """The lock of a server; None when it has none.

    Raises:
        Refused: leadflow.toml does not allow the server, or what lies there is no lock.
    """
    _settings(project, name)
    path = project.root / lock_path(name)
    if not path.is_file():
        return None
    try:
        return read_lock(json.loads(path.read_text("utf-8")))
    except (BadLock, ValueError, OSError) as problem:
        raise Refused(f"{lock_path(name)} cannot be used: {problem}") from None


def _hashes(lock: Lock) -> dict[str, str]:
    return {tool.name: tool.hash for tool in lock.tools}


# --- showing -----------------------------------------------------------------------------------------------------


def _show(name: str, lock: Lock | None, project: Project, *, whole: bool) -> None:
    """A server, and its tools with what they take and give."""
    settings = project.settings.mcp[name]
    reached = shown_address(settings.url) or " ".join(settings.command)
    state = "no lock" if lock is None else _count(lock)
    click.echo(f"{name}  {human.one_line(reached)}  ({state})")
    if lock is None or not whole:
        return
    actions = kind_of(lock, BUILT_IN["mcp"]).actions
    for tool in lock.tools:
        click.echo(f"  {tool.action}{_signature(actions[tool.action])}")
        for line in _words(tool):
            click.echo(f"      {line}")


def _signature(row: ActionRow) -> str:
    taken = ", ".join(
        f"{param.name}: {human.one_line(show(param.type))}" for param in row.params
    ) if not row.any_args else "…"  # fmt: skip
    given = replace(row.result, name=None) if isinstance(row.result, RecordType) else row.result
    return f"({taken}) -> {human.one_line(show(given))}"


def _words(tool: LockedTool) -> Iterator[str]:
    """All that is kept of what a server says of a tool, without anything that a terminal would obey: a model is told
    all of it, so whoever pins it reads all of it."""
    for line in tool.description.splitlines():
        yield from textwrap.wrap("".join(char if char.isprintable() else "�" for char in line), _WIDTH)
    if tool.hints:
        yield f"claims {', '.join(human.one_line(hint) for hint in tool.hints)}"


def _tell(found: Any, before: Lock, now: Lock) -> None:
    """What differs, tool by tool."""
    old, new = ({tool.name: tool for tool in lock.tools} for lock in (before, now))
    for name in found.changed:
        parts = ", ".join(_parts(old[name], new[name]))
        click.echo(f"  changed  {human.one_line(name)}: {parts}")
    for name in found.gone:
        click.echo(f"  gone     {human.one_line(name)}")
    for name in found.new:
        click.echo(f"  new      {human.one_line(name)}")


def _parts(old: LockedTool, new: LockedTool) -> Sequence[str]:
    pairs = {
        "its description": (old.description, new.description),
        "what it takes": (old.input, new.input),
        "what it gives": (old.output, new.output),
    }
    return [what for what, (a, b) in pairs.items() if a != b] or ["the end of its description"]


def _count(lock: Lock) -> str:
    return "1 tool" if len(lock.tools) == 1 else f"{len(lock.tools)} tools"


def _data(name: str, lock: Lock | None, project: Project) -> dict[str, Any]:
    settings = project.settings.mcp[name]
    tools = [
        {"name": tool.name, "action": tool.action, "hash": tool.hash, "claims": list(tool.hints),
         "description": tool.description}
        for tool in (lock.tools if lock is not None else ())
    ]  # fmt: skip
    reached = {"url": shown_address(settings.url)} if settings.url else {"command": list(settings.command)}
    return {"server": name, **reached, "pinned": lock is not None, "tools": tools}
