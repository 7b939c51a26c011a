"""Passes make a graph cheaper, never different: a program gives the same under any set of them."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.events.model import Failure, Status
from leadflow.graph.build import build
from leadflow.graph.lower import lower
from leadflow.graph.passes import PASSES, optimise
from leadflow.pipeline import check_source
from leadflow.plan.plan import AgentCall, FlowPlan, Node, Plan
from leadflow.plan.types import BOOL, INT, ListType, OptionalType, Type, Value
from leadflow.run.driver import Result
from leadflow.run.ports import Answer, Caller, CallOrder
from tests.making.programs import Program, random_program
from tests.run.fakes import Fake, run
from tests.strategies import programs


def some(type_: Type, chance: Random) -> Value:
    """A value of a type."""
    match type_:
        case OptionalType(inner):
            return some(inner, chance)
        case ListType(item):
            return tuple(some(item, chance) for _ in range(chance.randrange(3)))
        case _ if type_ == INT:
            return chance.randrange(-3, 9)
        case _ if type_ == BOOL:
            return chance.random() < 0.5
        case _:
            return chance.choice(["", "a", "bug", "é"])


@dataclass
class Typed(Fake):
    """Answers each call with a value of its type that depends on its path only; every seventh call fails."""

    answers: dict[str, Value] = field(default_factory=dict)

    def prepare(self, flow: FlowPlan, node: Node) -> Caller:
        """The caller of a node."""
        work = node.work
        assert isinstance(work, AgentCall)

        async def call(order: CallOrder) -> Answer | Failure:
            luck = zlib.crc32(order.path.encode())
            if luck % 7 == 0:
                return Failure("tool.raised", "tool", "it said no", order.path)
            self.answers[order.path] = some(work.result, Random(luck))
            return Answer(self.answers[order.path])

        return call


def plan_with(program: Program, passes: tuple[str, ...]) -> Plan:
    """The program's plan, optimised by some passes only."""
    checked, report = check_source("main.flow", program.text)
    assert checked is not None and not report.has_errors, [found.message for found in report]
    return lower(optimise(build(checked), passes))


def outcome(program: Program, passes: tuple[str, ...]) -> tuple[Status, Value, str, Mapping[str, Value]]:
    """How a run of it ends, and what each call answered.

    Which calls had begun when the first one failed depends on the order of starts, which passes may change.
    """
    fake = Typed()
    inputs: dict[str, Value] = {name: as_value(raw) for name, raw in program.inputs.items()}
    result: Result = run(plan_with(program, passes), fake, inputs=inputs)
    if result.failure is not None:
        return result.status, result.value, result.failure.error, {}
    return result.status, result.value, "", fake.answers


def as_value(raw: object) -> Value:
    """Plain data as a value."""
    if isinstance(raw, list):
        return tuple(as_value(item) for item in raw)
    assert raw is None or isinstance(raw, bool | int | str)
    return raw


@settings(max_examples=60, deadline=None)
@given(programs(), st.sets(st.sampled_from(sorted(PASSES))))
def test_any_set_of_passes_keeps_the_result(program: Program, chosen: set[str]) -> None:
    """All passes, some of them, and none give the same end and value, and the same calls when nothing fails."""
    some_of_them = tuple(name for name in PASSES if name in chosen)
    assert outcome(program, ()) == outcome(program, tuple(PASSES)) == outcome(program, some_of_them)


@pytest.mark.parametrize("wanted", [Status.DONE, Status.FAILED])
def test_the_random_programs_end_in_both_ways(wanted: Status) -> None:
    """The law above is about runs that end well and about runs that fail."""
    ends = (outcome(random_program(Random(seed)), tuple(PASSES))[0] for seed in range(200))
    assert wanted in ends
