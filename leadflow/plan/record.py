"""Records that are made by the hundred thousand: immutable to the type checker, plain to the interpreter.

A frozen dataclass writes each field through `object.__setattr__`, which makes it two to five times dearer to build
than a plain one. What is made once per node, per call or per event is a `record` instead: the type checker refuses to
assign to its fields, and nothing guards them while the program runs.
"""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """A slotted dataclass that is compared and hashed by its fields and that nobody may change."""
    return dataclass(slots=True, unsafe_hash=True)(cls)
