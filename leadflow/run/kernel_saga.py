"""How a run takes its steps back: last done first, one after the other, after all else has settled (cases S1 to S5).

    running --- all settled: done ------------------------------------------------> RunDone
       |
       +------- all settled: failed or cancelled, something is kept ---> undoing --> RunFailed, RunCancelled
                                                                           |
                                                          one is not undone +------> RunFailed flow.compensation

Each undo is a frame of its own around one call, so that it has all that other calls have. No deadline of a flow or of
the run is in force any more, and a cancel is only noted, unless it is forced.
"""

from leadflow.events.model import Failure, NodeCancelled, NodeFailed, RunCancelled, RunFailed, UndoBegan
from leadflow.plan.undoing import SUFFIX
from leadflow.run.errors import FLOW_ERRORS, InternalError
from leadflow.run.kernel_frames import begin_frame, problem_of
from leadflow.run.kernel_settle import stop_frame
from leadflow.run.kernel_state import Frame, Kept, Saga, State, Stopped, Values
from leadflow.run.kernel_undo import not_undone


def begin_saga(state: State, failure: Failure | None) -> Saga:
    """The run ends, but not well: with this failure, or None: cancelled."""
    saga = state.saga = Saga([*state.kept.values()], failure, state.cancelled or "", len(state.kept))
    if saga.left:
        state.events.append(UndoBegan(tuple(kept.path for kept in reversed(saga.left)), failure))
    return saga


def undo_next(state: State, saga: Saga) -> bool:
    """Begin the next undo; False when none is left."""
    while saga.left:
        kept = saga.left.pop()
        path = kept.path + SUFFIX
        if kept.failure is not None:
            state.events.append(NodeFailed(path, kept.failure))
            saga.failed.append((kept.path, kept.failure))
        elif state.is_forced:
            why = state.cancelled or ""
            state.events.append(NodeCancelled(path, why))
            saga.failed.append((kept.path, not_undone(kept.path, f"it was not begun: {why}")))
        else:
            saga.kept, saga.frame = kept, open_kept(state, kept, saga.count - len(saga.left))
            return True
    return False


def undo_ended(saga: Saga, frame: Frame) -> None:
    """The undo under way has ended."""
    kept, problem = saga.kept, problem_of(frame)
    if kept is None or frame is not saga.frame:
        raise InternalError("an undo ended that was not under way")
    saga.kept = saga.frame = None
    if isinstance(problem, Failure):
        saga.failed.append((kept.path, problem))
    elif isinstance(problem, Stopped):
        saga.failed.append((kept.path, not_undone(kept.path, f"it was cut off: {problem.why}", in_doubt=True)))


def stop_saga(saga: Saga, why: str) -> None:
    """Somebody insists: the undo under way is cut off, and none follows (case S3)."""
    if saga.frame is not None:
        stop_frame(saga.frame, why, force=True)


def end_of(saga: Saga) -> RunFailed | RunCancelled:
    """How the run ends when nothing is left to take back (case S4)."""
    if not saga.failed:
        return RunCancelled(saga.why) if saga.failure is None else RunFailed(saga.failure)
    cause = saga.failure or Failure("run.cancelled", FLOW_ERRORS["run.cancelled"], saga.why)
    paths = ", ".join(path for path, _ in saga.failed)
    what = "1 step is" if len(saga.failed) == 1 else f"{len(saga.failed)} steps are"
    message = f"{what} not undone, of {saga.count}: {paths}"
    failures = tuple(failure for _, failure in saga.failed)
    in_doubt = any(failure.in_doubt for failure in (cause, *failures))
    return RunFailed(
        Failure("flow.compensation", FLOW_ERRORS["flow.compensation"], message, "", (), (cause, *failures), in_doubt)
    )


def open_kept(state: State, kept: Kept, number: int) -> Frame:
    """Begin one call that was kept.

    Args:
        number: of no other one.
    """
    flow = kept.undo.flow
    body = flow.scopes[0]
    key = (number,)  # of no other frame: who was stopped may still stand in a line
    frame = Frame(
        state, flow, body, None, None, 0, kept.prefix, key, kept.slots, state.gate, None, 0, "stop", Values(None),
        state.locals, body.waits.copy(), body.status.copy(), len(body.members),
    )  # fmt: skip
    begin_frame(frame)
    return frame
