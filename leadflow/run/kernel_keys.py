"""What a call says, and what the other side may know it by: its idempotency key (case R3).

The key is the same at every attempt of one logical step: of the call's own, of the blocks and flows around it, and in
another process. An undo belongs to what one attempt of them did, so that of another attempt has another key.
"""

from collections.abc import Mapping
from hashlib import blake2b

from leadflow.plan.forms import canonical
from leadflow.plan.paths import without_attempts
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX
from leadflow.run.kernel_layout import NodeLayout
from leadflow.run.kernel_state import Frame


def arguments_of(frame: Frame, layout: NodeLayout) -> Mapping[str, Value]:
    """The arguments of a call.

    Raises:
        ValueProblem: one of them has no value.
    """
    if layout.constants is not None:
        return layout.constants
    args: dict[str, Value] = {}
    if layout.reads is not None:
        nodes = frame.nodes
        for name, node in layout.reads:
            args[name] = nodes[node]
    else:
        for name, value in layout.args:  # a comprehension would be one more call
            args[name] = value(frame)
    return args


def key_of(frame: Frame, layout: NodeLayout, args: Mapping[str, Value]) -> str | None:
    """The key of a call with these arguments; None: it has none.

    Raises:
        ValueProblem: what its author gives it as one has no value.
    """
    if layout.key is not None:
        return str(layout.key(frame))
    return made_key(frame.run.id, frame.prefix + layout.name, args) if layout.makes_key else None


def made_key(run: str, path: str, args: Mapping[str, Value]) -> str:
    """The key of a call that is safe to repeat and to which its author gives none."""
    around, undo, rest = path.rpartition(SUFFIX)
    told = f"{run}\0{around}{undo}{without_attempts(rest)}\0".encode("utf-8", "surrogatepass")
    return blake2b(told + canonical(dict(args)), digest_size=16).hexdigest()
