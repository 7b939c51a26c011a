"""The tree: what was written, frozen, with the place of every part.

Two trees are equal when they say the same, wherever it stands: `id`, `span` and the spelling of numbers do not take
part in equality, so that `parse(format(tree)) == tree` is a law. `id` is unique within one load (all files together);
side tables of later phases are keyed by it. Comments are not here: the formatter reads them from the text.
"""

from dataclasses import field
from typing import Literal

from leadflow.diagnostics import Span
from leadflow.record import record


@record
class Node:
    """What every part of the tree has."""

    id: int = field(compare=False, kw_only=True)
    span: Span = field(compare=False, kw_only=True)


@record
class Ident(Node):
    """A name with its place. Field names may be any string (`quoted` in the source when they are not words)."""

    text: str


# --- the file and its declarations --------------------------------------------------------------------------------


@record
class File(Node):
    """One `.flow` source."""

    edition: int
    """The number after `leadflow` on the first line."""
    doc: str | None
    """The `##` lines before `leadflow N`."""
    items: tuple["Item", ...]


@record
class UsedName(Node):
    """`name` or `name as alias` in a `use`."""

    name: Ident
    alias: Ident | None


@record
class Use(Node):
    """`use std.agents (reviewer)`, `use shared.types as t`, `use "lib/net.flow" (a as b)`."""

    path: tuple[Ident, ...]
    """The dotted path; empty when `file` is given."""
    file: "Text | None"
    """The quoted path; it has no holes."""
    names: tuple[UsedName, ...] | None
    """Names taken into this file; None takes the module as a whole under its last name or `alias`."""
    alias: Ident | None
    annotations: tuple["Annotation", ...] = ()
    """Always a mistake on `use`; kept so that the checker can say it."""


@record
class Annotation(Node):
    """`@name` or `@name(args)`."""

    path: tuple[Ident, ...]
    args: tuple["Arg", ...] | None
    """None when written without parentheses."""


@record
class Arg(Node):
    """One argument, positional (`name` None) or named."""

    name: Ident | None
    value: "Expr"


@record
class Field(Node):
    """A field of a record type: `name: type = default @range(0, 1)`."""

    name: Ident
    type: "TypeExpr"
    default: "Expr | None"
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class Param(Node):
    """A parameter of a flow or tool: `name: type = default @range(0, 1)`."""

    name: Ident
    type: "TypeExpr"
    default: "Expr | None"
    annotations: tuple[Annotation, ...]


@record
class Setting(Node):
    """`key: value` in an agent's braces; `key` may be a quoted string."""

    name: Ident
    value: "Expr"
    doc: str | None = None


@record
class RecordDecl(Node):
    """`type Name { fields }`, `type Name[T] { fields }`."""

    name: Ident
    fields: tuple[Field, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None
    type_params: tuple[Ident, ...] = ()
    """Names for the types that each use of it gives."""


@record
class AliasDecl(Node):
    """`type Name = type`, `type Name[T] = type`."""

    name: Ident
    type: "TypeExpr"
    annotations: tuple[Annotation, ...]
    doc: str | None
    type_params: tuple[Ident, ...] = ()


@record
class AgentDecl(Node):
    """`agent name: kind { settings }`; the kind is a built-in, a dotted plug-in, or another agent (a template)."""

    name: Ident
    kind: tuple[Ident, ...]
    settings: tuple[Setting, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class ToolDecl(Node):
    """`tool name(params) -> type = python("module:function")`."""

    name: Ident
    params: tuple[Param, ...]
    result: "TypeExpr | None"
    target: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class PolicyDecl(Node):
    """`policy name { @retry(3) @timeout(30s) }`: a bundle; `@name` applies it."""

    name: Ident
    body: tuple[Annotation, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class ConstDecl(Node):
    """`const name: type = expr`."""

    name: Ident
    type: "TypeExpr | None"
    value: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class FlowDecl(Node):
    """`flow name(params) -> type { body }`."""

    name: Ident
    params: tuple[Param, ...]
    result: "TypeExpr | None"
    body: "Block"
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class TriggerDecl(Node):
    """`on cron("0 9 * * 1-5") run nightly(day: slot)`."""

    name: Ident
    args: tuple[Arg, ...]
    call: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class ProfileDecl(Node):
    """`profile name { overrides }`."""

    name: Ident
    overrides: tuple["Override", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class AgentOverride(Node):
    """`agent name { … }` or `agent name: kind { … }` in a profile."""

    name: Ident
    kind: tuple[Ident, ...] | None
    settings: tuple[Setting, ...]
    annotations: tuple[Annotation, ...]


@record
class ConstOverride(Node):
    """`const name = expr` in a profile."""

    name: Ident
    value: "Expr"


@record
class TestDecl(Node):
    """`test "name" { … }`."""

    __test__ = False  # not a class of tests for pytest to collect
    name: "Text"
    body: tuple["TestStmt", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@record
class Late(Node):
    """`answer after 40s`: an answer of a mock that takes its time."""

    answer: "Expr | Fail"
    delay: "Expr"


@record
class Mock(Node):
    """`mock target => answer then answer`."""

    target: tuple[Ident, ...]
    args: tuple[Arg, ...] | None
    answers: tuple["Expr | Fail | Late", ...]


@record
class Replay(Node):
    """`replay "file"`: a recorded run answers in a test."""

    file: "Text"


@record
class Expect(Node):
    """`expect condition`."""

    condition: "Expr"


@record
class TestRun(Node):
    """`run r = flow(args)` in a test."""

    __test__ = False
    name: Ident
    call: "Expr"


# --- types --------------------------------------------------------------------------------------------------------


@record
class NamedType(Node):
    """`string`, `Ticket`, `shared.Ticket`, `none`."""

    path: tuple[Ident, ...]


@record
class GenericType(Node):
    """`list[T]`, `map[T]`, `Page[Ticket]`, `shared.Page[Ticket]`."""

    path: tuple[Ident, ...]
    args: tuple["TypeExpr", ...]


@record
class OptionalType(Node):
    """`T?`."""

    inner: "TypeExpr"


@record
class UnionType(Node):
    """`A | B | C`, flat, at least two members."""

    members: tuple["TypeExpr", ...]


@record
class LiteralType(Node):
    """`"free"`: the type of exactly this string."""

    value: str


@record
class RecordType(Node):
    """`{ a: string, b: int? }` written inline."""

    fields: tuple[Field, ...]


TypeExpr = NamedType | GenericType | OptionalType | UnionType | LiteralType | RecordType


# --- statements ---------------------------------------------------------------------------------------------------


@record
class Block(Node):
    """`{ statements }`."""

    statements: tuple["Statement", ...]


@record
class Step(Node):
    """`step name: type = action clauses`."""

    name: Ident
    type: TypeExpr | None
    action: "Action"
    clauses: tuple["Clause", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None = None


@record
class Let(Node):
    """`let name: type = expr`; also allowed in tests."""

    name: Ident
    type: TypeExpr | None
    value: "Expr"
    annotations: tuple[Annotation, ...] = ()
    """Always a mistake on `let` and the statements below; kept so that the checker can say it."""


@record
class If(Node):
    """`if condition { } else { }`; `otherwise` is an `If` for `else if`."""

    condition: "Expr"
    then: Block
    otherwise: "Block | If | None"
    annotations: tuple[Annotation, ...] = ()


@record
class Match(Node):
    """`match subject { pattern => { } }`."""

    subject: "Expr"
    arms: tuple["MatchArm", ...]
    annotations: tuple[Annotation, ...] = ()


@record
class MatchArm(Node):
    """`"a" | "b" => { }`."""

    patterns: tuple["Pattern", ...]
    body: Block


@record
class LiteralPattern(Node):
    """A string, int, `true`, `false` or `none`."""

    value: str | int | bool | None

    def __eq__(self, other: object) -> bool:
        """`1` and `true` are different patterns, although Python calls them equal."""
        if not isinstance(other, LiteralPattern):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@record
class WildcardPattern(Node):
    """`_`."""


@record
class NamePattern(Node):
    """A bare name where a pattern must stand: always a mistake (rule D3), kept so that it can be said well."""

    name: Ident


Pattern = LiteralPattern | WildcardPattern | NamePattern


@record
class Return(Node):
    """`return expr`."""

    value: "Expr"
    annotations: tuple[Annotation, ...] = ()


@record
class Yield(Node):
    """`yield expr`, the last statement of a step block."""

    value: "Expr"
    annotations: tuple[Annotation, ...] = ()


@record
class Fail(Node):
    """`fail "reason"`; also an answer of a mock."""

    reason: "Expr"
    annotations: tuple[Annotation, ...] = ()


Statement = Step | Let | If | Match | Return | Yield | Fail


@record
class For(Node):
    """`for item, index in items at most limit { }`."""

    item: Ident
    index: Ident | None
    items: "Expr"
    limit: "Expr | None"
    body: Block


@record
class Repeat(Node):
    """`repeat name: type, index = init at most limit { … yield e } until condition else fallback`."""

    name: Ident
    type: TypeExpr | None
    index: Ident | None
    init: "Expr"
    limit: "Expr"
    body: Block
    until: "Expr"
    otherwise: "Expr | None"


@record
class Parallel(Node):
    """`parallel(need: 1) { steps }`."""

    args: tuple[Arg, ...]
    body: Block


@record
class Race(Node):
    """`race { steps }`."""

    args: tuple[Arg, ...]
    body: Block


@record
class Do(Node):
    """`do { … yield e }`."""

    body: Block


@record
class Undo(Node):
    """`undo agent.action(args)`, or `undo none` (call None)."""

    call: "Expr | None"


@record
class After(Node):
    """`after a, b`."""

    names: tuple[Ident, ...]


@record
class Catch(Node):
    """`catch e => value`; `name` None for `catch _ =>`."""

    name: Ident | None
    value: "Expr"


Clause = Undo | After | Catch


# --- expressions --------------------------------------------------------------------------------------------------


@record
class Name(Node):
    """A reference to a value, an agent, a flow, a tool, a const, a function, an imported module."""

    text: str


@record
class Text(Node):
    """A string. Literal pieces (escapes resolved, indent of `\"\"\"` removed) and holes alternate as written."""

    parts: tuple["str | Expr", ...]
    """No two `str` stand next to each other and none is empty; the empty string is `()`."""
    block: bool = field(compare=False, default=False)
    """True when written as `\"\"\"`."""

    @property
    def plain(self) -> str | None:
        """The text when it has no holes, else None."""
        if not self.parts:
            return ""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, str) else None


@record
class Int(Node):
    """`100_000`."""

    value: int
    written: str = field(compare=False)


@record
class Float(Node):
    """`0.25`."""

    value: float
    written: str = field(compare=False)


@record
class Duration(Node):
    """`1h30m`, in milliseconds."""

    milliseconds: int
    written: str = field(compare=False)


@record
class Money(Node):
    """`$0.50`, in millionths of a US dollar."""

    micros: int
    written: str = field(compare=False)


@record
class Size(Node):
    """`10MB`, in bytes (1 KB = 1,000 bytes)."""

    bytes: int
    written: str = field(compare=False)


@record
class Rate(Node):
    """`60 per minute`, `100 per 30s`; `per` is a unit word or a duration."""

    count: "Expr"
    per: "Literal['second', 'minute', 'hour', 'day'] | Duration"


@record
class Bool(Node):
    """`true`, `false`."""

    value: bool


@record
class NoneLit(Node):
    """`none`."""


@record
class ListLit(Node):
    """`[a, b]`."""

    items: tuple["Expr", ...]


@record
class Comprehension(Node):
    """`[value for name in items if condition]`."""

    value: "Expr"
    name: Ident
    items: "Expr"
    condition: "Expr | None"


@record
class Entry(Node):
    """`key: value` in a record literal; keys may be quoted."""

    key: Ident
    value: "Expr"


@record
class RecordLit(Node):
    """`{ a: 1, "x-id": 2 }`."""

    entries: tuple[Entry, ...]


BinaryOp = Literal["or", "and", "==", "!=", "<=", ">=", "<", ">", "in", "not in", "+", "-", "*", "/", "%", "??"]


@record
class Binary(Node):
    """`left op right`. Comparisons do not chain."""

    op: BinaryOp
    left: "Expr"
    right: "Expr"


@record
class Unary(Node):
    """`not x`, `-x`."""

    op: Literal["not", "-"]
    operand: "Expr"


@record
class Member(Node):
    """`target.name`, or `target?.name` when `safe`."""

    target: "Expr"
    name: Ident
    safe: bool


@record
class Index(Node):
    """`target[index]`."""

    target: "Expr"
    index: "Expr"


@record
class Call(Node):
    """`callee(args)`: an action, a flow, a tool or a built-in function, told apart by the checker."""

    callee: "Expr"
    args: tuple[Arg, ...]


@record
class Conditional(Node):
    """`if c then a else b`."""

    condition: "Expr"
    then: "Expr"
    otherwise: "Expr"


@record
class ValueArm(Node):
    """`"a" | "b" then value`."""

    patterns: tuple[Pattern, ...]
    value: "Expr"


@record
class MatchValue(Node):
    """`match subject { "a" then 1, _ then 2 }`."""

    subject: "Expr"
    arms: tuple[ValueArm, ...]


@record
class BadExpr(Node):
    """Where an expression could not be understood and the parser has already said so; later phases stay silent."""


Expr = (
    Name
    | Text
    | Int
    | Float
    | Duration
    | Money
    | Size
    | Rate
    | Bool
    | NoneLit
    | ListLit
    | Comprehension
    | RecordLit
    | Binary
    | Unary
    | Member
    | Index
    | Call
    | Conditional
    | MatchValue
    | BadExpr
)

Action = Expr | For | Repeat | Parallel | Race | Do

TestStmt = Mock | Replay | Expect | Let | TestRun

Override = AgentOverride | ConstOverride

Item = (
    Use
    | RecordDecl
    | AliasDecl
    | AgentDecl
    | ToolDecl
    | PolicyDecl
    | ConstDecl
    | FlowDecl
    | TriggerDecl
    | ProfileDecl
    | TestDecl
)
