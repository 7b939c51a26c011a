"""Every failure that a run may end with has a page."""

from leadflow.cli.views.failure_page import failure_names, failure_page
from leadflow.plan.trial import ERRORS
from leadflow.run.errors import FLOW_ERRORS


def test_each_failure_has_a_page() -> None:
    """The failures of calls, of loops and of the kernel; none points into our own documents."""
    names = failure_names()
    assert {*ERRORS, *FLOW_ERRORS} <= {*names}
    pages = [failure_page(name) or "" for name in names]
    assert [] == [page for page in pages if "Its class is" not in page or "(case" in page or "(rule" in page]
    assert failure_page("permission.nothing") is None
