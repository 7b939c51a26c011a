"""Thousands of broken and of random sources through the compiler's front: nothing may crash, hang, or be refused in
silence, and what was formatted must say what it said.

    python -m tests.fuzz.fuzz_sources --mutated 100000 --generated 20000 --seed 1

prints one line of JSON and ends with 1 when anything is wrong. Each finding names the seed that makes it again.
"""

import argparse
import json
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from random import Random
from types import FrameType
from typing import Literal

from leadflow.check.check import check
from leadflow.check.loader import load_source
from leadflow.check.reading import ReadProblem
from leadflow.diagnostics import Report, Source
from leadflow.plan.kinds import BUILT_IN, LATER
from leadflow.syntax.format import format_source, format_tree
from leadflow.syntax.lexer import Comment, comments
from leadflow.syntax.parser import parse
from leadflow.syntax.source import read_source
from tests.fuzz.mutate import mutated, sources
from tests.fuzz.tally import Tally
from tests.making.trees import random_tree

Way = Literal["mutated", "generated"]
SLOW = 1.0
"""Seconds of processor time that one source may take."""
GIVE_UP = 5.0
"""Seconds after which one is given up."""


@dataclass(slots=True)
class SourceTally(Tally):
    """What became of the sources so far."""

    sources: int = 0
    accepted: int = 0
    silent: int = 0
    """Rejections without a code or without a place in the text."""
    changed: int = 0
    """Texts that formatting changed in meaning, or twice."""

    @property
    def wrong(self) -> int:
        """How much is wrong."""
        return self.uncaught + self.slow + self.silent + self.changed


class Changed(Exception):
    """Formatting did what it must not."""


class TooSlow(Exception):
    """A source took so long that it was given up."""


class Silent(Exception):
    """A source was refused without saying what or where."""


@cache
def _texts() -> tuple[str, ...]:
    return tuple(sources())


def try_mutated(seed: int) -> bool:
    """Compile one broken source; True when it was accepted all the same.

    Raises:
        Changed, Silent: a finding.
    """
    data = mutated(_texts(), Random(seed))
    report = Report()
    source = read_source("main.flow", data, report)
    if source is None:
        _require_places(report, None)
        if not report.has_errors:
            raise Silent("refused without a word")
        return False
    loaded = load_source(source, _no_file, report)
    if not report.has_errors:
        _require_same(source)
    check(loaded, {**BUILT_IN, **LATER}, report)
    _require_places(report, source)
    return not report.has_errors


def try_generated(seed: int) -> bool:
    """Format a random tree and parse it again; always True.

    Raises:
        Changed: the tree did not come back.
    """
    tree = random_tree(Random(seed))
    source = Source("main.flow", format_tree(tree))
    report = Report()
    if parse(source, report) != tree or report.has_errors:
        raise Changed(f"the tree does not come back: {[found.code for found in report]}")
    _require_same(source)
    return True


def _no_file(name: str) -> ReadProblem:
    return ReadProblem("missing")


def _require_same(source: Source) -> None:
    """Formatting keeps the tree and the comments, and formatting again changes nothing."""
    before = parse(source, Report())
    notes = comments(source)
    text = format_source(source, before, notes)
    anew = Source(source.name, text)
    report = Report()
    after = parse(anew, report)
    if report.has_errors or before != after:
        raise Changed("formatting changes the tree")
    notes_after = comments(anew)
    if _words(notes) != _words(notes_after):
        raise Changed("formatting changes the comments")
    if text != format_source(anew, after, notes_after):
        raise Changed("formatting twice is not formatting once")


def _words(notes: tuple[Comment, ...]) -> Counter[str]:
    return Counter(note.text.lstrip("#").strip() for note in notes)


def _require_places(report: Report, source: Source | None) -> None:
    for found in report:
        end = len(source.text) if source is not None and found.span.file == source.name else found.span.end
        if not re.fullmatch(r"FLOW[1-5]\d\d", found.code) or not found.message:
            raise Silent(f"a finding without a code: {found}")
        if not 0 <= found.span.start <= found.span.end <= end:
            raise Silent(f"{found.code} is outside of the text: {found.span}")


def run(way: Way, seeds: range) -> SourceTally:
    """Try a range of seeds."""
    tally = SourceTally()
    attempt = try_mutated if way == "mutated" else try_generated
    signal.signal(signal.SIGVTALRM, _give_up)
    for seed in seeds:
        started = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, GIVE_UP)
        try:
            tally.accepted += attempt(seed)
        except TooSlow:
            pass
        except Changed as finding:
            tally.changed += 1
            tally.findings.append(f"{way} {seed}: {finding}")
        except Silent as finding:
            tally.silent += 1
            tally.findings.append(f"{way} {seed}: {finding}")
        except Exception as error:
            tally.uncaught += 1
            place = traceback.extract_tb(error.__traceback__)[-1]
            tally.findings.append(f"{way} {seed}: {error!r:.200} in {place.name}, line {place.lineno}")
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        took = time.process_time() - started
        tally.slowest = max(tally.slowest, took)
        if took > SLOW:
            tally.slow += 1
            tally.findings.append(f"{way} {seed}: {took:.2f} s")
        tally.sources += 1
    return tally


def _give_up(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def _batches(seed: int, number: int) -> Iterator[range]:
    for start in range(seed, seed + number, 250):
        yield range(start, min(start + 250, seed + number))


def main(arguments: list[str]) -> int:
    """The command line; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description="Try to break the compiler's front.")
    parser.add_argument("--mutated", type=int, default=1_000)
    parser.add_argument("--generated", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    total = SourceTally()
    numbers: tuple[tuple[Way, int], ...] = (("mutated", chosen.mutated), ("generated", chosen.generated))
    with ProcessPoolExecutor(chosen.processes) as pool:
        for way, number in numbers:
            for tally in pool.map(partial(run, way), _batches(chosen.seed * 1_000_000, number)):
                total.add(tally)
    print(json.dumps({**asdict(total), "seconds": round(time.monotonic() - started, 1)}))
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
