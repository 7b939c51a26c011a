"""The servers of the examples, for their tests."""

import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.examples.running import EXAMPLES


@asynccontextmanager
async def served(name: str) -> AsyncIterator[str]:
    """The server of an example, fresh and on a free port: its address."""
    app: web.Application = runpy.run_path(str(EXAMPLES / name / "server.py"))["make_app"]()
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/")).rstrip("/")
