"""P4: `leadflow check` as a whole process, against `python -c pass` in the same run; `miniwdl check` where it is found.

    python tests/benchmarks/p4_check.py --shapes chain mixed --sizes 10 1000 10000 --rounds 5 [--peer]

`check` is anew each time (`--no-cache`), `again` answers from what the check before has kept.
`chain` is one flow whose steps wait for each other. `mixed` has ten steps per flow: types, policies, `parallel`, `for`,
`repeat`, `match`, conditions, prompts with holes. The peer gets the same as far as its language goes, and needs
tests/benchmarks/requirements-peers.txt: a chain of calls with as many tasks; and per ten steps seven calls of two
shared tasks, with a structure, a scatter, conditions, a choice and texts with holes, in its one workflow per file.
One JSON line per result; milliseconds.
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

MOST_FOR_PEER = {"chain": 1_000, "mixed": 400}
"""Steps; the peer takes minutes for a mixed file of 1,000."""
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


WDL_HEAD = """version 1.0

struct Ticket { Int id  String text  Array[String] tags  Int size }

task ask {
  input { String prompt  Int max_tokens = 200 }
  command <<< model --max-tokens ~{max_tokens} ~{prompt} >>>
  output { String out = read_string(stdout()) }
  runtime { docker: "model:1"  maxRetries: 3 }
}
task words {
  input { String prompt }
  command <<< model ~{prompt} >>>
  output { Array[String] out = read_lines(stdout()) }
}
"""
WDL_PART = """
  call ask as topic_N { input: prompt = "Topic of ~{ticket.text}?" }
  call ask as mood_N { input: prompt = "Mood of ~{ticket.text}?" }
  call words as words_N { input: prompt = "Words of ~{ticket.text}?" }
  Boolean hot_N = topic_N.out == "bug" && (ticket.size > 3 || mood_N.out == "angry")
  if (hot_N) {
    call ask as alarm_N { input: prompt = "Alarm for ~{ticket.id}: ~{mood_N.out}", max_tokens = 900 }
  }
  if (!hot_N) {
    scatter (word_N in words_N.out) {
      call ask as note_N { input: prompt = "Explain ~{word_N}" }
    }
    String advice_N = if topic_N.out == "bug" then "fix" else if topic_N.out == "billing" then "refund" else "thank"
    call ask as better_N { input: prompt = "Improve ~{length(note_N.out)} notes: ~{advice_N}", max_tokens = 900 }
    call ask as last_N { input: prompt = "Close ~{ticket.id}: ~{better_N.out}", max_tokens = 900 }
  }
  String result_N = select_first([alarm_N.out, last_N.out])
"""


def wdl_mixed(size: int) -> str:
    """The mixed file in the peer's language, which has no `repeat` and no race: seven calls for ten steps."""
    parts = "".join(WDL_PART.replace("_N", f"_{number}") for number in range(size // STEPS_OF_PART))
    return f"{WDL_HEAD}\nworkflow w {{\n  input {{ Ticket ticket }}\n{parts}}}\n"


def wdl_chain(size: int) -> str:
    """The chain in the peer's language."""
    calls = ["call t0 { input: text = text }"]
    calls += [f"call t{n} {{ input: text = t{n - 1}.out }}" for n in range(1, size)]
    task = 'task tN { input { String text } command { echo "~{text}" } output { String out = read_string(stdout()) } }'
    tasks = "\n".join(task.replace("tN", f"t{n}") for n in range(size))
    body = "\n  ".join(calls)
    return f"version 1.0\n{tasks}\nworkflow w {{\n  input {{ String text }}\n  {body}\n}}\n"


PEERS = {"chain": wdl_chain, "mixed": wdl_mixed}


def results(shapes: Sequence[str], sizes: Sequence[int], rounds: int, *, peer: bool) -> Iterator[dict[str, object]]:
    """All of the table. `growth` compares with the size before it, whole process with whole process."""
    with tempfile.TemporaryDirectory() as folder:
        for shape in shapes:
            before: Cost | None = None
            for size in sizes:
                file = Path(folder, f"{shape}_{size}.flow")
                file.write_text(SHAPES[shape](size), encoding="utf-8")
                again = (*LEADFLOW, "check", str(file))
                commands: dict[str, Sequence[str]] = {"pass": PASS, "check": (*again, "--no-cache"), "again": again}
                if peer and size <= MOST_FOR_PEER[shape]:
                    other = Path(folder, f"{shape}_{size}.wdl")
                    other.write_text(PEERS[shape](size), encoding="utf-8")
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
                    line["again_faster_than_peer"] = round(costs["peer"].cpu / costs["again"].cpu, 1)
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
