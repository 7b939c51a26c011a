"""The public door: few names, the same for people, type checkers and the import at run time."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import leadflow

MOST_NAMES = 25
ORDERS = (
    "import leadflow; leadflow.run",
    "import leadflow.run.driver",
    "import leadflow; leadflow.Transient; leadflow.run",
    "import leadflow; leadflow.run_sync; leadflow.run",
    "from leadflow import Result, run",
    "from leadflow.run.errors import Transient",
)
"""Ways in which a program may come to the name `run`."""


def seen_by_type_checkers() -> dict[str, str]:
    """Name -> module, as the `if TYPE_CHECKING:` block of the door imports them."""
    tree = ast.parse(Path(leadflow.__file__).read_text("utf-8"))
    guards = [node for node in tree.body if isinstance(node, ast.If)]
    (guarded,) = [node for node in guards if ast.unparse(node.test) == "TYPE_CHECKING"]
    imports = [node for node in guarded.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: str(node.module) for node in imports for alias in node.names}


def test_the_lazy_table_says_what_type_checkers_see() -> None:
    """Each name loads from the module that the type checker takes it from, and none is in one place only."""
    assert seen_by_type_checkers() == leadflow._HOMES


def test_every_name_loads() -> None:
    """What the door lists is there, and is listed by `dir` as well."""
    assert sorted([*leadflow._HOMES, "__version__"]) == sorted(leadflow.__all__)
    assert all(getattr(leadflow, name) is not None for name in leadflow.__all__)
    assert set(leadflow.__all__) <= set(dir(leadflow))


def test_the_door_stays_small() -> None:
    """At most 25 names; what more is needed is imported from its room."""
    assert len(leadflow.__all__) <= MOST_NAMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As with any module, so that `hasattr` and star imports work."""
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        leadflow.__getattr__("nothing")


@pytest.mark.parametrize("order", ORDERS)
def test_the_room_of_runs_does_not_hide_the_function(order: str) -> None:
    """Whatever is imported first: `leadflow.run` can be called, and the room's modules are found through it."""
    asked = (
        'import leadflow, leadflow.run.errors\nleadflow.run("gone.flow").close()\nprint(leadflow.run.errors.__name__)'
    )
    done = subprocess.run([sys.executable, "-c", f"{order}\n{asked}"], capture_output=True, text=True, check=False)
    assert ("leadflow.run.errors\n", "") == (done.stdout, done.stderr)
