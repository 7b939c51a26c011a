"""`run --record`: writes down what was asked of agents and what they answered, attempt by attempt.

It stands beside the agents, inside all policies, so that retries, fallbacks and hedges are in the recording as they
happened. No secret of the run is in it, in no form in which one travels.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path
from typing import Any, cast

from leadflow.events.model import Entry, RunResumed, RunStarted
from leadflow.plan.forms import time_text
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import FileRef, Money, Value
from leadflow.run.errors import BadResponse, CallError, FunctionFailed
from leadflow.run.ports import Agent, Reply, Request
from leadflow.run.redact import all_forms, without
from leadflow.run.toolbox import Asked
from leadflow.testing.played import Played
from leadflow.testing.rows import (
    AskedRow,
    FailureRow,
    Head,
    Recording,
    Row,
    UseRow,
    asks,
    kept,
    own_name,
    own_path,
    written,
)

NEVER_RECORDED = frozenset({("clock", "sleep")})
"""Calls that are made anew when a recording answers: time has to pass."""


def beside_of(file: Path) -> Path:
    """Where a recording is written before it takes the place of its file."""
    return file.with_name(f".{file.name}.new")


class Recorder:
    """The `Cast` of a run that is recorded, and one of its observers: it learns from the log which run it is."""

    def __init__(self, before: Recording | None = None) -> None:
        """Go on with the recording that an earlier process of the run wrote; None: the run begins."""
        self._forms: tuple[str, ...] = ()
        self._head: Head | None = None if before is None else before.head
        self._rows: list[Row] = [] if before is None else [*before.rows.values()]
        self._ordinals: Counter[str] = Counter(row.path for row in self._rows)
        self._cut: dict[str, Row] = {}
        """By path, the last attempt before the run was paused: what the pause cut off is asked again."""

    def __call__(self, entry: Entry) -> None:
        """Take note of the run."""
        match entry.event:
            case RunStarted() as started:
                at = time_text(started.started)
                self._head = Head(flow=own_name(started.flow), run=started.run, started=at, seed=started.seed)
            case RunResumed():
                self._cut = {row.path: row for row in self._rows}
            case _:
                pass

    @property
    def count(self) -> int:
        """How many attempts there are so far."""
        return len(self._rows)

    def write(self, file: Path) -> bool:
        """Write the recording; nothing, and False, when no run began.

        Raises:
            OSError: it cannot be written.
        """
        if self._head is None:
            return False
        beside = beside_of(file)
        beside.write_text(written(self._head, self._rows), "utf-8", errors="replace")
        beside.replace(file)
        return True

    # --- the cast -------------------------------------------------------------------------------------------------

    def stands_in(self, spec: AgentSpec) -> bool:
        """The agents answer themselves."""
        return False

    def hide(self, secrets: Sequence[str]) -> None:
        """Values that may not be written down."""
        self._forms = all_forms(tuple(secrets))

    def play(self, spec: AgentSpec, build: Callable[[], Agent]) -> Agent:
        """The agent, with somebody who listens."""
        itself = build()
        return Played(lambda request: self.call(request, spec, itself), itself)

    async def call(self, request: Request, spec: AgentSpec, agent: Agent) -> Reply:
        """One attempt, and its row."""
        if (spec.kind, request.action) in NEVER_RECORDED:
            return await agent.call(request)
        row = self._row(request, spec)
        try:
            reply = await agent.call(request)
            value = self._hidden(_value(reply.value))
        except BaseException as problem:  # it is raised again
            self._rows.append(row.model_copy(update=self._ended(problem, row.call)))
            raise
        used = None if reply.usage is None else (reply.usage.input_tokens, reply.usage.output_tokens)
        self._rows.append(
            row.model_copy(update={"reply": kept(value), "usage": used, "asked": self._asked(reply.asked)})
        )
        return reply

    def _asked(self, asked: Asked | None) -> AskedRow | None:
        """What a model asked of tools."""
        if asked is None:
            return None
        uses = [
            UseRow(
                id=without(use.id, self._forms),
                name=without(use.name, self._forms),
                args=dict(cast(Any, self._hidden(_value(use.args)))),
                problem=None if use.problem is None else without(use.problem, self._forms),
            )
            for use in asked.uses
        ]
        return AskedRow(uses=uses, tokens=asked.tokens)

    def _row(self, request: Request, spec: AgentSpec) -> Row:
        path = own_path(request.path)
        before = self._cut.pop(path, None)
        if before is not None and before.cut:  # the same attempt: what follows on it is its answer
            self._rows.remove(before)
        else:
            self._ordinals[path] += 1
        asked = asks(request, spec)
        hidden = replace(
            asked,
            agent=cast(Mapping[str, Value], self._hidden(asked.agent)),
            args=cast(Mapping[str, Value], self._hidden(asked.args)),
            told=tuple(without(text, self._forms) for text in asked.told),
            repair=None if asked.repair is None else without(asked.repair, self._forms),
        )
        return Row(
            path=path,
            ordinal=self._ordinals[path],
            call=hidden.call,
            digest=hidden.digest,
            agent=kept(hidden.agent),
            args=kept(hidden.args),
            type=hidden.type,
            told=list(hidden.told),
            repair=hidden.repair,
        )

    def _ended(self, problem: BaseException, call: str) -> dict[str, object]:
        """What a row says of an attempt that has no answer."""
        if not isinstance(problem, Exception):
            return {"cut": True}
        if not isinstance(problem, CallError):
            problem = FunctionFailed(f"{call}: {type(problem).__name__}: {problem}")
        wait = problem.retry_after
        failure = FailureRow(
            error=problem.error,
            message=without(problem.message, self._forms),
            sent=problem.sent,
            status=problem.status,
            retry_after=None if wait is None else wait.total_seconds(),
        )
        return {"failure": failure}

    def _hidden(self, value: Value) -> Value:
        """The value without secrets, in its texts and names too."""
        if not self._forms:
            return value
        match value:
            case str():
                return without(value, self._forms)
            case FileRef(path):
                return FileRef(without(path, self._forms))
            case Money():
                return value
            case tuple():
                return tuple(self._hidden(item) for item in value)
            case Mapping():
                return {without(name, self._forms): self._hidden(item) for name, item in value.items()}
            case _:
                return value


def _value(raw: object) -> Value:
    """Plain data as a value that can be kept.

    Raises:
        BadResponse: it is none.
    """
    match raw:
        case float() if not isfinite(raw):
            raise BadResponse("the answer holds a number that is none")
        case None | bool() | int() | float() | str() | timedelta() | datetime() | Money() | FileRef():
            return raw
        case list() | tuple():
            return tuple(_value(item) for item in raw)
        case Mapping():
            return {str(name): _value(item) for name, item in raw.items()}
        case _:
            raise BadResponse(f"the answer holds a {type(raw).__name__}")
