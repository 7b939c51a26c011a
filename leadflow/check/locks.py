"""Locks -> kinds: what the checker knows of the servers whose tools a program calls (rule C8).

A kind `mcp.NAME` has the tools that its lock lists as actions, with the types of their schemas. What no type says is
`json`, for the server to look at: a schema is never stricter here than it is there. Without a lock anything may be
called and gives `json`, and that is told. Files come through the callable that the loader has; no server is started.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from leadflow.check.checked import ActionCall
from leadflow.check.loader import Loaded
from leadflow.check.messages.locks import broken_lock, no_lock
from leadflow.check.program import Program
from leadflow.check.reading import Read, ReadProblem
from leadflow.check.schema_parts import NotJson, read_document
from leadflow.check.schemas import Described, type_of
from leadflow.check.statements import steps_of
from leadflow.diagnostics import Diagnostic, Report, Span
from leadflow.plan.kinds import SERVER, ActionRow, Catalogue, Kind, ParamRow
from leadflow.plan.lock import BadLock, Lock, LockedTool, action_of, lock_path, read_lock
from leadflow.plan.types import JSON, STRING, UNKNOWN, RecordType, Type, optional
from leadflow.syntax import tree


def with_locks(
    loaded: Loaded, catalogue: Catalogue, read: Read, report: Report
) -> tuple[Catalogue, tuple[Diagnostic, ...]]:
    """The catalogue, and in it a kind for each server that the program names; and the locks that are missing.

    What is wrong with a lock that is there goes to `report`.
    """
    base = catalogue.get(SERVER)
    if base is None:
        return catalogue, ()
    missing: list[Diagnostic] = []
    found: dict[str, Kind] = {}
    asked: set[str] = set()
    for span, server in _servers(loaded):
        if server in asked:
            continue
        asked.add(server)
        lock = _read(span, server, read)
        if isinstance(lock, Lock):
            found[f"{SERVER}.{server}"] = kind_of(lock, base)
        elif lock.severity == "error":
            report(lock)
            found[f"{SERVER}.{server}"] = _anything(base)
        else:
            missing.append(lock)
    return (_Both(found, catalogue) if found else catalogue), tuple(missing)


def _anything(base: Kind) -> Kind:
    """The kind of a server whose lock is broken: what it gives is not known, and that is all there is to say of it."""
    row = base.open_action
    return base if row is None else replace(base, open_action=replace(row, result=UNKNOWN))


class _Both(Mapping[str, Kind]):
    """Kinds of locks before those of a catalogue, which loads strangers only when it is asked for them."""

    def __init__(self, first: Mapping[str, Kind], rest: Catalogue) -> None:
        self._first, self._rest = first, rest

    def __getitem__(self, name: str) -> Kind:
        found = self._first.get(name)
        return self._rest[name] if found is None else found

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._rest), **self._first})

    def __len__(self) -> int:
        return len({*self._rest, *self._first})


def _servers(loaded: Loaded) -> Iterator[tuple[Span, str]]:
    """The servers that agents name, and where."""
    for module in loaded.modules.values():
        for item in module.tree.items:
            overrides = item.overrides if isinstance(item, tree.ProfileDecl) else (item,)
            for one in overrides:
                kind = one.kind if isinstance(one, tree.AgentDecl | tree.AgentOverride) else None
                if kind is not None and len(kind) == 2 and kind[0].text == SERVER:
                    yield kind[0].span.to(kind[1].span), kind[1].text


def _read(span: Span, server: str, read: Read) -> Lock | Diagnostic:
    path = lock_path(server)
    data = read(path)
    if isinstance(data, ReadProblem):
        if data.trouble == "missing":
            return no_lock(span, server, path=path)
        return broken_lock(span, path, server=server, why=data.detail or "it cannot be read")
    document = read_document(data.decode("utf-8", "replace"))
    if isinstance(document, NotJson):
        return broken_lock(span, path, server=server, why=document.why)
    try:
        return read_lock(document)
    except BadLock as problem:
        return broken_lock(span, path, server=server, why=str(problem))


def with_missing_locks(
    program: Program, findings: Sequence[Diagnostic], missing: Sequence[Diagnostic]
) -> list[Diagnostic]:
    """What is wrong, and which locks are missing; one of which json was read is told there, as the reason of both."""
    sources = {module.source.name: module.source for module in program.modules.values()}
    servers = {sources[one.span.file].at(one.span): one for one in missing}
    told: list[Diagnostic] = []
    reasons: set[str] = set()
    for finding in findings:
        kind = _kind_behind(program, finding) if finding.code == "FLOW308" else None
        lock = servers.get(kind or "")
        if kind is None or lock is None:
            told.append(finding)
            continue
        reasons.add(kind)
        told.append(replace(finding, notes=(*finding.notes, lock.message, *lock.notes)))
    return [*(one for kind, one in servers.items() if kind not in reasons), *told]


def _kind_behind(program: Program, finding: Diagnostic) -> str | None:
    """The kind of the agent that the step calls whose json a finding is about."""
    places = {label.span for label in finding.labels}
    for info in program.flows.values():
        for step in steps_of(info.decl):
            call = program.calls.get(step.action.id)
            if step.name.span in places and isinstance(call, ActionCall) and call.agent in program.agents:
                return program.agents[call.agent].kind_name
    return None


# --- rows ---------------------------------------------------------------------------------------------------------


def kind_of(lock: Lock, base: Kind) -> Kind:
    """The kind of the agents of a server."""
    actions = {tool.action: _action(tool, base) for tool in lock.tools}
    facts = {"lock": {tool.action: _fact(tool) for tool in lock.tools}}
    return Kind(base.name, base.settings, actions, None, base.effect_lists, runs=base.runs, doc=base.doc, facts=facts)


def _fact(tool: LockedTool) -> Mapping[str, Any]:
    """What a run needs to know of a tool: its hash, and what the server calls it and its arguments."""
    names = {action_of(name): name for name in _properties(tool) if action_of(name) != name}
    wrapped = {} if _inside(tool) is None else {"wrapped": True}
    return {"hash": tool.hash, "name": tool.name, **({"names": names} if names else {}), **wrapped}


def _action(tool: LockedTool, base: Kind) -> ActionRow:
    open_row = base.open_action
    params = _params(tool)
    answer = _answer(tool)
    result = JSON if answer.problems else answer.type
    effect = "write" if open_row is None else open_row.effect
    return ActionRow(tool.action, params or (), result, effect, any_args=params is None, doc=tool.description)


def _answer(tool: LockedTool) -> Described:
    """What a tool gives."""
    if tool.output is None:
        return Described(STRING)
    found, inside = type_of(tool.output), _inside(tool)
    return found if inside is None or not isinstance(found.type, RecordType) else Described(found.type.fields[0].type)


def _inside(tool: LockedTool) -> object:
    """The schema in an answer that is nothing but `result`, as SDKs wrap what is no object; None: it is not wrapped."""
    output = tool.output or {}
    properties = output.get("properties")
    is_wrapped = isinstance(properties, Mapping) and set(properties) == {"result"} == set(output.get("required") or ())
    return properties["result"] if is_wrapped and isinstance(properties, Mapping) else None


def _params(tool: LockedTool) -> tuple[ParamRow, ...] | None:
    """The arguments of a tool; None where two of them would have the same name here: then any is passed on."""
    properties, required = _properties(tool), _required(tool)
    names = [action_of(name) for name in properties]
    if len(set(names)) < len(names):
        return None
    alone = len(required) == 1
    rows = []
    for name, schema in properties.items():
        type_ = _of_property(tool, name)
        is_required = name in required
        about = schema.get("description") if isinstance(schema, Mapping) else None
        doc = about if isinstance(about, str) else ""
        shown = type_ if is_required or type_ == JSON else optional(type_)
        rows.append(ParamRow(action_of(name), shown, is_required, is_required and alone, doc=doc))
    return tuple(rows)


def _properties(tool: LockedTool) -> Mapping[str, Any]:
    found = tool.input.get("properties")
    return found if isinstance(found, Mapping) else {}


def _required(tool: LockedTool) -> Sequence[str]:
    found = tool.input.get("required")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _of_property(tool: LockedTool, name: str) -> Type:
    """The type of an argument, without the limits that the server looks at."""
    match _alone(tool, name):
        case Described(RecordType((field,)), ()):
            return field.type
        case _:
            return JSON


def _alone(tool: LockedTool, name: str) -> Described:
    """An object that has one of the arguments, and what references lead to."""
    rest = {word: part for word, part in tool.input.items() if word in ("$defs", "definitions")}
    return type_of({**rest, "type": "object", "properties": {name: _properties(tool)[name]}, "required": [name]})


def problems_of(tool: LockedTool) -> tuple[str, ...]:
    """What no type says of a tool's schemas, a line each; it is `json` in a flow."""
    found = [
        f"argument '{name}': {problem.why}" for name in _properties(tool) for problem in _alone(tool, name).problems
    ]
    return (*found, *(f"answer: {problem.why}" for problem in _answer(tool).problems))
