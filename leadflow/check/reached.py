"""Walking over calls: the nodes of a body and of all flows that are called from there. Asked when flows are checked."""

from collections.abc import Iterable, Iterator

from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.program import Program
from leadflow.check.statements import escalation_of
from leadflow.syntax import tree
from leadflow.syntax.walk import walk


def parts_of(decl: tree.FlowDecl) -> tuple[tree.Node, ...]:
    """What calls in a flow: its body, and the step that tells that it failed."""
    told = escalation_of(decl)
    return (decl.body,) if told is None else (decl.body, told)


def walk_called(program: Program, bodies: Iterable[tree.Node], *, with_tools: bool) -> Iterator[tree.Node]:
    """Every node of the bodies and of the flows that they call, those of each body together and once.

    Args:
        with_tools: whether a flow counts as called, too, that a model may use as a tool.
    """
    waiting = list(bodies)
    seen = {body.id for body in waiting}
    for body in waiting:  # grows while it is read
        for node in walk(body):
            yield node
            for flow in _called(program, node, with_tools=with_tools):
                called = parts_of(program.flows[flow].decl) if flow in program.flows else ()
                if called and called[0].id not in seen:
                    seen.add(called[0].id)
                    waiting.extend(called)


def _called(program: Program, node: tree.Node, *, with_tools: bool) -> Iterable[str]:
    """The flows that a node calls."""
    match program.calls.get(node.id):
        case FlowCallInfo(flow=flow):
            return (flow,)
        case ActionCall(agent=agent) if with_tools:
            return _flows_used(program, agent)
        case _:
            return ()


def _flows_used(program: Program, agent: str) -> Iterable[str]:
    """The flows that a model may use as tools, those that its tools use in turn among them."""
    names, flows = [agent], dict[str, None]()
    for name in names:  # grows while it is read
        one = program.agents.get(name)
        if one is None:
            continue
        flows.update((key, None) for kind, key in one.tools if kind == "flow")
        others = [key if kind == "tool" else key.rpartition(".")[0] for kind, key in one.tools if kind != "flow"]
        names += [other for other in dict.fromkeys((*one.via, one.base, *others)) if other and other not in names]
    return tuple(flows)
