"""The operator's settings: `leadflow.toml` at the project's root, and the environment. Nobody else reads the
environment, and what the file says is known from here; `effective` and `leadflow doctor` look where it says it.

A flow says what shall happen; these say what may: which programs `process` agents may start, how much a run does at
once; what models cost where that is not published, and what their endpoints take.
"""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from leadflow.diagnostics import did_you_mean
from leadflow.files import SETTINGS, find_root
from leadflow.record import record
from leadflow.run.ports import Server
from leadflow.settings.places import places

_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_SHELL = frozenset(" \t|&;<>()$`\"'*?[]#~{}!\\")
"""What a shell would read something into."""
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT")
"""Variables that a program gets unless the settings say otherwise."""


class RunSettings(BaseModel):
    """How runs behave: `[run]`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: int = Field(default=500, ge=1, le=100_000)
    """Calls under way at once in one run."""
    crashes: int = Field(default=5, ge=1, le=1_000)
    """So many processes in a row may end in the middle of one run; then nobody takes it up without being told to."""


class JournalSettings(BaseModel):
    """How long runs that have ended are kept: `[journal]`. Without these, until somebody removes them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_days: int | None = Field(default=None, ge=1, le=36_500)
    """Days after their end."""
    keep_runs: int | None = Field(default=None, ge=1, le=100_000_000)
    """So many of them, those that ended last."""


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


class TakesSettings(BaseModel):
    """What the endpoint of a model takes: `[takes."MODEL"]`, in the words of `takes` of an agent (`plan/kinds.py`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schemas: StrictBool | None = None
    tools: StrictBool | None = None
    streams: StrictBool | None = None
    reasoning: StrictBool | None = None
    limit: Literal["max_tokens", "max_completion_tokens"] | None = None


class EnvHeader(BaseModel):
    """A header whose value is in the environment: `{ env = "SEARCH_TOKEN", prefix = "Bearer " }`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str = Field(pattern=_VARIABLE)
    """The variable."""
    prefix: str = ""
    """What stands before it."""


class McpSettings(BaseModel):
    """A server of tools: `[mcp.NAME]`, a program or an address. Flows name it and say nothing else of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[str, ...] = ()
    """The program and its arguments."""
    env: tuple[Annotated[str, Field(pattern=_VARIABLE)], ...] = ()
    """Further environment variables that the program sees, by name."""
    url: str = ""
    """Where it answers, instead of a program."""
    headers: dict[str, str | EnvHeader] = {}
    """What every request to the address carries."""
    start: Annotated[float, Field(gt=0, le=600)] = 20.0
    """Seconds in which it is to be ready."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "McpSettings":
        """Look at what no single setting shows (case 116): one way to reach it, and no shell's."""
        problem = _unreachable(self.command, self.url)
        if problem is None and self.url and self.env:
            problem = "`env` is for programs; write `headers` for an address"
        if problem is None and self.command and self.headers:
            problem = "`headers` are for addresses; write `env` for a program"
        if problem is not None:
            raise PydanticCustomError("mcp", "{why}", {"why": problem})
        return self


def _unreachable(command: Sequence[str], url: str) -> str | None:
    """Why a server cannot be reached as it is described, None when it may."""
    if bool(command) == bool(url):
        return 'write either `command`, as in ["mcp-server-time"], or `url`'
    if url:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "its `url` begins with http:// or https://"
        return "write credentials as `headers`, not into the `url`" if parts.username or parts.password else None
    program = command[0]
    if any(char in _SHELL or not char.isprintable() for char in program) or not program:
        return "`command` begins with a program's name and no shell reads it: each argument is a text of its own"
    if any("\0" in word for word in command):
        return "`command` holds a NUL"
    if "/" in program and not program.startswith("/"):
        return "the program of `command` is a name, or a path from '/'"
    return None


class Settings(BaseModel):
    """All of `leadflow.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    run: RunSettings = RunSettings()
    journal: JournalSettings = JournalSettings()
    process: ProcessSettings = ProcessSettings()
    commands: dict[str, tuple[str, ...]] = {}
    """Programs that `process` agents may start: a name and its argv; the flow adds arguments behind."""
    mcp: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], McpSettings] = {}
    """Servers of tools that `mcp.NAME` agents may use."""
    prices: dict[str, PriceSettings] = {}
    """Of models by the name that agents write; they go before the published ones, and behind an agent's own."""
    takes: dict[str, TakesSettings] = {}
    """Of models by the name that agents write; an agent's own goes before it, word by word."""


def own_prices(settings: Settings) -> dict[str, tuple[Decimal, Decimal | None]]:
    """Dollars for a million tokens in and out, by model."""
    return {model: (price.input, price.output) for model, price in settings.prices.items()}


def own_takes(settings: Settings) -> dict[str, dict[str, bool | str]]:
    """What is said of the endpoints of models, by model."""
    return {model: takes.model_dump(exclude_none=True) for model, takes in settings.takes.items()}


class SettingsError(Exception):
    """`leadflow.toml` cannot be used; the text says where and why, in lines."""


JOURNAL = ".leadflow/journal.db"
"""Where a project keeps its runs, from its root."""


@record
class Project:
    """A project's root and its settings."""

    root: Path
    settings: Settings


def load_project(flow: Path) -> Project:
    """The project of a flow's file.

    Raises:
        SettingsError: its `leadflow.toml` cannot be read, is no TOML, or says what nobody understands.
    """
    root = find_root(flow)
    path = root / SETTINGS
    text = ""
    try:
        if path.exists():
            text = path.read_bytes().decode("utf-8")
        raw = tomllib.loads(text)
    except OSError as problem:
        raise SettingsError(f"{SETTINGS} cannot be read: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{SETTINGS} is no TOML: {problem}") from None
    set_here = variables()
    try:
        return Project(root, Settings.model_validate(_overlaid(raw, set_here)))
    except ValidationError as problems:
        lines = [_line(problem, text, set_here) for problem in problems.errors(include_url=False)]
        raise SettingsError("\n".join(lines)) from None


def variables() -> Mapping[str, tuple[str, ...]]:
    """The settings that the environment says: `LEADFLOW_RUN_CONCURRENCY` is `run.concurrency`.

    Raises:
        SettingsError: a variable is called like a setting that there is not.
    """
    found: dict[str, tuple[str, ...]] = {}
    for table, known in _settable().items():
        prefix = f"LEADFLOW_{table.upper()}_"
        for name in sorted(os.environ):
            if not name.startswith(prefix):
                continue
            setting = name.removeprefix(prefix).lower()
            if setting not in known:
                hint = did_you_mean(name, [prefix + one.upper() for one in known])
                raise SettingsError(f"{name}: the environment sets no such setting" + hint)
            found[name] = (table, setting)
    return found


def _settable() -> Mapping[str, Sequence[str]]:
    """The settings that a variable can say, by table: those that are one value."""
    tables = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        name: [field for field, about in model.model_fields.items() if about.annotation in (int, float, str, bool)]
        for name, model in tables.items()
        if isinstance(model, type) and issubclass(model, BaseModel)
    }


def _overlaid(raw: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """What the file says, and what the environment says instead."""
    whole = dict(raw)
    for name, (table, setting) in names.items():
        before = whole.get(table)
        if before is None or isinstance(before, dict):
            whole[table] = {**(before or {}), setting: os.environ[name]}
    return whole


def _line(problem: ErrorDetails, text: str, names: Mapping[str, tuple[str, ...]]) -> str:
    """What is wrong with one setting, in the operator's words, and where it is said."""
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
        case "bool_type":
            said = "write true or false"
        case "literal_error":
            said = f"write {bounds['expected']}"
        case "int_type" | "int_parsing" | "int_from_float":
            said = "write a whole number"
        case "greater_than_equal":
            said = f"write {bounds['ge']} or more"
        case "greater_than":
            said = f"write more than {bounds['gt']:g}"
        case "string_pattern_mismatch" if place[-1] == "[key]":
            place, said = place[:-1], "write a name of the language: letters, digits and _"
        case "string_pattern_mismatch":
            said = "write the name of a variable"
        case "less_than_equal":
            said = f"write {bounds['le']} or less"
        case "model_type" | "dict_type":
            said = f"write a table, [{_dotted(place)}]"
        case _:
            said = problem["msg"]
    variable = next((name for name, setting in names.items() if setting == tuple(place)), None)
    if variable is not None:
        return f"{variable}: {said}"
    return f"{SETTINGS}{_at(place, text)}: {'.'.join(place)}: {said}"


def _dotted(place: Sequence[str]) -> str:
    """A table's name as its heading says it, as in `prices."gpt-5.1"`: what is no bare word of TOML in quotes."""
    return ".".join(name if _BARE.fullmatch(name) else f'"{name}"' for name in place)


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def _at(place: Sequence[str], text: str) -> str:
    """The line on which a setting is said, or what it is missing in."""
    known = places(text)
    for end in range(len(place), 0, -1):
        if (line := known.get(tuple(place[:end]))) is not None:
            return f":{line}"
    return ""


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
    return _plain_env((*_PASSED_ON, *settings.process.pass_env))


def _plain_env(names: Sequence[str]) -> Mapping[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def find_server(project: Project, name: str) -> tuple[Server | None, tuple[str, ...]]:
    """A server of tools as an agent reaches it, with the values that the operator's names stand for; None when the
    operator allows none of that name. And the variables that are not set.
    """
    found = project.settings.mcp.get(name)
    if found is None:
        return None, ()
    named = {header: value for header, value in found.headers.items() if isinstance(value, EnvHeader)}
    values, missing = read_secrets([*found.env, *(header.env for header in named.values())])
    headers = {header: value for header, value in found.headers.items() if isinstance(value, str)}
    headers |= {header: value.prefix + values.get(value.env, "") for header, value in named.items()}
    env = {**_plain_env(_PASSED_ON), **{variable: values.get(variable, "") for variable in found.env}}
    secrets = (*(values[value.env] for value in named.values() if value.env in values), *_secret_values(values))
    secrets += (*_written_credentials(found), *((found.url,) if "?" in found.url else ()))
    start = timedelta(seconds=found.start)
    return Server(name, find_program(found.command), found.url, headers, env, secrets, start), missing


_SECRET_WORDS = frozenset(("AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "PASS", "PASSWORD", "PWD", "SECRET", "TOKEN"))
"""A variable whose name has one of these words in it holds a secret."""


def _secret_values(found: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are called like secrets."""
    return tuple(value for name, value in found.items() if _SECRET_WORDS & set(name.upper().split("_")))


def is_credential(header: str) -> bool:
    """Whether a header is called like one that carries a credential."""
    return any(word in header.lower() for word in ("auth", "cookie", "key", "secret", "token"))


def _written_credentials(server: McpSettings) -> Iterator[str]:
    """Credentials that stand in the file itself; of `Bearer TOKEN` also what stands behind the first word."""
    for header, value in server.headers.items():
        if isinstance(value, str) and is_credential(header):
            yield value
            yield value.partition(" ")[2]


def shown_address(url: str) -> str:
    """An address as it is shown: what stands behind its `?` may be a credential."""
    before, mark, _ = url.partition("?")
    return before + mark + ("***" if mark else "")


def passed_secrets(settings: Settings) -> tuple[str, ...]:
    """Secrets in the environment of started programs."""
    return _secret_values(program_env(settings))


def find_program(command: Sequence[str]) -> tuple[str, ...]:
    """An argv whose program is a path: one of that name beside Python itself, so that what is installed along with
    leadflow is found without a word, else one of the search path. As it is where there is none.
    """
    if not command or "/" in command[0]:
        return tuple(command)
    beside = shutil.which(command[0], path=str(Path(sys.executable).parent))
    return (beside or shutil.which(command[0]) or command[0], *command[1:])
