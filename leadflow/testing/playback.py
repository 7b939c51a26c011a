"""`replay "file"` in a test: calls are answered as they were when they were recorded, or it is said what is other."""

from collections import Counter
from datetime import timedelta
from difflib import ndiff
from itertools import zip_longest

from leadflow.events.model import Usage
from leadflow.plan.forms import unkeep
from leadflow.plan.kinds import PREDECLARED
from leadflow.plan.plan import AgentSpec, Place
from leadflow.plan.types import Value
from leadflow.run.errors import AttemptTimeout, CallError
from leadflow.run.ports import Clock, Reply, Request
from leadflow.run.toolbox import Asked, ToolUse
from leadflow.testing.apart import short
from leadflow.testing.recording import NEVER_RECORDED
from leadflow.testing.rows import AskedRow, Asks, FailureRow, Recording, Row, asks, own_path
from leadflow.testing.stand_ins import Drift, Fails, error_of

_LONG = timedelta(days=3650)
"""How long an attempt takes that was stopped: until it is stopped again."""
_MOST_LINES = 12
_LONGEST = 100


class Playback:
    """The `Source` of a recording."""

    def __init__(self, recording: Recording, clock: Clock, place: Place) -> None:
        self.recording = recording
        self.place = place
        self._clock = clock
        self._ordinals: Counter[str] = Counter()
        self._made: set[tuple[str, int]] = set()
        self._paths = Counter(path for path, _ in recording.rows)

    def begin(self) -> None:
        """A run begins: it is answered from the start of the recording."""
        self._ordinals.clear()

    @property
    def left(self) -> list[str]:
        """Paths of recorded calls that no run has made."""
        return list(dict.fromkeys(path for path, ordinal in self.recording.rows if (path, ordinal) not in self._made))

    async def answer(self, request: Request, spec: AgentSpec) -> Reply | Drift | None:
        """The recorded answer; what is other; None for time and chance that were not recorded.

        Raises:
            CallError: that is how the attempt ended.
        """
        path, is_ours = own_path(request.path), spec.kind in PREDECLARED
        if (spec.kind, request.action) in NEVER_RECORDED or (is_ours and not self._paths[path]):
            return None
        self._ordinals[path] += 1
        row = self.recording.rows.get((path, self._ordinals[path]))
        asked = asks(request, spec)
        if row is None:
            known = self._paths[path]
            said = f"attempt {known + 1} is one more than was recorded" if known else "this call was not recorded"
            return Drift(request.path, said, (f"{asked.call}: {short(request.args)}",), self.place)
        self._made.add((path, row.ordinal))
        if row.digest != asked.digest:
            changes = tuple(_changes(row, asked))
            return Drift(request.path, "this call is another than the recorded one", changes, self.place)
        if row.cut:
            await self._clock.sleep(_LONG)
            raise AttemptTimeout("it was stopped when it was recorded, and is not now")
        if row.failure is not None:
            raise _failed(row.failure)
        return Reply(unkeep(row.reply), None if row.usage is None else Usage(*row.usage), None, _asked(row.asked))


def _asked(row: AskedRow | None) -> Asked | None:
    """What a model asked of tools; the turn as its agent keeps it is for that agent alone."""
    if row is None:
        return None
    return Asked(tuple(ToolUse(use.id, use.name, use.args, use.problem) for use in row.uses), None, row.tokens)


def _failed(failure: FailureRow) -> CallError:
    problem = error_of(Fails(failure.error, failure.message))
    problem.sent, problem.status = failure.sent, failure.status
    problem.retry_after = None if failure.retry_after is None else timedelta(seconds=failure.retry_after)
    return problem


def _changes(row: Row, asked: Asks) -> list[str]:
    """What is other in a request: `-` as it was recorded, `+` as it is now."""
    lines: list[str] = []
    if row.call != asked.call:
        lines += [f"- calls {row.call}", f"+ calls {asked.call}"]
    lines += _apart(unkeep(row.agent), asked.agent, "")
    lines += _apart(unkeep(row.args), asked.args, "")
    lines += _apart(tuple(row.told), asked.told, "told")
    if row.type != asked.type:
        lines += [f"- answers {row.type}", f"+ answers {asked.type}"]
    lines += _apart(row.repair, asked.repair, "repair")
    return lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} lines more"]


def _apart(was: Value, now: Value, at: str) -> list[str]:
    """The parts of two values that are not the same."""
    if type(was) is dict and type(now) is dict:
        names = dict.fromkeys([*was, *now])
        pairs = [(f"{at}.{name}" if at else name, was.get(name), now.get(name)) for name in names]
    elif type(was) is tuple and type(now) is tuple:
        pairs = [(f"{at}[{number}]", *pair) for number, pair in enumerate(zip_longest(was, now))]
    elif isinstance(was, str) and isinstance(now, str) and ("\n" in was or "\n" in now):
        told = [line.rstrip("\n") for line in ndiff(was.splitlines(), now.splitlines()) if line[0] in "+-"]
        return [f"{line[0]} {at}: {line[2:][:_LONGEST]}" for line in told]
    elif was != now or type(was) is not type(now):
        return [f"- {at}: {short(was)}", f"+ {at}: {short(now)}"]
    else:
        return []
    return [line for name, one, other in pairs for line in _apart(one, other, name)]
