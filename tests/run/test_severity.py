"""How severe a failure is: by what is known of it."""

import inspect

import pytest

from leadflow.events.model import Failure
from leadflow.run import errors
from leadflow.run.errors import CallError
from leadflow.run.severity import severity

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CallError)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_pass_is_a_warning(kind: type[CallError]) -> None:
    """What the failure itself calls transient is a warning, all else an error."""
    assert ("warning" if kind.transient else "error") == severity(Failure(kind.error, kind.category, "x"))


def test_the_end_of_the_run_is_critical() -> None:
    """A run that `terminate` or its own budget ended, a write in doubt, and leadflow's own failures."""
    assert "critical" == severity(Failure("network.lost", "network", "x", limit=""))
    assert "critical" == severity(Failure("network.lost", "network", "x", in_doubt=True))
    assert "critical" == severity(Failure("system.journal", "system", "x"))


def test_the_limit_of_a_block_is_no_more_than_it_was() -> None:
    """Something in the run failed as a whole; the run did not."""
    assert "warning" == severity(Failure("network.lost", "network", "x", limit="main/part"))


def test_a_strangers_failure_is_an_error() -> None:
    """Of an unknown name nobody says that it passes."""
    assert "error" == severity(Failure("fax.jam", "agent", "x"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_is_named_by_its_class(kind: type[CallError]) -> None:
    """What a log shows in brackets begins with the word that `on:`, `@on_error` and `catch` know it by."""
    assert kind.category == kind.error.partition(".")[0]
