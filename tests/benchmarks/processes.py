"""Whole processes, timed side by side: what a command costs from its start to its end. Knows nothing of leadflow.

Each command runs once unmeasured, so that its bytecode lies in a folder of this measurement, as an installed package
has it. Then all run in turns, and medians are told: seconds of wall clock, and seconds of CPU, which a busy machine
disturbs less.
"""

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
PASS = (sys.executable, "-c", "pass")
"""The least that a Python program costs."""
LEADFLOW = (sys.executable, "-c", "from leadflow.cli.main import main; main()")
"""The command line, as its script starts it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of one command, in seconds."""

    wall: float
    cpu: float


def measure(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, Cost]:
    """What each command costs; their order alternates from round to round.

    Raises:
        SystemExit: a command fails.
    """
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as bytecode:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in commands.values():
            _once(command, env)
        for number in range(rounds):
            names = list(commands) if number % 2 else list(reversed(list(commands)))
            for name in names:
                found[name].append(_once(commands[name], env))
    return {
        name: Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))
        for name, costs in found.items()
    }


def _once(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    start = perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}")
    return Cost(wall, used.ru_utime + used.ru_stime)
