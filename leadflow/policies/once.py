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

from dataclasses import replace
from datetime import timedelta
from hashlib import blake2b
from typing import Literal

from leadflow.events.model import (
    CallAdmitted,
    CallWaits,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    OnceFound,
)
from leadflow.plan.looping import inside_tool
from leadflow.plan.plan import AgentCall
from leadflow.plan.types import Value
from leadflow.policies.call import Course, Step
from leadflow.policies.fate import Fate, fate_of
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
    is_open: bool = False
    """Of one that is stuck: nobody knows whether it was done; what is safe to repeat may be, by itself."""


def judge(holding: Holding | None, claim: Claim) -> Verdict:
    """What became of the call that has a key.

    Args:
        holding: its run; None: that was forgotten, and with it what it did.
    """
    if holding is None:
        return Verdict("free")
    fate = fate_of(holding.entries, claim.path)
    match fate.end:
        case NodeDone(value=value, absorbed=None):
            return _unless_undone(holding, claim, fate, value)
        case NodeDone(absorbed=failure) | NodeFailed(failure=failure) if failure is not None:
            return _doubtful(holding, claim) if may_be_done(failure) or fate.is_left else Verdict("free")
        case NodeCancelled(in_doubt=in_doubt):
            return _doubtful(holding, claim) if in_doubt or fate.is_left else Verdict("free")
        case _ if holding.has_ended or fate.is_left or not fate.is_begun:
            return _doubtful(holding, claim)
        case _ if holding.is_under_way:
            return Verdict("waits")
        case _:
            why = f"has it, and nobody works on that run: go on with it (`leadflow resume {claim.run}`)"
            return _stuck(claim, why)


def _unless_undone(holding: Holding, claim: Claim, fate: Fate, value: Value) -> Verdict:
    """A step that is done, and may have been taken back since."""
    if fate.is_undone:
        return Verdict("free")
    if not fate.is_due:
        return Verdict("done", value)
    if holding.has_ended or fate.is_left:
        return _stuck(claim, f"was to be taken back, and was not{_how(holding, claim)}")
    return Verdict("waits") if holding.is_under_way else _stuck(claim, "is being taken back, and nobody works on that")


def _how(holding: Holding, claim: Claim) -> str:
    """How to go on where a step was not taken back. In a flow that is a tool nothing is taken back later."""
    if not holding.has_ended:
        return ""
    by_hand = f"`leadflow runs undo {claim.run} --undone {claim.path}` says that you did"
    if inside_tool(claim.path) is not None:
        return f"; when you have done it, {by_hand}"
    return f"; `leadflow runs undo {claim.run}` does that, and with `--undone {claim.path}` says that you did"


def _doubtful(holding: Holding, claim: Claim) -> Verdict:
    """Nobody knows whether a step was done; whoever finds out can say so when its run has ended."""
    how = f"; when it does not stand, say so: `leadflow runs undo {claim.run} --undone {claim.path}`"
    return replace(_stuck(claim, f"may have been done{how if holding.has_ended else ''}"), is_open=True)


def _stuck(claim: Claim, why: str) -> Verdict:
    return Verdict("stuck", None, f"step {claim.path} of run {claim.run} {why}")


def once(inner: Step, call: AgentCall, claims: Claims) -> Step:
    """A call that is made unless another one has its key."""
    admit = door(call.result)

    async def first_of_all(course: Course) -> Answer:
        order, clock = course.order, course.ports.clock
        key, claim = _digest(call, order.once or ""), Claim(order.run, order.path)
        begun, waits, instead, seen = clock.monotonic(), False, None, _Seen(claim, None)
        if (unkept := order.unkept(order.path)) is not None:  # a log that has not its start says that nothing was sent
            await unkept
        while True:
            seen, verdict = await _ask(claims, key, claim, instead, seen)
            holder = seen.holder
            is_safe = verdict.is_open and (call.idempotent or order.key is not None)
            if holder == claim and (verdict.state in ("free", "waits") or is_safe):
                break
            if verdict.state == "done":
                if holder != claim:
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

    A call that has the key itself goes on with it; only in a flow that is a tool it may be one that begins anew.

    Raises:
        KeyTaken: nobody can say.
    """
    try:
        holder = await claims.take(key, claim, instead)
        if holder == claim and inside_tool(claim.path) is None:
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
