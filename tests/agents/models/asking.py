"""Agents of the three wires before a server: the model double, or one of a test's own."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from leadflow.agents.registry import find_kinds
from leadflow.agents.transport import HttpTransport
from leadflow.plan.plan import AgentSpec, Secret, SettingValue
from leadflow.plan.types import STRING, Type, Value
from leadflow.run.ports import Agent, Request, Streamed, Transport
from tests.agents.worlds import world

KINDS: dict[str, tuple[str, dict[str, SettingValue]]] = {
    "chat": ("openai", {}),
    "responses": ("openai", {"api": "responses"}),
    "messages": ("anthropic", {"max_tokens": 100}),
}
"""By wire, the kind and the settings that speak it."""


class Watching(HttpTransport):
    """A transport that keeps what is sent and what comes back, byte for byte."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: list[bytes] = []

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        idle: timedelta | None = None,
    ) -> AsyncIterator[Streamed]:
        """Send a request, and keep it."""
        self.sent.append(json.loads(body or b"null"))
        self.headers.append(headers)
        self.answers.append(b"")
        async with super().request(method, url, headers=headers, body=body, idle=idle) as response:
            yield _Kept(response, self.answers)


class _Kept:
    """A response whose bytes are kept as they are read."""

    def __init__(self, response: Streamed, answers: list[bytes]) -> None:
        self.status, self.headers = response.status, response.headers
        self._response, self._answers, self._at = response, answers, len(answers) - 1

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body."""
        async for piece in self._response.chunks():
            self._answers[self._at] += piece
            yield piece


def agent_on(wire: str, url: str, transport: Transport, *, root: Path = Path(), **settings: SettingValue) -> Agent:
    """The agent `fast`, which speaks on that wire to a server."""
    kind, own = KINDS[wire]
    spec = AgentSpec(
        "fast", kind, {"model": "m-1", "key": Secret("K"), "base_url": url, **own, **settings}, (), "f", None
    )
    return find_kinds(()).kinds[kind].build(spec, {}, world(root, transport=transport, secrets={"K": "s3cret"}))


def asked(action: str = "ask", result: Type = STRING, *, repair: str | None = None, **args: Value) -> Request:
    """One attempt."""
    idle = timedelta(seconds=5)
    return Request(action, args, result, result != STRING, "run", "f/s", 1, None, True, idle, repair)
