"""The compiler's back half on one page: build, optimise, lower, seal."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from leadflow.check.checked import Checked
from leadflow.graph.build import build
from leadflow.graph.lower import lower
from leadflow.graph.passes import PASSES, optimise
from leadflow.plan.codec import seal
from leadflow.plan.plan import Plan


def plan_of(checked: Checked, passes: Iterable[str] = tuple(PASSES)) -> Plan:
    """The plan of a program in which the checker has found no error."""
    with uncollected():
        return seal(lower(optimise(build(checked), passes)))


@contextmanager
def uncollected() -> Iterator[None]:
    """Work without Python's collector of cycles.

    A compiler makes little that it does not keep. The collector would walk the whole program again and again, find
    nothing, and take most of the time of a large one.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
