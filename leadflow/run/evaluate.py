"""Expressions to closures: what a plan's `Expr` gives when it is read in an `Env`.

Pure. Knows nothing of nodes and scopes but the questions of `Env`; what operators and functions mean stands in
`plan/operators.py` and `run/functions.py`. Evaluation always ends, soon, and with a value or a `ValueProblem`: there
is no recursion, work and sizes are paid from `Env.fuel`, and nothing that was put into a text is read again.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, assert_never, cast
from urllib.parse import quote

from leadflow.plan import forms
from leadflow.plan.expr import (
    Apply,
    Binary,
    Bound,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Index,
    LetValue,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    RunValue,
    SlotKind,
    Template,
    Unary,
)
from leadflow.plan.operators import (
    BINARY,
    FUEL,
    UNARY,
    NoValue,
    check_size,
    kind,
    pay_for,
    pay_for_text,
    same_key,
    spend,
    text_of_size,
    truth,
)
from leadflow.plan.types import Value
from leadflow.run.context import Compiled, Env
from leadflow.run.errors import InternalError, ValueProblem
from leadflow.run.functions import IMPLEMENTED
from leadflow.run.values import Mismatch, door

_Read: TypeAlias = Callable[[Env], Any]


def compile_expr(expr: Expr) -> Compiled:
    """The expression as a function; compile once, call often.

    The function raises `ValueProblem` when the expression has no value, and nothing else.
    """
    read = _compile(expr)
    if isinstance(expr, _READS):
        return read
    builds = any(isinstance(part, _BUILDS) for part in all_parts(expr))

    def evaluate(env: Env) -> Value:
        env.fuel = FUEL
        try:
            value = read(env)
            if builds and type(value) in _PARTS:
                check_size(value, env)
        except NoValue as problem:
            raise ValueProblem(str(problem)) from None
        return cast(Value, value)

    return evaluate


_READS = (Const, Bound, NodeValue, LetValue, Local, RunValue)
"""These cost and build nothing, and only a `let` can fail, with a `ValueProblem`."""
_BUILDS = (ListOf, RecordOf, Comprehension, Apply)
"""These may give a value with more in it than what they read."""
_PARTS = (tuple, dict)


def _compile(expr: Expr) -> _Read:
    return TABLE[type(expr)](expr)


def parts(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that an expression is made of."""
    match expr:
        case Const() | Bound() | NodeValue() | LetValue() | Local() | RunValue():
            return ()
        case Phi(cases):
            return tuple(value for _, value in cases)
        case Template(pieces):
            return tuple(piece for piece in pieces if not isinstance(piece, str))
        case Member(target):
            return (target,)
        case Index(target, index):
            return (target, index)
        case ListOf(items):
            return items
        case RecordOf(entries):
            return tuple(value for _, value in entries)
        case Comprehension(value, _, items, condition):
            return (value, items) if condition is None else (value, items, condition)
        case Binary(_, left, right):
            return (left, right)
        case Unary(_, operand):
            return (operand,)
        case Choose(subject, choices):
            return (subject, *(value for _, value in choices))
        case Apply(_, args):
            return args
        case Fit(value):
            return (value,)
        case _:
            assert_never(expr)


def all_parts(expr: Expr) -> list[Expr]:
    """The expression and everything it is made of."""
    found = [expr]
    for part in found:
        found.extend(parts(part))
    return found


def _weight(expr: Expr) -> int:
    """What one evaluation costs at most, in units of fuel; loops inside and large values pay for themselves."""
    return sum(map(_cost, all_parts(expr)))


def _cost(part: Expr) -> int:
    """One call of a closure, and what it does itself: figures from a profile, rounded up."""
    match part:
        case Template(parts, "path"):
            return 60 + 40 * len(parts)  # percent-encoding is done letter by letter
        case Template(parts):
            return 4 + 2 * len(parts)
        case ListOf() | RecordOf() | Phi() | Unary():
            return 4
        case Comprehension() | Apply():
            return 10
        case Fit():
            return 40
        case _:
            return 1


# --- reads --------------------------------------------------------------------------------------------------------


def _const(expr: Const) -> _Read:
    value = expr.value
    return lambda env: value


def _bound(expr: Bound) -> _Read:
    scope, slot = expr.scope, expr.slot
    return lambda env: env.bound(scope, slot)


def _node_value(expr: NodeValue) -> _Read:
    node = expr.node
    return lambda env: env.nodes[node]


def _let_value(expr: LetValue) -> _Read:
    let = expr.let
    return lambda env: env.let(let)


def _local(expr: Local) -> _Read:
    slot = expr.slot
    return lambda env: env.locals[slot]


def _run_value(expr: RunValue) -> _Read:
    match expr.name:
        case "id":
            return lambda env: env.run.id
        case "started":
            return lambda env: env.run.started
        case "flow":
            return lambda env: env.run.flow


def _phi(expr: Phi) -> _Read:
    cases = tuple((guard, _compile(value)) for guard, value in expr.cases)

    def choose(env: Env) -> Value:
        for guard, value in cases:
            if guard is None or env.holds(guard):
                return cast(Value, value(env))
        return None

    return choose


# --- into values --------------------------------------------------------------------------------------------------


def _member(expr: Member) -> _Read:
    target, name, safe = _compile(expr.target), expr.name, expr.safe

    def member(env: Env) -> Value:
        value = target(env)
        if type(value) is dict:
            return cast(Value, value.get(name))
        if value is None and safe:
            return None
        raise NoValue(f"{kind(value)} has no field '{name}'")

    return member


def _index(expr: Index) -> _Read:
    target, index = _compile(expr.target), _compile(expr.index)

    def item(env: Env) -> Value:
        value, at = target(env), index(env)
        if type(value) is tuple and type(at) is int:
            return cast(Value, value[at]) if 0 <= at < len(value) else None
        if type(value) is dict and type(at) is str:
            return cast(Value, value.get(at))
        raise NoValue(f"{kind(value)} has no item by {kind(at)}")

    return item


def _list_of(expr: ListOf) -> _Read:
    items = tuple(_compile(item) for item in expr.items)
    return lambda env: tuple([item(env) for item in items])


def _record_of(expr: RecordOf) -> _Read:
    entries = tuple((name, _compile(value)) for name, value in expr.entries)
    return lambda env: {name: value(env) for name, value in entries}


def _comprehension(expr: Comprehension) -> _Read:
    value, items, slot = _compile(expr.value), _compile(expr.items), expr.slot
    condition = None if expr.condition is None else _compile(expr.condition)
    price = 1 + _weight(expr.value) + (0 if expr.condition is None else _weight(expr.condition))

    def comprehend(env: Env) -> Value:
        found = items(env)
        if type(found) is not tuple:
            raise NoValue(f"{kind(found)} is no list to go through")
        spend(env, price * len(found))
        variables = env.locals
        while len(variables) <= slot:
            variables.append(None)
        made = []
        for item in found:
            variables[slot] = item
            if condition is None or truth(condition(env)):
                made.append(value(env))
        return tuple(made)

    return comprehend


def _fit(expr: Fit) -> _Read:
    value, pass_through = _compile(expr.value), door(expr.type)

    def fit(env: Env) -> Value:
        raw = value(env)
        before = env.fuel
        pay_for(raw, env)
        spend(env, before - env.fuel)  # it is read, and written anew
        fitted = pass_through(raw)
        return None if isinstance(fitted, Mismatch) else fitted

    return fit


# --- operators, functions, choices --------------------------------------------------------------------------------


def _binary(expr: Binary) -> _Read:
    """A chain of left operands is evaluated in a loop: `a + b + …` may be longer than Python's stack."""
    steps: list[Callable[[Any, Env], Any]] = []
    first: Expr = expr
    while isinstance(first, Binary):
        steps.append(_step(first))
        first = first.left
    start = _compile(first)
    if len(steps) == 1:
        step = steps[0]
        return lambda env: step(start(env), env)
    steps.reverse()

    def chain(env: Env) -> Value:
        value = start(env)
        for step in steps:
            value = step(value, env)
        return cast(Value, value)

    return chain


def _step(expr: Binary) -> Callable[[Any, Env], Any]:
    """What an operator makes of its left side."""
    right = _compile(expr.right)
    match expr.op:
        case "or":
            return lambda left, env: True if truth(left) else truth(right(env))
        case "and":
            return lambda left, env: truth(right(env)) if truth(left) else False
        case "??":
            return lambda left, env: right(env) if left is None else left
        case _:
            operate = BINARY[expr.op]
            return lambda left, env: operate(left, right(env), env)


def _unary(expr: Unary) -> _Read:
    operate, operand = UNARY[expr.op], _compile(expr.operand)
    return lambda env: operate(operand(env))


def _choose(expr: Choose) -> _Read:
    subject = _compile(expr.subject)
    match expr.cases:
        case (((True,), yes), (None, no)):
            then, otherwise = _compile(yes), _compile(no)
            return lambda env: then(env) if truth(subject(env)) else otherwise(env)
    arms: dict[object, _Read] = {}
    other: _Read | None = None
    for values, value in expr.cases:
        arm = _compile(value)
        if values is None:
            other = other or arm
        for pattern in values or ():
            arms.setdefault(_pattern_key(pattern), arm)

    def choose(env: Env) -> Value:
        value = subject(env)
        arm = arms.get(same_key(value, env), other)
        if arm is None:
            raise NoValue(f"no case of the match holds this {kind(value)}")
        return cast(Value, arm(env))

    return choose


class _NoMeter:
    """Patterns are the author's literals: free."""

    fuel = FUEL


def _pattern_key(pattern: Value) -> object:
    return same_key(pattern, _NoMeter())


def _apply(expr: Apply) -> _Read:
    function = IMPLEMENTED[expr.function]
    args = tuple(_compile(arg) for arg in expr.args)
    if len(args) == 1:
        only = args[0]
        return lambda env: function(env, only(env))
    return lambda env: function(env, *[arg(env) for arg in args])


# --- texts --------------------------------------------------------------------------------------------------------


def _template(expr: Template) -> _Read:
    fixed = tuple(part if isinstance(part, str) else "" for part in expr.parts)
    holes = tuple((index, _compile(part)) for index, part in enumerate(expr.parts) if not isinstance(part, str))
    escape = _escape(expr.slot)
    skeleton = "".join(part if isinstance(part, str) else "x" for part in expr.parts)

    def fill(env: Env) -> Value:
        pieces = list(fixed)
        size = 0
        for index, hole in holes:
            value = hole(env)
            if type(value) is not str:
                before = env.fuel
                pay_for_text(value, env)
                spend(env, _JSON + before - env.fuel if type(value) in _PARTS else _SCALAR)
                value = forms.to_text(value) if value is not None or escape is None else _refuse_none(expr.slot)
            size += len(value)
            if escape is _encode:
                spend(env, len(value))  # it looks at each letter
            pieces[index] = value if escape is None else escape(value)
        text_of_size(size)
        spend(env, size >> 8)
        text = "".join(pieces)
        text_of_size(len(text))
        if expr.slot == "path":
            _check_segments(text, skeleton)
        return text

    return fill


_JSON, _SCALAR = 80, 10
"""Units of fuel for writing a list or record as JSON, beside reading it once more, and for any other value."""


def _refuse_none(slot: SlotKind) -> str:
    raise NoValue(f"none cannot stand in a {slot}")


def _escape(slot: SlotKind) -> Callable[[str], str] | None:
    """How a hole's text is escaped where it stands (rule E5); None: not at all."""
    match slot:
        case "text" | "query":  # the entries of a query are encoded by who sends them
            return None
        case "path":
            return _encode
        case "header":
            return _header
        case "url" | "secret" | "sql":
            raise InternalError(f"a template in a slot of kind {slot}")
        case _:
            assert_never(slot)


def _encode(text: str) -> str:
    """One path segment or one query value: everything but letters, digits and `-._~` is percent-encoded."""
    return quote(text, safe="", errors="replace")


def _header(text: str) -> str:
    if any(char in text for char in "\r\n\0"):
        raise NoValue("a text with a line end cannot stand in a header")
    return text


def _check_segments(path: str, skeleton: str) -> None:
    """Refuse a path whose holes leave a segment empty or climb: `/t/${id}` with "" or ".." is another address."""
    written = skeleton.partition("?")[0].split("/")
    for segment, template in zip(path.partition("?")[0].split("/"), written, strict=True):
        if segment != template and segment in ("", ".", ".."):
            raise NoValue("a path segment would be empty" if not segment else f"a path segment would be '{segment}'")


TABLE: Mapping[type, Callable[[Any], _Read]] = {
    Const: _const,
    Bound: _bound,
    NodeValue: _node_value,
    LetValue: _let_value,
    Local: _local,
    RunValue: _run_value,
    Phi: _phi,
    Template: _template,
    Member: _member,
    Index: _index,
    ListOf: _list_of,
    RecordOf: _record_of,
    Comprehension: _comprehension,
    Binary: _binary,
    Unary: _unary,
    Choose: _choose,
    Apply: _apply,
    Fit: _fit,
}
"""How each expression is compiled; every member of `Expr` is here, as a test asserts."""
