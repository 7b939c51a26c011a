"""P6: how soon the command line is there: `--help` and `fmt` of one file, against `python -c pass` in the same run.

    python tests/benchmarks/p6_start.py --rounds 15

`fmt` gets the first example's flow, about 150 lines. One JSON line per command; milliseconds, and how many times the
floor it is, in CPU and in wall clock.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.processes import LEADFLOW, PASS, ROOT, measure

FLOW = ROOT / "examples" / "01_triage" / "main.flow"


def results(rounds: int) -> Iterator[dict[str, object]]:
    """All of the table."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "main.flow")
        file.write_text(FLOW.read_text("utf-8"), encoding="utf-8")
        commands: dict[str, tuple[str, ...]] = {"pass": PASS, "click": (sys.executable, "-c", "import click")}
        commands |= {"help": (*LEADFLOW, "--help"), "fmt": (*LEADFLOW, "fmt", str(file))}
        costs = measure(commands, rounds)
    floor = costs["pass"]
    for name, cost in costs.items():
        yield {
            "what": "p6", "command": name, "wall_ms": round(cost.wall * 1e3, 1), "cpu_ms": round(cost.cpu * 1e3, 1),
            "passes_wall": round(cost.wall / floor.wall, 2), "passes_cpu": round(cost.cpu / floor.cpu, 2),
        }  # fmt: skip


def main() -> None:
    """Print the table, a line per command."""
    parser = argparse.ArgumentParser(description="P6: how soon the command line is there")
    parser.add_argument("--rounds", type=int, default=15)
    for result in results(parser.parse_args().rounds):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
