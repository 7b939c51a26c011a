"""Tries mutants of functions without reading the tests anew for each: the tests are read once, and each mutant is a
process forked behind that, in which one function has other code.

A mutant of what stands in no function (a table, a field, a constant) is none for this room: others may hold a copy of
what it changes. `functions` says which are.
"""

import ast
import importlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from tests.gate.mutations import mutated

PACKAGE = "leadflow.policies"


def functions(text: str) -> set[str]:
    """The functions of a module, each by its way from the top: `f`, `Class.method`, `f.inner`."""
    found: set[str] = set()
    waiting: list[tuple[ast.AST, str]] = [(ast.parse(text), "")]
    while waiting:
        node, inside = waiting.pop()
        for child in ast.iter_child_nodes(node):
            within = inside
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                within = f"{inside}.{child.name}" if inside else child.name
                if not isinstance(child, ast.ClassDef):
                    found.add(within)
            waiting.append((child, within))
    return found


def function_at(module: ModuleType, path: str) -> FunctionType | None:
    """The function that a way leads to, or the one around it; None when it is something else by now."""
    found: Any = module
    for name in path.split("."):
        found = vars(found).get(name)
        if isinstance(found, property):
            found = found.fget
        elif isinstance(found, staticmethod | classmethod):
            found = found.__func__
        if isinstance(found, FunctionType):
            return found
        if not isinstance(found, type):
            return None
    return None


def made(code: str | ast.Module, name: str = "made", path: str = "made.py") -> ModuleType:
    """A module of that code, which nobody else sees."""
    module = ModuleType(name)
    exec(compile(code, path, "exec"), vars(module))  # noqa: S102
    return module


def patch(path: Path, function: str, number: int) -> None:
    """Give a function of a loaded module the code that it has in a mutant."""
    name = f"{PACKAGE}.{path.stem}"
    shadow = made(mutated(path.read_text("utf-8"), number), name, str(path))
    old, new = function_at(importlib.import_module(name), function), function_at(shadow, function)
    if old is None or new is None:
        raise LookupError(function)
    # A mutant without its `super()` has no use for the class that a function brings along with it, which stays.
    code = new.__code__.replace(co_freevars=old.__code__.co_freevars)
    old.__code__, old.__defaults__, old.__kwdefaults__ = code, new.__defaults__, new.__kwdefaults__


class Warm:
    """A plugin of pytest: when all tests have been read, others decide what becomes of them."""

    def __init__(self, go_on: Callable[["Warm"], None]) -> None:
        self._go_on = go_on
        self._items: dict[str, pytest.Item] = {}
        self.failed = False

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """In place of running the tests."""
        self._items = {item.nodeid: item for item in session.items}
        self._go_on(self)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        self.failed = self.failed or report.failed

    def run(self, tests: Sequence[str]) -> int:
        """Run these tests until one fails; 1 when one did."""
        items = [self._items[test] for test in tests if test in self._items]
        for item, following in zip(items, [*items[1:], None], strict=True):
            try:
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            except (KeyboardInterrupt, SystemExit, pytest.exit.Exception):
                return 1
            if self.failed:
                return 1
        return 0

    @property
    def tests(self) -> list[str]:
        """All that were read."""
        return list(self._items)


def told(read: int) -> Iterator[Any]:
    """What another process writes into a pipe, a line of JSON each."""
    with os.fdopen(read, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def tell(write: int, what: object) -> None:
    """Write a line of JSON into a pipe."""
    os.write(write, (json.dumps(what) + "\n").encode())
