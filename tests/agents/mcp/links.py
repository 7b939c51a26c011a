"""Links to servers under test: programs that somebody else wrote, and hostile ones of our own (`hostile.py`)."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from leadflow.agents.mcp.link import Around, Link
from leadflow.plan.types import JSON, Type, Value
from leadflow.run.ports import Request, Server
from leadflow.settings import find_program
from tests.agents.worlds import StillClock

HOSTILE = Path(__file__).with_name("hostile.py")


def program(*command: str, start: float = 20.0, env: Mapping[str, str] | None = None) -> Server:
    """A server that is a program."""
    seen = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(env or {})}
    secrets = tuple((env or {}).values())
    return Server("tried", find_program(command), "", {}, seen, secrets, timedelta(seconds=start))


def hostile(way: str, *more: str, start: float = 20.0, env: Mapping[str, str] | None = None) -> Server:
    """A server of our own that does what no server should."""
    return program(sys.executable, "-S", str(HOSTILE), way, *more, start=start, env=env)


def address(url: str, headers: Mapping[str, str] | None = None, *, start: float = 20.0) -> Server:
    """A server that has an address."""
    return Server("tried", (), url, headers or {}, {}, (), timedelta(seconds=start))


@asynccontextmanager
async def linked(server: Server, root: Path, pinned: Mapping[str, str] | None = None) -> AsyncIterator[Link]:
    """A link, ended in any case."""
    link = Link(server, Around(root, StillClock()), pinned)
    try:
        yield link
    finally:
        await link.aclose()


def request(action: str, result: Type = JSON, **args: Value) -> Request:
    """One attempt of a tool."""
    return Request(action, args, result, result != JSON, "run", "f/s", 1, None, False, None)
