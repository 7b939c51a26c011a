"""Core expressions: what remains of the author's expressions when names are resolved and sugar is gone.

Pure data; `run/evaluate.py` compiles them to closures. They always end: no recursion, no user functions, loops only
over values that exist. What they read is told by position, never by name lookup:

- `Bound(scope, slot)`: a slot of a scope instance: a flow's parameter, a `for` item or index, a `repeat` value;
- `NodeValue(node)`: the value of a settled node of the same flow (none if it was skipped, or failed and absorbed);
- `LetValue(let)`: a `let` of the same flow, evaluated at its first use in a scope instance and then kept;
- `Local(slot)`: a variable inside one expression (comprehension, catch), numbered from the outside in;
- `Phi`: a name that several arms bind: the value of the arm that was taken, none when none was.
"""

from typing import Literal, TypeAlias

from leadflow.plan.types import Type, Value
from leadflow.record import record

SlotKind = Literal["text", "path", "url", "header", "query", "sql", "secret"]
"""Where a template stands, which decides how its holes are escaped (rule E5). `text` escapes nothing; `url` is a
setting without holes."""


@record
class Guard:
    """Control: holds when node `node` is done and, for a branch, took one of `arms` (None: any way of being done)."""

    node: int
    arms: tuple[int, ...] | None = None


@record
class Const:
    """A value known when compiled."""

    value: Value


@record
class Bound:
    """Slot `slot` of the nearest enclosing instance of scope `scope`."""

    scope: int
    slot: int


@record
class NodeValue:
    """The value of node `node`."""

    node: int


@record
class LetValue:
    """The value of `let` number `let`."""

    let: int


@record
class Local:
    """A variable of this expression."""

    slot: int


@record
class RunValue:
    """A constant of the run (rule E7)."""

    name: Literal["id", "started", "flow"]


@record
class Phi:
    """The value of the first case whose guard holds, else none."""

    cases: tuple[tuple[Guard | None, "Expr"], ...]


@record
class Template:
    """Text with holes; holes are rendered as text and escaped for the slot."""

    parts: tuple["str | Expr", ...]
    slot: SlotKind = "text"


@record
class Member:
    """A field of a record or an entry of a map (`safe`: none when the target is none)."""

    target: "Expr"
    name: str
    safe: bool = False


@record
class Index:
    """`xs[i]`, `m[k]`: none when it is not there (rule E3)."""

    target: "Expr"
    index: "Expr"


@record
class ListOf:
    """A list literal."""

    items: tuple["Expr", ...]


@record
class RecordOf:
    """A record literal."""

    entries: tuple[tuple[str, "Expr"], ...]


@record
class Comprehension:
    """`[value for local in items if condition]`; the variable is `Local(slot)`."""

    value: "Expr"
    slot: int
    items: "Expr"
    condition: "Expr | None"


BinaryOp = Literal["or", "and", "==", "!=", "<=", ">=", "<", ">", "in", "not in", "+", "-", "*", "/", "%", "??"]


@record
class Binary:
    """`left op right`; `or`, `and` and `??` read the right side only when needed."""

    op: BinaryOp
    left: "Expr"
    right: "Expr"


@record
class Unary:
    """`not x`, `-x`."""

    op: Literal["not", "-"]
    operand: "Expr"


@record
class Choose:
    """`if c then a else b`, and `match` as a value: the first case whose values hold the subject.

    A case with values None is the wildcard. `if` has the subject c and the cases `(True,)` and None.
    """

    subject: "Expr"
    cases: tuple[tuple[tuple[Value, ...] | None, "Expr"], ...]


@record
class Apply:
    """A built-in function."""

    function: str
    args: tuple["Expr", ...]


@record
class Fit:
    """`let x: T? = j`: the json value as T, none when it does not fit (rule E1)."""

    value: "Expr"
    type: Type


Expr: TypeAlias = (
    Const
    | Bound
    | NodeValue
    | LetValue
    | Local
    | RunValue
    | Phi
    | Template
    | Member
    | Index
    | ListOf
    | RecordOf
    | Comprehension
    | Binary
    | Unary
    | Choose
    | Apply
    | Fit
)
