"""`leadflow explain FLOW.STEP` for people, in 100 columns, and the same for machines. Pure: writes what `around` found.

Read from the top down it is read from the outside in: what a failure of the step meets on its way out, it meets from
the bottom up.
"""

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

from leadflow.plan.around import Argument, Around, Row
from leadflow.plan.text import WIDTH

_NAME = 15
"""Columns of a row's name."""


def around_text(found: Around, worst: Iterable[tuple[str, str]] = ()) -> str:
    """All that stands around a node, and what it takes at worst, by its names."""
    bounds = [line for name, text in worst for line in _fact(name, text)]
    return "\n".join([*_head(found), "", *_layers(found), *(["", "at worst", *bounds] if bounds else [])]) + "\n"


def _head(found: Around) -> Iterator[str]:
    yield from _ended(f"{found.path}   {found.does}", found.place)
    if found.doc:
        yield from _filled(" ".join(found.doc.split()), "  ")
    yield from _fact("type", found.type)
    yield from _fact("effect", found.effect)
    if found.again is not None:
        yield from _fact("sent again", found.again)
    if found.when is not None:
        yield from _fact("runs", found.when)
    said = [f"{', '.join(names)} ({why})" for why, names in found.waits]
    yield from _fact("waits for", "; ".join(said) or "nothing")


def _layers(found: Around) -> Iterator[str]:
    yield "from the outside in"
    for ring in found.rings:
        does = f": {ring.does}" if ring.does else ""
        name = ring.what if ring.path == ring.what.removeprefix("flow ") else f"{ring.path}   {ring.what}"
        yield from _filled(f"{name}{does}", "  ")
        for row in ring.rows:
            yield from _row(row)
    if found.rows:
        yield f"  {found.path}"
    for row in found.rows:
        yield from _row(row)


def _row(row: Row) -> Iterator[str]:
    """The values that were written with their origin, then those that nobody wrote, then what the layer does."""
    written = [arg for arg in row.args if not arg.is_default]
    origin = f"{row.origin}{f' ({row.place})' if row.place else ''}"
    name = f"    {row.name:<{_NAME}}"
    if not row.args:
        yield from _ended(f"{name}{row.does}", origin)
        return
    if written:
        yield from _ended(name + _said(written), origin)
        name = " " * len(name)
    default = [arg for arg in row.args if arg.is_default]
    if default:
        yield from _filled(_said(default), f"{name}by default ", " " * (_NAME + 4))
    yield from _filled(row.does, " " * (_NAME + 4))


def _said(args: list[Argument]) -> str:
    return ", ".join(f"{arg.name}: {arg.value}" if arg.name else arg.value for arg in args)


def _fact(name: str, text: str) -> Iterator[str]:
    yield from _filled(text, f"  {name:<{_NAME + 2}}", " " * (_NAME + 4))


def _filled(text: str, first: str, rest: str | None = None) -> Iterator[str]:
    yield from wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=first if rest is None else rest, break_on_hyphens=False
    )


def _ended(text: str, end: str) -> Iterator[str]:
    """A line with something at its right end, on a line of its own when there is no room."""
    if len(text) + len(end) + 2 <= WIDTH:
        yield f"{text}{end:>{WIDTH - len(text)}}".rstrip()
        return
    indent = " " * (len(text) - len(text.lstrip()))
    yield from _filled(text.strip(), indent, " " * (_NAME + 4))
    yield f"{end:>{WIDTH}}"


# --- data ---------------------------------------------------------------------------------------------------------


def as_json(found: Around) -> dict[str, Any]:
    """The same facts."""
    return {
        "path": found.path,
        "does": found.does,
        "place": found.place,
        "doc": found.doc,
        "type": found.type,
        "effect": found.effect,
        "again": found.again,
        "when": found.when,
        "waits": [{"why": why, "for": list(names)} for why, names in found.waits],
        "around": [
            {"path": ring.path, "what": ring.what, "does": ring.does or None, "layers": [*map(_layer, ring.rows)]}
            for ring in found.rings
        ],
        "layers": [*map(_layer, found.rows)],
    }


def _layer(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "values": [
            {"name": arg.name, "value": arg.value, "origin": "default" if arg.is_default else row.origin}
            for arg in row.args
        ],
        "origin": row.origin or None,
        "place": row.place or None,
        "does": row.does,
    }
