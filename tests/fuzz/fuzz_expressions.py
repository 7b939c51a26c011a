"""Random expressions, well-typed or not, evaluated while Python reports what is opened, imported or run.

Nothing may be; no expression may give anything but a value or a value problem; every bomb has to end within 50 ms, or
on a slower machine within four times what the plainest bomb takes there.

    python -m tests.fuzz.fuzz_expressions --expressions 1000000 --seed 1

prints one line of JSON and ends with 1 when anything is wrong. Each finding names the seed that makes it again.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import get_args

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
    SlotKind,
    Template,
    Unary,
)
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.types import INT, STRING, FileRef, ListType, Money, Value
from leadflow.run.errors import ValueProblem
from leadflow.run.evaluate import compile_expr
from tests.fuzz.tally import Tally
from tests.values import Room

SLOW = 0.05
"""Seconds that an evaluation may take (case 38), on a machine that does the plain bomb in a quarter of that."""
TRIES = 12
"""How often what seemed to be slow is tried again."""
PLAIN_BOMB = Comprehension(
    Comprehension(Local(0), 1, Apply("range", (Const(3_000),)), None), 0, Apply("range", (Const(3_000),)), None
)
"""It does nothing but go round until the fuel is used up."""
HARMLESS = frozenset({"builtins.id", "object.__getattr__", "sys._getframe", "gc.get_objects", "time.sleep"})
"""What Python reports and nobody outside could notice."""

_NAMES = ("a", "b", "id", "__class__", "__proto__", "$ref", "x.y", "'); DROP", "${a}", "")
_NODES: Mapping[int, Value] = {0: {"id": "T-1", "a": ("x", 2), "b": None}, 1: (1, 2, 3), 2: None, 3: "abc" * 50}
_LONG = "x" * 1_000_000
_MANY: Value = tuple(range(50_000))


@dataclass(slots=True)
class ExpressionTally(Tally):
    """What became of the expressions so far."""

    expressions: int = 0
    valued: int = 0
    """Those that had a value."""
    escapes: int = 0
    """Something outside was opened, imported or run."""

    @property
    def wrong(self) -> int:
        """How much is wrong."""
        return self.escapes + self.uncaught + self.slow


# --- making -------------------------------------------------------------------------------------------------------


def constant(chance: Random) -> Value:
    """A value; now and then a large one."""
    match chance.randrange(16):
        case 0:
            return None
        case 1:
            return chance.random() < 0.5
        case 2:
            return chance.choice((2**63 - 1, -(2**63), 10**12, 60_000))
        case 3:
            return chance.choice((0.5, 1e308, -0.0, 1e-320))
        case 4:
            return timedelta(seconds=chance.choice((0, 1, 86_400 * 400, -5)))
        case 5:
            return Money(chance.randrange(10**9))
        case 6:
            return datetime(2026, 3, chance.randrange(1, 28), tzinfo=UTC)
        case 7:
            return FileRef("a.txt")
        case 8:
            return {name: chance.randrange(9) for name in chance.sample(_NAMES, 3)}
        case 9:
            return tuple(chance.randrange(9) for _ in range(chance.randrange(5)))
        case 10 if chance.randrange(6) == 0:
            return chance.choice((_LONG, _MANY))
        case 11 | 12:
            return chance.choice(("", "abc", "${run.id}", "{0.__class__}", "%s", "\ud7ff", "a\r\nb", *_NAMES))
        case _:
            return chance.randrange(-3, 12)


def expression(chance: Random, depth: int) -> Expr:
    """An expression at most so deep."""
    if depth <= 0 or chance.randrange(12) == 0:
        return _LEAVES[chance.randrange(len(_LEAVES))](chance)
    return _FORMS[chance.randrange(len(_FORMS))](chance, depth - 1)


def _some(chance: Random, depth: int, most: int = 3) -> tuple[Expr, ...]:
    return tuple([expression(chance, depth) for _ in range(chance.randrange(most + 1))])


def _application(chance: Random, depth: int) -> Expr:
    name = chance.choice(_FUNCTIONS)
    params = FUNCTIONS[name].params
    least = sum(param.required for param in params)
    count = chance.randint(least, 3 if params[-1].many else len(params))
    return Apply(name, tuple([expression(chance, depth) for _ in range(count)]))


def _choose(chance: Random, depth: int) -> Expr:
    cases: list[tuple[tuple[Value, ...] | None, Expr]] = [
        ((chance.choice((True, 1, "abc", None)),), expression(chance, depth)) for _ in range(chance.randrange(3))
    ]
    return Choose(expression(chance, depth), (*cases, (None, expression(chance, depth))))


def _template(chance: Random, depth: int) -> Expr:
    parts = [expression(chance, depth) if chance.randrange(2) else "/t?q=" for _ in range(chance.randrange(4))]
    return Template(tuple(parts), chance.choice(_SLOTS))


def _range(chance: Random, depth: int) -> Expr:
    return Apply("range", (Const(chance.choice((3, 300, 3_000, 10**12))),))


def _loop(chance: Random, depth: int) -> Expr:
    condition = expression(chance, depth) if chance.randrange(3) == 0 else None
    items = _range(chance, depth) if chance.randrange(2) else expression(chance, depth)
    return Comprehension(expression(chance, depth), chance.randrange(3), items, condition)


_SLOTS: tuple[SlotKind, ...] = ("text", "path", "header", "query")
_FUNCTIONS = sorted(FUNCTIONS)
_LEAVES: tuple[Callable[[Random], Expr], ...] = (
    lambda chance: Const(constant(chance)),
    lambda chance: Const(constant(chance)),
    lambda chance: NodeValue(chance.randrange(4)),
    lambda chance: Local(chance.randrange(3)),
)
_FORMS: tuple[Callable[[Random, int], Expr], ...] = (
    lambda chance, depth: Binary(chance.choice(_OPS), expression(chance, depth), expression(chance, depth)),
    lambda chance, depth: Binary(chance.choice(_OPS), expression(chance, depth), expression(chance, depth)),
    lambda chance, depth: Unary("not" if chance.randrange(2) else "-", expression(chance, depth)),
    lambda chance, depth: Member(expression(chance, depth), chance.choice(_NAMES), chance.randrange(2) == 0),
    lambda chance, depth: Index(expression(chance, depth), expression(chance, depth)),
    lambda chance, depth: ListOf(_some(chance, depth)),
    lambda chance, depth: RecordOf(tuple((name, expression(chance, depth)) for name in chance.sample(_NAMES, 2))),
    lambda chance, depth: Phi(((Guard(0, (1,)), expression(chance, depth)), (None, expression(chance, depth)))),
    lambda chance, depth: Fit(expression(chance, depth), chance.choice((INT, STRING, ListType(INT)))),
    _loop,
    _loop,
    _range,
    _choose,
    _template,
    _application,
    _application,
    _application,
)
_OPS: tuple[BinaryOp, ...] = get_args(BinaryOp)


# --- trying -------------------------------------------------------------------------------------------------------

_watched: list[str] = []
"""What Python has reported since the watch began."""
_is_watching = False
"""A hook cannot be taken away again; it listens only while an expression is evaluated."""


@cache
def listen() -> None:
    """Begin to hear what Python reports, once in a process: hooks stay, and each is asked about every event."""
    sys.addaudithook(_hear)


def _hear(event: str, args: tuple[object, ...]) -> None:
    if _is_watching and event not in HARMLESS:
        _watched.append(event)


def watched(evaluate: Callable[[Room], Value], room: Room) -> tuple[bool, float, list[str]]:
    """Evaluate; whether there was a value, the seconds of processor time, and what was heard meanwhile."""
    global _is_watching  # noqa: PLW0603  (an audit hook is global, too)
    _watched.clear()
    started = time.process_time()
    _is_watching = True
    try:
        evaluate(room)
        valued = True
    except ValueProblem:
        valued = False
    finally:
        _is_watching = False
    return valued, time.process_time() - started, list(_watched)


def again(evaluate: Callable[[Room], Value], room: Room) -> tuple[float, bool]:
    """The seconds of what seemed to be slow, and whether it is.

    Fuel that is priced wrongly makes it take more than four times as long as the plain bomb, each time; on a busy
    machine both take longer, and one of many tries is fair.
    """
    bomb = compile_expr(PLAIN_BOMB)
    least = float("inf")
    for _ in range(TRIES):
        plain, took = watched(bomb, Room())[1], watched(evaluate, room)[1]
        least = min(least, took)
        if took <= max(SLOW, 4 * plain):
            return least, False
    return least, True


def run(seeds: range) -> ExpressionTally:
    """Try a range of seeds."""
    tally = ExpressionTally()
    listen()
    for seed in seeds:
        chance = Random(seed)
        room = Room(_NODES)
        room.locals = [None, "abc", (1, 2)]
        try:
            evaluate = compile_expr(expression(chance, chance.randrange(1, 6)))
            valued, seconds, heard = watched(evaluate, room)
            is_slow = seconds > SLOW
            if is_slow:  # a busy machine, or a bomb
                seconds, is_slow = again(evaluate, room)
        except Exception as error:
            tally.uncaught += 1
            tally.findings.append(f"{seed}: {error!r:.200}")
            continue
        finally:
            tally.expressions += 1
        tally.valued += valued
        tally.slowest = max(tally.slowest, seconds)
        if heard:
            tally.escapes += 1
            tally.findings.append(f"{seed}: {heard[:5]}")
        if is_slow:
            tally.slow += 1
            tally.findings.append(f"{seed}: {seconds:.3f} s")
    return tally


def main(arguments: list[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Try to break out of expressions, or to make them endless.")
    parser.add_argument("--expressions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    first = chosen.seed * 10_000_000
    starts = range(first, first + chosen.expressions, 2_000)
    total, started = ExpressionTally(), time.monotonic()
    with ProcessPoolExecutor(chosen.processes) as pool:
        for tally in pool.map(run, [range(at, min(at + 2_000, first + chosen.expressions)) for at in starts]):
            total.add(tally)
    print(json.dumps({**asdict(total), "seconds": round(time.monotonic() - started, 1)}))
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
