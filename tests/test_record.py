"""Records behave as frozen, slotted dataclasses do, except that nothing guards them while the program runs."""

import copy
import inspect
import pickle
from collections.abc import Callable
from dataclasses import KW_ONLY, asdict, dataclass, field, fields, is_dataclass, replace
from typing import get_type_hints

import pytest

from leadflow.record import record


@record
class Part:
    """What all parts have."""

    id: int = field(compare=False, kw_only=True)


@record
class Word(Part):
    """A part with fields of its own, one of them with a default."""

    text: str
    more: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainPart:
    """`Part` as the standard library makes it."""

    id: int = field(compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class PlainWord(PlainPart):
    """`Word` as the standard library makes it."""

    text: str
    more: tuple[int, ...] = ()


@record
class Single:
    """One field."""

    value: float


@record
class Empty:
    """None at all."""


@record(eq=False)
class Symbol:
    """Compared by identity."""

    name: str


@record
class Own:
    """Compares and tells itself in its own way."""

    _: KW_ONLY
    value: object
    hidden: int = field(default=0, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __hash__(self) -> int:
        return 7


def test_the_fields_are_those_of_a_dataclass() -> None:
    """`fields` tells the same as for the standard decorator, in the same order."""
    assert is_dataclass(Word)
    assert [(f.name, f.type, f.compare, f.kw_only) for f in fields(PlainWord)] == [
        (f.name, f.type, f.compare, f.kw_only) for f in fields(Word)
    ]


def test_it_is_built_as_a_dataclass() -> None:
    """Signature, type hints and defaults of `__init__` are those of the standard decorator."""
    assert inspect.signature(PlainWord) == inspect.signature(Word)
    assert get_type_hints(PlainWord.__init__) == get_type_hints(Word.__init__)
    word = Word("a", id=1)
    assert ("a", (), 1) == (word.text, word.more, word.id)


@pytest.mark.parametrize(("args", "named"), [((), {"id": 1}), (("a",), {}), (("a", (), 1), {}), (("a",), {"x": 1})])
def test_wrong_arguments_are_refused_by_its_name(args: tuple[object, ...], named: dict[str, object]) -> None:
    """What does not fit the fields is a TypeError that names the class."""
    build: Callable[..., Word] = Word
    with pytest.raises(TypeError, match=r"Word\.__init__\(\)"):
        build(*args, **named)


def test_equal_by_the_compared_fields() -> None:
    """Fields that are not compared take no part in equality and hash; the class does."""
    assert Word("a", id=1) == Word("a", id=2)
    assert hash(Word("a", id=1)) == hash(Word("a", id=2))
    assert Word("a", id=1) != Word("b", id=1)
    others: list[object] = [PlainWord("a", id=1), Part(id=1), ("a", ())]
    assert Word("a", id=1) not in others


def test_no_field_and_one_field() -> None:
    """A field that is not equal to itself is equal in the same object, as in a tuple."""
    nothing = float("nan")
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    assert Single(nothing) == Single(nothing)
    assert Single(1.0) != Single(2.0)


def test_identity_where_asked_for() -> None:
    """With `eq=False` two records of the same fields differ."""
    assert Symbol("a") != Symbol("a")
    assert 2 == len({Symbol("a"), Symbol("a")})


def test_own_methods_stay() -> None:
    """What a class defines itself is not replaced."""
    assert Own(value=1) == Own(value=2)
    assert 7 == hash(Own(value=1))
    assert "Own(value=1)" == repr(Own(value=1))


def test_tells_itself_as_a_dataclass() -> None:
    """`repr` names the class and its fields in their order."""
    assert repr(PlainWord("a", (1,), id=2)).removeprefix("Plain") == repr(Word("a", (1,), id=2))


def test_copies() -> None:
    """`replace`, `copy`, `deepcopy`, pickles and `asdict` keep the fields."""
    word = Word("a", (1,), id=2)
    assert Word("b", (1,), id=2) == replace(word, text="b")
    for other in (copy.copy(word), copy.deepcopy(word), pickle.loads(pickle.dumps(word))):  # noqa: S301 - our own bytes
        assert (word, 2) == (other, other.id)
    assert {"id": 2, "text": "a", "more": (1,)} == asdict(word)


def test_it_is_matched() -> None:
    """Patterns take the positional fields."""
    match Word("a", (1,), id=2):
        case Word(text, (number,), id=name):
            assert ("a", 1, 2) == (text, number, name)


def test_it_has_no_room_for_more() -> None:
    """Slots: a name that is no field cannot be set."""
    with pytest.raises(AttributeError):
        object.__setattr__(Word("a", id=1), "other", 1)


def test_what_does_more_than_hold_is_refused() -> None:
    """A factory, a field that the caller does not give, or work after building: that is no record."""
    with pytest.raises(TypeError, match="it is no record"):

        @record
        class Made:
            items: list[int] = field(default_factory=list)

    with pytest.raises(TypeError, match="it is no record"):

        @record
        class Hidden:
            item: int = field(default=0, init=False)

    with pytest.raises(TypeError, match="it is no record"):

        @record
        class Busy:
            item: int

            def __post_init__(self) -> None:
                """Would do something."""
