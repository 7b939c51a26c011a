"""Schedules: what is read from their five fields, and which of them never come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.schedule import BadSchedule, Schedule, read_schedule
from leadflow.plan.zones import ZONES


def read(text: str) -> Schedule:
    """A schedule that can be read."""
    found = read_schedule(text)
    assert isinstance(found, Schedule)
    return found


def test_each_field_names_what_it_says() -> None:
    """Stars, numbers, ranges, steps, lists and words each name their minutes, hours and days."""
    found = read("*/20 8-10,20 1-31/15 jan,MAR 5-7")
    assert [sorted(part) for part in (found.minutes, found.hours, found.days)] == [
        [0, 20, 40],
        [8, 9, 10, 20],
        [1, 16, 31],
    ]
    assert (sorted(found.months), sorted(found.weekdays), found.either) == ([1, 3], [0, 5, 6], True)


def test_a_step_behind_a_number_goes_to_the_end() -> None:
    """`50/5` begins at 50."""
    assert read("50/5 * * * *").minutes == {50, 55}


@pytest.mark.parametrize("text", ["0 0 31 2 *", "0 0 30 feb *", "0 0 31 4,6,9,11 */1"])
def test_a_day_that_no_month_has_never_comes(text: str) -> None:
    """E6: the 31st of February is a schedule, and none of its days is in any year."""
    assert not read(text).comes


@pytest.mark.parametrize("text", ["* * * * *", "0 0 29 2 *", "0 0 31 2 mon", "0 0 31 2,3 *"])
def test_a_day_that_some_year_has_comes(text: str) -> None:
    """A leap day comes, and a day of the week comes beside a day of the month that does not."""
    assert read(text).comes


@given(st.text(alphabet="0123456789*/-, monjaL?@", max_size=24))
def test_any_text_is_read_or_refused(text: str) -> None:
    """A text is a schedule or is told why it is none; nothing is raised, and its values are in range."""
    found = read_schedule(text)
    if isinstance(found, BadSchedule):
        assert found.why
    else:
        assert found.minutes <= set(range(60)) and found.hours <= set(range(24))
        assert found.days <= set(range(1, 32)) and found.months <= set(range(1, 13))
        assert found.weekdays <= set(range(7))


def test_the_zones_are_those_of_the_database() -> None:
    """Areas, places in places, links and zones without an area are all there."""
    assert {"UTC", "Europe/Paris", "America/Argentina/Ushuaia", "Etc/GMT+1", "US/Eastern", "EST"} <= ZONES
    assert not [name for name in ZONES if name.startswith("/") or name.endswith(":")]
