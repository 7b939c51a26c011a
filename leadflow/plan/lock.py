"""What a server of the Model Context Protocol said of its tools when an operator looked at them: the lock.

One file per server, `leadflow.lock/mcp/NAME.json`, written by `leadflow mcp pin` and kept with the flows. The checker
takes names and types from it; a run compares the hashes with what the server says then. Pure: knows the form of the
file and what makes two tools the same, not how a server is asked.

A tool's hash is of its name, its whole description and its schemas: of all that a model is shown. What a server says
about the effects of a tool is kept to be shown, and decides nothing (rule C8).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from leadflow.record import record

FOLDER = "leadflow.lock/mcp"
"""Below the project's root."""
VERSION = 1
MOST_DESCRIPTION = 4096
"""Bytes of a description that are kept; the hash is of all of it."""
MOST_TOOLS = 1_000


class BadLock(ValueError):
    """A text is no lock; says why."""


@record
class LockedTool:
    """One tool."""

    name: str
    """As the server calls it."""
    action: str
    """As a flow calls it."""
    description: str
    input: Mapping[str, Any]
    """The JSON Schema of its arguments."""
    output: Mapping[str, Any] | None
    """The JSON Schema of its structured answer; None: it gives text."""
    hints: tuple[str, ...]
    """What the server claims of its effects; nobody believes it."""
    hash: str


@record
class Lock:
    """The tools of a server."""

    server: str
    said: str
    """What the server calls itself, with its version."""
    tools: tuple[LockedTool, ...]


def lock_path(server: str) -> str:
    """Where the lock of a server lies, from the project's root."""
    return f"{FOLDER}/{server}.json"


def action_of(name: str) -> str:
    """What flows call something whose name may not be one of the language: `get-sum` is `get_sum`."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
    return f"_{word}" if word[0].isdigit() else word


def make_tool(
    name: str, description: str, schemas: tuple[Mapping[str, Any], Mapping[str, Any] | None], hints: Iterable[str] = ()
) -> LockedTool:
    """A tool as a server describes it.

    Args:
        schemas: of its arguments, and of its structured answer.
    """
    told = [name, description, *schemas]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = blake2b(text.encode("ascii"), digest_size=16).hexdigest()
    return LockedTool(name, action_of(name), _cut(description), *schemas, tuple(sorted(hints)), digest)


def _cut(text: str) -> str:
    """The beginning of a text that is too long, whole characters only."""
    data = text.encode("utf-8", "replace")
    if len(data) <= MOST_DESCRIPTION:
        return data.decode("utf-8")
    return data[: MOST_DESCRIPTION - 3].decode("utf-8", "ignore") + "…"


def conflicts(tools: Sequence[LockedTool]) -> list[str]:
    """What is wrong with the names of a server's tools: two that a flow could not tell apart (case 107)."""
    first: dict[str, LockedTool] = {}
    found = []
    for tool in tools:
        other = first.setdefault(tool.action, tool)
        if other is not tool:
            same = "two tools are" if other.name == tool.name else f"'{other.name}' and '{tool.name}' are both"
            found.append(f"{same} called '{tool.action}' in a flow")
    return found


# --- what has changed ---------------------------------------------------------------------------------------------


@record
class Drift:
    """What differs between two looks at a server."""

    changed: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.new)


def drift(pinned: Mapping[str, str], now: Sequence[LockedTool]) -> Drift:
    """What differs between the hashes that were pinned, by the server's names, and what the server says now."""
    found = {tool.name: tool.hash for tool in now}
    return Drift(
        tuple(name for name, hash_ in pinned.items() if name in found and found[name] != hash_),
        tuple(name for name in pinned if name not in found),
        tuple(name for name in found if name not in pinned),
    )


# --- the file -----------------------------------------------------------------------------------------------------


def write_lock(lock: Lock) -> str:
    """The lock as JSON, always the same text for the same tools."""
    tools = [
        {
            "name": tool.name,
            "hash": tool.hash,
            "description": tool.description,
            "claims": list(tool.hints),
            "input": tool.input,
            **({} if tool.output is None else {"output": tool.output}),
        }
        for tool in sorted(lock.tools, key=lambda tool: tool.name)
    ]
    document = {"version": VERSION, "server": lock.server, "said": lock.said, "tools": tools}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def read_lock(document: object) -> Lock:
    """The lock that `write_lock` wrote, from its JSON data.

    Raises:
        BadLock: it is none, or one of another version.
    """
    if not isinstance(document, Mapping) or document.get("version") != VERSION:
        raise BadLock(f"it is no lock of version {VERSION}")
    tools = document.get("tools")
    if not isinstance(tools, list):
        raise BadLock("it lists no tools")
    found = tuple(_read_tool(tool) for tool in tools)
    if clash := conflicts(found):
        raise BadLock(clash[0])
    return Lock(_text(document, "server"), _text(document, "said"), found)


def _read_tool(tool: object) -> LockedTool:
    if not isinstance(tool, Mapping):
        raise BadLock("one of its tools is no object")
    name, claims, output = _text(tool, "name"), tool.get("claims"), tool.get("output")
    if not isinstance(tool.get("input"), Mapping) or not (output is None or isinstance(output, Mapping)):
        raise BadLock(f"the tool '{name}' lacks its schemas")
    if not isinstance(claims, list) or not all(isinstance(claim, str) for claim in claims):
        raise BadLock(f"the tool '{name}' lacks its claims")
    description, pinned = _text(tool, "description"), _text(tool, "hash")
    whole = make_tool(name, description, (tool["input"], output), claims)
    if whole.hash != pinned and len(description.encode("utf-8", "replace")) < MOST_DESCRIPTION - 6:
        raise BadLock(f"the tool '{name}' was changed in it after it was written: its hash is of another one")
    return replace(whole, hash=pinned)


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name)
    if not isinstance(value, str):
        raise BadLock(f"'{name}' is to be a text in it")
    return value
