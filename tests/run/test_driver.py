"""The driver: what it does around the kernel's decisions, under virtual time."""

from leadflow.events.model import NodeDone, NodeStarted, RunDone, Status
from tests.plans import SHAPES, chain
from tests.run.fakes import Fake, run


def test_a_chain_runs_to_its_value() -> None:
    """Three calls in a row give the value of the last, and the log tells it in order."""
    result = run(chain(3))
    assert (Status.DONE, "main/n2") == (result.status, result.value)
    starts_and_ends = [entry.event for entry in result.entries if isinstance(entry.event, NodeStarted | NodeDone)]
    names = [f"{type(event).__name__} {event.path}" for event in starts_and_ends]
    assert [
        "NodeStarted main/n0", "NodeDone main/n0",
        "NodeStarted main/n1", "NodeDone main/n1",
        "NodeStarted main/n2", "NodeDone main/n2",
        "NodeDone main/return@3",
    ] == names  # fmt: skip
    assert RunDone("main/n2") == result.entries[-1].event


def test_every_shape_calls_every_node_once() -> None:
    """Chain, fan, layers and ladder of 40: each call is made exactly once."""
    for shape in SHAPES.values():
        fake, plan = Fake(), shape(40)
        assert Status.DONE is run(plan, fake).status
        paths = [order.path for order in fake.orders]
        assert len(paths) == len(set(paths)) == len(plan.flows["main"].nodes) - 1


def test_entries_are_numbered_without_gaps() -> None:
    """The log counts from 0."""
    assert list(range(9)) == [entry.seq for entry in run(chain(3)).entries]
