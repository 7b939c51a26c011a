"""Tools and what came of them, as tables for people and as data for machines."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from leadflow.check.checked import ActionCall, Checked, ToolInfo
from leadflow.cli.views.human import duration
from leadflow.events.tool_uses import ToolUse
from leadflow.plan.plan import AgentSpec
from leadflow.plan.policy import Limit
from leadflow.plan.schema import json_schema
from leadflow.plan.types import RecordType, show
from leadflow.plan.words import policy_words
from leadflow.record import record


@record
class Row:
    """One tool of a program."""

    info: ToolInfo
    granted: tuple[str, ...]
    """The agents whose models may use it."""
    limit: str | None
    """Its `@limit`, as it is written."""


def rows_of(checked: Checked) -> list[Row]:
    """All tools of a program, by category and name."""
    granted: dict[str, list[str]] = {}
    for name, spec in checked.agents.items():
        tools = spec.settings.get("tools")
        if spec.calls is None and isinstance(tools, tuple):
            for key in tools:
                granted.setdefault(str(key), []).append(name)
    called = {call.agent for call in checked.calls.values() if isinstance(call, ActionCall)}
    rows = [
        Row(info, tuple(granted.get(key, ())), _limit(checked.agents, info))
        for key, info in checked.tools.items()
        if key in granted or key in called or not key.startswith("std.")  # of a library, what is used
    ]
    return sorted(rows, key=lambda row: (row.info.category or "~", row.info.key))


def _limit(agents: Mapping[str, AgentSpec], info: ToolInfo) -> str | None:
    spec = agents.get(info.call.agent) if info.call is not None else None
    applied = next((each for each in spec.policies if isinstance(each.policy, Limit)), None) if spec else None
    return None if applied is None else policy_words(applied.policy)


def table(rows: Sequence[Row], file: str) -> None:
    """A row for each tool."""
    if not rows:
        click.echo(f"{file} has no tools", err=True)
        return
    cells = [
        (
            row.info.key,
            row.info.effect,
            row.info.category or "-",
            row.info.calls,
            ", ".join(row.granted) or "-",
            row.limit or "-",
        )
        for row in rows
    ]
    _print(("TOOL", "EFFECT", "CATEGORY", "CALLS", "GRANTED TO", "LIMIT"), cells)


def uses(found: Mapping[str, ToolUse]) -> None:
    """A row for each tool that was called."""
    if not found:
        click.echo("no tool was called in the runs that are kept", err=True)
        return
    cells = [
        (
            name,
            str(use.calls),
            str(use.by_models),
            str(use.failed),
            str(use.refused),
            duration(use.seconds),
            duration(use.longest),
        )
        for name, use in found.items()
    ]
    _print(("TOOL", "CALLS", "BY MODELS", "FAILED", "REFUSED", "TIME", "LONGEST"), cells)


def _print(head: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> None:
    wide = [max(len(row[at]) for row in (head, *cells)) for at in range(len(head))]
    for row in (head, *cells):
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, wide, strict=True)).rstrip())


def row_data(row: Row) -> dict[str, Any]:
    """A tool for machines, with the schema that a model sees."""
    info = row.info
    return {
        "tool": info.key,
        "effect": info.effect,
        "category": info.category,
        "calls": info.calls,
        "doc": info.doc,
        "granted": list(row.granted),
        "limit": row.limit,
        "params": None if info.is_open else json_schema(RecordType(info.params))[0],
        "result": show(info.result),
    }


def use_data(use: ToolUse) -> dict[str, Any]:
    """What came of a tool, for machines."""
    return {
        "calls": use.calls,
        "by_models": use.by_models,
        "failed": use.failed,
        "refused": use.refused,
        "seconds": round(use.seconds, 6),
        "longest": round(use.longest, 6),
        "bytes": use.size,
    }
