"""A recording as a file: a line of JSON for the run, and one for each attempt of each call, in the order of paths.

The same run gives the same lines, so that two recordings can be compared line by line. Knows the form of the file, not
who writes or reads it.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from leadflow.plan.forms import canonical, keep, unkeep
from leadflow.plan.operators import NoValue
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import (
    ListType,
    LiteralType,
    MapType,
    OptionalType,
    Prim,
    RecordType,
    Type,
    UnionType,
    Value,
)
from leadflow.record import record
from leadflow.run.ports import Request

LARGEST = 64 * 1024 * 1024
"""Bytes of a recording that is read."""


class Head(BaseModel):
    """The run: what has to be the same for its calls to be the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    leadflow: int = 1
    """The form of the file."""
    flow: str
    run: str
    started: str
    seed: int


class FailureRow(BaseModel):
    """How an attempt failed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    error: str
    message: str
    sent: bool = True
    status: int | None = None
    retry_after: float | None = None


class UseRow(BaseModel):
    """A model asked for a tool."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str
    name: str
    args: dict[str, Any]
    problem: str | None = None


class AskedRow(BaseModel):
    """A model's turn that asked for tools."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    uses: list[UseRow]
    tokens: int


class Row(BaseModel):
    """One attempt of one call."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    path: str
    """With flows by their own names, whichever file imports them."""
    ordinal: int = Field(ge=1)
    """Of the attempts of that path, over all agents."""
    call: str
    """`agent.action`, the agent by its own name."""
    digest: str
    """Of what was asked: all down to `repair`, but where it stands."""
    agent: dict[str, Any] = Field(default_factory=dict)
    """Those of the agent's settings that shape an answer, and its role."""
    args: Any
    type: str
    told: list[str] = Field(default_factory=list)
    """What tools gave that the model has used in this call."""
    repair: str | None = None
    """What was wrong with the last answer."""
    reply: Any = None
    asked: AskedRow | None = None
    usage: tuple[int | None, int | None] | None = Field(default=None, strict=False)
    failure: FailureRow | None = None
    cut: bool = False
    """It was stopped before it had an answer."""


@record
class Recording:
    """A recording that was read."""

    head: Head
    rows: Mapping[tuple[str, int], Row]
    """By path and ordinal."""


class BadRecording(Exception):
    """A file that is no recording; the text says why."""


@record
class Asks:
    """What is asked in one attempt: what has to be the same for the same answer."""

    call: str
    agent: Mapping[str, Value]
    args: Mapping[str, Value]
    type: str
    told: tuple[str, ...]
    repair: str | None

    @property
    def digest(self) -> str:
        """What tells one request from another."""
        parts = {name: getattr(self, name) for name in ("call", "agent", "args", "type", "told", "repair")}
        return blake2b(canonical(parts), digest_size=8).hexdigest()


def own_name(qualified: str) -> str:
    """What a flow or an agent is called in its own file. Recordings know no other name: the same flow is recorded from
    its file and replayed by a test that imports it.
    """
    return qualified.rpartition(".")[2]


def own_path(path: str) -> str:
    """A path of a run with the flows in it by their own names."""
    return "/".join(map(own_name, path.split("/")))


_SHAPING = ("model", "system", "temperature", "max_tokens")


def asks(request: Request, spec: AgentSpec) -> Asks:
    """What a request asks."""
    settings = {name: spec.settings.get(name) for name in _SHAPING}
    shaping: dict[str, Value] = {
        name: value for name, value in settings.items() if isinstance(value, str | int | float)
    }
    if request.role is not None:
        shaping["role"] = own_name(request.role)
    told = tuple(result.text for exchange in request.exchanges for result in exchange.results)
    call = f"{own_name(spec.name)}.{request.action}"
    return Asks(call, shaping, request.args, shape(request.result), told, request.repair)


def written(head: Head, rows: Iterable[Row]) -> str:
    """The file."""
    lines = [head, *sorted(rows, key=lambda row: (_in_order(row.path), row.ordinal))]
    return "".join(
        json.dumps(_sorted(line.model_dump(exclude_defaults=True)), ensure_ascii=False, separators=(",", ":")) + "\n"
        for line in lines
    )


def _in_order(path: str) -> list[tuple[int, str]]:
    """Numbers in a path by their size."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path)]


def _sorted(line: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in their order, what they hold by name."""
    return {name: _by_name(value) for name, value in line.items()}


def _by_name(value: Any) -> Any:
    match value:
        case dict():
            return {name: _by_name(value[name]) for name in sorted(value)}
        case list() | tuple():
            return [_by_name(item) for item in value]
        case _:
            return value


def read_recording(file: Path) -> Recording:
    """Read a recording.

    Raises:
        BadRecording: the file cannot be read, or is none.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise BadRecording(f"{file.name} is larger than {LARGEST:,} bytes")
        lines = file.read_text("utf-8").removesuffix("\n").split("\n")  # texts hold other line ends
    except (OSError, ValueError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else "it is no text"
        raise BadRecording(f"the recording {file.name} cannot be read: {said}") from None
    seen = 1
    try:
        head = Head.model_validate_json(lines[0] if lines else "")
        if head.leadflow != 1:
            raise BadRecording(f"{file.name} is a recording of another version of leadflow; record it anew")
        datetime.fromisoformat(head.started)
        rows: dict[tuple[str, int], Row] = {}
        for line in lines[1:]:
            seen += 1
            row = Row.model_validate_json(line)
            unkeep(row.args)
            unkeep(row.reply)
            unkeep(row.agent)
            rows[row.path, row.ordinal] = row
    except (ValidationError, ValueError, NoValue):
        raise BadRecording(f"{file.name} is no recording: line {seen} has another form") from None
    return Recording(head, rows)


def kept(value: Value) -> Any:
    """A value as it stands in the file."""
    return keep(value)


def shape(type_: Type) -> str:
    """A type by what it is made of, whatever it is called."""
    match type_:
        case Prim(name):
            return name
        case LiteralType(value):
            return json.dumps(value, ensure_ascii=False)
        case OptionalType(inner):
            return f"({shape(inner)})?"
        case ListType(item):
            return f"list[{shape(item)}]"
        case MapType(item):
            return f"map[{shape(item)}]"
        case UnionType(members):
            return " | ".join(map(shape, members))
        case RecordType(fields):
            return "{ " + ", ".join(f"{field.name}: {shape(field.type)}" for field in fields) + " }"
