"""What hypothesis draws of values and of expressions, well-typed or not."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from leadflow.plan.expr import (
    Apply,
    Binary,
    BinaryOp,
    Choose,
    Comprehension,
    Const,
    Expr,
    Fit,
    Guard,
    Index,
    ListOf,
    Local,
    Member,
    NodeValue,
    Phi,
    RecordOf,
    Template,
    Unary,
)
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.types import INT, STRING, FileRef, ListType, Money, Value
from leadflow.run.context import RunValues

TEXTS = st.text(max_size=8)
NAMES = st.sampled_from(["a", "b", "$a", "$$", "$duration", "__proto__", "lc", "$ref", "'); DROP", "a.b", 'a"\n'])
WHOLE = st.one_of(st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1))
NUMBERS = st.one_of(WHOLE, st.floats(allow_nan=False, allow_infinity=False))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))])
SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.timedeltas(),
    st.builds(Money, WHOLE),
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=ZONES).map(
        lambda time: time.replace(fold=0)
    ),
    st.builds(FileRef, st.sampled_from(["a.txt", "b/c"])),
)


def values(leaves: int = 12) -> st.SearchStrategy[Value]:
    """Any value."""
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(tuple),
            st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=4),
        ),
        max_leaves=leaves,
    )


def expressions(leaves: int = 12) -> st.SearchStrategy[Expr]:
    """Any expression over `Room`, most of them without a type that fits."""
    atoms: st.SearchStrategy[Expr] = st.one_of(
        st.builds(Const, values(4)),
        st.builds(NodeValue, st.sampled_from([0, 1, 2])),
        st.builds(Local, st.just(0)),
    )
    return st.recursive(atoms, _larger, max_leaves=leaves)


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    some = st.lists(inner, max_size=3).map(tuple)
    pattern = st.one_of(st.none(), st.tuples(st.one_of(st.booleans(), st.integers(0, 3), NAMES)))
    return st.one_of(
        st.builds(Binary, st.sampled_from(get_args(BinaryOp)), inner, inner),
        st.builds(Unary, st.sampled_from(["not", "-"]), inner),
        st.builds(Member, inner, NAMES, st.booleans()),
        st.builds(Index, inner, inner),
        st.builds(ListOf, some),
        st.builds(RecordOf, st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple)),
        st.builds(Comprehension, inner, st.just(0), inner, st.one_of(st.none(), inner)),
        st.builds(Choose, inner, st.lists(st.tuples(pattern, inner), max_size=3).map(tuple)),
        st.builds(Phi, st.tuples(st.tuples(st.just(Guard(0, (1,))), inner), st.tuples(st.none(), inner))),
        st.builds(Template, st.lists(st.one_of(TEXTS, inner), max_size=3).map(tuple), st.sampled_from(_SLOTS)),
        st.builds(Fit, inner, st.sampled_from([INT, STRING, ListType(INT)])),
        st.sampled_from(sorted(FUNCTIONS)).flatmap(lambda name: _application(name, inner)),
    )


_SLOTS = ["text", "path", "header", "query"]


def _application(name: str, inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    params = FUNCTIONS[name].params
    least = sum(param.required for param in params)
    most = 3 if params[-1].many else len(params)
    return st.builds(Apply, st.just(name), st.lists(inner, min_size=least, max_size=most).map(tuple))


class Room:
    """An `Env` made by hand."""

    def __init__(self, nodes: Mapping[int, Value] | None = None, slots: tuple[Value, ...] = ()) -> None:
        self.nodes: Mapping[int, Value] = nodes or {}
        self.slots = slots
        self.lets: Mapping[int, Value] = {}
        self.locals: list[Value] = [None]
        self.fuel = 0
        self.run = RunValues("run-1", datetime(2026, 1, 2, tzinfo=UTC), "triage")

    def bound(self, scope: int, slot: int) -> Value:
        """A slot; there is one scope."""
        return self.slots[slot]

    def let(self, let: int) -> Value:
        """A value that is known already."""
        return self.lets[let]

    def holds(self, guard: Guard) -> bool:
        """Arm 0 was taken everywhere."""
        return guard.arms is None or 0 in guard.arms
