"""Looking whether a step was done, before a run goes on (case D2): the call of `@on_doubt(probe:)`, as a run of its own
that nobody keeps.

A probe reads only, so that it may be called as often as anybody likes: a process that ends in it has lost nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from leadflow.events.fold import fold
from leadflow.events.model import Entry, RunStarted, Status
from leadflow.plan.plan import FlowPlan
from leadflow.plan.types import Value
from leadflow.plan.undoing import args_of, probe_flow
from leadflow.record import record
from leadflow.run.driver import Bounds, Driver, Ports
from leadflow.run.errors import ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.kernel import Call, Kernel, Program
from leadflow.run.ports import Journal
from leadflow.run.recover import replay
from leadflow.run.taken_up import NOT_FOUND, Past, Told


@record
class Probed:
    """What probes found out."""

    told: Mapping[str, Told]
    """By path, of those that could tell."""
    why: Mapping[str, str]
    """Why the others could not."""


@record
class _Look:
    """A call that looks whether the call of a path was done."""

    path: str
    flow: FlowPlan
    args: tuple[Value, ...]


async def probed(
    program: Program, entries: Sequence[Entry], ports: Ports, bounds: Bounds, *, journal: Callable[[], Journal],
    told: Mapping[str, Told],
) -> Probed:  # fmt: skip
    """Ask the probes of the calls in doubt at the end of a log.

    Args:
        journal: makes one that is forgotten; a probe is a run, and a run needs one.
        told: what somebody found out: there nobody looks.
    """
    plan = program.plan
    answers: dict[str, Told] = {}
    why: dict[str, str] = {}
    if not any(node.probe is not None for flow in plan.flows.values() for node in flow.nodes):
        return Probed(answers, why)
    kernel = Kernel(program, calls=bounds.calls, deadline=bounds.deadline)
    step = replay(kernel, [entry.event for entry in entries])
    past, first = Past(entries), kernel.state.started
    doubts = [one for one in step.commands if isinstance(one, Call) and past.has_begun(one.path)]
    for look in list(_looks(kernel, [call for call in doubts if past.settled(call, told) is None], why)):
        inputs = dict(zip((param.name for param in look.flow.params), look.args, strict=True))
        looking = Program(replace(plan, flows={**plan.flows, look.flow.name: look.flow}))
        driver = Driver(looking, replace(ports, journal=journal(), observers=(), memo=None), Bounds())
        ended = await driver.run(RunStarted(first.run, look.flow.name, first.plan, inputs, first.seed, first.started))
        found = fold(ended.entries).nodes[f"{look.flow.name}/{look.flow.nodes[0].name}"]
        if found.status is not Status.DONE:
            said = found.failure.message if found.failure is not None else str(found.status)
            why[look.path] = f"its probe could not tell: {said}"
        elif found.value is None:
            answers[look.path] = Told("retry", None, NOT_FOUND)
        else:
            answers[look.path] = Told("done", found.value, "the probe found it")
    return Probed(answers, why)


def _looks(kernel: Kernel, calls: Sequence[Call], why: dict[str, str]) -> Iterator[_Look]:
    """The probes of calls, with their arguments; notes in `why` those that have none."""
    for call in calls:
        node, flow = call.layout.node, probe_flow(call.layout.node)
        if node.probe is None or flow is None:
            continue
        frame, _ = kernel.state.calls[call.path]
        try:
            args = tuple(compile_expr(expr)(frame) for _, expr in args_of(node.probe.work))
        except ValueProblem as problem:
            why[call.path] = f"its probe could not tell: {problem.message}"
            continue
        yield _Look(call.path, flow, args)
