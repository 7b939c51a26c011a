"""Plans as short text for goldens, and the file of goldens: what each construct becomes.

A case is a title, the text of the flows, and what they become:

    === title
    flow main() { … }
    --- becomes
    main
      a: m.get
      b: m.put <- order a

After the arrow stands what a node waits for, by reason; after the bar its guard. `python -m tests.graph.dumps` writes
the second halves anew: read the difference before you commit it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from leadflow.pipeline import compile_source
from leadflow.plan.expr import Guard
from leadflow.plan.plan import FlowPlan, Merge, Plan
from leadflow.plan.words import expr_words, work_words

CASES = Path(__file__).with_name("cases.txt")

HEAD = """leadflow 1
agent m: python { module: "m.py"  reads: ["get", "list"]  pure: ["calc"] }
agent n: python { module: "n.py"  reads: ["get", "list"]  pure: ["calc"] }
"""
"""Stands before each case: `get` and `list` read, `calc` is pure, all else writes."""


class Case(NamedTuple):
    """One golden."""

    title: str
    source: str
    dump: str


def plan_of(source: str) -> Plan:
    """The plan of flows below the usual head; the checker has nothing against them but lint."""
    plan, report = compile_source("case.flow", HEAD + source)
    assert plan is not None, [f"{d.span} {d.message}" for d in report if d.severity == "error"]
    return plan


def dump(plan: Plan) -> str:
    """All flows."""
    return "\n".join(line for flow in plan.flows.values() for line in _flow(flow)) + "\n"


def _flow(flow: FlowPlan) -> Iterator[str]:
    yield flow.name
    yield from _scope(flow, 0, "  ")


def _scope(flow: FlowPlan, scope: int, indent: str) -> Iterator[str]:
    for let in flow.scopes[scope].lets:
        found = flow.lets[let]
        when = "" if found.guard is None else f" | {_guard(flow, found.guard)}"
        reads = f" <- {', '.join(flow.nodes[n].name for n in found.needs)}" if found.needs else ""
        yield f"{indent}let {found.name} = {expr_words(flow, found.value)}{when}{reads}"
    for number in flow.scopes[scope].nodes:
        node = flow.nodes[number]
        when = "" if node.guard is None else f" | {_guard(flow, node.guard)}"
        reasons: dict[str, list[str]] = {}
        for need in node.needs:
            reasons.setdefault(need.why, []).append(flow.nodes[need.node].name)
        waits = "; ".join(f"{why} {', '.join(names)}" for why, names in reasons.items())
        does = "goes on" if isinstance(node.work, Merge) else work_words(flow, node)
        yield f"{indent}{node.name}: {does}{when}{f' <- {waits}' if waits else ''}"
        for body in flow.scopes:
            if body.owner == number:
                yield from _scope(flow, body.id, indent + "  ")


def _guard(flow: FlowPlan, guard: Guard) -> str:
    arms = "" if guard.arms is None else "[" + ",".join(map(str, guard.arms)) + "]"
    return flow.nodes[guard.node].name + arms


def read_cases() -> list[Case]:
    """All cases of the file."""
    cases = []
    for chunk in CASES.read_text("utf-8").split("=== ")[1:]:
        title, _, rest = chunk.partition("\n")
        source, _, golden = rest.partition("--- becomes\n")
        cases.append(Case(title, source, golden.rstrip() + "\n"))
    return cases


def write_cases(cases: Sequence[Case]) -> None:
    """Write the file anew."""
    chunks = [f"=== {case.title}\n{case.source.rstrip()}\n--- becomes\n{case.dump}" for case in cases]
    CASES.write_text("\n".join(chunks), "utf-8")


if __name__ == "__main__":
    write_cases([case._replace(dump=dump(plan_of(case.source))) for case in read_cases()])
