"""Runs the examples as a reader would: the command line, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.secrets.canaries import assert_discreet

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> Any:
        """The result that was printed; the diagnostics instead, when there is none."""
        return json.loads(self.stdout) if self.stdout.strip() else self.stderr

    @property
    def events(self) -> list[Any]:
        """The events of the run, one per line."""
        return [json.loads(line) for line in self.stderr.splitlines()]


def leadflow(*args: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ran:
    """`leadflow ARGS`, from the repository's root, with `env` added to the environment."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("leadflow")), *args],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert_discreet(ROOT, done.stdout, done.stderr, env=env)
    return Ran(done.returncode, done.stdout, done.stderr)


def run_example(name: str, *args: str, env: Mapping[str, str] | None = None) -> Ran:
    """`leadflow run examples/NAME/main.flow ARGS`; nothing is kept, so that a test leaves nothing behind."""
    return leadflow("run", str(EXAMPLES / name / "main.flow"), "--no-journal", *args, env=env)


def expected(name: str) -> Any:
    """The example's expected.json."""
    return json.loads((EXAMPLES / name / "expected.json").read_text("utf-8"))
