"""Tools as a model sees them: what it may use, one use, and what it is told of it. Records, nothing else.

Who grants tools is decided elsewhere, and so is what a tool does and when a model has used enough of them.
"""

from collections.abc import Mapping
from typing import Any

from leadflow.record import record


@record
class ToolSpec:
    """A tool that a model may use."""

    name: str
    """Letters, digits, `_` and `-`, at most 64: what all providers take."""
    description: str
    schema: Mapping[str, Any]
    """JSON Schema of the arguments, an object at its root."""


@record
class ToolUse:
    """A model asks for a tool."""

    id: str
    """Of the use, by the provider; the result names it."""
    name: str
    """As the model wrote it: it may be the name of no tool (case O3)."""
    args: Mapping[str, Any]
    """Plain JSON data; empty when `problem` says why there is none."""
    problem: str | None = None
    """Why the arguments cannot be read. Nothing is run then: the model is told."""


@record
class ToolResult:
    """What the model is told of one use."""

    id: str
    text: str
    is_error: bool = False


@record
class Asked:
    """A model's turn that asks for tools instead of answering."""

    uses: tuple[ToolUse, ...]
    """In its order, at least one."""
    said: object
    """The turn as the model's agent keeps it; nobody else looks into it."""
    tokens: int
    """Most tokens that it takes in the requests that follow."""


@record
class Exchange:
    """A turn that asked for tools, and what the model was told of them."""

    asked: Asked
    results: tuple[ToolResult, ...]
