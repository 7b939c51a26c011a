"""The operator's settings: `leadflow.toml` at the project's root, and the environment. The only file that reads either.

A flow says what shall happen; these say what may: which programs `process` agents may start, how much a run does at
once; and what models cost where that is not published.
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from leadflow.diagnostics import did_you_mean
from leadflow.files import SETTINGS, find_root
from leadflow.record import record

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
"""Variables that a program gets unless the settings say otherwise."""


class RunSettings(BaseModel):
    """How runs behave: `[run]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: int = Field(default=500, ge=1, le=100_000)
    """Calls under way at once in one run."""


class ProcessSettings(BaseModel):
    """What programs get: `[process]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pass_env: tuple[str, ...] = ()
    """Further environment variables that programs see, by name."""


Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)]


class PriceSettings(BaseModel):
    """What a model charges: `[prices."MODEL"]`, in dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars
    """That it reads."""
    output: Dollars | None = None
    """That it writes; a model of vectors writes none."""


class Settings(BaseModel):
    """All of `leadflow.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    run: RunSettings = RunSettings()
    process: ProcessSettings = ProcessSettings()
    commands: dict[str, tuple[str, ...]] = {}
    """Programs that `process` agents may start: a name and its argv; the flow adds arguments behind."""
    prices: dict[str, PriceSettings] = {}
    """Of models by the name that agents write; they go before the published ones, and behind an agent's own."""


def own_prices(settings: Settings) -> dict[str, tuple[Decimal, Decimal | None]]:
    """Dollars for a million tokens in and out, by model."""
    return {model: (price.input, price.output) for model, price in settings.prices.items()}


class SettingsError(Exception):
    """`leadflow.toml` cannot be used; the text says where and why, in lines."""


@record
class Project:
    """A project's root and its settings."""

    root: Path
    settings: Settings


def load_project(flow: Path) -> Project:
    """The project of a flow's file.

    Raises:
        SettingsError: its `leadflow.toml` is no TOML, or says what nobody understands.
    """
    root = find_root(flow)
    path = root / SETTINGS
    if not path.is_file():
        return Project(root, Settings())
    try:
        with path.open("rb") as file:
            return Project(root, Settings.model_validate(tomllib.load(file)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{SETTINGS} is no TOML: {problem}") from None
    except ValidationError as problems:
        raise SettingsError("\n".join(_line(p) for p in problems.errors(include_url=False))) from None


def _line(problem: ErrorDetails) -> str:
    """What is wrong with one setting, in the operator's words."""
    place = [str(part) for part in problem["loc"]]
    bounds = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            known = _known(place[:-1])
            said = "there is no such setting" + (did_you_mean(place[-1], known) or f"; there are {', '.join(known)}")
        case "tuple_type":
            said = 'write a list of texts, as in ["ls", "-l"]'
        case "decimal_type" | "decimal_parsing" | "decimal_max_places" | "finite_number":
            said = "write dollars for a million tokens, as in 0.25; at most 6 decimals"
        case "missing":
            said = "write this setting too"
        case "string_type":
            said = "write a text"
        case "int_type" | "int_parsing" | "int_from_float":
            said = "write a whole number"
        case "greater_than_equal":
            said = f"write {bounds['ge']} or more"
        case "less_than_equal":
            said = f"write {bounds['le']} or less"
        case "model_type" | "dict_type":
            said = f"write a table, [{place[-1]}]"
        case _:
            said = problem["msg"]
    return f"{SETTINGS}: {'.'.join(place)}: {said}"


def _known(place: Sequence[str]) -> list[str]:
    """The settings of a table."""
    model: object = Settings
    for name in place:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[name].annotation if name in model.model_fields else None
        else:
            model = get_args(model)[-1] if get_args(model) else None
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def read_secrets(names: Sequence[str]) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The values of environment variables, and the names of those that are not set or empty."""
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    return found, tuple(name for name in names if name not in found)


def program_env(settings: Settings) -> Mapping[str, str]:
    """The environment that started programs get: a few harmless variables, and those the operator names."""
    names = (*_PASSED_ON, *settings.process.pass_env)
    return {name: os.environ[name] for name in names if name in os.environ}
