"""Who may import whom: the picture of the house as a table, held without exceptions.

The check is a function over the text of one file, so that it can itself be checked with planted errors.
"""

import ast
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "leadflow"

pytestmark = pytest.mark.house

FRONT = {"diagnostics", "syntax", "check", "graph", "plan"}
BACK = {"diagnostics", "plan", "events"}
ADAPTERS = {"policies", "agents", "stores", "engines"}
ROOMS = FRONT | BACK | ADAPTERS | {"resources", "files", "pipeline", "plugins", "run", "bound"}

HOUSE = {"settings", "keeping", "answers", "assembly", "recalling", "runs"}
"""What makes runs of plans; the faces stand on it."""

FLOOR = {"record"}
"""What every room stands on; it knows none."""

MAY: dict[str, set[str]] = {
    "record": set(),
    "diagnostics": set(),
    "resources": set(),
    "plan": {"diagnostics"},
    "events": {"diagnostics", "plan"},
    "syntax": {"diagnostics", "resources"},
    "check": {"diagnostics", "resources", "syntax", "plan"},
    "files": {"check"},
    "graph": {"diagnostics", "syntax", "check", "plan"},
    "pipeline": FRONT,
    "plugins": {"plan", "run"},
    "run": BACK,
    "bound": BACK | {"run"},
    **{room: BACK | {"run"} for room in ADAPTERS},
    "agents": BACK | {"run", "plugins"},
    "settings": ROOMS,
    "keeping": ROOMS | {"settings"},
    "answers": ROOMS | {"settings", "keeping"},
    "assembly": ROOMS | {"settings"},
    "recalling": ROOMS | {"settings", "keeping", "assembly"},
    "runs": ROOMS | {"settings", "keeping", "answers", "assembly", "recalling"},
    "operating": ROOMS | {"settings", "keeping", "assembly", "runs"},
    "backward": ROOMS | {"settings", "keeping", "assembly", "runs", "operating"},
    "due": ROOMS | {"settings", "keeping", "runs", "operating"},
    "api": ROOMS | HOUSE,
    "testing": ROOMS | HOUSE | {"api"},
    "server": ROOMS | HOUSE | {"operating", "due", "api"},
    "editor": FRONT | {"files", "pipeline"},
    "cli": ROOMS | HOUSE | {"operating", "backward", "due", "api", "testing", "server", "editor", ""},
    "": ROOMS | HOUSE | {"api", "testing", "server"},
}
"""Room -> the rooms it may import beside itself. The room "" is the public door, leadflow/__init__.py."""

PURE = {"record", "diagnostics", "syntax", "check", "plan", "graph", "events", "bound"}
PURE_RUN = (
    "values", "evaluate", "errors", "recover", "taken_up", "store", "carrying", "moving", "forking", "waking", "keys",
)  # fmt: skip
PURE_FILES = {f"leadflow/run/{name}.py" for name in PURE_RUN} | {
    path.relative_to(ROOT).as_posix() for path in (PACKAGE / "run").glob("kernel*.py")
}
WORLD = {"os", "io", "asyncio", "time", "random", "threading", "socket", "sqlite3", "aiohttp", "logging"}
"""What the pure rooms never touch."""

COMPILER_ONLY = {"lark", "networkx"}
BACK_ROOMS = {"record", "plan", "events", "run", "diagnostics", "resources"} | ADAPTERS


def package_of(file: str) -> tuple[str, ...]:
    """The package that relative imports of a file start from."""
    return Path(file).parent.parts


def imports(text: str, file: str) -> set[str]:
    """Dotted names imported anywhere in a file's text, also in functions and by `import_module("...")`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, names=names, level=level):
                package = package_of(file)
                base = package[: len(package) - level + 1] if level else ()
                head = ".".join((*base, *filter(None, [module])))
                found |= {f"{head}.{alias.name}" for alias in names}
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found.add(name)
    return found


def room_of(file: str) -> str:
    """The room a file such as `leadflow/run/kernel.py` belongs to."""
    name = Path(file).parts[1].removesuffix(".py")
    return {"__init__": "", "__main__": "cli"}.get(name, name)


def target_room(dotted: str) -> str | None:
    """The room that an imported name belongs to; None for what is not ours, and for the version."""
    parts = dotted.split(".")
    if parts[0] != "leadflow" or parts[1:] == ["__version__"]:
        return None
    return parts[1] if len(parts) > 1 and parts[1] in MAY else ""


def breaches(text: str, file: str) -> list[str]:
    """What a file imports and must not, one line each."""
    room = room_of(file)
    if room not in MAY:
        return [f"{file}: the table of tests/test_layers.py has no room {room!r}"]
    found = []
    pure = room in PURE or file in PURE_FILES
    for name in sorted(imports(text, file)):
        target, top = target_room(name), name.split(".")[0]
        if target is not None and target != room and target not in MAY[room] | FLOOR:
            found.append(f"{file}: {room or 'the door'} may not import {name}")
        if pure and top in WORLD:
            found.append(f"{file}: a pure file may not import {name}")
        if room in BACK_ROOMS and top in COMPILER_ONLY:
            found.append(f"{file}: {name} belongs to the compiler")
    return found


def sources() -> dict[str, str]:
    """Text of every Python file of the package by its path from the root."""
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}


def test_no_room_imports_what_it_must_not() -> None:
    """Every file of the package keeps to the table."""
    files = sources()
    assert {"leadflow/__init__.py", "leadflow/diagnostics/span.py", "leadflow/syntax/tree.py"} <= set(files)
    assert [] == [line for file, text in files.items() for line in breaches(text, file)]


def test_no_import_cycles() -> None:
    """The modules of the package import each other in one direction only."""
    files = sources()
    modules = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in files}
    links: nx.DiGraph[str] = nx.DiGraph()
    for module, file in modules.items():
        for name in imports(files[file], file):
            target = name if name in modules else name.rpartition(".")[0]
            if target in modules and target != module:
                links.add_edge(module, target)
    assert [] == list(nx.simple_cycles(links))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("leadflow/record.py", "import leadflow.diagnostics"),
        ("leadflow/diagnostics/span.py", "import leadflow.plan"),
        ("leadflow/syntax/parser.py", "from leadflow.check.names import bind"),
        ("leadflow/syntax/parser.py", "from leadflow import check"),
        ("leadflow/syntax/parser.py", "from ..check import names"),
        ("leadflow/syntax/parser.py", "from .. import check"),
        ("leadflow/syntax/__init__.py", "from ..check.names import bind"),
        ("leadflow/check/names.py", "def late():\n    from leadflow.graph.build import build"),
        ("leadflow/check/names.py", "import typing\nif typing.TYPE_CHECKING:\n    import leadflow.run"),
        ("leadflow/check/names.py", "import importlib\nimportlib.import_module('leadflow.agents.http')"),
        ("leadflow/check/names.py", "from importlib import import_module\nimport_module('leadflow.run')"),
        ("leadflow/check/names.py", "__import__('os')"),
        ("leadflow/check/names.py", "import leadflow"),
        ("leadflow/plan/plan.py", "from leadflow.syntax.tree import Node"),
        ("leadflow/plan/plan.py", "import os.path"),
        ("leadflow/graph/build.py", "from time import monotonic"),
        ("leadflow/events/model.py", "from asyncio import Event"),
        ("leadflow/run/kernel.py", "import asyncio"),
        ("leadflow/run/values.py", "import aiohttp.web"),
        ("leadflow/run/driver.py", "import networkx"),
        ("leadflow/run/driver.py", "import leadflow.policies.stack"),
        ("leadflow/run/kernel.py", "import leadflow.bound.report"),
        ("leadflow/bound/prices.py", "from leadflow.resources import prices_text"),
        ("leadflow/policies/retry.py", "from leadflow.agents.pool import Pool"),
        ("leadflow/agents/http.py", "from leadflow.settings import Settings"),
        ("leadflow/agents/http.py", "import lark"),
        ("leadflow/settings/places.py", "from leadflow.assembly import assemble"),
        ("leadflow/assembly.py", "import leadflow.editor.hover"),
        ("leadflow/editor/hover.py", "import leadflow.run.values"),
        ("leadflow/server/app.py", "from leadflow.cli.main import main"),
        ("leadflow/testing.py", "import leadflow.server"),
        ("leadflow/__init__.py", "from leadflow.cli.main import main"),
        ("leadflow/utils.py", ""),
    ],
)
def test_a_planted_breach_is_found(file: str, text: str) -> None:
    """Each of these one-line mistakes is reported, once."""
    assert 1 == len(breaches(text, file))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("leadflow/plan/plan.py", "from leadflow.diagnostics.span import Span\nimport leadflow.plan.expr"),
        ("leadflow/diagnostics/span.py", "from leadflow.record import record"),
        ("leadflow/plan/plan.py", "from .expr import Expr\nfrom dataclasses import dataclass"),
        ("leadflow/run/driver.py", "import asyncio\nfrom leadflow.run.kernel import Kernel"),
        ("leadflow/graph/model.py", "import networkx"),
        ("leadflow/agents/http.py", "import aiohttp\nfrom leadflow import __version__"),
        ("leadflow/cli/main.py", "import leadflow\nfrom leadflow.editor.server import serve"),
        ("leadflow/__main__.py", "from leadflow.cli.main import main"),
    ],
)
def test_a_lawful_import_passes(file: str, text: str) -> None:
    """What the table allows is not reported."""
    assert [] == breaches(text, file)


def loaded_by(module: str) -> set[str]:
    """What stands in `sys.modules` of a fresh interpreter after one import."""
    program = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(run.stdout.split())


@pytest.mark.parametrize("room", ["run", "events", "plan", "policies", "agents", "stores"])
def test_the_back_starts_without_the_compiler(room: str) -> None:
    """In a fresh interpreter, importing a room of the back loads neither lark nor networkx."""
    assert set() == COMPILER_ONLY & loaded_by(f"leadflow.{room}")


def test_the_door_loads_no_room() -> None:
    """Importing leadflow alone imports none of its rooms."""
    assert ["leadflow"] == [name for name in loaded_by("leadflow") if name.split(".")[0] == "leadflow"]


@pytest.mark.parametrize(
    ("module", "rooms"),
    [
        ("leadflow.cli.main", {"", "record", "diagnostics", "cli"}),
        ("leadflow.cli.fmt", {"", "record", "diagnostics", "resources", "syntax", "cli"}),
        ("leadflow.cli.check", {"", "record", "diagnostics", "resources", "files", "check", "cli"}),
        ("leadflow.cli.programs", {"", "record", "resources", "files", "pipeline", "plugins", "cli"} | FRONT),
    ],
)
def test_a_command_loads_what_it_needs(module: str, rooms: set[str]) -> None:
    """The commands that people wait for many times a day load neither other rooms nor the large libraries."""
    loaded = loaded_by(module)
    assert rooms == {target_room(name) for name in loaded if name.split(".")[0] == "leadflow"}
    assert set() == {"networkx", "lark", "aiohttp", "pydantic", "rich", "asyncio", "logging", "tempfile"} & loaded
