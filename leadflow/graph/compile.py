"""The compiler's back half on one page: build, optimise, lower, seal."""

from collections.abc import Iterable

from leadflow.check.checked import Checked
from leadflow.graph.build import build
from leadflow.graph.lower import lower
from leadflow.graph.passes import PASSES, optimise
from leadflow.plan.codec import seal
from leadflow.plan.plan import Plan


def plan_of(checked: Checked, passes: Iterable[str] = tuple(PASSES)) -> Plan:
    """The plan of a program in which the checker has found no error."""
    return seal(lower(optimise(build(checked), passes)))
