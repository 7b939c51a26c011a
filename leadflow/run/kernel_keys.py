"""What a call says, and what the other side may know it by (case R3)."""

from collections.abc import Mapping

from leadflow.plan.types import Value
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
    if not layout.makes_key:
        return None
    return frame.run.keys.make(frame.run.id, frame.prefix + layout.name, args)
