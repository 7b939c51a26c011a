"""Random programs: the checker accepts what is right, and knows every step of it."""

from hypothesis import given

from leadflow.pipeline import check_source
from leadflow.syntax import tree
from leadflow.syntax.format import format_text
from leadflow.syntax.walk import walk
from tests.making.programs import Program
from tests.strategies import programs


@given(programs())
def test_right_programs_are_accepted(program: Program) -> None:
    """A program that is made to be right has no errors, and its main flow takes the inputs that come with it."""
    checked, report = check_source("main.flow", program.text)
    assert [] == [(found.code, found.message) for found in report if found.severity == "error"]
    assert checked is not None
    flows = [node for node in walk(checked.main.tree) if isinstance(node, tree.FlowDecl)]
    wanted = next(flow for flow in flows if flow.name.text == program.flow)
    assert [param.name.text for param in wanted.params] == list(program.inputs)


@given(programs())
def test_right_programs_stay_right_when_formatted(program: Program) -> None:
    """What the maker writes is written as the formatter writes it."""
    assert program.text == format_text("main.flow", program.text)[0]
