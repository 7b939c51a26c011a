"""One mistake at a time, planted in a correct flow: each is found, alone, at exactly the text that is wrong."""

import pytest

from leadflow.pipeline import check_source
from tests.check.plants import OWN, ROWS, TRIAGE, TRIAGE_PLANTS, Plant
from tests.check.plants_cases import CASES, CASES_PLANTS

PLANTS = [(TRIAGE, plant) for plant in TRIAGE_PLANTS] + [(CASES, plant) for plant in CASES_PLANTS]


@pytest.mark.parametrize("text", [TRIAGE, CASES], ids=["triage", "cases"])
def test_the_flow_is_correct(text: str) -> None:
    """Without a plant nothing is found."""
    _, report = check_source("main.flow", text)
    assert [] == [diagnostic.message for diagnostic in report]


@pytest.mark.parametrize(("text", "plant"), PLANTS, ids=[plant.name for _, plant in PLANTS])
def test_a_planted_mistake_is_found(text: str, plant: Plant) -> None:
    """The mistake gives its code at the text that is wrong, and no other error."""
    assert text.count(plant.old) >= 1
    checked, report = check_source("main.flow", text.replace(plant.old, plant.new, 1))
    assert checked is not None
    found = [(d.code, checked.main.source.at(d.span)) for d in report]
    errors = [(d.code, checked.main.source.at(d.span)) for d in report if d.severity == "error"]
    assert (plant.code, plant.at) in found
    assert len(errors) <= 1


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_comparison_is_planted(row: str) -> None:
    """No kind of mistake of the comparison is without a plant, and no plant stands in a row that is none."""
    assert row in {plant.row for _, plant in PLANTS}
    assert {plant.row for _, plant in PLANTS} <= {*ROWS, OWN}
