"""What a condition is taken to tell is true: in the arm that is taken, every value is of the type that it has there."""

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadflow.pipeline import check_source
from leadflow.plan.types import NEVER, UNKNOWN, Type
from leadflow.record import record
from leadflow.run.values import Mismatch, admit
from leadflow.syntax import tree
from leadflow.syntax.walk import walk

Values = Mapping[str, Any]

PARAMS = {
    "t": "string",
    "k": '"a" | "b" | "c"',
    "x": "string?",
    "y": '("a" | "b")?',
    "flag": "bool?",
    "r": "Shape",
    "m": "map[string]",
}
DOMAINS: Mapping[str, list[object]] = {
    "t": ["a", "b", "z"],
    "k": ["a", "b", "c"],
    "x": [None, "a", "q"],
    "y": [None, "a", "b"],
    "flag": [None, True, False],
    "r": [{"kind": "dot"}, {"kind": "box", "name": "n"}, {"kind": "ring", "name": None}],
    "m": [{}, {"a": "1"}],
}
HEAD = """leadflow 1
type Dot { kind: "dot" }
type Box { kind: "box" | "ring"  name: string? }
type Shape = Dot | Box
"""


@record
class Condition:
    """A condition as it is written, and what it is for given values."""

    text: str
    holds: Callable[[Values], bool]


def read(name: str) -> Callable[[Values], object]:
    """What a name or path reads."""
    owner, _, field = name.replace("?", "").partition(".")
    return lambda values: values[owner][field] if field else values[owner]


def compared(name: str, word: str | None, equal: bool) -> Condition:
    """`name == "word"`, `name != none`."""
    written, get = "none" if word is None else f'"{word}"', read(name)
    return Condition(f"{name} {'==' if equal else '!='} {written}", lambda v: (get(v) == word) == equal)


def listed(name: str, words: list[str], inside: bool) -> Condition:
    """`name in ["a", "b"]`."""
    written, get = ", ".join(f'"{word}"' for word in words), read(name)
    return Condition(f"{name} {'in' if inside else 'not in'} [{written}]", lambda v: (get(v) in words) == inside)


def among(left: str, right: str) -> Condition:
    """`left == right` of two names."""
    return Condition(f"{left} == {right}", lambda v: v[left] == v[right])


NAMES = st.sampled_from(["t", "k", "x", "y", "r.kind"])
WORDS = st.sampled_from(["a", "b", "c", "z", "dot", "box"])
SIMPLE = st.one_of(
    st.builds(compared, NAMES, WORDS, st.booleans()),
    st.builds(compared, st.sampled_from(["x", "y", "flag"]), st.none(), st.booleans()),
    st.builds(listed, NAMES, st.lists(WORDS, min_size=1, max_size=2, unique=True), st.booleans()),
    st.builds(among, st.sampled_from("tkxy"), st.sampled_from("tkxy")),
    st.just(Condition("flag ?? false", lambda v: bool(v["flag"]))),
    st.just(Condition("flag ?? true", lambda v: v["flag"] is not False)),
    st.just(Condition('"a" in m', lambda v: "a" in v["m"])),
)


def _bigger(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    return st.one_of(
        inner.map(lambda c: Condition(f"not ({c.text})", lambda v: not c.holds(v))),
        st.builds(
            lambda a, b: Condition(f"({a.text}) and ({b.text})", lambda v: a.holds(v) and b.holds(v)), inner, inner
        ),
        st.builds(
            lambda a, b: Condition(f"({a.text}) or ({b.text})", lambda v: a.holds(v) or b.holds(v)), inner, inner
        ),
    )


def types_seen(text: str) -> list[dict[str, Type]]:
    """The types of all names in each `{ t: t, … }` of a flow."""
    checked, _ = check_source("main.flow", text)
    assert checked is not None
    records = [node for node in walk(checked.main.tree) if isinstance(node, tree.RecordLit)]
    return [{entry.key.text: checked.types[entry.value.id] for entry in one.entries} for one in records]


@given(st.recursive(SIMPLE, _bigger, max_leaves=5))
def test_what_a_condition_tells_is_true(condition: Condition) -> None:
    """For all values, those of the arm that is taken fit the types which the names have in it."""
    seen = "{ " + ", ".join(f"{name}: {name}" for name in PARAMS) + ' , entry: m["a"] }'
    listed = ", ".join(f"{name}: {type_}" for name, type_ in PARAMS.items())
    text = f"{HEAD}flow main({listed}) -> json {{ if {condition.text} {{ return {seen} }} return {seen} }}\n"
    then, otherwise = types_seen(text)
    asked = [all_ if re.search(rf"\\b{name}\\b", condition.text) else all_[:1] for name, all_ in DOMAINS.items()]
    for row in product(*asked):
        values: dict[str, Any] = dict(zip(DOMAINS, row, strict=True))
        types = then if condition.holds(values) else otherwise
        values["entry"] = values["m"].get("a")
        for name, value in values.items():
            assert is_of(types[name], value), (condition.text, values, name)


def is_of(type_: Type, value: object) -> bool:
    """Whether a value is of a type."""
    if type_ in (NEVER, UNKNOWN):
        return type_ == UNKNOWN
    return not isinstance(admit(type_, value), Mismatch)
