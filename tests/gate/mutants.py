"""How many small mistakes in `leadflow/policies` the tests notice: the mutation score (target Z9: at least 90 %).

    python -m tests.gate.mutants --processes 2 --least 0.9 [--files retry shared] [--sample 200] [--survivors]

First the tests run once with every line of the room noted; then each mutation (`mutations.py`) is tried by the tests
that come past its line, the quickest first, in a process that is forked for it. A mutant of a function is forked from
where all tests have been read, and has other code (`warm.py`); one of a table or a constant reads the changed module in
place of the true one, and the tests anew. Nothing on disk changes. A mutant is killed by a test that fails, or that
takes far more of the processor than it did. What nobody could notice stands in `equivalents.txt` with its reason, is
not tried and does not count. A sample has of each file as many as its share of all. One line of JSON per file, one for
all.
"""

import argparse
import ast
import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import resource
import select
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from types import CodeType, FrameType, MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.gate.mutations import Mutation, mutated, mutations
from tests.gate.warm import Warm, functions, patch, tell, told

ROOT = Path(__file__).resolve().parents[2]
ROOM = ROOT / "leadflow" / "policies"
TESTS = ("tests/policies", "tests/soak/test_cancels.py", "tests/test_recalling.py")
UNFIT = ("tests/policies/test_limit_server.py",)
"""Tests that take real time: a machine that tries mutants is too busy for them."""
EQUIVALENTS = Path(__file__).with_name("equivalents.txt")
LOADED_BEFORE = (
    "leadflow.pipeline",
    "leadflow.run.driver",
    "leadflow.testing",
    "leadflow.stores.memory",
    "tests.plans",
)
"""What no mutation changes, loaded once for all."""
EXAMPLES = 25
"""Of each property that does not say it itself; the same ones each time."""
NEAR = 3
"""Test files that are asked first."""
PATIENCE = 8.0
"""Seconds of tests of other files, as long as they took with every line noted, before the long ones are asked too."""
ENOUGH = 500
"""Times that a piece of code is entered by one test without a line that is new; then it is looked at no more."""
TOO_LONG = {signal.ITIMER_PROF: (1.0, 2.0), signal.ITIMER_REAL: (10.0, 20.0)}
"""What ends a test of a mutant: seconds of the processor, and for each second that it took before; and seconds of the
clock, which only who waits for ever comes to, also on a machine that is busy with other things."""
ENDS_SLOW = {signal.SIGPROF, signal.SIGALRM}
CONTROL = 100
"""The quickest tests, which are tried without a mutation first."""
BROKEN = 101
"""What a process ends with in which nothing could be tried: that says nothing of the mutant."""
MOST_MEMORY = 2 * 2**30
"""Bytes that a mutant may take."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutation of a file."""

    file: str
    """Its stem."""
    number: int
    """Among the file's mutations."""
    mutation: Mutation
    in_function: bool = True
    """It is code of a function; else what a module or a class is made of when it is read."""


@dataclass
class Baseline:
    """What the tests do without a mutation."""

    seconds: dict[str, float] = field(default_factory=dict)
    """By test, of the processor."""
    lines: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The tests that come past a line, by `stem:line`; by `stem` those that come past any."""
    near: dict[str, set[str]] = field(default_factory=dict)
    """The test files that are most about a file, as far as that is known."""

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that may notice a mutant, quickest first."""
        if mutant.in_function:
            found = self.lines.get(f"{mutant.file}:{mutant.mutation.line}", set())
        else:  # who reads a table passes no line of it
            mine = self._about(mutant.file)
            found = self.lines.get(mutant.file, set()) | {test for test in self.seconds if file_of(test) in mine}
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def rounds(self, mutant: Mutant) -> list[list[str]]:
        """The same in three parts: those of the test files that are most about the mutated file, the quick ones of the
        others, and the rest. Most mutants are killed by the first; all of them are asked before one has survived."""
        tests, mine = self.tests(mutant), self._about(mutant.file)
        near, quick, rest, spent = list[str](), list[str](), list[str](), 0.0
        for test in tests:
            if file_of(test) in mine:
                near.append(test)
                continue
            spent += self.seconds[test]
            (quick if spent < PATIENCE else rest).append(test)
        return [part for part in (near, quick, rest) if part]

    def _about(self, stem: str) -> set[str]:
        """The test files of which the largest share of what they pass is in a file of the room."""
        if stem not in self.near:
            self.near[stem] = self._nearest(stem)
        return self.near[stem]

    def _nearest(self, stem: str) -> set[str]:
        passed: dict[str, Counter[str]] = defaultdict(Counter)
        for key, tests in self.lines.items():
            if ":" in key:
                for file in {file_of(test) for test in tests}:
                    passed[file][key.partition(":")[0]] += 1
        share = {file: lines[stem] / lines.total() for file, lines in passed.items() if lines[stem]}
        return set(sorted(share, key=lambda file: -share[file])[:NEAR])


def file_of(test: str) -> str:
    """The file of a test."""
    return test.partition("::")[0]


# --- inside a forked process --------------------------------------------------------------------------------------


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another code."""

    def __init__(self, file: str, code: CodeType) -> None:
        self._name = f"leadflow.policies.{file}"
        self._code = code

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """The module, if it is that one."""
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin="mutant")

    def exec_module(self, module: Any) -> None:
        """Run the changed code."""
        exec(self._code, vars(module))  # noqa: S102


class _Noting:
    """A plugin of pytest: properties repeat; how long each test takes, and the lines of the room that it passes. No
    test takes far longer than it did."""

    def __init__(self, took: Mapping[str, float] = MappingProxyType({})) -> None:
        self.took = took
        """By test, the seconds that it took before; who is not there may take as long as he likes."""
        self.baseline = Baseline()
        self.failed: list[str] = []
        """Tests that failed, and how."""
        self.traces = False
        self._passed: set[tuple[str, int]] = set()
        self._entered: Counter[int] = Counter()
        """How often without a line that is new, by the code's identity."""
        self._stems = {str(path): path.stem for path in ROOM.glob("*.py")}

    def pytest_collection(self) -> None:
        """Before any test is read."""
        settings.register_profile(
            "mutants",
            settings(),
            derandomize=True,
            database=None,
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended."""
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext[-400:]}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test."""
        self._passed, self._entered, begun = set(), Counter(), process_time()
        for timer, (least, each) in TOO_LONG.items():
            signal.setitimer(timer, least + each * self.took[item.nodeid] if item.nodeid in self.took else 0)
        if self.traces:
            sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            if self.traces:
                sys.settrace(None)
            self.baseline.seconds[item.nodeid] = process_time() - begun
            for stem, line in self._passed:
                self.baseline.lines[f"{stem}:{line}"].add(item.nodeid)
                self.baseline.lines[stem].add(item.nodeid)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        stem = self._stems.get(frame.f_code.co_filename)
        code = id(frame.f_code)
        if stem is None or self._entered[code] > ENOUGH:
            return None
        self._entered[code] += 1

        def note(frame: FrameType, event: str, argument: object) -> Any:
            if (stem, frame.f_lineno) not in self._passed:
                self._passed.add((stem, frame.f_lineno))
                self._entered[code] = 0
            return note

        return note(frame, event, argument)


_REWRITE = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
"""Hypothesis is loaded once for all mutants, and has nothing to rewrite."""


def _run_tests(tests: Sequence[str], *plugins: object) -> int:
    options = ["-q", "-x", "-s", "-p", "no:cacheprovider", "-p", "no:randomly", "--tb=short", "-W", _REWRITE]
    options += [f"--ignore={file}" for file in UNFIT]
    return int(pytest.main([*options, *tests], plugins=list(plugins)))


def _quiet() -> None:
    """Nobody reads what a mutant prints."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _bounded() -> None:
    _quiet()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def _try(took: Mapping[str, float], mutant: Mutant, tests: Sequence[str]) -> int:
    """Run tests on a mutant; 0 when they notice nothing."""
    _bounded()
    path = ROOM / f"{mutant.file}.py"
    tree = mutated(path.read_text("utf-8"), mutant.number)
    sys.meta_path.insert(0, _Changed(mutant.file, compile(tree, str(path), "exec")))
    return _run_tests(tests, _Noting(took))


def _try_warm(warm: Warm, mutant: Mutant, tests: Sequence[str]) -> int:
    """The same where the tests have been read."""
    _bounded()
    patch(ROOM / f"{mutant.file}.py", mutant.mutation.function, mutant.number)
    with suppress(BaseException):  # what breaks the tests themselves is noticed, too; without it they run to their end
        return warm.run(tests)
    return 1


def _note_baseline(warm: Warm, noting: _Noting, tests: Sequence[str], pipe: int) -> int:
    _quiet()
    noting.traces = True
    code = warm.run(tests)
    lines = {key: sorted(tests) for key, tests in noting.baseline.lines.items()}
    with os.fdopen(pipe, "w", encoding="utf-8") as file:
        json.dump({"seconds": noting.baseline.seconds, "lines": lines, "failed": noting.failed}, file)
    return code


# --- outside ------------------------------------------------------------------------------------------------------


def _forked(work: Callable[[], int]) -> int:
    """Do something in a process of its own; its id."""
    pid = os.fork()
    if pid == 0:
        code = BROKEN
        try:
            os.setpgid(0, 0)
            code = min(work(), BROKEN - 1)
        finally:
            os._exit(code)
    return pid


def _ended(pid: int, seconds: float) -> bool:
    """Wait so long for a process to end."""
    watched = os.pidfd_open(pid)
    try:
        return bool(select.select([watched], [], [], max(0.0, seconds))[0])
    finally:
        os.close(watched)


def load() -> None:
    """Import what all processes share."""
    for name in LOADED_BEFORE:
        importlib.import_module(name)
    if loaded := [name for name in sys.modules if name.startswith("leadflow.policies")]:
        raise RuntimeError(f"{loaded} are loaded already: a mutant would not be seen")
    _leave_alone()


def _leave_alone() -> None:
    """Nobody looks for garbage in what is there by now: each process would have a copy of all of it."""
    gc.collect()
    gc.freeze()


def baseline(warm: Warm, noting: _Noting, processes: int) -> list[dict[str, Any]]:
    """Run all tests once, noting all, a share of them in each process; an empty one did not come to its end."""
    running = []
    for number in range(processes):
        read, write = os.pipe()
        running.append((_forked(partial(_note_baseline, warm, noting, warm.tests[number::processes], write)), read))
        os.close(write)
    found = list[dict[str, Any]]()
    for pid, read in running:
        with os.fdopen(read, encoding="utf-8") as file:
            found.append(json.loads(file.read() or "{}"))
        os.waitpid(pid, 0)
    return found


def _known(found: Sequence[Mapping[str, Any]]) -> Baseline:
    """What the tests do without a mutation.

    Raises:
        RuntimeError: they fail.
    """
    if not found or not all(found) or any(part["failed"] for part in found):
        failed = [text for part in found for text in part.get("failed", ())]
        raise RuntimeError("\n".join(["the tests fail without any mutation", *failed]))
    known = Baseline()
    for part in found:
        known.seconds |= part["seconds"]
        for key, tests in part["lines"].items():
            known.lines[key] |= set(tests)
    return known


def _passes(warm: Warm, tests: Sequence[str]) -> bool:
    """Whether tests pass where mutants are tried, without a mutation: whatever else fails them there (what this process
    leaves open, say) would count as noticed."""
    _, status = os.waitpid(_forked(partial(warm.run, tests)), 0)
    return status == 0


def _serve(tests: Sequence[str], mutants: Sequence[Mutant], processes: int, pipe: int) -> int:
    """Read all tests, tell what they do, and then what becomes of each mutant of a function."""
    _quiet()
    noting = _Noting()

    def go_on(warm: Warm) -> None:
        _leave_alone()
        found = baseline(warm, noting, processes)
        tell(pipe, found)
        known = _known(found)
        noting.took = known.seconds
        if not _passes(warm, sorted(known.seconds, key=lambda test: known.seconds[test])[:CONTROL]):
            tell(pipe, None)
            return
        for mutant, outcome in tried(mutants, known, processes, partial(_try_warm, warm)):
            tell(pipe, [mutants.index(mutant), outcome])

    return _run_tests(tests, noting, Warm(go_on))


def all_tried(tests: Sequence[str], mutants: Sequence[Mutant], processes: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it.

    Raises:
        RuntimeError: the tests fail without any mutation, or the process that tries mutants has ended.
    """
    inside = [mutant for mutant in mutants if mutant.in_function]
    read, write = os.pipe()
    pid = _forked(lambda: _serve(tests, inside, processes, write))
    os.close(write)
    answers = told(read)
    known = _known(next(answers, ()))
    left = len(inside)
    for answer in answers:
        if answer is None:
            raise RuntimeError("tests fail where mutants are tried, without any mutation")
        left -= 1
        yield inside[answer[0]], answer[1]
    os.waitpid(pid, 0)
    if left:
        raise RuntimeError(f"{left} mutants were not tried")
    outside = [mutant for mutant in mutants if not mutant.in_function]
    yield from tried(outside, known, processes, partial(_try, known.seconds))


def all_mutants(files: Sequence[str]) -> list[Mutant]:
    """Every mutation of the files, by stem."""
    found = []
    for file in files:
        text = (ROOM / f"{file}.py").read_text("utf-8")
        inside = functions(text)
        found += [
            Mutant(file, number, mutation, mutation.function in inside)
            for number, (mutation, _) in enumerate(mutations(ast.parse(text)))
        ]
    return found


def drawn(mutants: Sequence[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many of them, of each file as many as its share, give or take one."""
    random, files = Random(seed), sorted({mutant.file for mutant in mutants})
    line = [each for file in files for each in _shuffled([one for one in mutants if one.file == file], random)]
    step = max(1.0, len(line) / count)
    first = random.random() * step
    return [line[int(first + number * step)] for number in range(min(count, len(line)))]


def _shuffled(mutants: list[Mutant], random: Random) -> list[Mutant]:
    return random.sample(mutants, len(mutants))


def tried(
    mutants: Sequence[Mutant], known: Baseline, processes: int, work: Callable[[Mutant, Sequence[str]], int]
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it: `killed`, `slow` (killed too), `survived`, `unseen` (no test passes it), or
    `untried`, which says nothing of it."""
    waiting: list[tuple[Mutant, list[list[str]]]] = [(mutant, known.rounds(mutant)) for mutant in reversed(mutants)]
    running: dict[int, tuple[Mutant, list[list[str]], float]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            mutant, rounds = waiting.pop()
            if not rounds:
                yield mutant, "unseen"
                continue
            tests, *rest = rounds
            pid = _forked(partial(work, mutant, tests))
            running[pid] = (mutant, rest, perf_counter() + 60 + 10 * sum(known.seconds[test] for test in tests))
        for pid, (mutant, rest, end) in list(running.items()):
            is_late = perf_counter() > end
            if is_late:
                os.killpg(pid, signal.SIGKILL)
            if is_late or _ended(pid, 0.02):
                _, status = os.waitpid(pid, 0)
                del running[pid]
                if status == BROKEN << 8:
                    yield mutant, "untried"
                elif is_late or status:
                    is_slow = is_late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in ENDS_SLOW)
                    yield mutant, "slow" if is_slow else "killed"
                elif rest:
                    waiting.append((mutant, rest))
                else:
                    yield mutant, "survived"


def equivalents() -> Mapping[str, str]:
    """By `file function: before -> after`, why nobody could notice it."""
    found = {}
    for line in EQUIVALENTS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            key, _, reason = line.partition("  # ")
            found[key] = reason
    return found


def score(outcomes: Counter[str]) -> float:
    """The share of mutants that are noticed, of those that can be."""
    noticed = outcomes["killed"] + outcomes["slow"]
    missed = outcomes["survived"] + outcomes["unseen"]
    return noticed / max(1, noticed + missed)


def main(arguments: list[str]) -> int:
    """The command line; 1 when the score is too low."""
    parser = argparse.ArgumentParser(description="The mutation score of the policies.")
    stems = sorted(path.stem for path in ROOM.glob("*.py") if path.stem != "__init__")
    parser.add_argument("--files", nargs="+", default=stems, choices=stems)
    parser.add_argument("--tests", nargs="+", default=[test for test in TESTS if (ROOT / test).exists()])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, help="so many mutants, drawn from the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=0.9)
    parser.add_argument("--survivors", action="store_true", help="show those that nobody noticed")
    chosen = parser.parse_args(arguments)
    os.chdir(ROOT)
    os.environ.setdefault("LEADFLOW_GATE_RUNS", str(EXAMPLES))
    os.environ.setdefault("LEADFLOW_GATE_MUTANTS", "1")
    load()
    begun = perf_counter()
    mutants = all_mutants(chosen.files)
    if chosen.sample is not None:
        mutants = drawn(mutants, chosen.sample, chosen.seed)
    by_file: dict[str, Counter[str]] = {file: Counter() for file in chosen.files}
    excused = equivalents()
    for mutant in [each for each in mutants if f"{each.file} {each.mutation.key}" in excused]:
        by_file[mutant.file]["equivalent"] += 1
        mutants.remove(mutant)
    for number, (mutant, outcome) in enumerate(all_tried(chosen.tests, mutants, chosen.processes), 1):
        if number % 100 == 0 and chosen.survivors:
            print(f"{number} of {len(mutants)} tried in {perf_counter() - begun:.0f} s", flush=True)
        by_file[mutant.file][outcome] += 1
        if outcome == "untried" or (chosen.survivors and outcome in ("survived", "unseen")):
            print(f"{outcome}: {mutant.file}:{mutant.mutation.line} {mutant.mutation.key}", flush=True)
    for file, outcomes in by_file.items():
        print(json.dumps({"what": "mutants", "file": file, **outcomes, "score": round(score(outcomes), 4)}))
    total = sum(by_file.values(), Counter[str]())
    told = {"what": "mutants", "file": "all", **total, "score": round(score(total), 4)}
    processor = sum(os.times()[:4])
    print(json.dumps({**told, "seconds": round(perf_counter() - begun), "processor": round(processor)}))
    return int(score(total) < chosen.least or total["untried"] > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
