"""The settings in force, each with where it comes from: what nobody said, a line of `leadflow.toml`, a variable.

For people who ask why: `leadflow config show` and `leadflow doctor`. What may be a credential is not shown: texts of
headers, which may also be written as they are, and what stands behind the `?` of an address.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from leadflow.files import SETTINGS
from leadflow.record import record
from leadflow.settings import EnvHeader, Project, shown_address, variables
from leadflow.settings.places import places

HIDDEN = "***"


@record
class Effective:
    """One setting."""

    name: str
    """Dotted: `run.concurrency`."""
    value: Any
    """Plain data."""
    origin: str
    """`default`, `leadflow.toml:3`, or the name of a variable of the environment."""


def effective(project: Project) -> tuple[Effective, ...]:
    """All settings of a project."""
    path = project.root / SETTINGS
    at = places(path.read_text("utf-8")) if path.is_file() else {}
    said = {place: f"{SETTINGS}:{line}" for place, line in at.items()}
    said |= {place: name for name, place in variables().items()}
    return tuple(
        Effective(".".join(map(_key, place)), value, _origin(place, said))
        for place, value in _leaves(project.settings, ())
    )


def _leaves(value: object, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The settings that hold no others; a table of names that nobody fills in is one of them."""
    if isinstance(value, EnvHeader):
        yield above, {"env": value.env, "prefix": value.prefix} if value.prefix else {"env": value.env}
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            part = getattr(value, name)
            yield from _leaves(shown_address(part) if name == "url" else part, (*above, name))
    elif isinstance(value, Mapping) and value:
        for name, part in value.items():
            is_secret = above[-1:] == ("headers",) and isinstance(part, str)
            yield from _leaves(HIDDEN if is_secret else part, (*above, name))
    else:
        yield above, _plain(value)


def _plain(value: object) -> Any:
    match value:
        case bool() | int() | float() | str() | None:
            return value
        case Mapping():
            return {}
        case Sequence():
            return [_plain(part) for part in value]
        case _:
            return str(value)


def _origin(place: tuple[str, ...], said: Mapping[tuple[str, ...], str]) -> str:
    """Where a setting is said; one that is not said alone stands in what it is a part of."""
    return said.get(place, "default")


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'
