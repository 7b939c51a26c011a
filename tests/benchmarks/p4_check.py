"""P4: `leadflow check` as a whole process, against `python -c pass` in the same run; `miniwdl check` where it is found.

    python tests/benchmarks/p4_check.py --shapes chain mixed --sizes 10 1000 10000 --rounds 5 [--peer]

`chain` is one flow whose steps wait for each other. `mixed` has ten steps per flow: types, policies, `parallel`, `for`,
`repeat`, `match`, conditions, prompts with holes. The peer gets a chain of calls with as many tasks, at sizes up to
1,000, and needs tests/benchmarks/requirements-peers.txt. One JSON line per result; milliseconds.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import which

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.processes import LEADFLOW, PASS, Cost, measure

MOST_FOR_PEER = 1_000
HEAD = """leadflow 1

type Topic = "bug" | "billing" | "praise"
type Ticket { id: int  text: string  tags: list[string]  size: int }

agent fast: openai { model: "small"  key: secret("KEY")  max_tokens: 200 }
agent deep: openai { model: "large"  key: secret("KEY")  max_tokens: 900 }
"""
PART = """
flow part_NUMBER(ticket: Ticket) -> string {
  @retry(3, backoff: 1s) @timeout(20s)
  step topic: { label: Topic } = fast.ask("Topic of ${ticket.text}?")
  step seen = parallel {
    step mood: string = fast.ask("Mood of ${ticket.text}?")
    step words: list[string] = fast.ask("Words of ${ticket.text}?")
  }
  let hot = topic.label == "bug" and (ticket.size > 3 or seen.mood == "angry")
  if hot {
    step alarm: string = deep.ask("Alarm for ${ticket.id}: ${seen.mood}")
    return alarm
  }
  @concurrency(4)
  step notes = for word in seen.words at most 9 {
    step note: string = fast.ask("Explain ${word}")
    yield note
  }
  let advice = match topic.label { "bug" then "fix", "billing" then "refund", "praise" then "thank" }
  step done = repeat draft = "" at most 3 {
    step better: string = deep.ask("Improve ${draft} with ${join(notes, ",")}: ${advice}")
    yield better
  } until len(better) > 20 else better
  @fallback(fast)
  step last: string = deep.ask("Close ${ticket.id}: ${done}")
  return last
}
"""
STEPS_OF_PART = PART.count("step ")


def chain(size: int) -> str:
    """One flow of so many steps, each waiting for the one before."""
    steps = ['  step s0: string = deep.ask("Begin with ${ticket.text}")']
    steps += [f'  step s{n}: string = deep.ask("Go on: ${{s{n - 1}}}")' for n in range(1, size)]
    body = "\n".join(steps)
    agent = 'agent deep: openai { model: "large"  key: secret("KEY")  max_tokens: 900 }'
    flow = f"flow main(ticket: Ticket) -> string {{\n{body}\n  return s{size - 1}\n}}"
    return f"leadflow 1\n\ntype Ticket {{ id: int  text: string }}\n\n{agent}\n\n{flow}\n"


def mixed(size: int) -> str:
    """Flows of ten steps, one of almost everything."""
    return HEAD + "".join(PART.replace("NUMBER", str(n)) for n in range(size // STEPS_OF_PART))


SHAPES = {"chain": chain, "mixed": mixed}


def wdl(size: int) -> str:
    """The chain in the peer's language."""
    calls = ["call t0 { input: text = text }"]
    calls += [f"call t{n} {{ input: text = t{n - 1}.out }}" for n in range(1, size)]
    task = 'task tN { input { String text } command { echo "~{text}" } output { String out = read_string(stdout()) } }'
    tasks = "\n".join(task.replace("tN", f"t{n}") for n in range(size))
    body = "\n  ".join(calls)
    return f"version 1.0\n{tasks}\nworkflow w {{\n  input {{ String text }}\n  {body}\n}}\n"


def results(shapes: Sequence[str], sizes: Sequence[int], rounds: int, *, peer: bool) -> Iterator[dict[str, object]]:
    """All of the table. `growth` compares with the size before it, whole process with whole process."""
    with tempfile.TemporaryDirectory() as folder:
        for shape in shapes:
            before: Cost | None = None
            for size in sizes:
                file = Path(folder, f"{shape}_{size}.flow")
                file.write_text(SHAPES[shape](size), encoding="utf-8")
                commands: dict[str, Sequence[str]] = {"pass": PASS, "check": (*LEADFLOW, "check", str(file))}
                if peer and shape == "chain" and size <= MOST_FOR_PEER:
                    other = Path(folder, f"{size}.wdl")
                    other.write_text(wdl(size), encoding="utf-8")
                    commands["peer"] = (str(which("miniwdl")), "check", "--no-shellcheck", str(other))
                costs = measure(commands, rounds)
                ours = costs["check"]
                line: dict[str, object] = {"what": "p4", "shape": shape, "n": size}
                for name, cost in costs.items():
                    line |= {f"{name}_wall_ms": round(cost.wall * 1e3, 1), f"{name}_cpu_ms": round(cost.cpu * 1e3, 1)}
                line["passes"] = round(ours.cpu / costs["pass"].cpu, 1)
                line["growth"] = None if before is None else round(ours.cpu / before.cpu, 2)
                if "peer" in costs:
                    line["faster_than_peer"] = round(costs["peer"].cpu / ours.cpu, 1)
                before = ours
                yield line


def main() -> None:
    """Print the table, a line per result."""
    parser = argparse.ArgumentParser(description="P4: checking as a whole process")
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[10, 1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", action="store_true", help="also `miniwdl check`")
    options = parser.parse_args()
    if options.peer and which("miniwdl") is None:
        parser.error("miniwdl is not on the path; install tests/benchmarks/requirements-peers.txt")
    for result in results(options.shapes, options.sizes, options.rounds, peer=options.peer):
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
