"""P3: many model calls at once, against a bare aiohttp client that does the same calls and JSON.

    python tests/benchmarks/p3_calls.py --sizes 500 2000 5000 --rounds 5

The upstream is a process of its own that answers each chat completion after 200 ms. Each measurement is a fresh
process, as a user's run is, with a clean heap before; both alternate, and medians are compared. The flow has a retry,
timeouts and a breaker around each call, its journal on disk, and tells what each request used. Wall-clock seconds
from opening the session to its end, which a flow cannot leave out either, and CPU milliseconds per call of the whole
client process after its imports. One JSON line per size.
"""

import argparse
import asyncio
import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import perf_counter, process_time

import aiohttp
from aiohttp import web

from leadflow.agents.registry import find_kinds
from leadflow.pipeline import compile_source
from leadflow.runs import RunOptions, run_plan
from leadflow.settings import Project, RunSettings, Settings

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
DELAY = 0.2
FLOW = """leadflow 1

@retry(3) @timeout(60s, attempt: 30s, idle: 20s) @breaker(failures: 50, recovery: 1s)
agent fast: openai { model: "m"  key: secret("P3_KEY")  base_url: secret("P3_URL")  max_tokens: 50 }

flow main(prompts: list[string]) -> list[string] {
  @concurrency(100_000)
  step answers = for prompt in prompts {
    step answer = fast.ask("One line: ${prompt}")
    yield answer
  }
  return answers
}
"""


def serve() -> None:
    """The upstream: prints its port, then answers until it is killed."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}],
            "usage": usage,
        }
    ).encode()

    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        loop.call_later(DELAY, over.set_result, None)
        await over
        return web.Response(body=body, content_type="application/json")

    async def run() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=8192)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


def bare(url: str, calls: int) -> None:
    """The floor: the calls with one aiohttp session, JSON written and read."""

    async def ask(session: aiohttp.ClientSession, number: int) -> str:
        body = {"model": "m", "messages": [{"role": "user", "content": f"One line: {number}"}], "max_tokens": 50}
        data = json.dumps(body).encode()
        async with session.post(f"{url}/chat/completions", data=data, headers=headers) as response:
            told = json.loads(await response.read())
        return str(told["choices"][0]["message"]["content"])

    headers = {"Content-Type": "application/json", "Authorization": "Bearer k"}

    async def run() -> float:
        start = perf_counter()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(ask(session, number) for number in range(calls)))
        return perf_counter() - start

    report(run, calls)


def flow(url: str, calls: int) -> None:
    """The same calls as a flow, policies and journal on."""
    os.environ.update(P3_KEY="k", P3_URL=url)
    plan, problems = compile_source("main.flow", FLOW)
    if plan is None:
        raise SystemExit(str(problems.diagnostics))
    project = Project(Path(tempfile.mkdtemp()), Settings(run=RunSettings(concurrency=100_000)))
    registry = find_kinds(())
    inputs = {"prompts": [str(number) for number in range(calls)]}

    async def run() -> float:
        start = perf_counter()
        result = await run_plan(plan, "main", inputs, project, registry, RunOptions(seed=1))
        if result.failure is not None:
            raise SystemExit(result.failure.message)
        return perf_counter() - start

    try:
        report(run, calls)
    finally:
        shutil.rmtree(project.root)


def report(run: Callable[[], Coroutine[object, object, float]], calls: int) -> None:
    """Print what one measurement took."""
    gc.collect()
    before = process_time()
    wall = asyncio.run(run())
    print(json.dumps({"wall": wall, "cpu": (process_time() - before) / calls * 1000}))


def measure(kind: str, url: str, calls: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--kind", kind, "--url", url, "--sizes", str(calls)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def table(sizes: list[int], rounds: int) -> None:
    """All of the table."""
    server = subprocess.Popen([sys.executable, __file__, "--kind", "serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        for size in sizes:
            found: dict[str, list[dict[str, float]]] = {"bare": [], "flow": []}
            for _ in range(rounds):
                for kind, results in found.items():
                    results.append(measure(kind, url, size))
            middle = {
                (kind, what): statistics.median(r[what] for r in results)
                for kind, results in found.items()
                for what in ("wall", "cpu")
            }
            line = {
                "what": "p3",
                "n": size,
                **{f"{kind}_{what}": round(value, 3) for (kind, what), value in middle.items()},
                "wall_ratio": round(middle["flow", "wall"] / middle["bare", "wall"], 2),
                "cpu_ratio": round(middle["flow", "cpu"] / middle["bare", "cpu"], 2),
            }
            print(json.dumps(line), flush=True)
    finally:
        server.kill()
        server.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000, 5000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kind", choices=["serve", "bare", "flow"], help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.kind == "serve":
        serve()
    elif given.kind is not None:
        (bare if given.kind == "bare" else flow)(given.url, given.sizes[0])
    else:
        table(given.sizes, given.rounds)


if __name__ == "__main__":
    main()
