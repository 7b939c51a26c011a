"""Programs of the protocol's own project, from npm: its servers, and its conformance suite for clients."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leadflow.run.ports import Server
from tests.agents.mcp.links import program
from tests.doubles import NODE, installed

SCOPE = "@modelcontextprotocol"
VERSION = "2026.8.31"
CONFORMANCE_VERSION = "0.1.16"
_ON_LOOPBACK = (
    "import net from 'node:net';"
    "const listen = net.Server.prototype.listen;"
    "net.Server.prototype.listen = function (port, done) {"
    "  return listen.call(this, { port: Number(port), host: '127.0.0.1' }, () => {"
    "    console.error('bound to ' + this.address().port); done?.();"
    "  });"
    "};"
)
"""The server of everything listens on all addresses of the machine; under test it has loopback, and a free port."""


def entry(name: str, version: str = VERSION) -> Path:
    """The script of a package."""
    return installed(f"{SCOPE}/{name}", version) / "dist" / "index.js"


def server(name: str, *more: str, env: dict[str, str] | None = None) -> Server:
    """A server over stdio."""
    return program(str(NODE), str(entry(f"server-{name}")), *more, env=env)


@contextmanager
def everything_at() -> Iterator[str]:
    """The address of a running server of everything."""
    patch = ["--import", f"data:text/javascript,{_ON_LOOPBACK}"]
    command = [str(NODE), *patch, str(entry("server-everything")), "streamableHttp"]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PORT": "0"},
    ) as running:
        try:
            assert running.stderr is not None
            said = ""
            for line in running.stderr:
                said += line
                if found := re.search(r"bound to (\d+)", line):
                    yield f"http://127.0.0.1:{found[1]}/mcp"
                    return
            raise RuntimeError(f"the server of everything did not start: {said}")
        finally:
            running.kill()
