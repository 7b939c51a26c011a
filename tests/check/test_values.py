"""The types of the checker hold: what an expression gives, whatever it reads, is of the type that was found."""

from collections.abc import Callable, Mapping
from random import Random

import pytest

from leadflow.pipeline import check_source, plan_of
from leadflow.plan.plan import Return
from leadflow.plan.types import Money, Value, show
from leadflow.run.errors import ValueProblem
from leadflow.run.evaluate import compile_expr
from leadflow.run.values import Mismatch, admit
from leadflow.syntax import tree
from tests.values import Room

HEAD = """leadflow 1
type Rec { a: string  k: "x" | "y"  q: int?  l: list[int] }
type A { kind: "a"  n: int  o: string? }
type B { kind: "b"  s: string }
"""
_RECORD: Value = {"a": "z", "k": "x", "q": None, "l": (4, 5)}
_OTHER: Value = {"a": "y", "k": "y", "q": 3, "l": ()}
_A: Value = {"kind": "a", "n": 4, "o": None}
_B: Value = {"kind": "b", "s": "t"}
PARAMS: Mapping[str, tuple[str, tuple[Value, ...]]] = {
    "n": ("int", (3, 0, -2)),
    "f": ("float", (1.5,)),
    "s": ("string", ("hello", "")),
    "o": ("string?", (None, "opt")),
    "b": ("bool", (True, False)),
    "bo": ("bool?", (None, True, False)),
    "xs": ("list[string]", (("a", "b"), ())),
    "on": ("list[int?]", ((1, None), ())),
    "r": ("Rec", (_RECORD, _OTHER)),
    "ro": ("Rec?", (None, _OTHER)),
    "u": ("A | B", (_A, {"kind": "a", "n": 1, "o": "x"}, _B)),
    "uo": ("(A | B)?", (None, _A, _B)),
    "m": ("map[int]", ({"x": 1}, {})),
    "ml": ("map[list[string]]", ({"x": ("p",)}, {})),
    "c": ("money", (Money(1_500_000),)),
    "k": ('"x" | "y" | "z"', ("x", "y", "z")),
    "ko": ('("x" | "y")?', (None, "x")),
    "rs": ("list[Rec]", ((_RECORD, _OTHER), ())),
    "us": ("list[A | B]", ((_A, _B), ())),
}
"""Parameters, their types, and values of each."""
_OWNERS = ("xs", "m", "ml", "on", '["x", "y"]')
_MEMBERS = ("a", "k", "q", "l", "kind", "n", "o", "s", "key", "value")
_CALLS = (
    "len(1)", "upper(1)", "string(1)", "int(1)", "abs(1)", "max(1)", "min(1, 2)", "sum(1)", "average(1)", "first(1)",
    "last(1)", "take(1, n)", "slice(1, 0, n)", "compact(1)", "flatten(1)", "sort(1)", "unique(1)", "zip(1, 2)",
    "index_of(1, 2)", "keys(1)", "values(1)", "entries(1)", "merge(1, 2)", "join(1, s)", 'group_by(1, "k")',
    'count_by(1, "kind")', 'index_by(1, "a")', 'sort_by(1, "a")', "to_json(1)",
)  # fmt: skip


class Writer:
    """Writes expressions over the parameters, most of which the checker refuses."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.names = [*PARAMS]

    def path(self) -> str:
        """A name and some of its parts."""
        parts = [self.chance.choice((".", ".", "?.")) + self.chance.choice(_MEMBERS) for _ in range(2)]
        end = self.chance.choice(("", "", "", "[0]", '["x"]'))
        return self.chance.choice(self.names) + "".join(parts[: self.chance.choice((0, 0, 1, 1, 2))]) + end

    def condition(self, depth: int) -> str:
        """Something that is true or false."""
        one, pick = self.path(), self.chance.choice
        if depth and self.chance.random() < 0.3:
            two = self.condition(depth - 1)
            return pick((f"not ({two})", f"({two} and {self.condition(0)})", f"({two} or {self.condition(0)})"))
        literal = pick(('"x"', '"y"', '"a"', '"b"', "3", "k", "o", "none", "none"))
        return pick(
            (
                f"{one} {pick(('==', '!='))} {literal}",
                f"{one} ?? {pick(('true', 'false'))}",
                f"{one} in {pick(_OWNERS)}",
                f"{one} > {self.path()}",
                pick(("b", "bo")),
            )
        )

    def value(self, depth: int) -> str:
        """Anything."""
        if depth == 0:
            return self.chance.choice((self.path(), self.path(), self.path(), "1", '"x"', "none", "[]", "$1"))
        forms: tuple[Callable[[int], str], ...] = (self._operator, self._choice, self._match, self._list, self._call)
        return self.chance.choice(forms)(depth - 1)

    def _operator(self, depth: int) -> str:
        operator = self.chance.choice(("+", "-", "*", "/", "??", "??", "??", "=="))
        return f"({self.value(depth)} {operator} {self.value(depth)})"

    def _choice(self, depth: int) -> str:
        return f"(if {self.condition(depth)} then {self.value(depth)} else {self.value(depth)})"

    def _match(self, depth: int) -> str:
        arms = self.chance.choice((('"x"', '"y"', "_"), ('"a"', '"b"'), ("none", "_"), ('"a"', '"b"', "none")))
        return f"(match {self.path()} {{ {', '.join(f'{arm} then {self.value(depth)}' for arm in arms)} }})"

    def _list(self, depth: int) -> str:
        name, items = f"v{len(self.names)}", self.value(depth)
        self.names += [name] * 9
        condition = self.chance.choice(("", f" if {self.condition(depth)}"))
        value = self.value(depth)
        del self.names[-9:]
        return f"[{value} for {name} in {items}{condition}]"

    def _call(self, depth: int) -> str:
        form = self.chance.choice(_CALLS)
        return form.replace("(1", f"({self.value(depth)}").replace(", 2", f", {self.value(depth)}")


@pytest.mark.parametrize("seed", range(4))
def test_what_an_expression_gives_is_of_its_type(seed: int) -> None:
    """Narrowed or not, a value is of the type that the checker found; only arithmetic may fail."""
    chance = Random(seed)
    params = ", ".join(f"{name}: {type_}" for name, (type_, _) in PARAMS.items())
    accepted = 0
    for _ in range(400):
        written = Writer(chance).value(chance.choice((1, 1, 1, 2)))
        checked, report = check_source("m.flow", f"{HEAD}flow main({params}) -> json {{ return {{ v: {written} }} }}\n")
        if checked is None or report.has_errors:
            continue
        accepted += 1
        last = checked.flows["main"].decl.body.statements[-1]
        assert isinstance(last, tree.Return) and isinstance(last.value, tree.RecordLit)
        found = checked.types[last.value.entries[0].value.id]
        (work,) = (node.work for node in plan_of(checked).flows["main"].nodes if isinstance(node.work, Return))
        for _ in range(4):
            room = Room({}, tuple(chance.choice(values) for _, values in PARAMS.values()))
            try:
                given = compile_expr(work.value)(room)
            except ValueProblem as problem:
                assert "division by zero" in problem.message, written
                continue
            assert isinstance(given, Mapping)
            assert not isinstance(admit(found, given["v"]), Mismatch), (show(found), written)
    assert accepted > 10
