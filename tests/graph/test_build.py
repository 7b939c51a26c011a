"""What each construct becomes in the graph: the goldens of `cases.txt`, one rule of SPEC.md each."""

import pytest

from tests.graph.dumps import Case, dump, plan_of, read_cases


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.title)
def test_construct(case: Case) -> None:
    """The plan is the golden's; `python -m tests.graph.dumps` writes the goldens anew."""
    assert case.dump == dump(plan_of(case.source))
