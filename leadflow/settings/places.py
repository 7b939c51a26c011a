"""Where the values of a TOML text stand, which `tomllib` does not tell: the line of each key and of each table.

Asks the parser itself: what the first lines of a text hold and fewer lines do not, stands in the last of them. A part
that ends inside of a value is no TOML, so a value of several lines counts from its first line. Pure.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]


def places(text: str) -> Mapping[Path, int]:
    """The line of every key and table, from 1; nothing from where the text is no TOML."""
    found: dict[Path, int] = {}
    lines = text.splitlines(keepends=True)
    first = 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        at = next((n for n in range(first, end) if lines[n].strip() and not lines[n].lstrip().startswith("#")), first)
        for path in _paths(document):
            found.setdefault(path, at + 1)
        first = end
    return found


def _paths(value: Any, above: Path = ()) -> Iterator[Path]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield (*above, name)
            yield from _paths(part, (*above, name))
