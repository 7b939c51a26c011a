"""A run that may move to another plan has nothing in its journal that a run of that plan would not have."""

import re
import zlib
from collections.abc import Mapping, Set
from itertools import takewhile
from random import Random

from hypothesis import given, settings

from leadflow.events.model import BranchTaken, Failure, NodeDone, NodeSkipped, NodeStarted
from leadflow.plan.compare.moves import moves
from leadflow.plan.forms import canonical
from leadflow.plan.plan import AgentCall, FlowPlan, Node, Plan
from leadflow.plan.types import Value
from leadflow.run.ports import Answer, Caller, CallOrder
from tests.making.programs import random_program
from tests.plan.test_compare_laws import FEW, edits
from tests.run.fakes import Fake, run
from tests.run.test_passes_keep_results import as_value, some

_NUMBERS = re.compile(r"\[[0-9]+\]|~[0-9]+")
_OUTERMOST_RETURN = re.compile(r"main/return@[0-9]+")


class Careful(Fake):
    """Answers each call with a value that depends on all that is asked."""

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""
        work = node.work
        assert isinstance(work, AgentCall)

        async def call(order: CallOrder) -> Answer | Failure:
            asked = canonical({"path": order.path, "action": work.action, "args": dict(order.args)})
            return Answer(some(work.result, Random(zlib.crc32(asked))))

        return call


def journal(plan: Plan, inputs: Mapping[str, Value]) -> list[tuple[str, str]]:
    """What a run of the flow `main` writes down: paths in their order, with values and decisions."""
    known = {param.name for param in plan.flows["main"].params}
    found: list[tuple[str, str]] = []
    for entry in run(plan, Careful(), inputs={name: inputs[name] for name in inputs if name in known}).entries:
        match entry.event:
            case NodeDone(path=path, value=value):
                found.append((path, f"gave {value!r}"))
            case BranchTaken(path=path, arm=arm):
                found.append((path, f"took {arm}"))
            case NodeStarted(path=path) | NodeSkipped(path=path):
                found.append((path, ""))
            case _:
                pass
    return found


def until(barred: Set[str], lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is written down before a run gets to what bars it."""
    return list(takewhile(lambda line: _NUMBERS.sub("", line[0]) not in barred, lines))


@given(FEW)
@settings(max_examples=10, deadline=None)
def test_what_a_run_that_may_move_has_done_stands(seed: int) -> None:
    """Up to the first step that bars it, each value and each decision is that of a run of the new plan."""
    inputs = {name: as_value(raw) for name, raw in random_program(Random(seed), 12).inputs.items()}
    for found in edits(seed):
        move = next(move for move in moves(found) if move.flow == "main")
        if move.verdict == "may not move":
            continue
        before = until({bar.path for bar in move.bars}, journal(found.old, inputs))
        after = {(path, said) for path, said in journal(found.new, inputs) if said}
        there = {path for path, _ in after}
        lost = [line for line in before if line[1] and line[0] in there and line not in after]
        assert [] == [line for line in lost if not _OUTERMOST_RETURN.fullmatch(line[0])]
