"""Z3: a journal whose log is cut, torn or rotten at any place: never is a wrong value used, and nothing whole is lost.

    python -m tests.durable.cuts --cuts 5000 --flips 5000

A file and its write-ahead log are kept as they are after a number of commits, with where the log ended behind each.
Then the log is cut at the ends of its frames, one byte beside them, and anywhere; or torn: what follows some byte of a
frame is zeros, is noise, or is what stood there before. What the store reads then has to be what was committed up to
some moment, and at least all commits that lie before the damage; and the run has to go on from there. Bits are flipped
in the file itself and in the log. One line of JSON.
"""

import argparse
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from leadflow.events.model import Entry, Event, NodeDone, NodeStarted
from leadflow.run.store import JournalProblem, NewRun
from leadflow.stores.sqlite_file import JournalFile
from tests.simulation.inline import fast_folder

RUN = NewRun("r", "main", "plan-1", "main.flow", "digest", "{}", 1.0)
HEADER, FRAME = 32, 24
"""Bytes of the log's own header and of a frame's."""


@dataclass
class Written:
    """A journal as it was left."""

    base: bytes
    log: bytes
    page: int
    ends: list[int]
    """Where the log ended behind each commit."""
    entries: list[list[Entry]]
    """What was committed by then."""

    def kept(self, before: int) -> int:
        """How many commits lie whole before a byte of the log."""
        return sum(end <= before for end in self.ends)


def _file(path: Path) -> JournalFile:
    return JournalFile(path, owner="elsewhere 1 1", lease=timedelta(seconds=10), now=lambda: 1.0)


def written(folder: Path, chance: Random, commits: int = 60) -> Written:
    """Commit events of all sizes, large values among them."""
    path = folder / "whole.db"
    log = path.with_name("whole.db-wal")
    file = _file(path)
    file.open()
    chain = file.create(RUN, "plan")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base = path.read_bytes()
    ends: list[int] = []
    entries: list[list[Entry]] = []
    so_far: list[Entry] = []
    for number in range(commits):
        size = chance.choice((0, 3, 300, 5_000, 90_000 if number % 20 == 0 else 40))
        events: list[Event] = [NodeStarted(f"main/{number}"), NodeDone(f"main/{number}", f"{number} " + "v" * size)]
        rows, found = chain.rows(events, float(number), "r", 1)
        assert [None] == list(file.write([rows]))
        chain.extend(rows)
        so_far = [*so_far, *found]
        ends.append(log.stat().st_size)
        entries.append(so_far)
    data = log.read_bytes()
    made = Written(base, data, int.from_bytes(data[8:12], "big"), ends, entries)
    file.close()
    return made


def damages(made: Written, count: int, chance: Random) -> list[tuple[str, int, bytes]]:
    """So many damaged logs: what was done, from which byte on, and the log."""
    log, step = made.log, FRAME + made.page
    edges = [0, 1, HEADER - 1, HEADER, *range(HEADER, len(log) + 1, step), len(log)]
    near = sorted({edge + off for edge in edges for off in (-1, 0, 1, FRAME, 512)} & set(range(len(log) + 1)))
    found: list[tuple[str, int, bytes]] = [("cut", at, log[:at]) for at in near[: count // 2]]
    while len(found) < count:
        at = chance.randrange(len(log))
        kind = chance.choice(("cut", "zeros", "noise", "old", "page"))
        end = min(len(log), at + step - (at - HEADER) % step) if at >= HEADER else HEADER
        match kind:
            case "zeros":
                torn = log[:at] + bytes(end - at)
            case "noise":
                torn = log[:at] + chance.randbytes(end - at)
            case "old":  # the log began anew in this file, and what stood behind is still there
                torn = log[:at] + log[: len(log) - at]
            case "page":  # a page did not come through, and later ones did
                torn = log[:at] + bytes(end - at) + log[end:]
            case _:
                torn = log[:at]
        found.append((kind, at, torn))
    return found


def _laid(folder: Path, base: bytes, log: bytes) -> Path:
    path = folder / "damaged.db"
    path.with_name("damaged.db-shm").unlink(missing_ok=True)
    path.write_bytes(base)
    path.with_name("damaged.db-wal").write_bytes(log)
    return path


def after_cut(made: Written, folder: Path, at: int, log: bytes) -> tuple[str, list[str]]:
    """What the store makes of a damaged log: in a word, and what is wrong about that."""
    file = _file(_laid(folder, made.base, log))
    try:
        file.open()
        found = list(file.load("r"))
        if found and found not in made.entries:
            return "wrong", [f"{len(found)} entries are not what was committed at any moment"]
        commits = len(found) // 2
        if commits < made.kept(at):
            return "lost", [f"{commits} commits are there, and {made.kept(at)} lie before the damage"]
        return ("prefix", _goes_on(file, found))
    except (JournalProblem, sqlite3.Error) as problem:
        return "refused", [] if at < HEADER else [f"refused: {problem}"]
    finally:
        file.close()


def _goes_on(file: JournalFile, found: Sequence[Entry]) -> list[str]:
    """Another worker claims the run and appends."""
    with suppress(JournalProblem):
        file.release("r", 1)
        claimed = file.claim("r")
        if claimed is not None:
            epoch, chain = claimed
            rows, entries = chain.rows([NodeStarted("main/more")], 99.0, "r", epoch)
            if [None] == list(file.write([rows])) and [*found, *entries] == list(file.load("r")):
                return []
    return ["the run does not go on behind what is there"]


def after_flip(made: Written, folder: Path, base: bytes, log: bytes) -> tuple[str, list[str]]:
    """What the store makes of a file or a log in which a bit is another."""
    file = _file(_laid(folder, base, log))
    try:
        file.open()
        found = list(file.load("r"))
    except (JournalProblem, sqlite3.Error, KeyError):
        return "refused", []
    finally:
        with suppress(sqlite3.Error):
            file.close()
    if found == made.entries[-1] or (log and (not found or found in made.entries)):
        return "harmless", []  # what is rotten in a log ends it there
    return "wrong", [f"{len(found)} entries are not what was committed at any moment"]


def flips(made: Written, count: int, chance: Random, folder: Path) -> list[tuple[bytes, bytes]]:
    """So many pairs of a file and its log, with one bit of either flipped; half of the files have all in them."""
    path = _laid(folder, made.base, made.log)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    full = path.read_bytes()
    found = []
    for number in range(count):
        base, log = (full, b"") if number % 2 else (made.base, made.log)
        broken = bytearray(base if number % 2 else log)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        found.append((bytes(broken), log) if number % 2 else (base, bytes(broken)))
    return found


def trial(cuts: int, rot: int, seed: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """Damage a journal so many times: what the store made of it, and what is wrong."""
    chance = Random(seed)
    made = written(folder, chance)
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for kind, at, log in damages(made, cuts, chance):
        word, problems = after_cut(made, folder, at, log)
        seen[f"{kind}: {word}"] += 1
        wrong += [f"{kind} at byte {at}: {text}" for text in problems]
    for number, (base, log) in enumerate(flips(made, rot, chance, folder)):
        word, problems = after_flip(made, folder, base, log)
        seen[f"flip: {word}"] += 1
        wrong += [f"flip {number}: {text}" for text in problems]
    return seen, wrong


def main(arguments: Sequence[str]) -> int:
    """Damage a journal, and say what was found; 1 when a wrong value was used."""
    parser = argparse.ArgumentParser(description="Z3: cut, tear and rot a journal.")
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args(arguments)
    with fast_folder() as folder:
        seen, wrong = trial(chosen.cuts, chosen.flips, chosen.seed, Path(folder))
    told = {"what": "cuts", "cuts": chosen.cuts, "flips": chosen.flips, "seen": seen, "wrong": len(wrong)}
    print(json.dumps(told | {"findings": wrong[:5]}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
