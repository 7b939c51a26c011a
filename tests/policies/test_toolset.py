"""The tools of one agent: their names and schemas, which arguments they take, and the call that a use becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from leadflow.events.model import Failure
from leadflow.plan.plan import AgentCall, ToolPlan
from leadflow.plan.policy import Applied
from leadflow.plan.tokens import PER_MESSAGE
from leadflow.plan.types import Value
from leadflow.policies.toolset import Refusal, Tool, Toolset
from leadflow.run.keys import Keys
from leadflow.run.ports import Answer, Caller, CallOrder, Ran
from leadflow.run.toolbox import ToolUse
from leadflow.testing import run_virtual
from tests.policies.talking import ASK, MODEL, use
from tests.run.fakes import compiled

TEXT = (
    'agent crm: http { url: "https://crm.example.com" }\n'
    '@idempotent(key: "order ${1 + 1}")\n'
    'tool find(id: string, n: int = 5, m: int? = none) -> string = crm.get("/c/${id}", query: { n: 10 / n, m: m })\n'
    + MODEL.replace("TOOLS", "find, crm.get, look")
    + ASK
)
PLANS = {plan.key: plan for plan in compiled(TEXT).tools}


class Making:
    """Makes callers that remember what they were ordered."""

    def __init__(self) -> None:
        self.orders: list[CallOrder] = []

    def caller_of(self, call: AgentCall, policies: tuple[Applied, ...]) -> Caller:
        """Answers everything."""

        async def caller(order: CallOrder) -> Answer | Failure:
            self.orders.append(order)
            return Answer("done")

        return caller

    async def run_flow(self, flow: str, args: Mapping[str, Value], order: CallOrder) -> Ran:
        """There are none here."""
        raise AssertionError(flow)

    def key_of(self, run: str, path: str, args: Mapping[str, Value]) -> str:
        """As in a run."""
        return Keys().make(run, path, args)


def toolset(plans: Sequence[ToolPlan]) -> Toolset:
    """The tools of those plans."""
    return Toolset(plans, Making())


def named(*names: tuple[str, bool]) -> list[str]:
    """What a model calls the tools of these keys, each declared or an agent's action."""
    plans = [replace(PLANS["look"], key=key, calls="python x:y" if is_declared else key) for key, is_declared in names]
    return [spec.name for spec in toolset(plans).specs]


LONG = "n" * 70


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([("look", True), ("crm.get", False)], ["look", "crm_get"]),
        ([("pkg.look", True), ("look2", True)], ["look", "look2"]),
        ([("a.look", True), ("b.look", True), ("put", True)], ["a_look", "b_look", "put"]),
        ([("crm.get", False), ("crm_get", True)], ["crm_get", "crm_get_2"]),
        ([("a.b", False), ("a_b", False), ("a-b", False), ("a b", False)], ["a_b", "a_b_2", "a-b", "a_b_3"]),
        ([(LONG, True), (LONG + "x", True), (LONG + "y", True)], ["n" * 64, "n" * 62 + "_2", "n" * 62 + "_3"]),
    ],
)
def test_names_are_short_and_told_apart(names: list[tuple[str, bool]], shown: list[str]) -> None:
    """The last word where it is plain; an agent's action has its agent before it; of letters that providers take."""
    assert shown == named(*names)


@pytest.mark.parametrize("is_open", [False, True])
def test_what_a_model_is_shown_of_the_arguments(is_open: bool) -> None:
    """Whether it may give others than those that are declared."""
    (spec,) = toolset([replace(PLANS["look"], is_open=is_open)]).specs
    assert (True if is_open else None) is spec.schema.get("additionalProperties")
    assert ["x"] == list(spec.schema["properties"])
    assert "Calls python tools:look." == spec.description


def test_1_tools_are_counted_by_their_bytes() -> None:
    """Case $1: each as a message of its name, its description and its schema; a letter may be several bytes."""
    plain, accented = replace(PLANS["look"], doc="eeee"), replace(PLANS["look"], doc="éééé")
    one, other, both = (toolset(plans).tokens for plans in ([plain], [accented], [plain, PLANS["find"]]))
    assert one + 4 == other
    assert one + toolset([PLANS["find"]]).tokens == both
    (spec,) = toolset([plain]).specs
    assert PER_MESSAGE < one - len(f"{spec.name}{spec.description}") < PER_MESSAGE + 200
    assert 0 == toolset([]).tokens


def test_o3_a_name_is_looked_up_among_the_granted() -> None:
    """O3: a refusal says which there are, and of a name that is made up no more than its beginning."""
    found = toolset([PLANS["look"], PLANS["find"]])
    assert "find" == getattr(found.find(use("find")), "plan", PLANS["look"]).key
    unknown = Refusal("tool.unknown", f"there is no tool '{'x' * 64}'; there is look, find")
    assert unknown == found.find(use("x" * 65))
    assert Refusal("tool.unknown", "there is no tool 'y'; there is none") == toolset([]).find(use("y"))


def test_o3_an_open_tool_takes_any_json() -> None:
    """O3: arguments of any name; what is no JSON is refused."""
    tool = Tool("look", replace(PLANS["look"], is_open=True), Making())
    assert {"x": 5, "more": (None, "a")} == tool.admit(use("look", x=5, more=[None, "a"]))
    refused = tool.admit(use("look", x=object()))
    assert isinstance(refused, Refusal)
    assert refused.message.startswith("the arguments do not fit: ")
    unread = tool.admit(ToolUse("1", "look", {}, problem="no JSON at 5"))
    assert Refusal("tool.arguments", "the arguments cannot be read: no JSON at 5") == unread


ORDER = CallOrder(
    "f/a~tools[0]", {}, None, "run-7", 42.0, lambda event: None, lambda path, failure: None, 3, "cached", (),
)  # fmt: skip


def ordered(tool: ToolPlan, **args: Value) -> tuple[Ran, list[CallOrder]]:
    """What a tool gives, and the calls that it became."""
    making = Making()
    made = Tool("t", tool, making)
    return run_virtual(made.run(args, ORDER)), making.orders


def test_a_use_becomes_a_call_of_its_own() -> None:
    """With the tool's arguments and key, and the run, time, priority and end of whatever it is a part of."""
    ran, (order,) = ordered(PLANS["find"], id="a/b", n=5, m=None)
    assert Ran(Answer("done"), stands=False) == ran
    assert {"path": "/c/a%2Fb", "query": {"n": 2, "m": None}} == order.args
    assert ("f/a~tools[0]", "order 2", "run-7", 42.0, 3) == (
        order.path, order.key, order.run, order.deadline, order.priority
    )  # fmt: skip
    assert (ORDER.post, ORDER.give_up) == (order.post, order.give_up)


def test_what_is_none_is_left_out_where_arguments_are_declared() -> None:
    """An action's optional argument that is none is not given; an open tool gets what the model gave."""
    action = PLANS["crm.get"]
    _, (order,) = ordered(action, path="/x", query=None)
    assert {"path": "/x"} == order.args
    _, (order,) = ordered(replace(action, is_open=True), path="/x", other=None)
    assert {"path": "/x", "other": None} == order.args


def test_a_tool_whose_arguments_have_no_value_fails() -> None:
    """Nothing is called; the failure is that of the expression, at the path of the call."""
    ran, orders = ordered(PLANS["find"], id="a", n=0, m=None)
    ended = ran.outcome
    assert isinstance(ended, Failure)
    assert ([], False) == (orders, ran.stands)
    assert ("validation.value", "validation", "f/a~tools[0]") == (ended.error, ended.category, ended.path)
    assert "division by zero" in ended.message
