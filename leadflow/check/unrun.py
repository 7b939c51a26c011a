"""What is right and this version does not run: said by the checker, so that nobody hears of it first from `run`.

Asked when all flows are checked. Tests run what is said here, where mocks stand in for it; hence warnings.
"""

from collections.abc import Iterator

from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.messages.lint import not_run
from leadflow.check.program import Agent, Program
from leadflow.plan.reactions import stand_ins
from leadflow.syntax.walk import walk


def check_unrun(program: Program) -> None:
    """Warn about agents whose kind this version does not run, and about models that are to ask people."""
    used = {call.agent for call in program.calls.values() if isinstance(call, ActionCall)}
    used.update(name for info in program.steps.values() for name in stand_ins(info.policies))
    for key, agent in program.agents.items():
        if agent.kind is None or agent.span is None or agent.home is None:
            continue
        if not agent.kind.runs and key in used and agent.tool is None:
            why = f"agents of the kind '{agent.kind_name}' are checked, but not run by this version"
            hint = "; a 'role' with 'via: […]' asks the first model that can" if agent.kind_name == "pool" else ""
            program.report(not_run(agent.span, f"{why}: 'leadflow run' refuses a flow that calls one{hint}"))
        if (asked := next(_asks_people(program, agent), None)) is not None:
            why = f"the tool '{asked}' asks a person, which can take days, and a model cannot wait for that"
            program.report(not_run(agent.span, f"{why}: 'leadflow run' refuses it; ask in a step"))


def _asks_people(program: Program, agent: Agent) -> Iterator[str]:
    """The tools of an agent that ask people."""
    for kind, key in agent.tools:
        if kind == "flow":
            if _flow_asks(program, key, set()):
                yield key
        elif _is_person(program, key if kind == "tool" else key.rpartition(".")[0]):
            yield key


def _is_person(program: Program, agent: str) -> bool:
    found = program.agents.get(agent)
    return found is not None and found.kind_name == "human"


def _flow_asks(program: Program, flow: str, seen: set[str]) -> bool:
    """Whether a flow asks people, also in flows that it calls."""
    if flow in seen or flow not in program.flows:
        return False
    seen.add(flow)
    for node in walk(program.flows[flow].decl.body):
        call, step = program.calls.get(node.id), program.steps.get(node.id)
        asked = [call.agent] if isinstance(call, ActionCall) else []
        asked += stand_ins(step.policies) if step is not None else ()
        if any(_is_person(program, agent) for agent in asked):
            return True
        if isinstance(call, FlowCallInfo) and _flow_asks(program, call.flow, seen):
            return True
    return False
