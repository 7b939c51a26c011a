"""Which steps would have to be taken back: their undos, with arguments fixed when the steps are done (rule C7).

Only what was done is kept, in the order in which it was done, and what is in doubt; how the steps are taken back is in
`kernel_saga`. A block or a flow that is tried again loses nothing: what its earlier attempts did may still stand. But
where the same step is done again with the same key, and would be taken back by the very same call, it was the same
effect (only what is idempotent is tried again), and one call is enough.
"""

from leadflow.events.model import Failure, UndoKept
from leadflow.plan.paths import without_attempts
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX
from leadflow.run.errors import FLOW_ERRORS, ValueProblem
from leadflow.run.kernel_keys import arguments_of, key_of
from leadflow.run.kernel_layout import NodeLayout, UndoLayout
from leadflow.run.kernel_state import Frame, Kept, State

_IN_DOUBT = "the step may have been done, and its undo reads what it gave, or may not be called in vain"


def keep_undo(frame: Frame, layout: NodeLayout, undo: UndoLayout, *, in_doubt: bool = False) -> None:
    """A step is done, or in doubt: fix what takes it back. What takes steps back is not taken back itself."""
    state, path = frame.state, frame.prefix + layout.name
    if state.saga is not None or state.ending is not None:
        return
    args: dict[str, Value] = {}
    failure = not_undone(path, _IN_DOUBT, in_doubt=True) if in_doubt and not undo.in_doubt else None
    if failure is None:
        try:
            args = {name: value(frame) for name, value in undo.args}
        except ValueProblem as problem:
            failure = Failure(problem.error, problem.category, problem.message, path + SUFFIX)
    state.events.append(UndoKept(path, args, in_doubt, failure))
    key = key_of(frame, layout, arguments_of(frame, layout)) if layout.is_call else None
    kept = Kept(path, frame.prefix, undo, tuple(args.values()), failure, key)
    if "~" in path:
        _forget_same(state, kept)
    state.kept[path] = kept


def not_undone(path: str, why: str, *, in_doubt: bool = False) -> Failure:
    """A step that is not taken back although it would have to be."""
    return Failure("flow.not_undone", FLOW_ERRORS["flow.not_undone"], why, path + SUFFIX, (), (), in_doubt)


def _forget_same(state: State, new: Kept) -> None:
    """An earlier attempt may have done the same step with the same effect."""
    first = without_attempts(new.path)
    others = state.done_again.setdefault(first, [])
    for path in (first, *others):
        old = state.kept.get(path)
        if old is not None and _is_same(old, new):
            del state.kept[path]
    others.append(new.path)


def _is_same(one: Kept, other: Kept) -> bool:
    """Whether two steps had one effect, which is taken back by one call."""
    return one.key == other.key and one.slots == other.slots and one.failure is None and other.failure is None
