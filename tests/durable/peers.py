"""The same crashes for leadflow, LangGraph and DBOS: kill -9 at each step's boundaries, take the run up, count effects.

    pip install -e . -r tests/benchmarks/requirements-peers.txt
    python -m tests.durable.peers

A run is steps that write, one after the other or at once; an effect is a line in a file. A process is killed as a step
begins, or right behind its effect: then nobody but the outside world knows that it was done. The next process takes the
run up as each library's manual says, and whoever asks what is true is told. A JSON line per engine: kills, how many of
them made an effect run again and how many effects did, effects that were lost, and kills behind which the library said
that it does not know what was done. No part of the tests: it needs the peers.
"""

import argparse
import asyncio
import json
import operator
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from leadflow import load
from leadflow.run.taken_up import Told

CHAIN, FAN = ("a", "b", "c", "d", "e"), ("a", "b", "c", "d")
SHAPES: Mapping[str, tuple[str, ...]] = {"chain": CHAIN, "fan": FAN}
ENGINES = ("leadflow", "langgraph", "langgraph sync", "dbos")
ROOT = Path(__file__).resolve().parents[2]

FLOWS = {
    "chain": "\n".join(f'  step {name} = put("{name}") undo none' for name in CHAIN),
    "fan": "  step all = parallel {\n"
    + "\n".join(f'    step {name} = put("{name}") undo none' for name in FAN)
    + "\n  }",
}
WORK = '''"""Effects of a flow: lines in a file, and processes that end."""
import sys

sys.path.insert(0, {root!r})
from tests.durable.peers import effects

put = effects({folder!r}, {kill!r})
'''


def effects(folder: str, kill: str) -> Callable[[str], str]:
    """A step that writes a line; its process is killed at `STEP:before` or `STEP:behind`."""

    def put(x: str) -> str:
        if kill == f"{x}:before":
            os.kill(os.getpid(), signal.SIGKILL)
        handle = os.open(Path(folder) / "effects", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{x}\n".encode())
        os.close(handle)
        if kill == f"{x}:behind":
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    return put


def done(folder: Path) -> list[str]:
    """The effects so far."""
    file = folder / "effects"
    return file.read_text().split() if file.exists() else []


# --- each engine begins a run, or takes it up -------------------------------------------------------------------------


async def leadflow(shape: str, folder: Path, kill: str) -> int:
    """A flow; how many steps it said were in doubt. What is true of them stands in the file."""
    (folder / "main.flow").write_text(
        f'leadflow 1\ntool put(x: string) -> string = python("work:put")\n\nflow main() {{\n{FLOWS[shape]}\n}}\n'
    )
    (folder / "work.py").write_text(WORK.format(root=str(ROOT), folder=str(folder), kill=kill))
    program = load(folder / "main.flow")
    runs = folder / "run"
    if not runs.exists():
        runs.write_text("begun")
        (await program.run()).unwrap()
        return 0
    result = await program.resume("")
    if result.failure is None or not result.failure.in_doubt:
        result.unwrap()
        return 0
    doubts = [cause.path for cause in result.failure.causes]
    told = {path: Told("done", path[-1]) if path[-1] in done(folder) else Told("retry") for path in doubts}
    (await program.resume("", told=told)).unwrap()
    return len(doubts)


class Kept(TypedDict):
    """The state of a LangGraph run."""

    values: Annotated[list[str], operator.add]


async def langgraph(shape: str, folder: Path, kill: str, durability: Literal["async", "sync"]) -> int:
    """A graph on its SQLite saver; it is taken up by invoking it with nothing."""
    graphs, saver = import_module("langgraph.graph"), import_module("langgraph.checkpoint.sqlite.aio").AsyncSqliteSaver
    put, graph = effects(str(folder), kill), graphs.StateGraph(Kept)

    def node(name: str) -> Callable[[Kept], Any]:
        async def work(state: Kept) -> Kept:
            return {"values": [await asyncio.to_thread(put, name)]}

        return work

    before = graphs.START
    for name in SHAPES[shape]:
        graph.add_node(name, node(name))
        graph.add_edge(graphs.START if shape == "fan" else before, name)
        before = name
    async with saver.from_conn_string(str(folder / "langgraph.db")) as kept:
        app, config = graph.compile(checkpointer=kept), {"configurable": {"thread_id": "1"}}
        is_begun = bool((await app.aget_state(config)).created_at)
        await app.ainvoke(None if is_begun else {"values": []}, config, durability=durability)
    return 0


async def dbos(shape: str, folder: Path, kill: str) -> int:
    """A workflow on SQLite; it is taken up when the library is launched."""
    library, put = import_module("dbos").DBOS, effects(str(folder), kill)
    library(
        config={
            "name": "crashes",
            "system_database_url": f"sqlite:///{folder / 'dbos.sqlite'}",
            "run_admin_server": False,
            "log_level": "ERROR",
            "application_version": "1",
        }
    )

    async def write(name: str) -> str:
        return await asyncio.to_thread(put, name)

    async def flow() -> None:
        if shape == "fan":
            await asyncio.gather(*[step(name) for name in FAN])
            return
        for name in CHAIN:
            await step(name)

    step, workflow = library.step()(write), library.workflow()(flow)
    library.launch()
    if found := await library.list_workflows_async():
        handle = await library.retrieve_workflow_async(found[0].workflow_id)
    else:
        handle = await library.start_workflow_async(workflow)
    await handle.get_result()
    library.destroy()
    return 0


def child(engine: str, shape: str, folder: Path, kill: str) -> None:
    """One process of a run; the steps it said were in doubt stand in a file."""
    match engine:
        case "leadflow":
            doubts = asyncio.run(leadflow(shape, folder, kill))
        case "dbos":
            doubts = asyncio.run(dbos(shape, folder, kill))
        case _:
            mode: Literal["async", "sync"] = "sync" if engine.endswith("sync") else "async"
            doubts = asyncio.run(langgraph(shape, folder, kill, mode))
    (folder / "doubts").write_text(str(doubts))


# --- the comparison ---------------------------------------------------------------------------------------------------


def crash(engine: str, shape: str, kill: str) -> Counter[str]:
    """Kill a run there and take it up: what came of it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        command = [sys.executable, "-m", "tests.durable.peers", "--child", engine, shape, str(folder)]
        first = subprocess.run([*command, kill], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        if first.returncode != -signal.SIGKILL:
            raise RuntimeError(f"{engine} was not killed: {first.stderr[-800:]}")
        second = subprocess.run([*command, ""], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        if second.returncode:
            raise RuntimeError(f"{engine} did not go on: {second.stderr[-800:]}")
        counts = Counter(done(folder))
        told = int((folder / "doubts").read_text())
    repeated = sum(count - 1 for count in counts.values())
    lost = len(set(SHAPES[shape]) - set(counts))
    found = {"kills": 1, "repeating": int(repeated > 0), "repeated": repeated, "lost": lost, "doubts": int(told > 0)}
    return Counter(found)


def main(arguments: Sequence[str]) -> int:
    """Print the table, a line per engine."""
    parser = argparse.ArgumentParser(description="The same crashes for leadflow and its peers.")
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.child:
        engine, shape, folder, kill = chosen.child
        child(engine, shape, Path(folder), kill)
        return 0
    for engine in chosen.engines:
        total: Counter[str] = Counter()
        for shape, steps in SHAPES.items():
            for step in steps:
                for when in ("before", "behind"):
                    total.update(crash(engine, shape, f"{step}:{when}"))
        print(json.dumps({"what": "crashes", "engine": engine, **total}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
