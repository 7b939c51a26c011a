"""What is right and this version does not run: said by the checker, so that nobody hears of it first from `run`.

Asked when all flows are checked. Tests run what is said here, where mocks stand in for it; hence warnings.
"""

from collections.abc import Iterator

from leadflow.check.checked import ActionCall
from leadflow.check.messages.lint import not_run
from leadflow.check.program import Agent, Program
from leadflow.check.reached import parts_of, walk_called
from leadflow.plan.reactions import stand_ins
from leadflow.plan.unrun import unrun_kind, unrun_tool


def check_unrun(program: Program) -> None:
    """Warn about agents whose kind this version does not run, and about models that are to ask people."""
    used = _used(program)
    for key, agent in program.agents.items():
        if agent.kind is None or agent.span is None or agent.home is None:
            continue
        why = unrun_kind(agent.kind_name) if key in used and agent.tool is None else None
        for each in (why, next(_unusable(program, agent), None)):
            if each is not None:
                program.report(not_run(agent.span, f"'leadflow run' refuses a flow that calls this agent: {each}"))


def _used(program: Program) -> set[str]:
    """The agents that a step calls, a failure turns to, or a model uses as a tool."""
    used = [call.agent for call in program.calls.values() if isinstance(call, ActionCall)]
    used += [name for info in program.steps.values() for name in stand_ins(info.policies)]
    used += [_answers(kind, key) for agent in program.agents.values() for kind, key in agent.tools if kind != "flow"]
    return {*used, *(base for key in used if key in program.agents and (base := program.agents[key].base) is not None)}


def _unusable(program: Program, agent: Agent) -> Iterator[str]:
    """Why a model cannot use one of its tools."""
    for kind, key in agent.tools:
        asked = _asked(program, key) if kind == "flow" else [_answers(kind, key)]
        kinds = {program.agents[name].kind_name for name in asked if name in program.agents}
        if (why := unrun_tool(key, kinds)) is not None:
            yield why


def _answers(kind: str, key: str) -> str:
    """The agent that answers a tool which is no flow."""
    return key if kind == "tool" else key.rpartition(".")[0]


def _asked(program: Program, flow: str) -> Iterator[str]:
    """The agents that a flow may ask, also in flows that it calls."""
    bodies = parts_of(program.flows[flow].decl) if flow in program.flows else ()
    for node in walk_called(program, bodies, with_tools=True):
        call, step = program.calls.get(node.id), program.steps.get(node.id)
        if isinstance(call, ActionCall):
            yield call.agent
        if step is not None:
            yield from stand_ins(step.policies)
