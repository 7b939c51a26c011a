"""A cut of property Z11 for every change; the gate runs many more (`fuzz_budgets.py`)."""

from tests.fuzz.fuzz_budgets import schedule


def test_budgets_hold_at_every_event() -> None:
    """Case $1: of 500 concurrent calls, spent and set aside are within each budget at every event."""
    assert sum(schedule(seed) for seed in range(1, 13)) > 0
