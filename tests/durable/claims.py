"""Z4: processes that claim the same runs and are stopped at any moment: never are two of them believed at once.

    python -m tests.durable.claims --claims 10000 --workers 4

Each worker claims a run, appends, and gives it back or falls silent; a lease is short, and the parent stops workers
with SIGSTOP for longer than that. A worker notes where the run stood when it was claimed, and which of its appends were
taken in. In the end each row has to be of the epoch that held the run then: none behind the moment of a later claim,
and none that its worker was told was refused. One line of JSON.
"""

import argparse
import json
import multiprocessing
import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import wait
from pathlib import Path
from random import Random

from leadflow.events.model import NodeStarted
from leadflow.run.adapters import SystemClock
from leadflow.run.store import Fenced, NewRun
from leadflow.stores.owner import this_owner
from leadflow.stores.rows import Chain
from leadflow.stores.sqlite_file import JournalFile
from tests.simulation.inline import fast_folder

LEASE = timedelta(milliseconds=50)
PAUSE = (0.02, 0.15)
"""Seconds for which a worker is stopped."""
RUNS = 20
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Note:
    """What a worker was told."""

    run: str
    epoch: int
    what: str
    """`claimed`, `kept`, `fenced`, or what went wrong."""
    at: int
    """Claimed: how many events there were; else the number of the event."""


def _opened(path: Path) -> JournalFile:
    file = JournalFile(path, owner=this_owner(), lease=LEASE, now=SystemClock().timestamp)
    file.open()
    return file


def _work(path: Path, number: int, claims: int, seed: int) -> None:
    """A worker: so many claims that are granted; its notes stand in a file."""
    chance = Random(f"{seed} {number}")
    file = _opened(path)
    with (path.parent / f"notes{number}").open("w") as notes:
        granted = 0
        while granted < claims:
            run = f"r{chance.randrange(RUNS)}"
            claimed = file.claim(run)
            if claimed is None:
                wait([], timeout=chance.uniform(0, 0.002))
                continue
            granted += 1
            epoch, chain = claimed
            for note in _appends(file, run, epoch, chain, chance):
                notes.write(json.dumps([note.run, note.epoch, note.what, note.at]) + "\n")
    file.close()


def _appends(file: JournalFile, run: str, epoch: int, chain: Chain, chance: Random) -> list[Note]:
    _, (first,) = chain.rows([NodeStarted(run)], 1.0, run, epoch)
    notes = [Note(run, epoch, "claimed", first.seq)]
    for _ in range(chance.randint(0, 4)):
        wait([], timeout=chance.choice((0, 0, 0.001, 0.005)))
        rows, entries = chain.rows([NodeStarted(f"{run}/{epoch}")], 1.0, run, epoch)
        (problem,) = file.write([rows])
        if problem is None:
            chain.extend(rows)
            notes.append(Note(run, epoch, "kept", entries[0].seq))
        else:
            what = "fenced" if isinstance(problem, Fenced) else str(problem)
            return [*notes, Note(run, epoch, what, entries[0].seq)]
    if chance.random() < 0.5:
        file.release(run, epoch)
    return notes


def trial(claims: int, workers: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Let workers claim, and stop them meanwhile: what was seen, and what is wrong."""
    path, chance = folder / "journal.db", Random(seed)
    file = _opened(path)
    for number in range(RUNS):
        file.create(NewRun(f"r{number}", "main", "plan", "main.flow", "digest", "{}", 1.0), "plan")
        file.release(f"r{number}", 1)
    file.close()
    processes = [_FORK.Process(target=_work, args=(path, n, claims // workers, seed)) for n in range(workers)]
    for process in processes:
        process.start()
    pauses = 0
    while alive := [each for each in processes if each.is_alive()]:
        victim = chance.choice(alive)
        pauses += 1
        os.kill(victim.pid or 0, signal.SIGSTOP)
        wait([], timeout=chance.uniform(*PAUSE))
        os.kill(victim.pid or 0, signal.SIGCONT)
        wait([each.sentinel for each in alive], timeout=chance.uniform(0, 0.02))
    seen = Counter({"pauses": pauses})
    wrong = [f"a worker ended with {each.exitcode}" for each in processes if each.exitcode]
    notes = [Note(*json.loads(line)) for n in range(workers) for line in _lines(folder / f"notes{n}")]
    seen.update(note.what for note in notes)
    return seen, wrong + judged(path, notes)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def judged(path: Path, notes: Sequence[Note]) -> list[str]:
    """What is wrong with what workers were told."""
    wrong = [f"{note.run}: {note.what}" for note in notes if note.what not in ("claimed", "kept", "fenced")]
    for run in sorted({note.run for note in notes}):
        told = [note for note in notes if note.run == run]
        claims = sorted((note.epoch, note.at) for note in told if note.what == "claimed")
        if len({epoch for epoch, _ in claims}) != len(claims):
            wrong.append(f"{run}: an epoch was granted twice")
        file = _opened(path)
        rows = [int(str(getattr(entry.event, "path", "")).rpartition("/")[2]) for entry in file.load(run)]
        file.close()
        kept = {(note.at, note.epoch) for note in told if note.what == "kept"}
        if kept != set(enumerate(rows)):
            wrong.append(f"{run}: {len(kept)} rows were acknowledged, {len(rows)} are there")
        for (epoch, at), (_, until) in zip(claims, [*claims[1:], (0, len(rows))], strict=True):
            if {each for each in rows[at:until]} - {epoch}:
                wrong.append(f"{run}: rows {at} to {until} are of {rows[at:until]}, and epoch {epoch} held the run")
    return wrong


def main(arguments: Sequence[str]) -> int:
    """Let workers claim, and say what was found; 1 when two were believed at once."""
    parser = argparse.ArgumentParser(description="Z4: claims, pauses, and who is believed.")
    parser.add_argument("--claims", type=int, default=400)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with fast_folder() as folder:
        seen, wrong = trial(chosen.claims, chosen.workers, chosen.seed, Path(folder))
    print(json.dumps({"what": "claims", "seen": seen, "wrong": len(wrong), "findings": wrong[:5]}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
