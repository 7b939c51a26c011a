"""What `leadflow doctor` looks at: each part of what a run needs around it, found well or not, and how to mend it.

Reads and looks; starts servers and opens connections only where it is asked to (`online`). No value of a secret is in
what it says: names of variables are.
"""

import ast
import asyncio
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from leadflow.agents.models.endpoint import HOMES
from leadflow.agents.models.offers import offered
from leadflow.agents.python import locate
from leadflow.agents.transport import HttpTransport
from leadflow.agents.wire import AGENT_NAME
from leadflow.assembly import needed_by
from leadflow.bound.asks import Known, no_price, price_of
from leadflow.bound.budgets import has_budgets, unpriced
from leadflow.cli.journals import elsewhere, listed, verify
from leadflow.cli.mcp import kept_lock, look_at
from leadflow.cli.refused import Refused
from leadflow.cli.views.human import counted
from leadflow.cli.views.kept import in_doubt
from leadflow.diagnostics import did_you_mean
from leadflow.files import SETTINGS
from leadflow.plan.kinds import find_kind
from leadflow.plan.lock import drift, lock_path
from leadflow.plan.plan import AgentSpec, Plan, Secret
from leadflow.plan.settings import secrets_of
from leadflow.record import record
from leadflow.run.errors import AuthFailed, BadResponse, CallError
from leadflow.run.redact import SHORTEST, one_line
from leadflow.run.store import Wanted
from leadflow.settings import JOURNAL, McpSettings, Project, find_program, find_server, is_credential, read_secrets

State: TypeAlias = Literal["ok", "warn", "fail"]
_OLD = 180
"""Days after which prices are worth a look."""
_PATIENCE = 10.0
"""Seconds for an address to answer."""


@record
class Finding:
    """One part, looked at."""

    part: str
    """What kind of part: `settings`, `key`, `server`, `model`, `price`, `journal`, `endpoint` …"""
    state: State
    said: str
    mend: str = ""
    """What to do; empty where nothing is to do."""


# --- the project ----------------------------------------------------------------------------------------------


def settings_file(project: Project) -> Iterator[Finding]:
    """The file that decides what is started: nobody else may write it, and credentials in it are for nobody else."""
    path = project.root / SETTINGS
    if not path.is_file():
        yield Finding("settings", "ok", f"no {SETTINGS} in {project.root}: every setting has its default")
        return
    mode = path.stat().st_mode
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        who = "everybody" if mode & stat.S_IWOTH else "its group"
        yield Finding("settings", "fail", f"{SETTINGS} says which programs are started, and {who} may write it",
                      f"chmod go-w {path}")  # fmt: skip
        return
    if (texts := _texts(project)) and mode & (stat.S_IROTH | stat.S_IRGRP):
        yield Finding("settings", "warn", f"{SETTINGS} holds the text of {texts[0]}, and others may read it",
                      f"write {{ env = \"NAME\" }} there, or chmod 600 {path}")  # fmt: skip
        return
    yield Finding("settings", "ok", f"{SETTINGS} can be used, and only its owner may write it")


def _texts(project: Project) -> list[str]:
    """Headers whose values stand in the file."""
    servers = project.settings.mcp.items()
    return [
        f"the header '{header}' of [mcp.{name}]"
        for name, server in servers
        for header, value in server.headers.items()
        if isinstance(value, str) and is_credential(header)
    ]


def programs(project: Project) -> Iterator[Finding]:
    """The programs that agents of the kind `process` may start."""
    for name, argv in project.settings.commands.items():
        if not argv or (shutil.which(argv[0]) is None and not (project.root / argv[0]).is_file()):
            what = argv[0] if argv else "nothing"
            yield Finding("program", "fail", f"[commands] {name}: there is no program {what}",
                          "install it, or write its path")  # fmt: skip
        else:
            yield Finding("program", "ok", f"[commands] {name}: {argv[0]} is there")


def prices(known: Known, project: Project, today: date) -> Iterator[Finding]:
    """The snapshot of what models cost."""
    snapshot = known.prices
    days = (today - snapshot.made).days
    said = f"{snapshot.source} of {snapshot.made.isoformat()}, {counted(days, 'day')} old"
    if days > _OLD:
        yield Finding("price", "warn", said, "install a newer leadflow, or write [prices.MODEL] for your models")
    else:
        own = f"; {len(project.settings.prices)} of your own" if project.settings.prices else ""
        yield Finding("price", "ok", said + own)


def journal(project: Project) -> Iterator[Finding]:
    """The kept runs: whole, nobody else's to read, and none of which somebody has to say whether it was done."""
    path = project.root / JOURNAL
    if not path.is_file():
        yield Finding("journal", "ok", "no runs are kept here yet")
        return
    try:
        whole, problems = asyncio.run(verify(project))
        _, idle = asyncio.run(listed(project, Wanted(is_open=True)))
    except Refused as problem:
        what, _, how = problem.message.rpartition("; ")
        if not os.access(path, os.R_OK | os.W_OK):
            what, how = problem.message, f"let who runs flows here read and write it: chown -R USER {path.parent}"
        yield Finding("journal", "fail", f"{JOURNAL} cannot be read: {what or how}", how if what else "")
        return
    for line in problems:
        yield Finding("journal", "fail", line, "leadflow runs ls shows what is left; restore a backup")
    if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH) and path.parent.stat().st_mode & stat.S_IXOTH:
        yield Finding("journal", "warn", f"{JOURNAL} holds what went through runs, and everybody may read it",
                      f"chmod 700 {path.parent}")  # fmt: skip
    for doubt in idle.in_doubt:
        what, how = in_doubt(doubt, elsewhere(project))
        yield Finding("journal", "warn", what, how)
    if not problems:
        yield Finding("journal", "ok", f"{whole} kept runs are whole" if whole != 1 else "1 kept run is whole")


# --- servers of tools -----------------------------------------------------------------------------------------


def servers(project: Project, *, online: bool) -> Iterator[Finding]:
    """The servers of tools: there, allowed what they need, and as their locks say."""
    if project.settings.mcp and find_spec("mcp") is None:
        yield Finding("server", "fail", "the SDK of the Model Context Protocol is not installed",
                      "pip install 'leadflow[mcp]'")  # fmt: skip
        return
    for name, settings in project.settings.mcp.items():
        yield _server(project, name, settings, online=online)


def _server(project: Project, name: str, settings: McpSettings, *, online: bool) -> Finding:
    _, missing = find_server(project, name)
    where = f"[mcp.{name}]"
    if settings.command and not Path(find_program(settings.command)[0]).is_file():
        return Finding("server", "fail", f"{where}: there is no program {settings.command[0]}",
                       "install it, or write its path")  # fmt: skip
    if missing:
        return Finding("server", "fail", f"{where} needs {', '.join(missing)}, which is not set",
                       f"export {missing[0]}=…")  # fmt: skip
    try:
        lock = kept_lock(project, name)
    except Refused as problem:
        return Finding("server", "fail", problem.message, f"leadflow mcp pin {name}")
    if lock is None:
        return Finding("server", "warn", f"{where} has no lock: no flow can call it", f"leadflow mcp pin {name}")
    count = f"{len(lock.tools)} tool{'' if len(lock.tools) == 1 else 's'}"
    if not online:
        return Finding("server", "ok", f"{where}: {count} in {lock_path(name)}; --online compares them")
    try:
        now = asyncio.run(look_at(project, name))
    except Refused as problem:
        return Finding("server", "fail", problem.message, f"look at {where} in {SETTINGS}, and at what the server says")
    found = drift({tool.name: tool.hash for tool in lock.tools}, now.tools)
    if found.changed or found.gone:
        what = ", ".join((*found.changed, *found.gone))
        return Finding("server", "fail", f"{where}: its tools are not those of its lock: {one_line(what)}",
                       f"leadflow mcp diff {name}")  # fmt: skip
    if found.new:
        return Finding("server", "warn", f"{where}: it has {counted(len(found.new), 'tool')} more than its lock",
                       f"leadflow mcp diff {name}")  # fmt: skip
    return Finding("server", "ok", f"{where}: {count}, as its lock says")


# --- a program ------------------------------------------------------------------------------------------------


def keys(plan: Plan) -> Iterator[Finding]:
    """The variables that agents name: set, and long enough to be told from other text."""
    users: dict[str, list[str]] = {}
    for name, spec in plan.agents.items():
        for secret in secrets_of(spec):
            users.setdefault(secret.name, []).append(name)
    found, _ = read_secrets(tuple(users))
    for name, agents in users.items():
        of = f"agent {', '.join(dict.fromkeys(agents))}"
        if name not in found:
            yield Finding("key", "fail", f"{name} is not set ({of})", f"export {name}=…")
        elif len(found[name]) < SHORTEST:
            yield Finding("key", "warn", f"{name} is shorter than {SHORTEST} characters ({of}): no message can hide it",
                          "use a real credential")  # fmt: skip
        elif found[name] != found[name].strip():
            yield Finding("key", "warn", f"{name} begins or ends with a blank ({of})", "take the blank away")
        else:
            yield Finding("key", "ok", f"{name} is set ({of})")


def models(plan: Plan, known: Known) -> Iterator[Finding]:
    """The models that agents name: with a price, or of an unknown one."""
    for spec in plan.agents.values():
        kind = find_kind(known.catalogue, spec.kind)
        if kind is None or kind.setting("model") is None or not isinstance(spec.settings.get("model"), str):
            continue
        found = price_of(known, spec)
        if found is None:
            cause = no_price(plan, spec)
            yield Finding("price", "warn", cause.what, cause.mend)
        else:
            yield Finding("price", "ok", f"agent {spec.name}: {spec.settings['model']} by {found.origin}")


def budgets(plan: Plan, known: Known) -> Iterator[Finding]:
    """The models without a price under a budget in money: no run that may ask them starts (case $9)."""
    found = [one for flow in plan.flows if has_budgets(plan, flow) for one in unpriced(plan, flow, known)]
    for at, what in dict.fromkeys(found):
        yield Finding("price", "fail", f"{at.file}:{at.line}:{at.column}: {what}")


def functions(plan: Plan, project: Project) -> Iterator[Finding]:
    """The files of agents of the kind `python`, and the functions in them that flows call. None is loaded."""
    called: dict[str, dict[str, None]] = {}
    for flow in plan.flows:
        for name, uses in needed_by(plan, flow).items():
            if plan.agents[name].kind == "python":
                called.setdefault(name, {}).update(dict.fromkeys(uses))
    for name, actions in called.items():
        yield _functions(plan.agents[name], actions, project)


def commands(plan: Plan, project: Project) -> Iterator[Finding]:
    """The programs that flows call and that the operator does not allow: no run of these flows starts."""
    called = {name: plan.agents[name] for flow in plan.flows for name in needed_by(plan, flow)}
    allowed = project.settings.commands
    for name, spec in called.items():
        command = spec.settings.get("command")
        if spec.kind == "process" and isinstance(command, str) and command not in allowed:
            yield Finding("program", "fail", f"agent {name}: leadflow.toml allows no command '{command}'",
                          f'write {command} = ["…"] under [commands] there')  # fmt: skip


def _functions(spec: AgentSpec, actions: Iterable[str], project: Project) -> Finding:
    try:
        path = locate(spec, project.root)
        names = _defined(ast.parse(path.read_bytes(), path.name))
    except CallError as problem:
        return Finding("function", "fail", problem.message, "write the file, or its name as it is")
    except (OSError, SyntaxError, ValueError) as problem:
        said = f"agent '{spec.name}': the file of its functions cannot be read: {problem}"
        return Finding("function", "fail", said, "mend the file")
    missing = [action for action in actions if names is not None and action not in names]
    if names is not None and missing:
        hint = did_you_mean(missing[0], names)
        return Finding("function", "fail", f"agent '{spec.name}': {path.name} has no function '{missing[0]}'{hint}",
                       "write the function, or its name as it is")  # fmt: skip
    return Finding("function", "ok", f"agent {spec.name}: {path.name} has what flows call")


def _defined(module: ast.Module) -> frozenset[str] | None:
    """Names that a file gives to something, and a few more; None: only loading it would tell."""
    found: set[str] = set()
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.alias(name=name, asname=other):
                found.add(other or name)
    return None if found & {"*", "__getattr__"} else frozenset(found)


def endpoints(plan: Plan, *, online: bool) -> Iterator[Finding]:
    """The addresses that agents name: whether somebody answers there."""
    found: dict[str, list[str]] = {}
    for name, spec in plan.agents.items():
        for setting in ("url", "base_url"):
            address = spec.settings.get(setting)
            if isinstance(address, Secret):
                address = read_secrets((address.name,))[0].get(address.name)
            if isinstance(address, str) and not address.startswith(("http://", "https://")):
                said = f"agent {name}: its {setting} does not begin with http:// or https://"
                yield Finding("endpoint", "fail", said, f'write {setting}: "https://…"')
            elif isinstance(address, str):
                found.setdefault(address, []).append(name)
    if online:
        yield from asyncio.run(_answers(found))
    elif found:
        asked = "1 address is" if len(found) == 1 else f"{len(found)} addresses are"
        yield Finding("endpoint", "ok", f"{asked} not asked; --online asks them")


def offers(plan: Plan) -> Iterator[Finding]:
    """The endpoints of models, asked with their credentials what they offer: it costs nothing, and a key or a model
    that is wrong fails no run."""
    asked = [
        spec for spec in plan.agents.values() if spec.kind in HOMES and isinstance(spec.settings.get("model"), str)
    ]
    if asked:
        yield from asyncio.run(_offers(asked))


async def _offers(specs: Sequence[AgentSpec]) -> list[Finding]:
    transport, findings = HttpTransport(), []
    try:
        for spec in specs:
            secrets, missing = read_secrets(tuple({secret.name for secret in secrets_of(spec)}))
            if not missing:
                findings.append(await _offer(spec, secrets, transport))
    finally:
        await transport.aclose()
    return findings


async def _offer(spec: AgentSpec, secrets: Mapping[str, str], transport: HttpTransport) -> Finding:
    of, model = f"the endpoint of agent {spec.name}", str(spec.settings["model"])
    try:
        async with asyncio.timeout(_PATIENCE):
            names = await offered(spec, secrets, transport)
    except AuthFailed as problem:
        return Finding("model", "fail", f"{of} refuses its credential: {problem.message}", "look at the key")
    except BadResponse as problem:
        said = one_line(problem.message, secrets.values())
        return Finding("model", "fail", f"{of} is none of models: {said}", _look_at(spec))
    except (CallError, TimeoutError) as problem:
        why = one_line(problem.message, secrets.values()) if isinstance(problem, CallError) else "it is too slow"
        return Finding(
            "model", "fail", f"{of} cannot be asked: {why}", "look at the address, and at the network between"
        )
    if names is None:
        return Finding("model", "warn", f"{of} lists no models: nobody knows whether it has '{model}'",
                       _look_at(spec))  # fmt: skip
    if model not in names:
        hint = did_you_mean(model, names) or f"; it has {', '.join(names[:5])}"
        return Finding("model", "warn", f"{of} does not list '{model}'{hint}", "write a model that it has")
    return Finding("model", "ok", f"{of} takes its credential, and has '{model}'")


def _look_at(spec: AgentSpec) -> str:
    """What to do about an address that lists no models."""
    has_version = str(spec.settings.get("base_url", "")).rstrip("/").endswith("/v1")
    return "look at base_url, and at what answers there" if has_version else "look at base_url; many end in /v1"


async def _answers(addresses: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Ask each address for its head, without credentials: any answer will do."""
    transport = HttpTransport()
    findings = []
    try:
        for address, agents in addresses.items():
            of = f"agent {', '.join(agents)}"
            try:
                async with asyncio.timeout(_PATIENCE):
                    async with transport.request("HEAD", address, headers={"User-Agent": AGENT_NAME}):
                        findings.append(Finding("endpoint", "ok", f"the address of {of} answers"))
            except (CallError, TimeoutError) as problem:
                why = problem.message if isinstance(problem, CallError) else f"nothing within {_PATIENCE:g} s"
                mend = "look at the address, and at the network between"
                findings.append(Finding("endpoint", "fail", f"the address of {of} does not answer: {why}", mend))
    finally:
        await transport.aclose()
    return findings
