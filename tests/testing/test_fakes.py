"""Made-up values: whatever the type, they fit it; the same words give the same value."""

from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.types import (
    BOOL,
    DURATION,
    FILE,
    FLOAT,
    INT,
    JSON,
    MONEY,
    STRING,
    TIME,
    Constraint,
    FieldType,
    Length,
    ListType,
    LiteralType,
    MapType,
    Pattern,
    Range,
    RecordType,
    Type,
    UnionType,
    optional,
)
from leadflow.run.values import Mismatch, admit
from leadflow.testing.fakes import fake, sample

PATTERNS = ["T-[0-9]{4}", "(a|bc)*d?", "[^a-z]+", "\\w{2,5}@\\w+\\.(com|org)", "é|ü+", "."]
WORDS = st.sampled_from(["a", "b", "status", "x-id"])


@st.composite
def constrained(draw: st.DrawFn) -> tuple[Type, tuple[Constraint, ...]]:
    """A type of a field, and constraints that some value keeps."""
    low = draw(st.integers(-50, 50))
    high = low + draw(st.integers(0, 20))
    ends = draw(st.sampled_from([(low, high), (low, None), (None, high)]))
    count = draw(st.integers(0, 6))
    length = Length(count, draw(st.sampled_from([count, count + 3, None])))
    kinds: list[tuple[Type, tuple[Constraint, ...]]] = [
        (INT, (Range(*ends),)),
        (FLOAT, (Range(*ends),)),
        (FLOAT, (Range(0.25, 0.5),)),
        (STRING, (length,)),
        (STRING, (Pattern(draw(st.sampled_from(PATTERNS))),)),
        (ListType(INT), (length,)),
        (optional(INT), (Range(*ends),)),
    ]
    return draw(st.sampled_from(kinds))


def fields(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    """Records of fields with and without constraints."""
    field = st.one_of(inner.map(lambda type_: (type_, ())), constrained())
    return st.dictionaries(WORDS, field, max_size=4).map(
        lambda made: RecordType(tuple(FieldType(name, type_, constraints=c) for name, (type_, c) in made.items()))
    )


PLAIN: list[Type] = [STRING, INT, FLOAT, BOOL, DURATION, MONEY, TIME, FILE, JSON, LiteralType("only")]
TYPES: st.SearchStrategy[Type] = st.recursive(
    st.one_of(
        st.sampled_from(PLAIN),
        st.lists(WORDS, min_size=2, max_size=4, unique=True).map(lambda w: UnionType(tuple(map(LiteralType, w)))),
    ),
    lambda inner: st.one_of(inner.map(ListType), inner.map(MapType), inner.map(optional), fields(inner)),
    max_leaves=8,
)


@given(TYPES, st.text(max_size=10))
def test_a_fake_fits_its_type(type_: Type, words: str) -> None:
    """What is made up passes the door of its type unchanged, and is the same each time; so is the plain one."""
    value = fake(type_, words)
    assert not isinstance(admitted := admit(type_, value), Mismatch), admitted
    assert value == admitted == fake(type_, words)
    plain = sample(type_)
    assert plain == admit(type_, plain)


def test_other_words_give_other_values() -> None:
    """A type with many values is not made up the same for each call."""
    type_ = RecordType((FieldType("a", INT), FieldType("b", STRING), FieldType("c", ListType(FLOAT))))
    assert 20 < len({repr(fake(type_, str(number))) for number in range(30)})
