"""Records: data that nobody changes. Immutable to the type checker, plain to the interpreter, cheap to declare.

The decorator of all rooms for immutable data. A record is a slotted dataclass (`fields`, `replace`, `match`, copies,
pickling and inheritance work) whose fields may not be assigned to: the type checker refuses it, and nothing guards
them while the program runs, because a guard makes each record four times dearer to build. The standard decorator
compiles the text of six methods for every class, which at 200 classes was a third of the time that a command took to
start. Here one `__init__` is compiled per number of fields and takes the names of each class, and the other methods
are closures. Knows nothing of what records mean.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def record(cls: type[T], /) -> type[T]: ...


@overload
def record(*, eq: bool) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T] | None = None, /, *, eq: bool = True) -> type[T] | Callable[[type[T]], type[T]]:
    """A class of immutable data: slotted, built from its fields, compared and hashed by them.

    Args:
        cls: the class, with annotated fields. Methods that it defines itself stay as they are.
        eq: False compares and hashes by identity.

    Raises:
        TypeError: a field is not given by the caller or a plain default, or something is to happen after building.
    """
    return _record(cls, eq=eq) if cls is not None else lambda given: _record(given, eq=eq)


def _record(given: type[T], *, eq: bool) -> type[T]:
    if given.__doc__ is None:
        given.__doc__ = given.__name__  # else the standard decorator parses signatures to write one, which takes 10 ms
    cls: Any = dataclass(init=False, repr=False, eq=False, slots=True)(given)
    its = fields(cls)
    if hasattr(cls, "__post_init__") or any(not one.init or one.default_factory is not MISSING for one in its):
        raise TypeError(f"{cls.__qualname__} does more than hold what it is given: it is no record")
    methods: dict[str, object] = {"__init__": _init(cls, its), "__repr__": _repr([one.name for one in its if one.repr])}
    if eq:
        values = _values([one.name for one in its if one.compare])
        methods |= {"__eq__": _eq(values), "__hash__": _hash(values)}
    for name, method in methods.items():
        if vars(given).get(name) is None:  # `__hash__` is None where a class has an `__eq__` of its own
            setattr(cls, name, method)
    made: type[T] = cls
    return made


def _init(cls: type, its: Sequence["Field[Any]"]) -> FunctionType:
    """The `__init__` of a class: the code for that number of fields, with these names."""
    free = [one for one in its if not one.kw_only]
    named = [one for one in its if one.kw_only]
    names = tuple([one.name for one in (*free, *named)])
    code = _storing(len(names)).replace(
        co_argcount=1 + len(free),
        co_kwonlyargcount=len(named),
        co_varnames=("self", *names),
        co_names=names,
        co_qualname=f"{cls.__qualname__}.__init__",
    )
    made = FunctionType(code, vars(sys.modules[cls.__module__]), "__init__")
    made.__defaults__ = tuple([one.default for one in free if one.default is not MISSING])
    made.__kwdefaults__ = {one.name: one.default for one in named if one.default is not MISSING}
    made.__annotations__ = {one.name: one.type for one in its} | {"return": None}
    return made


@cache
def _storing(count: int) -> CodeType:
    """The code of an `__init__` that stores so many arguments."""
    names = [f"a{number}" for number in range(count)]
    body = "".join(f" self.{name} = {name}\n" for name in names) or " pass\n"
    text = f"def __init__({', '.join(['self', *names])}):\n{body}"
    return next(part for part in compile(text, "<record>", "exec").co_consts if isinstance(part, CodeType))


def _values(names: Sequence[str]) -> Callable[[object], object]:
    """Gives a record's fields of these names, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _: ()
    only = attrgetter(names[0])
    return lambda one: (only(one),)


def _eq(values: Callable[[object], object]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return __eq__


def _hash(values: Callable[[object], object]) -> Callable[[object], int]:
    return lambda self: hash(values(self))


def _repr(names: Sequence[str]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({told})"

    return __repr__
