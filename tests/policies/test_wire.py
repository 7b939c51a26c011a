"""R5 for every kind of agent: what reaches the other side is what the log says, under every policy that tries again.

Real agents, built as a run builds them, against something that counts: a server that breaks connections, answers 500
and 429 or says nothing; a Python file and a program that note each call.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadflow.agents.registry import find_kinds
from leadflow.events.model import AttemptStarted, NodeStarted
from leadflow.pipeline import compile_source
from leadflow.run.driver import Result
from leadflow.runs import run_plan
from leadflow.settings import Project, Settings
from tests.agents.servers import raw, reset

POLICIES = (
    '@retry(3, backoff: 1ms, on: ["network", "timeout", "agent", "tool", "resource"])',
    "@retry(1, backoff: 1ms)"
    " @on_error(network: retry(4), agent: retry(4), tool: retry(4), resource: retry(4), timeout: retry(4))",
    "@on_error(network: reset, agent: reset, tool: reset, resource: reset, timeout: reset)"
    " @retry(4, backoff: 1ms) @fallback(spare)",
)
ANSWERS = {
    "fell": b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}",
    "busy": b"HTTP/1.1 429 No\r\nContent-Length: 2\r\nRetry-After: 0\r\n\r\n{}",
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{",
    "http": b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: application/json\r\n\r\n"ok"',
}
CHAT = json.dumps({"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}]}).encode()
ANSWERS["openai"] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(CHAT),
    CHAT,
)
AGENTS = {
    "http": 'http {{ url: "{url}" }}',
    "openai": 'openai {{ base_url: "{url}"  model: "m" }}',
    "python": 'python {{ module: "desk.py"  reads: ["ask"] }}',
    "process": 'process {{ command: "count" }}',
}
CALLS = {
    "http": '{agent}.get("/x")',
    "openai": '{agent}.ask("x")',
    "python": '{agent}.ask("{agent}")',
    "process": '{agent}.run(args: ["{agent}"])',
}


def program(kind: str, policies: str, *, urls: tuple[str, str] = ("", "")) -> str:
    """A step under the policies."""
    agents = "\n".join(
        f"agent {name}: {AGENTS[kind].format(url=url)}" for name, url in zip(("desk", "spare"), urls, strict=True)
    )
    keyed = '@idempotent(key: "k")' if kind == "process" else ""
    step = f"{policies} @timeout(attempt: 250ms) {keyed} step a: string = {CALLS[kind].format(agent='desk')}"
    return f"leadflow 1\n{agents}\nflow main() -> string {{\n  {step}\n  return a\n}}\n"


async def made(source: str, root: Path) -> tuple[Result, Counter[str]]:
    """A run, and how many attempts with each agent its log tells of."""
    registry = find_kinds(())
    plan, report = compile_source("main.flow", source, catalogue=registry.catalogue)
    assert plan is not None, list(report)
    settings = Settings(commands={"count": (sys.executable, str(root / "count.py"))})
    result = await run_plan(plan, "main", {}, Project(root, settings), registry)
    return result, Counter(_asked(result))


def _asked(result: Result) -> Iterator[str]:
    for entry in result.entries:
        match entry.event:
            case NodeStarted("main/a"):
                yield "desk"
            case AttemptStarted("main/a", _, agent):
                yield agent
            case _:
                pass


@pytest.mark.parametrize("policies", POLICIES, ids=["retry", "on_error", "reset"])
@pytest.mark.parametrize("script", [("cut", "cut", "cut", "cut"), ("fell", "mute"), ("busy", "half", "cut"), ()])
@pytest.mark.parametrize("kind", ["http", "openai"])
async def test_r5_requests_on_the_wire(kind: str, script: tuple[str, ...], policies: str, tmp_path: Path) -> None:
    """R5: heads of requests that reach the server, whatever it does to the connection, are attempts of the log."""
    left = iter(script)

    async def behave(head: bytes, writer: asyncio.StreamWriter) -> None:
        what = next(left, kind)
        if what == "cut":
            reset(writer)
        elif what != "mute":
            writer.write(ANSWERS[what])
        if what == "half":
            writer.close()

    async def well(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(ANSWERS[kind])

    until = b"HTTP/1.1\r\n"
    async with raw(behave, until=until) as (first, heads), raw(well, until=until) as (second, others):
        result, asked = await made(program(kind, policies, urls=(first, second)), tmp_path)
        assert {"desk": len(heads), "spare": len(others)} == {name: asked[name] for name in ("desk", "spare")}
    if len(script) < 3:
        assert "ok" == str(result.value).strip('"')


@pytest.mark.parametrize("policies", POLICIES, ids=["retry", "on_error", "reset"])
@pytest.mark.parametrize("fails", [0, 2, 9])
@pytest.mark.parametrize("kind", ["python", "process"])
async def test_r5_calls_of_functions_and_programs(kind: str, fails: int, policies: str, tmp_path: Path) -> None:
    """R5: a function is called and a program is started once per attempt of the log."""
    noted = tmp_path / "noted"
    noted.write_text("")
    body = (
        f"with open({str(noted)!r}, 'a') as notes:\n        notes.write(name + '\\n')\n"
        f"    with open({str(noted)!r}) as notes:\n        count = len(notes.readlines())\n"
        f"    if count <= {fails}:\n        raise OSError('not yet')\n"
    )
    (tmp_path / "desk.py").write_text(f'"""Notes each call."""\ndef ask(name):\n    {body}    return "ok"\n')
    (tmp_path / "count.py").write_text(
        f'"""Notes each start."""\nimport sys\ndef main(name):\n    {body}    print("ok")\nmain(sys.argv[1])\n'
    )
    source = program(kind, policies).replace("attempt: 250ms", "attempt: 20s")
    result, asked = await made(source, tmp_path)
    told = Counter(noted.read_text().split())
    if kind == "process" or "fallback" in policies:  # the same arguments go to whoever stands in
        assert sum(told.values()) == sum(asked.values())
    else:
        assert told == asked
    assert (fails < 3) == ("ok" == str(result.value).strip())
