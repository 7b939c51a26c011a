"""A cut of property Z11 for every change; the gate runs many more (`fuzz_budgets.py`)."""

from tests.fuzz.fuzz_budgets import order, schedule


def test_budgets_hold_at_every_event() -> None:
    """Case $1: of 500 concurrent calls, spent and set aside are within each budget at every event."""
    assert sum(schedule(seed) for seed in range(1, 13)) > 0


def test_the_ledger_holds_in_every_order() -> None:
    """Case $1: of 500 claims on nested budgets, in any order; nobody waits for what never comes (case $2)."""
    assert sum(order(seed) for seed in range(1, 60)) > 5000
