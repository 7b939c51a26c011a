"""The table of policies is complete."""

from leadflow.plan.annotations import ORDER, ROWS


def test_every_policy_has_its_place_in_the_order() -> None:
    """The order of wrapping names each annotation of the table once (rule C5)."""
    assert sorted(ROWS) == sorted(ORDER)
