"""Z2: `leadflow run` as it is installed, killed at every system call with which it writes, and taken up again.

    python -m tests.durable.syscalls            # every point
    python -m tests.durable.syscalls --points 20

`strace` counts the calls of a run that nobody kills: writes into the journal and its log (`pwrite64`), their syncs
(`fdatasync`), and writes of effects and of what people see (`write`). Then it kills one run at each of them. What the
run had said before has to be in the journal; `leadflow resume` has to bring it to the end that the calm run came to,
with each effect once. One line of JSON.
"""

import argparse
import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leadflow.events.model import Entry, NodeDone, NodeStarted
from leadflow.run.adapters import SystemClock
from leadflow.stores.sqlite import SqliteStore
from tests.durable.crashes import plain
from tests.simulation.inline import fast_folder

FLOW = """leadflow 1
@read tool look(x: string) -> string = python("work:look")
tool put(x: string) -> string = python("work:put")

flow main() -> string {
  step a = look("a")
  step b = put("b ${a}") undo none
  step p = parallel {
    step c = put("c") undo none
    step d = look("d")
    step e = put("e") undo none
  }
  step all = for t in ["1", "2", "3", "4"] {
    step f = put("f${t}") undo none
    step g = put("g${f}") undo none
    yield g
  }
  step h = put("h${len(all)}") undo none
  step i = look(h)
  step j = put("j") undo none
  step k = put("k") undo none
  step l = put("l") undo none
  step m = put("m") undo none
  step n = put("n") undo none
  step o = put("o ${n}") undo none
  return o
}
"""
WORK = '''"""Effects are lines in a file."""
import os
from pathlib import Path

EFFECTS = Path(__file__).parent / "effects"


def put(x):
    handle = os.open(EFFECTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, (x + "\\n").encode())
    os.close(handle)
    return "put " + x


def look(x):
    return "seen " + x
'''
CALLS = ("pwrite64", "fdatasync", "write")
_MOST_LIVES = 8
_LINE = re.compile(r"^(\d+) +(\w+)\(")


@dataclass
class Run:
    """One run in a folder of its own, by `leadflow` processes."""

    folder: Path
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "main.flow").write_text(FLOW)
        (self.folder / "work.py").write_text(WORK)

    def leadflow(
        self, *arguments: str, inject: str = "", trace: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Start it, under `strace` when something is to be injected or written down."""
        command = [str(Path(sys.executable).with_name("leadflow")), *arguments]
        if trace is not None:
            calls = ["-e", f"trace={','.join(CALLS)}"] + (["-e", f"inject={inject}"] if inject else [])
            command = ["strace", "-f", "-o", str(trace), *calls, *command]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)

    @property
    def effects(self) -> Counter[str]:
        """Lines that the run wrote."""
        file = self.folder / "effects"
        return Counter(file.read_text().splitlines() if file.exists() else ())

    def entries(self) -> Sequence[Entry]:
        """What its journal has; nothing when it has no run."""

        async def read() -> Sequence[Entry]:
            store = SqliteStore(self.folder / ".leadflow" / "journal.db", SystemClock(), owner="judge")
            await store.open()
            try:
                rows = await store.runs()
                return await store.load(rows[0].id) if rows else ()
            finally:
                await store.aclose()

        return asyncio.run(read())


def points() -> list[tuple[str, int]]:
    """Every system call that a thread of a calm run makes: which, and which of its kind."""
    with fast_folder() as folder:
        run, trace = Run(Path(folder)), Path(folder) / "trace"
        run.leadflow("check", "main.flow")  # what is remembered of it is written now
        done = run.leadflow("run", "main.flow", "--json", "--no-journal", trace=trace)  # and bytecode
        shutil.rmtree(run.folder / ".leadflow", ignore_errors=True)
        done = run.leadflow("run", "main.flow", "--json", trace=trace)
        if done.returncode:
            raise RuntimeError(f"strace cannot trace here: {done.stderr[-500:]}")
        made = Counter(found.groups() for line in trace.read_text().splitlines() if (found := _LINE.match(line)))
    most = {call: max((count for (_, name), count in made.items() if name == call), default=0) for call in CALLS}
    return [(call, number) for call, count in most.items() for number in range(1, count + 1)]


def calm(folder: Path) -> Run:
    """A run that nobody kills."""
    run = Run(folder)
    run.leadflow("run", "main.flow", "--json")
    return run


def killed_at(call: str, number: int, folder: Path, undisturbed: Run) -> tuple[bool, list[str]]:
    """Kill a run at that call and take it up: whether it was killed, and what is wrong."""
    run = Run(folder)
    first = run.leadflow(
        "run", "main.flow", "--json", inject=f"{call}:signal=KILL:when={number}", trace=folder / "trace"
    )
    was_killed = first.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
    entries = run.entries()
    heard = [json.loads(line)["seq"] for line in first.stderr.splitlines() if line.startswith("{") and line[-1] == "}"]
    problems = [f"entry {seq} was told and is not in the journal" for seq in heard if seq >= len(entries)]
    problems += _taken_up(run, undisturbed)
    lost, more = undisturbed.effects - run.effects, run.effects - undisturbed.effects
    if lost or more:
        problems.append(f"effects that are lost: {[*lost]}; that are there too often: {[*more]}")
    if plain(undisturbed.entries()) != plain(run.entries()):
        problems.append("the journal is not that of a run that nobody killed")
    return was_killed, problems


def _taken_up(run: Run, undisturbed: Run) -> list[str]:
    """Go on until it has ended, telling what is true of steps in doubt."""
    events = [entry.event for entry in undisturbed.entries()]
    values = {event.path: event.value for event in events if isinstance(event, NodeDone)}
    for _ in range(_MOST_LIVES):
        entries = run.entries()
        if entries and _has_ended(entries):
            return []
        if not entries:
            done = run.leadflow("run", "main.flow", "-q")
        else:
            done = run.leadflow("resume", "-q", *_told(run, entries, values))
        if done.returncode not in (0, 1):
            return [f"leadflow ended with {done.returncode}: {done.stderr[-300:]}"]
    return ["the run never ends"]


def _has_ended(entries: Sequence[Entry]) -> bool:
    return type(entries[-1].event).__name__ in ("RunDone", "RunFailed", "RunCancelled")


def _told(run: Run, entries: Sequence[Entry], values: dict[str, Any]) -> list[str]:
    """What an operator finds out: whose line stands in the file was done."""
    begun = {entry.event.path for entry in entries if isinstance(entry.event, NodeStarted)}
    ended = {entry.event.path for entry in entries if isinstance(entry.event, NodeDone)}
    told = []
    for path in sorted(begun - ended):
        value = values[path]
        if isinstance(value, str) and value.startswith("put "):
            is_done = value.removeprefix("put ") in run.effects
            told += ["--done", f"{path}={json.dumps(value)}"] if is_done else ["--again", path]
    return told


def main(arguments: Sequence[str]) -> int:
    """Kill runs, and say what was found; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Z2: kill -9 at every real write of leadflow run.")
    parser.add_argument("--points", type=int, default=0, help="so many, spread over all of them; 0: all")
    chosen = parser.parse_args(arguments)
    every = points()
    step = max(1, len(every) // chosen.points) if chosen.points else 1
    wrong: dict[str, list[str]] = {}
    killed = 0
    with fast_folder() as folder:
        (Path(folder) / "calm").mkdir()
        undisturbed = calm(Path(folder) / "calm")
        for call, number in every[::step]:
            (where := Path(folder) / f"{call}{number}").mkdir()
            was_killed, problems = killed_at(call, number, where, undisturbed)
            killed += was_killed
            if problems:
                wrong[f"{call} {number}"] = problems
            shutil.rmtree(where)
    counts = Counter(call for call, _ in every)
    told = {"what": "syscalls", "points": counts, "tried": len(every[::step]), "killed": killed, "wrong": len(wrong)}
    print(json.dumps(told | {"findings": dict(list(wrong.items())[:5])}))
    return int(bool(wrong) or killed < 0.9 * len(every[::step]) - 1)  # group commits make a few calls more or less


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
