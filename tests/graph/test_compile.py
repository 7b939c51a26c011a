"""Compiling as a whole: from text to a sealed plan, what it loads, and what it leaves as it found it."""

import gc
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

from leadflow.graph.build import build
from leadflow.graph.compile import uncollected
from leadflow.pipeline import check_source, compile_source
from leadflow.plan.annotations import ORDER
from leadflow.plan.codec import content_hash
from leadflow.plan.plan import Branch, FlowCall, Plan
from tests.graph.dumps import HEAD

EXAMPLE = Path(__file__).resolve().parents[1] / "data" / "example.flow"


def example() -> Plan:
    """The plan of the file with most of the language."""
    plan, report = compile_source("example.flow", EXAMPLE.read_text("utf-8"))
    assert plan is not None, [d.message for d in report]
    return plan


def test_the_example_becomes_a_plan() -> None:
    """Each flow is there in the order of the text, with its agents; the hash is that of the content."""
    plan = example()
    assert ["triage", "digest", "reply_style", "nightly"] == list(plan.flows)
    assert {"fast", "strong", "crm", "lead", "judge", "files", "desk", "search"} <= set(plan.agents)
    assert plan.hash == content_hash(plan)


def test_policies_stand_in_the_order_of_wrapping() -> None:
    """The policies of a node are sorted outermost first, wherever each comes from (rule C5)."""
    places = {name: position for position, name in enumerate(ORDER)}
    lists = [[places[a.name] for a in node.policies] for flow in example().flows.values() for node in flow.nodes]
    assert all(places == sorted(places) for places in lists)
    assert any(len(places) > 1 for places in lists)


def test_a_profile_changes_the_plan() -> None:
    """The plan is that of the chosen profile, which its hash tells."""
    text = EXAMPLE.read_text("utf-8")
    plan, _ = compile_source("example.flow", text, profile="production")
    assert plan is not None
    assert ("production", "gpt-5") == (plan.profile, plan.agents["fast"].settings["model"])
    assert plan.hash != example().hash


ROLES = """leadflow 1
@retry(3) @cache(1h) @timeout(5s)
agent fast: openai { model: "m"  max_tokens: 9 }
@retry(none) @timeout(9s)
agent judge: role { via: [fast] }
agent heir: judge { }
@retry(2)
agent keen: judge { }
flow main() -> list[string] {
  step a = judge.ask("1")
  step b = heir.ask("1")
  step c = keen.ask("1")
  return [a, b, c]
}
profile sober {
  @cache(none)
  agent judge { }
}
"""


@pytest.mark.parametrize(
    ("profile", "policies"),
    [
        (None, [{"timeout", "cache"}, {"timeout", "cache"}, {"timeout", "cache", "retry"}]),
        ("sober", [{"timeout"}, {"timeout"}, {"timeout", "retry"}]),
    ],
)
def test_what_a_role_takes_off_its_model_does_not_bring_back(profile: str | None, policies: list[set[str]]) -> None:
    """Rule C4: `@x(none)` on a role, or for it in a profile, holds for the model that plays it; what is made from the
    role has none either, unless it says so."""
    plan, report = compile_source("roles.flow", ROLES, profile=profile)
    assert plan is not None and not report.has_errors
    nodes = plan.flows["main"].nodes[:3]
    assert policies == [{applied.name for applied in node.policies} for node in nodes]


def test_a_program_with_errors_has_no_plan() -> None:
    """Nothing is compiled from what the checker refuses."""
    plan, report = compile_source("a.flow", "leadflow 1\nflow main() -> int { return x }\n")
    assert plan is None and report.has_errors


def test_flows_of_other_files_are_in_the_plan() -> None:
    """A call of an imported flow names it by its qualified name, and all its flows are there."""
    plan, _ = compile_source(
        "main.flow",
        "leadflow 1\nuse lib.tools\nflow main() -> int {\nstep a = tools.one()\nreturn a\n}\n",
        files={"lib/tools.flow": "leadflow 1\nflow one() -> int { return 1 }\n"},
    )
    assert plan is not None
    work = plan.flows["main"].nodes[0].work
    assert isinstance(work, FlowCall) and work.flow in plan.flows
    assert "lib/tools.flow" == plan.flows[work.flow].place.file


@pytest.mark.parametrize(("fill", "lost"), [("pipeline", True), ("graph", True), ("graph.compile", False)])
def test_checking_loads_no_networkx(fill: str, lost: bool) -> None:
    """The compiler's back half is loaded when the first plan is made, so that `check` starts fast."""
    code = f"import sys, leadflow.{fill}; sys.exit('networkx' not in sys.modules)"
    assert lost == bool(subprocess.run([sys.executable, "-c", code], check=False).returncode)


def test_compiling_leaves_the_collector_as_it_was() -> None:
    """Python's collector of cycles is on again afterwards, or off when it was off; also after a mistake of ours."""
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    with uncollected():
        pass
    still_off = not gc.isenabled()
    gc.enable()
    assert still_off


def test_the_graph_is_one_that_networkx_knows() -> None:
    """The dicts that are handed over make the graph that networkx would have made edge by edge."""
    checked, _ = check_source("a.flow", HEAD + "flow main(c: bool) -> json {\nstep a = m.get()\nlet x = a\n"
        "if c {\nstep b = m.put(x)\n}\nstep g = do {\nstep d = n.get(x)\nyield d\n}\nreturn g\n}\n")  # fmt: skip
    assert checked is not None
    flow = build(checked).flows["main"]
    made: nx.DiGraph[int] = nx.DiGraph()
    made.add_nodes_from(flow.digraph)
    made.add_edges_from(flow.digraph.edges(data=True))
    assert nx.to_dict_of_dicts(made) == nx.to_dict_of_dicts(flow.digraph)
    assert nx.is_directed_acyclic_graph(flow.digraph)
    assert sorted(flow.digraph.edges) == sorted((u, v) for v, sources in flow.before.items() for u in sources)


def test_a_join_waits_and_decides_nothing() -> None:
    """Where many conditional writes are waited for, one branch with one arm stands between."""
    arms = "\n".join(f"if c {{ step a{n} = m.put({n}) }}" for n in range(12))
    plan, _ = compile_source("a.flow", f"{HEAD}flow main(c: bool) {{\n{arms}\n}}\n")
    assert plan is not None
    joins = [node for node in plan.flows["main"].nodes if node.name.startswith("join@")]
    assert joins and all(isinstance(node.work, Branch) and node.work.arms == (None,) for node in joins)


def test_a_trigger_and_a_test_are_no_flows_that_call() -> None:
    """The flow that runs when none is named is the only one that no other flow calls."""
    begun = 'on webhook("/x", verify: none) run take(n: 1)\ntest "t" {\nrun r = take(n: 1)\nexpect r.value == 1\n}\n'
    source = f"leadflow 1\nflow take(n: int) -> int {{ return n }}\n{begun}"
    plan, _ = compile_source("a.flow", source)
    assert plan is not None
    assert "take" == plan.main
