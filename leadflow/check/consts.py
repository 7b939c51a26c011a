"""The value of an expression that must be known beforehand. Works on expressions whose types have been found."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any, Literal, NoReturn, TypeVar

from leadflow.check.checked import ConstRef, LocalRef, RunRef
from leadflow.check.context import Context
from leadflow.check.messages.values import bad_constant, constant_needed
from leadflow.check.program import ConstSymbol, ModuleSymbol
from leadflow.diagnostics import Label
from leadflow.plan.operators import FUEL, Gauge, NoValue, pay_for, spend
from leadflow.plan.plan import Secret
from leadflow.plan.policy import PER_UNITS, PerTime
from leadflow.plan.types import UNKNOWN, FileRef, Money, Value
from leadflow.syntax import tree

BIGGEST = 2**63 - 1
"""The largest whole number."""

Folded = Value | Secret | PerTime
Some = TypeVar("Some", tuple[Any, ...], dict[str, Any])


class NotConstant(Exception):
    """The expression has no value beforehand; what can be said about it has been said."""


def fold(cx: Context, expr: tree.Expr, where: str) -> Folded:
    """The value of an inferred expression, noted in the tables. `where` is how messages call the place.

    Raises:
        NotConstant: it depends on a run, cannot be computed, or was reported before.
    """
    value: Folded = _Folder(cx, where).value(expr)
    if not isinstance(value, PerTime):
        cx.program.constants[expr.id] = value
    return value


class _Folder:
    """Computes one constant."""

    def __init__(self, cx: Context, where: str) -> None:
        self.cx = cx
        self.where = where

    def value(self, expr: tree.Expr) -> Any:
        """The value of an expression."""
        if self.cx.program.types.get(expr.id) == UNKNOWN:
            raise NotConstant
        rule = _RULES.get(type(expr))
        if rule is None:
            self.refuse(expr, "this is computed in a run")
        return rule(self, expr)

    def refuse(self, expr: tree.Expr, reason: str, labels: tuple[Label, ...] = ()) -> NoReturn:
        """Say that something is no constant."""
        self.cx.report(constant_needed(expr.span, where=self.where, reason=reason, labels=labels))
        raise NotConstant

    def fail(self, expr: tree.Expr, why: str) -> NoReturn:
        """Say that something cannot be computed."""
        self.cx.report(bad_constant(expr.span, why=why))
        raise NotConstant

    def name(self, expr: tree.Name) -> Any:
        """A constant's value."""
        ref = self.cx.program.refs.get(expr.id)
        if isinstance(ref, ConstRef):
            return ref.value
        if isinstance(ref, LocalRef):
            var = self.cx.frame.find(expr.text)
            labels = (Label(var.span, f"this {var.what} has its value in a run"),) if var is not None else ()
            self.refuse(expr, f"'{expr.text}' has its value in a run", labels)
        symbol = self.cx.scope.values.get(expr.text)
        found = self.cx.program.consts.get(symbol.key) if isinstance(symbol, ConstSymbol) else None
        if found is None:
            raise NotConstant
        return found[1]

    def member(self, expr: tree.Member) -> Any:
        """A constant of another file, or a field of a constant."""
        if isinstance(expr.target, tree.Name):
            if isinstance(self.cx.program.refs.get(expr.target.id), RunRef):
                self.refuse(expr, "it is known only in a run")
            module = self.cx.scope.values.get(expr.target.text)
            if isinstance(module, ModuleSymbol):
                symbol = module.scope.values.get(expr.name.text)
                found = self.cx.program.consts.get(symbol.key) if isinstance(symbol, ConstSymbol) else None
                if found is None:
                    raise NotConstant
                return found[1]
        owner = self.value(expr.target)
        if owner is None:
            return None
        return (
            owner.get(expr.name.text) if isinstance(owner, Mapping) else self.refuse(expr, "this is computed in a run")
        )

    def text(self, expr: tree.Text) -> str:
        """A text whose holes are constants."""
        parts = [part if isinstance(part, str) else self._hole(part) for part in expr.parts]
        size = sum(map(len, parts))
        if len(parts) > 1:  # texts of texts of texts grow fast, and are weighed before they are made
            self._pay(expr, size // 8)
        return "".join(parts)

    def list_(self, expr: tree.ListLit) -> tuple[Any, ...]:
        """A list."""
        return self._weighed(expr, tuple(self.value(item) for item in expr.items))

    def _hole(self, expr: tree.Expr) -> str:
        value = self.value(expr)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int):
            return str(value)
        self.refuse(expr, "only texts, whole numbers, true and false are put into constant texts")

    def record(self, expr: tree.RecordLit) -> dict[str, Any]:
        """A record, with the fields that it leaves out."""
        found = {entry.key.text: self.value(entry.value) for entry in expr.entries}
        return self._weighed(expr, {**found, **self.cx.program.fills.get(expr.id, {})})

    def _weighed(self, expr: tree.Expr, value: Some) -> Some:
        """The value, unless there is too much in it: what stands in it twice counts twice."""
        gauge = Gauge()
        try:
            pay_for(value, gauge)
        except NoValue:
            self.fail(expr, "the value is too large")
        self._pay(expr, FUEL - gauge.fuel)
        return value

    def _pay(self, expr: tree.Expr, units: int) -> None:
        try:
            spend(self.cx.program.gauge, units)
        except NoValue:
            self.fail(expr, "together with the other constants it is too large")

    def rate(self, expr: tree.Rate) -> PerTime:
        """An amount per time."""
        per = PER_UNITS[expr.per] if isinstance(expr.per, str) else timedelta(milliseconds=expr.per.milliseconds)
        count = self.value(expr.count)
        if not isinstance(count, int) or isinstance(count, bool):
            raise NotConstant
        if count < 1 or per <= timedelta(0):
            self.fail(expr, "a rate is at least 1 per some time")
        return PerTime(count, per)

    def choice(self, expr: tree.Conditional) -> Any:
        """One of two constants."""
        return self.value(expr.then if self.value(expr.condition) else expr.otherwise)

    def unary(self, expr: tree.Unary) -> Any:
        """`not x`, `-x`."""
        value = self.value(expr.operand)
        if expr.op == "not":
            return not value
        return Money(-value.micros) if isinstance(value, Money) else -value

    def binary(self, expr: tree.Binary) -> Any:
        """Arithmetic, comparison and logic on constants."""
        left = self.value(expr.left)
        match expr.op:
            case "and":
                return left and self.value(expr.right)
            case "or":
                return left or self.value(expr.right)
            case "??":
                return self.value(expr.right) if left is None else left
        if expr.op not in _OPERATORS:  # a text that the parser has mended
            raise NotConstant
        right = self.value(expr.right)
        return self._sized(expr, self._compute(expr, left, right))

    def _compute(self, expr: tree.Binary, left: Any, right: Any) -> Any:
        if expr.op in ("/", "%") and (right in (0, timedelta(0)) or right == Money(0)):
            self.fail(expr, "division by zero")
        money = isinstance(left, Money) or isinstance(right, Money)
        a, b = (getattr(left, "micros", left), getattr(right, "micros", right)) if money else (left, right)
        try:
            result = _OPERATORS[expr.op](a, b)
        except (OverflowError, TypeError, ValueError):
            self.fail(expr, "the result is out of range")
        if (
            money
            and expr.op in ("+", "-", "*", "/")
            and not (isinstance(left, Money) and isinstance(right, Money) and expr.op == "/")
        ):
            return Money(round(result))
        return result

    def _sized(self, expr: tree.Binary, value: Any) -> Any:
        number = value.micros if isinstance(value, Money) else value
        if isinstance(number, int) and abs(number) > BIGGEST:
            self.fail(expr, "the number is too large")
        if isinstance(number, float) and not isfinite(number):
            self.fail(expr, "the number is too large")
        return value

    def call(self, expr: tree.Call) -> Secret | FileRef:
        """`file("a.txt")`; `secret("X")` and what is made of one."""
        known = self.cx.program.constants.get(expr.id)
        if isinstance(known, FileRef):
            return known
        name = expr.callee.text if isinstance(expr.callee, tree.Name) else ""
        values = [arg.value for arg in expr.args]
        if name == "secret" and len(values) == 1 and isinstance(values[0], tree.Text) and values[0].plain:
            return Secret(values[0].plain)
        form = _FORMS.get(name)
        if form is None or not values:
            self.refuse(expr, "functions are called in a run")
        inner = self.value(values[-1])
        if not isinstance(inner, Secret):
            raise NotConstant
        text = self.value(values[0]) if len(values) == 2 else ""
        if inner.form != "raw":
            self.refuse(expr, f"'{name}' is made of a plain secret(…)")
        return Secret(inner.name, form, str(text))


_FORMS: Mapping[str, Literal["bearer", "hmac", "basic", "prefix"]] = {
    "bearer": "bearer",
    "hmac": "hmac",
    "basic": "basic",
    "prefix": "prefix",
}

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}

_RULES: Mapping[type, Callable[[_Folder, Any], Any]] = {
    tree.Name: _Folder.name,
    tree.Member: _Folder.member,
    tree.Text: _Folder.text,
    tree.Int: lambda f, e: e.value,
    tree.Float: lambda f, e: e.value,
    tree.Bool: lambda f, e: e.value,
    tree.NoneLit: lambda f, e: None,
    tree.Size: lambda f, e: e.bytes,
    tree.Money: lambda f, e: Money(e.micros),
    tree.Duration: lambda f, e: timedelta(milliseconds=e.milliseconds),
    tree.Rate: _Folder.rate,
    tree.ListLit: _Folder.list_,
    tree.RecordLit: _Folder.record,
    tree.Conditional: _Folder.choice,
    tree.Unary: _Folder.unary,
    tree.Binary: _Folder.binary,
    tree.Call: _Folder.call,
}
"""Expressions that may be constant; the others never are."""
