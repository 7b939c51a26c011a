"""How many mistakes the checker finds: thousands, planted one at a time in correct flows.

    python -m tests.fuzz.fuzz_mistakes --mistakes 2000 --seed 1

prints a line of JSON per kind of mistake and one for all. A mistake counts when it changes what the flow means: where
nothing is found and the plan is the same, it was none. With `--missed` each one that was not found is shown, with
`--several` each one that was told in more than one finding: one cause is one finding.
"""

import argparse
import difflib
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from leadflow.pipeline import check_source, plan_of
from tests.checking import LOCKS
from tests.fuzz.mistakes import KINDS, Subject, subjects


@dataclass(slots=True)
class Count:
    """Of one kind of mistake."""

    planted: int = 0
    found: int = 0
    several: int = 0
    """Of these, told in more than one finding."""
    missed: list[str] = field(default_factory=list)
    """What was changed, as a difference."""
    shown: list[str] = field(default_factory=list)
    """The same of those that were told several times, with what was said."""


def findings(flow: Subject, text: str) -> list[str] | None:
    """What is said about a changed flow; None when the change changes nothing."""
    checked, report = check_source("main.flow", text, files=LOCKS)
    found = [f"  {one.code} {one.message}" for one in report]
    if found or checked is None:
        return found
    return None if plan_of(checked).hash == plan_of(flow.checked).hash else []


def plant(mistakes: int, seed: int) -> dict[str, Count]:
    """Plant so many mistakes, every kind as often as the others."""
    chance = Random(seed)
    flows = subjects()
    counts = {name: Count() for name in KINDS}
    tries: Counter[str] = Counter()
    while sum(count.planted for count in counts.values()) < mistakes:
        name = min(counts, key=lambda name: (tries[name], name))
        tries[name] += 1
        flow = chance.choice(flows)
        text = KINDS[name](flow, chance)
        found = None if text is None or text == flow.text else findings(flow, text)
        if found is None or text is None:
            continue
        count = counts[name]
        count.planted += 1
        count.found += bool(found)
        if not found:
            count.missed.append(difference(flow.text, text))
        if len(found) > 1:
            count.several += 1
            count.shown.append("\n".join([difference(flow.text, text), *found]))
    return counts


def difference(old: str, new: str) -> str:
    """The lines that changed."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def main(arguments: list[str]) -> int:
    """The command line; 1 when too few are found."""
    parser = argparse.ArgumentParser(description="Count the mistakes that the checker finds.")
    parser.add_argument("--mistakes", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.95, help="the share that has to be found")
    parser.add_argument("--missed", action="store_true", help="show those that were not found")
    parser.add_argument("--several", action="store_true", help="show those that were told in several findings")
    chosen = parser.parse_args(arguments)
    counts = plant(chosen.mistakes, chosen.seed)
    for name, count in sorted(counts.items(), key=lambda item: item[1].found / max(1, item[1].planted)):
        told = {"mistake": name, "planted": count.planted, "found": count.found, "several": count.several}
        print(json.dumps(told))
        for shown in (*(count.missed if chosen.missed else ()), *(count.shown if chosen.several else ())):
            print(shown, end="\n\n")
    planted, found, several = (
        sum(getattr(count, name) for count in counts.values()) for name in ("planted", "found", "several")
    )
    totals = {"mistake": "all", "planted": planted, "found": found, "several": several}
    print(json.dumps({**totals, "share": round(found / planted, 4)}))
    return int(found < chosen.least * planted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
