"""`@cache` on a block, a flow or the call of one: an equal one that has ended is not run again.

Only what is pure or reads is cached (rule C4), so that the program, and what is read from outside, decide what comes
of it; all of that has settled when it begins, because the plan makes it wait. Who remembers is not the kernel's
concern: it asks (`LookUp`), and goes on with what it hears.

              an equal one is remembered, or ends well
    asked ----------------------------------------------> done
      |
      +------> open ---> all below has settled: what it gave is remembered, if nothing in it failed
       nobody remembers
"""

from leadflow.events.model import Status
from leadflow.plan.forms import canonical
from leadflow.plan.plan import FlowCall
from leadflow.plan.policy import Cache
from leadflow.plan.types import Value
from leadflow.run.errors import ValueProblem
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.kernel_state import Block, Frame, LookUp, Remember

_SETTLED_WELL = (Status.DONE, Status.SKIPPED)


def look_up(block: Block) -> bool:
    """Ask for what equal ones gave. False: it is not cached, or what it reads has failed, so that it has to run."""
    policy = _policy(block)
    key = None if policy is None else _key(block.home, block.layout)
    if policy is None or key is None:
        return False
    block.key, block.is_looking = key, True
    block.home.state.pauses[block.path] = block
    block.home.state.commands.append(LookUp(block.path, key))
    return True


def remember(block: Block, value: Value, *, is_good: bool) -> None:
    """All below a block that nobody remembered has settled: whoever waits for an equal one hears of it."""
    policy = _policy(block)
    if block.key is not None and policy is not None:
        is_kept = is_good and not block.is_degraded
        block.home.state.commands.append(
            Remember(block.path, block.key, policy.ttl, value if is_kept else None, is_kept)
        )


def degrade(frame: Frame) -> None:
    """Something failed in here, or another agent answered: what comes of that may be less than it could be, and is not
    remembered (cases C1, F3)."""
    block = frame.block
    while block is not None:
        block.is_degraded = True
        block = block.home.block


def _policy(block: Block) -> Cache | None:
    """That of the block; of the call of a flow, else that of the flow."""
    work = block.layout.node.work
    if block.layout.cache is None and isinstance(work, FlowCall):
        return block.home.state.program.layout(work.flow).cache
    return block.layout.cache


def _key(home: Frame, layout: NodeLayout) -> bytes | None:
    """Equal for what gives the same in one program. None: what it reads has failed, and so it may as well."""
    flow, work = home.flow.flow, layout.node.work
    reads = home.state.program.outside(flow, layout.node)
    run: list[Value] = [home.run.id] if reads.is_of_run else []
    if isinstance(work, FlowCall):  # from wherever it is called
        return canonical(("call", work.flow, *(value(home) for value in layout.values), *run))
    if any(_status(home, read) not in _SETTLED_WELL for read in reads.nodes):
        return None
    told: list[Value] = ["block", flow.name, layout.id, *(home.nodes[read] for read in reads.nodes)]
    told += [home.bound(scope, slot) for scope, slot in reads.slots]
    told += [_let(home, let) for let in reads.lets]
    told += [home.holds(guard) for guard in reads.guards]
    return canonical((*told, *run))


def _status(home: Frame, node: int) -> Status:
    around = home.around(home.flow.home[node])
    return around.status[home.flow.local[node]]


def _let(home: Frame, let: int) -> Value:
    """The value of a `let`; one without a value fails whatever reads it in the same way."""
    try:
        return home.let(let)
    except ValueProblem as problem:
        return {"problem": problem.message}
