"""How many small mistakes in `leadflow/policies` the tests notice: the mutation score (target Z9: at least 90 %).

    python -m tests.gate.mutants --processes 2 --least 0.9 [--files retry shared] [--sample 200] [--survivors]

First the tests run once with every line of the room noted; then each mutation (`mutations.py`) is tried by the tests
that come past its line, the quickest first, in a process that is forked for it. A mutant of a function is forked from
where all tests have been read, and has other code (`warm.py`); one of a table or a constant reads the changed module in
place of the true one, and the tests anew. Nothing on disk changes. A mutant is killed by a test that fails, or that
takes far longer. What nobody could notice stands in `equivalents.txt` with its reason, and does not count. One line of
JSON per file, one for all.
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
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.gate.mutations import Mutation, mutated, mutations
from tests.gate.warm import Warm, functions, patch, tell, told

ROOT = Path(__file__).resolve().parents[2]
ROOM = ROOT / "leadflow" / "policies"
TESTS = ("tests/policies", "tests/soak/test_cancels.py")
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
"""Seconds that the tests of other files may take for one mutant, as long as they took with every line noted."""
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
    """By test."""
    lines: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The tests that come past a line, by `stem:line`; by `stem` those that come past any."""
    near: dict[str, set[str]] = field(default_factory=dict)
    """The test files that are most about a file, as far as that is known."""

    def tests(self, mutant: Mutant) -> list[str]:
        """Those that may notice a mutant, quickest first."""
        inside = mutant.in_function
        found = self.lines.get(f"{mutant.file}:{mutant.mutation.line}") if inside else self.lines.get(mutant.file)
        return sorted(found or (), key=lambda test: (self.seconds[test], test))

    def rounds(self, mutant: Mutant) -> list[list[str]]:
        """The same in two parts: those of the test files that are most about the mutated file, and the others, as many
        as one has patience for. Most mutants are killed by the first, whose few files are read quickly."""
        tests, mine = self.tests(mutant), self._about(mutant.file)
        near = [test for test in tests if file_of(test) in mine]
        far, spent = list[str](), 0.0
        for test in tests:
            if file_of(test) in mine:
                continue
            spent += self.seconds[test]
            if spent < PATIENCE or not (near or far):
                far.append(test)
        return [part for part in (near, far) if part]

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
    """A plugin of pytest: properties repeat; how long each test takes, and the lines of the room that it passes."""

    def __init__(self) -> None:
        self.baseline = Baseline()
        self.failed: list[str] = []
        """Tests that failed, and how."""
        self.traces = False
        self._passed: set[tuple[str, int]] = set()
        self._stems: dict[CodeType, str | None] = {}

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
        self._passed, begun = set(), perf_counter()
        if self.traces:
            sys.settrace(self._enter)
        try:
            return (yield)
        finally:
            if self.traces:
                sys.settrace(None)
            self.baseline.seconds[item.nodeid] = perf_counter() - begun
            for stem, line in self._passed:
                self.baseline.lines[f"{stem}:{line}"].add(item.nodeid)
                self.baseline.lines[stem].add(item.nodeid)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code not in self._stems:
            path = Path(code.co_filename)
            self._stems[code] = path.stem if path.parent == ROOM else None
        stem = self._stems[code]
        if stem is None:
            return None

        def note(frame: FrameType, event: str, argument: object) -> Any:
            self._passed.add((stem, frame.f_lineno))
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


def _try(mutant: Mutant, tests: Sequence[str]) -> int:
    """Run tests on a mutant; 0 when they notice nothing."""
    _bounded()
    path = ROOM / f"{mutant.file}.py"
    tree = mutated(path.read_text("utf-8"), mutant.number)
    sys.meta_path.insert(0, _Changed(mutant.file, compile(tree, str(path), "exec")))
    return _run_tests(tests, _Noting())


def _try_warm(warm: Warm, mutant: Mutant, tests: Sequence[str]) -> int:
    """The same where the tests have been read."""
    _bounded()
    patch(ROOM / f"{mutant.file}.py", mutant.mutation.function, mutant.number)
    return warm.run(tests)


def _note_baseline(warm: Warm, noting: _Noting, pipe: int) -> int:
    _quiet()
    noting.traces = True
    code = warm.run(warm.tests)
    lines = {key: sorted(tests) for key, tests in noting.baseline.lines.items()}
    with os.fdopen(pipe, "w", encoding="utf-8") as file:
        json.dump({"seconds": noting.baseline.seconds, "lines": lines, "failed": noting.failed}, file)
    return code


# --- outside ------------------------------------------------------------------------------------------------------


def _forked(work: Callable[[], int]) -> int:
    """Do something in a process of its own; its id."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os._exit(min(work(), 100))
    return pid


def _ended(pid: int, seconds: float) -> bool:
    """Wait so long for a process to end."""
    watched = os.pidfd_open(pid)
    try:
        return bool(select.select([watched], [], [], max(0.0, seconds))[0])
    finally:
        os.close(watched)


def load() -> None:
    """Import what all processes share, and leave it alone from then on."""
    for name in LOADED_BEFORE:
        importlib.import_module(name)
    if loaded := [name for name in sys.modules if name.startswith("leadflow.policies")]:
        raise RuntimeError(f"{loaded} are loaded already: a mutant would not be seen")
    gc.collect()
    gc.freeze()


def baseline(warm: Warm, noting: _Noting) -> dict[str, Any]:
    """Run all tests once, noting all; empty when they do not come to their end."""
    read, write = os.pipe()
    pid = _forked(lambda: _note_baseline(warm, noting, write))
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as file:
        found: dict[str, Any] = json.loads(file.read() or "{}")
    os.waitpid(pid, 0)
    return found


def _known(found: Mapping[str, Any]) -> Baseline:
    """What the tests do without a mutation.

    Raises:
        RuntimeError: they fail.
    """
    if not found or found["failed"]:
        raise RuntimeError("\n".join(["the tests fail without any mutation", *found.get("failed", ())]))
    return Baseline(found["seconds"], {key: set(tests) for key, tests in found["lines"].items()})


def _serve(tests: Sequence[str], mutants: Sequence[Mutant], processes: int, pipe: int) -> int:
    """Read all tests, tell what they do, and then what becomes of each mutant of a function."""
    _quiet()
    noting = _Noting()

    def go_on(warm: Warm) -> None:
        found = baseline(warm, noting)
        tell(pipe, found)
        if not found or found["failed"]:
            return
        for mutant, outcome in tried(mutants, _known(found), processes, partial(_try_warm, warm)):
            tell(pipe, [mutants.index(mutant), outcome])

    return _run_tests(tests, noting, Warm(go_on))


def all_tried(tests: Sequence[str], mutants: Sequence[Mutant], processes: int) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it.

    Raises:
        RuntimeError: the tests fail without any mutation.
    """
    inside = [mutant for mutant in mutants if mutant.in_function]
    read, write = os.pipe()
    pid = _forked(lambda: _serve(tests, inside, processes, write))
    os.close(write)
    answers = told(read)
    known = _known(next(answers, {}))
    for number, outcome in answers:
        yield inside[number], outcome
    os.waitpid(pid, 0)
    yield from tried([mutant for mutant in mutants if not mutant.in_function], known, processes, _try)


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


def tried(
    mutants: Sequence[Mutant], known: Baseline, processes: int, work: Callable[[Mutant, Sequence[str]], int]
) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it: `killed`, `slow` (killed too), `survived`, `unseen` (no test passes it)."""
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
            running[pid] = (mutant, rest, perf_counter() + 4 + 2 * sum(known.seconds[test] for test in tests))
        for pid, (mutant, rest, end) in list(running.items()):
            is_late = perf_counter() > end
            if is_late:
                os.killpg(pid, signal.SIGKILL)
            if is_late or _ended(pid, 0.02):
                _, status = os.waitpid(pid, 0)
                del running[pid]
                if is_late or status:
                    yield mutant, "slow" if is_late else "killed"
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
    load()
    begun = perf_counter()
    mutants = all_mutants(chosen.files)
    if chosen.sample is not None:
        mutants = Random(chosen.seed).sample(mutants, min(chosen.sample, len(mutants)))
    by_file: dict[str, Counter[str]] = {file: Counter() for file in chosen.files}
    excused = equivalents()
    for number, (mutant, outcome) in enumerate(all_tried(chosen.tests, mutants, chosen.processes), 1):
        if number % 100 == 0 and chosen.survivors:
            print(f"{number} of {len(mutants)} tried in {perf_counter() - begun:.0f} s", flush=True)
        is_missed = outcome in ("survived", "unseen")
        is_excused = is_missed and f"{mutant.file} {mutant.mutation.key}" in excused
        by_file[mutant.file]["equivalent" if is_excused else outcome] += 1
        if is_missed and not is_excused and chosen.survivors:
            print(f"{outcome}: {mutant.file}:{mutant.mutation.line} {mutant.mutation.key}", flush=True)
    for file, outcomes in by_file.items():
        print(json.dumps({"what": "mutants", "file": file, **outcomes, "score": round(score(outcomes), 4)}))
    total = sum(by_file.values(), Counter[str]())
    told = {"what": "mutants", "file": "all", **total, "score": round(score(total), 4)}
    print(json.dumps({**told, "seconds": round(perf_counter() - begun)}))
    return int(score(total) < chosen.least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
