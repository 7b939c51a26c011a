"""The tree: what was written, frozen, with the place of every part.

Two trees are equal when they say the same, wherever it stands: `id`, `span` and the spelling of numbers do not take
part in equality, so that `parse(format(tree)) == tree` is a law. `id` is unique within one load (all files together);
side tables of later phases are keyed by it. Comments are not here: the formatter reads them from the text.
"""

from dataclasses import dataclass, field
from typing import Literal

from leadflow.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Node:
    """What every part of the tree has."""

    id: int = field(compare=False, kw_only=True)
    span: Span = field(compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Ident(Node):
    """A name with its place. Field names may be any string (`quoted` in the source when they are not words)."""

    text: str


# --- the file and its declarations --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File(Node):
    """One `.flow` source."""

    edition: int
    """The number after `leadflow` on the first line."""
    doc: str | None
    """The `##` lines before `leadflow N`."""
    items: tuple["Item", ...]


@dataclass(frozen=True, slots=True)
class UsedName(Node):
    """`name` or `name as alias` in a `use`."""

    name: Ident
    alias: Ident | None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Annotation(Node):
    """`@name` or `@name(args)`."""

    path: tuple[Ident, ...]
    args: tuple["Arg", ...] | None
    """None when written without parentheses."""


@dataclass(frozen=True, slots=True)
class Arg(Node):
    """One argument, positional (`name` None) or named."""

    name: Ident | None
    value: "Expr"


@dataclass(frozen=True, slots=True)
class Field(Node):
    """A field of a record type: `name: type = default @range(0, 1)`."""

    name: Ident
    type: "TypeExpr"
    default: "Expr | None"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class Param(Node):
    """A parameter of a flow or tool: `name: type = default @range(0, 1)`."""

    name: Ident
    type: "TypeExpr"
    default: "Expr | None"
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class Setting(Node):
    """`key: value` in an agent's braces; `key` may be a quoted string."""

    name: Ident
    value: "Expr"
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class RecordDecl(Node):
    """`type Name { fields }`."""

    name: Ident
    fields: tuple[Field, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class AliasDecl(Node):
    """`type Name = type`."""

    name: Ident
    type: "TypeExpr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class AgentDecl(Node):
    """`agent name: kind { settings }`; the kind is a built-in, a dotted plug-in, or another agent (a template)."""

    name: Ident
    kind: tuple[Ident, ...]
    settings: tuple[Setting, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class ToolDecl(Node):
    """`tool name(params) -> type = python("module:function")`."""

    name: Ident
    params: tuple[Param, ...]
    result: "TypeExpr | None"
    target: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class PolicyDecl(Node):
    """`policy name { @retry(3) @timeout(30s) }`: a bundle; `@name` applies it."""

    name: Ident
    body: tuple[Annotation, ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class ConstDecl(Node):
    """`const name: type = expr`."""

    name: Ident
    type: "TypeExpr | None"
    value: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class FlowDecl(Node):
    """`flow name(params) -> type { body }`."""

    name: Ident
    params: tuple[Param, ...]
    result: "TypeExpr | None"
    body: "Block"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class TriggerDecl(Node):
    """`on cron("0 9 * * 1-5") run nightly(day: slot)`."""

    name: Ident
    args: tuple[Arg, ...]
    call: "Expr"
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class ProfileDecl(Node):
    """`profile name { overrides }`."""

    name: Ident
    overrides: tuple["Override", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class AgentOverride(Node):
    """`agent name { … }` or `agent name: kind { … }` in a profile."""

    name: Ident
    kind: tuple[Ident, ...] | None
    settings: tuple[Setting, ...]
    annotations: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class ConstOverride(Node):
    """`const name = expr` in a profile."""

    name: Ident
    value: "Expr"


@dataclass(frozen=True, slots=True)
class TestDecl(Node):
    """`test "name" { … }`."""

    __test__ = False  # not a class of tests for pytest to collect
    name: "Text"
    body: tuple["TestStmt", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None


@dataclass(frozen=True, slots=True)
class Mock(Node):
    """`mock target => answer then answer`."""

    target: tuple[Ident, ...]
    args: tuple[Arg, ...] | None
    answers: tuple["Expr | Fail", ...]


@dataclass(frozen=True, slots=True)
class Expect(Node):
    """`expect condition`."""

    condition: "Expr"


@dataclass(frozen=True, slots=True)
class TestRun(Node):
    """`run r = flow(args)` in a test."""

    __test__ = False
    name: Ident
    call: "Expr"


# --- types --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NamedType(Node):
    """`string`, `Ticket`, `shared.Ticket`, `none`."""

    path: tuple[Ident, ...]


@dataclass(frozen=True, slots=True)
class GenericType(Node):
    """`list[T]`, `map[T]`."""

    name: Ident
    args: tuple["TypeExpr", ...]


@dataclass(frozen=True, slots=True)
class OptionalType(Node):
    """`T?`."""

    inner: "TypeExpr"


@dataclass(frozen=True, slots=True)
class UnionType(Node):
    """`A | B | C`, flat, at least two members."""

    members: tuple["TypeExpr", ...]


@dataclass(frozen=True, slots=True)
class LiteralType(Node):
    """`"free"`: the type of exactly this string."""

    value: str


@dataclass(frozen=True, slots=True)
class RecordType(Node):
    """`{ a: string, b: int? }` written inline."""

    fields: tuple[Field, ...]


TypeExpr = NamedType | GenericType | OptionalType | UnionType | LiteralType | RecordType


# --- statements ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block(Node):
    """`{ statements }`."""

    statements: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Step(Node):
    """`step name: type = action clauses`."""

    name: Ident
    type: TypeExpr | None
    action: "Action"
    clauses: tuple["Clause", ...]
    annotations: tuple[Annotation, ...]
    doc: str | None = None


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`let name: type = expr`; also allowed in tests."""

    name: Ident
    type: TypeExpr | None
    value: "Expr"
    annotations: tuple[Annotation, ...] = ()
    """Always a mistake on `let` and the statements below; kept so that the checker can say it."""


@dataclass(frozen=True, slots=True)
class If(Node):
    """`if condition { } else { }`; `otherwise` is an `If` for `else if`."""

    condition: "Expr"
    then: Block
    otherwise: "Block | If | None"
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Match(Node):
    """`match subject { pattern => { } }`."""

    subject: "Expr"
    arms: tuple["MatchArm", ...]
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchArm(Node):
    """`"a" | "b" => { }`."""

    patterns: tuple["Pattern", ...]
    body: Block


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class WildcardPattern(Node):
    """`_`."""


@dataclass(frozen=True, slots=True)
class NamePattern(Node):
    """A bare name where a pattern must stand: always a mistake (rule D3), kept so that it can be said well."""

    name: Ident


Pattern = LiteralPattern | WildcardPattern | NamePattern


@dataclass(frozen=True, slots=True)
class Return(Node):
    """`return expr`."""

    value: "Expr"
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Yield(Node):
    """`yield expr`, the last statement of a step block."""

    value: "Expr"
    annotations: tuple[Annotation, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail(Node):
    """`fail "reason"`; also an answer of a mock."""

    reason: "Expr"
    annotations: tuple[Annotation, ...] = ()


Statement = Step | Let | If | Match | Return | Yield | Fail


@dataclass(frozen=True, slots=True)
class For(Node):
    """`for item, index in items at most limit { }`."""

    item: Ident
    index: Ident | None
    items: "Expr"
    limit: "Expr | None"
    body: Block


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Parallel(Node):
    """`parallel(need: 1) { steps }`."""

    args: tuple[Arg, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Race(Node):
    """`race { steps }`."""

    args: tuple[Arg, ...]
    body: Block


@dataclass(frozen=True, slots=True)
class Do(Node):
    """`do { … yield e }`."""

    body: Block


@dataclass(frozen=True, slots=True)
class Undo(Node):
    """`undo agent.action(args)`, or `undo none` (call None)."""

    call: "Expr | None"


@dataclass(frozen=True, slots=True)
class After(Node):
    """`after a, b`."""

    names: tuple[Ident, ...]


@dataclass(frozen=True, slots=True)
class Catch(Node):
    """`catch e => value`; `name` None for `catch _ =>`."""

    name: Ident | None
    value: "Expr"


Clause = Undo | After | Catch


# --- expressions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A reference to a value, an agent, a flow, a tool, a const, a function, an imported module."""

    text: str


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Int(Node):
    """`100_000`."""

    value: int
    written: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Float(Node):
    """`0.25`."""

    value: float
    written: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Duration(Node):
    """`1h30m`, in milliseconds."""

    milliseconds: int
    written: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Money(Node):
    """`$0.50`, in millionths of a US dollar."""

    micros: int
    written: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Size(Node):
    """`10MB`, in bytes (1 KB = 1,000 bytes)."""

    bytes: int
    written: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Rate(Node):
    """`60 per minute`, `100 per 30s`; `per` is a unit word or a duration."""

    count: "Expr"
    per: "Literal['second', 'minute', 'hour', 'day'] | Duration"


@dataclass(frozen=True, slots=True)
class Bool(Node):
    """`true`, `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class NoneLit(Node):
    """`none`."""


@dataclass(frozen=True, slots=True)
class ListLit(Node):
    """`[a, b]`."""

    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    """`[value for name in items if condition]`."""

    value: "Expr"
    name: Ident
    items: "Expr"
    condition: "Expr | None"


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`key: value` in a record literal; keys may be quoted."""

    key: Ident
    value: "Expr"


@dataclass(frozen=True, slots=True)
class RecordLit(Node):
    """`{ a: 1, "x-id": 2 }`."""

    entries: tuple[Entry, ...]


BinaryOp = Literal["or", "and", "==", "!=", "<=", ">=", "<", ">", "in", "not in", "+", "-", "*", "/", "%", "??"]


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left op right`. Comparisons do not chain."""

    op: BinaryOp
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`not x`, `-x`."""

    op: Literal["not", "-"]
    operand: "Expr"


@dataclass(frozen=True, slots=True)
class Member(Node):
    """`target.name`, or `target?.name` when `safe`."""

    target: "Expr"
    name: Ident
    safe: bool


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`target[index]`."""

    target: "Expr"
    index: "Expr"


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`callee(args)`: an action, a flow, a tool or a built-in function, told apart by the checker."""

    callee: "Expr"
    args: tuple[Arg, ...]


@dataclass(frozen=True, slots=True)
class Conditional(Node):
    """`if c then a else b`."""

    condition: "Expr"
    then: "Expr"
    otherwise: "Expr"


@dataclass(frozen=True, slots=True)
class ValueArm(Node):
    """`"a" | "b" then value`."""

    patterns: tuple[Pattern, ...]
    value: "Expr"


@dataclass(frozen=True, slots=True)
class MatchValue(Node):
    """`match subject { "a" then 1, _ then 2 }`."""

    subject: "Expr"
    arms: tuple[ValueArm, ...]


@dataclass(frozen=True, slots=True)
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

TestStmt = Mock | Expect | Let | TestRun

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
