"""Which kinds there are, those of other packages included."""

from importlib.metadata import EntryPoint

import pytest

from leadflow.agents.registry import find_kinds
from leadflow.plan.kinds import BUILT_IN, PREDECLARED, Kind
from leadflow.plan.plan import AgentSpec
from leadflow.plugins import GROUP
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent, Uses, World


class Fax:
    """A stranger's kind."""

    row = Kind("acme.fax", (), {})

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """No machine here."""
        raise NotAllowed("no line")


class Rowless:
    """Lacks its row."""


def raises() -> object:
    """Cannot be made."""
    raise RuntimeError("no licence")


HERE = __name__


def test_a_strangers_kind_is_in_the_catalogue() -> None:
    """An entry point of the group adds a kind beside the built-ins."""
    registry = find_kinds((EntryPoint("acme.fax", f"{HERE}:Fax", GROUP),))
    assert registry.problems == ()
    assert registry.catalogue["acme.fax"] is Fax.row
    assert {"acme.fax", "python", "clock", "random"} <= set(registry.kinds)
    assert {"human", "openai", "python"} <= set(registry.catalogue)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("fax", "Fax", "has a dot in it"),
        ("acme.fax", "Missing", "cannot be loaded: AttributeError"),
        ("acme.fax", "raises", "cannot be loaded: RuntimeError: no licence"),
        ("acme.fax", "Rowless", "lacks `row`"),
        ("acme.telex", "Fax", "its row is named 'acme.fax'"),
    ],
)
def test_a_broken_plug_in_is_told_not_swallowed(name: str, value: str, said: str) -> None:
    """The others still work, and the problem names the plug-in."""
    registry = find_kinds((EntryPoint(name, f"{HERE}:{value}", GROUP),))
    (problem,) = registry.problems
    assert name in problem
    assert said in problem
    assert name not in registry.kinds


def test_two_packages_cannot_offer_one_kind() -> None:
    """The first one, by name and order, stays."""
    point = EntryPoint("acme.fax", f"{HERE}:Fax", GROUP)
    registry = find_kinds((point, point))
    assert "another package offers this kind" in registry.problems[0]


def test_every_built_in_row_has_its_adapter() -> None:
    """The catalogue that `check` uses and the adapters that `run` uses name the same kinds; a role has models."""
    assert set(find_kinds(()).kinds) == {*BUILT_IN, *PREDECLARED} - {"role"}
