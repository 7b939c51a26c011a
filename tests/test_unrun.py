"""What is not run is found twice, in the tree by the checker and in the plan by a run: here both find the same."""

import pytest

from leadflow.pipeline import check_source, plan_of
from leadflow.run.support import refusals

HEAD = """leadflow 1
agent desk: human
agent plain: openai { model: "m"  max_tokens: 100 }
agent some: pool { of: [plain] }
agent outside: events
agent crm: http { url: "https://crm.example" }
"""


def model(tools: str) -> str:
    """A model with tools, and a flow that asks it."""
    return (
        f'agent fast: openai {{ model: "m"  max_tokens: 100  tools: [{tools}] }}\n'
        'flow main() -> string {\n  step x = fast.ask("x")\n  return x\n}\n'
    )


def flow(*lines: str, name: str = "main", gives: str = "json") -> str:
    """A flow of these lines that returns what its step `x` gives."""
    return "\n".join([f"flow {name}() -> {gives} {{", *(f"  {line}" for line in lines), "  return x", "}", ""])


ASKED = flow('step x = desk.ask("really?")', name="asked", gives="string")

REFUSED = {
    "a step": flow('step x: json = outside.wait("x")'),
    "a fallback": flow('@fallback(some) step x = plain.ask("x")', gives="string"),
    "another turn of @on_error": flow('@on_error(agent: fallback(some)) step x = plain.ask("x")', gives="string"),
    "an undo": flow('step x = crm.post("/x")', '  undo outside.wait("x")'),
    "a probe": flow('@on_doubt(probe: outside.wait("x")) step x = crm.post("/x")', "  undo none"),
    "the agent of a tool": "tool t(q: string) -> string = some.ask(q)\n" + flow('step x = t("q")', gives="string"),
    "a tool of a model": model("some.ask"),
    "a declared tool of a model": "tool t(q: string) -> string = some.ask(q)\n" + model("t"),
    "a called flow": flow('step x: json = outside.wait("x")', name="inner") + flow("step x = inner()"),
    "a flow as a tool": flow('step x: json = outside.wait("x")', name="inner") + model("inner"),
    "a person as a tool": model("desk.ask"),
    "a person as a declared tool": "tool t(q: string) -> string = desk.ask(q)\n" + model("t"),
    "a person in a flow that is a tool": ASKED + model("asked"),
    "a person below a flow that is a tool": ASKED
    + flow("step x = asked()", name="outer", gives="string")
    + model("outer"),
    "a person who stands in in a tool": flow('@fallback(desk) step x = plain.ask("x")', name="t", gives="string")
    + model("t"),
    "a person in the undo of a tool": flow('step x = crm.post("/x")', '  undo desk.ask("x")', name="t") + model("t"),
    "a person in the probe of a tool": flow(
        '@on_doubt(probe: desk.ask("x")) step x = crm.post("/x")', "  undo none", name="t"
    )
    + model("t"),
    "a person as the tool of a role": "agent fast: role { via: [plain]  tools: [desk.ask] }\n"
    + flow('step x = fast.ask("x")', gives="string"),
}

RUN = {
    "a person in a step": flow('step x = desk.ask("x")', gives="string"),
    "a person as a fallback of a step": flow('@fallback(desk) step x = plain.ask("x")', gives="string"),
    "a person in an undo": flow('step x = crm.post("/x")', '  undo desk.ask("x")'),
    "a tool": model("crm.get"),
    "a flow as a tool": flow('step x = plain.ask("x")', name="t", gives="string") + model("t"),
    "a pool that nobody calls": flow('step x = plain.ask("x")', gives="string"),
}


def found(source: str) -> tuple[list[str], list[str]]:
    """What the checker warns of, and what a run of `main` refuses."""
    checked, report = check_source("main.flow", HEAD + source)
    assert checked is not None
    assert [] == [finding.message for finding in report if finding.severity == "error"]
    said = [finding.message.partition(": ")[2] for finding in report if finding.code == "FLOW541"]
    return said, [why for _, why in refusals(plan_of(checked), "main")]


@pytest.mark.parametrize("source", REFUSED.values(), ids=REFUSED)
def test_the_checker_warns_of_what_a_run_refuses(source: str) -> None:
    """Whatever leads to it: the same words, of which those of a run say who, too."""
    warned, refused = found(source)
    assert 1 == len(warned) == len(refused)
    assert refused[0].endswith(warned[0])


@pytest.mark.parametrize("source", RUN.values(), ids=RUN)
def test_neither_speaks_of_what_is_run(source: str) -> None:
    """What stands beside it, and differs by little."""
    assert ([], []) == found(source)
