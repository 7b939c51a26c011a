"""`@once`: of all runs of a journal one makes the call for a key, and the others have its value.

A key belongs to an agent and an action. Whoever asks for it first has it, which is kept before anything is sent; what
became of the call stands in the log of its run, so that nothing else has to be kept, and a process that ends in any
moment leaves nothing behind that could not be read.

                the call was not done, or was taken back, perhaps later: the next one has the key
     nobody has it <---------------------------------------------------+
          |                                                            |
          +---> this one: the call is made ---> under way: others wait-+--> done: others have its value
                                                     |
                                                     +--> nobody knows, or nobody works on its run: others fail
"""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import blake2b
from typing import Literal

from leadflow.events.model import (
    CallAdmitted,
    CallWaits,
    Entry,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    UndoBegan,
)
from leadflow.plan.plan import AgentCall
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX
from leadflow.policies.call import Course, Step
from leadflow.record import record
from leadflow.run.errors import KeyTaken, may_be_done
from leadflow.run.ports import Answer, Claim, Claims, Holding
from leadflow.run.values import Mismatch, door

_LOOKS = timedelta(milliseconds=500)
"""How often whoever waits for another run looks what became of the call."""


@record
class Verdict:
    """What follows from what became of the call that has a key."""

    state: Literal["free", "done", "waits", "stuck"]
    value: Value = None
    """Of one that is done."""
    why: str = ""
    """Of one that is stuck."""


def judge(holding: Holding | None, claim: Claim) -> Verdict:
    """What became of the call that has a key.

    Args:
        holding: its run; None: that was forgotten, and with it what it did.
    """
    if holding is None:
        return Verdict("free")
    end, is_begun = _end_of(holding.entries, claim.path)
    match end:
        case NodeDone(value=value, absorbed=None):
            return _unless_undone(holding, claim, value)
        case NodeDone(absorbed=failure) | NodeFailed(failure=failure) if failure is not None:
            return _doubtful(holding, claim) if may_be_done(failure) else Verdict("free")
        case NodeCancelled(in_doubt=in_doubt):
            return _doubtful(holding, claim) if in_doubt else Verdict("free")
        case _ if holding.has_ended or not is_begun:
            return _doubtful(holding, claim)
        case _ if holding.is_under_way:
            return Verdict("waits")
        case _:
            why = f"has it, and nobody works on that run: go on with it (`leadflow resume {claim.run}`)"
            return _stuck(claim, why)


def _end_of(entries: Sequence[Entry], path: str) -> tuple[NodeDone | NodeFailed | NodeCancelled | None, bool]:
    """How a step ended; and whether it began."""
    found: NodeDone | NodeFailed | NodeCancelled | None = None
    is_begun = False
    for _, _, event in entries:
        if getattr(event, "path", None) != path:
            continue
        is_begun = is_begun or isinstance(event, NodeStarted)
        if isinstance(event, NodeDone | NodeFailed | NodeCancelled):
            found = event
    return found, is_begun


def _unless_undone(holding: Holding, claim: Claim, value: Value) -> Verdict:
    """A step that is done, and may have been taken back since."""
    undone, _ = _end_of(holding.entries, claim.path + SUFFIX)
    if isinstance(undone, NodeDone) and undone.absorbed is None:
        return Verdict("free")
    is_due = any(isinstance(event, UndoBegan) and claim.path in event.paths for _, _, event in holding.entries)
    if not is_due:
        return Verdict("done", value)
    if holding.has_ended:
        how = f"`leadflow runs undo {claim.run}` does that, and with `--undone {claim.path}` says that you did"
        return _stuck(claim, f"was to be taken back, and was not; {how}")
    return Verdict("waits") if holding.is_under_way else _stuck(claim, "is being taken back, and nobody works on that")


def _doubtful(holding: Holding, claim: Claim) -> Verdict:
    """Nobody knows whether a step was done; whoever finds out can say so when its run has ended."""
    how = f"; when it does not stand, say so: `leadflow runs undo {claim.run} --undone {claim.path}`"
    return _stuck(claim, f"may have been done{how if holding.has_ended else ''}")


def _stuck(claim: Claim, why: str) -> Verdict:
    return Verdict("stuck", None, f"step {claim.path} of run {claim.run} {why}")


def once(inner: Step, call: AgentCall, claims: Claims) -> Step:
    """A call that is made unless another one has its key."""
    admit = door(call.result)

    async def first_of_all(course: Course) -> Answer:
        order, clock = course.order, course.ports.clock
        key, claim = _digest(call, order.once or ""), Claim(order.run, order.path)
        begun, waits, instead, seen = clock.monotonic(), False, None, _Seen(claim, None)
        while True:
            seen, verdict = await _ask(claims, key, claim, instead, seen)
            holder = seen.holder
            if holder == claim:
                break
            if verdict.state == "done":
                order.post(OnceFound(order.path, holder.run, holder.path))
                value = admit(verdict.value)
                if isinstance(value, Mismatch):
                    why = f"gave {value.got}, and {value.expected} is asked for now"
                    raise KeyTaken(_told(call, f"step {holder.path} of run {holder.run} {why}"))
                return Answer(value)
            if verdict.state == "stuck":
                raise KeyTaken(_told(call, verdict.why))
            instead = holder if verdict.state == "free" else None
            if verdict.state == "waits":
                if not waits:
                    order.post(CallWaits(order.path, call.agent, f"run {holder.run}, which makes the same call", None))
                waits = True
                await clock.sleep(_LOOKS)
        if waits:
            order.post(CallAdmitted(order.path, call.agent, round(clock.monotonic() - begun, 6)))
        return await inner(course)

    return first_of_all


@record
class _Seen:
    """Who had a key when it was asked for last."""

    holder: Claim
    holding: Holding | None
    """Its run, as far as it was read."""


async def _ask(claims: Claims, key: str, claim: Claim, instead: Claim | None, seen: _Seen) -> tuple[_Seen, Verdict]:
    """Who has a key, and what became of that. Of a run that was looked at before only what is new is read.

    Raises:
        KeyTaken: nobody can say.
    """
    try:
        holder = await claims.take(key, claim, instead)
        if holder == claim:
            return _Seen(holder, None), Verdict("free")
        holding = await claims.look(holder.run, seen.holding if seen.holder.run == holder.run else None)
        verdict = judge(holding, holder)
        is_back = verdict.state == "stuck" and await claims.is_taken_back(holder)
        return _Seen(holder, holding), Verdict("free") if is_back else verdict
    except OSError as problem:
        raise KeyTaken(f"nothing was sent: who has the key of '@once' cannot be read: {problem}") from None


def _told(call: AgentCall, why: str) -> str:
    return f"nothing was sent: '@once' lets {call.agent}.{call.action} be called once for this key, and {why}"


def _digest(call: AgentCall, key: str) -> str:
    """A key of one action of one agent; nothing of it can be read from that."""
    told = "\0".join((call.agent, call.action, key))
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
