"""The bounds of a tool loop to the last token (case O1): what a turn may take, what is counted, and what is told."""

import pytest

from leadflow.events.model import BudgetReserved, Failure, NodeDone, ToolCalled, ToolEnded, Usage
from leadflow.plan.looping import Loop
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.tokens import PER_MESSAGE
from leadflow.plan.types import JSON
from leadflow.policies.budget import Charge, Tariff
from leadflow.policies.call import Course, Ports
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.policies.tools import conversing
from leadflow.policies.toolset import Toolset
from leadflow.policies.watch import Watch
from leadflow.run.adapters import SeededRng
from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.ports import Answer, CallOrder, Reply, Request
from leadflow.testing import run_virtual
from tests.policies.playing import CLOCK, Act, Player, after, s
from tests.policies.talking import ASK, MODEL, Talked, asks, talk, use

ONE = {"fast": Charge(1_000_000, 1_000_000)}
"""A millionth of a dollar for a token."""
READS = MODEL.replace("TOOLS", "look, think") + ASK
WRITES = MODEL.replace("TOOLS", "look, put") + ASK
RETRIED = "@retry(3, backoff: 1s)\n" + READS


def bounded(loop: str, text: str = READS) -> str:
    """The same with bounds."""
    return text.replace("] }", f"]  loop: {{ {loop} }} }}", 1)


def paid(text: str, *turns: Act) -> list[int]:
    """The most that each request of the model may take, in tokens."""
    under = text.replace("step a", "@budget(tokens: 1_000_000)\n step a")
    told = talk(under, {"fast": Player(*turns), "look": Player("seen")}, charges=ONE)
    assert "done" == told.result.value
    reserved = [entry.event for entry in told.result.entries if isinstance(entry.event, BudgetReserved)]
    return [event.tokens for event in reserved if event.path == "f/a"]


USED = Usage(150, 50)


@pytest.mark.parametrize("bound", ["tokens: {0}", "money: $0.{0:06}"])
@pytest.mark.parametrize("said", [USED, None])
def test_o1_a_turn_may_take_just_what_is_left(bound: str, said: Usage | None) -> None:
    """O1: what turns said they took, and all that they may have taken where they failed or did not say it."""
    turns = [ConnectionLost("x"), asks(use("look", x="1"), usage=said), ConnectionLost("x"),
             asks(use("look", x="2"), usage=USED), "done"]  # fmt: skip
    first, again, second, once_more, third = paid(RETRIED, *turns)
    assert (first, second) == (again, once_more)
    whole = first + (200 if said else first) + second + 200 + third
    for limit, ends in ((whole, None), (whole - 1, f"resource.loop_{bound.partition(':')[0]}")):
        fast = Player(*turns)
        told = talk(bounded(bound.format(limit), RETRIED), {"fast": fast, "look": Player("seen")}, charges=ONE)
        assert ends == (told.result.failure and told.result.failure.error)
        assert (5 if ends is None else 4) == len(fast.requests)


def test_1_a_request_is_counted_with_its_tools_and_what_was_said() -> None:
    """Case $1: what the tools take in each request, and from the second turn what the first one said and was told."""
    bare = MODEL.replace("  tools: [TOOLS]", "") + ASK
    (alone,) = paid(bare, "done")
    first, second = paid(READS, asks(use("look", x="a")), "done")
    one, _ = paid(MODEL.replace("TOOLS", "look") + ASK, asks(use("look", x="a")), "done")
    assert second == first + 10 + PER_MESSAGE + len("seen")
    assert alone < one < first


def test_o1_the_time_of_the_loop_begins_with_its_step() -> None:
    """O1: not with the run; and a tool that is slow is cut off by it."""
    text = bounded("time: 5s").replace("step a", 'step z = look(x: "0")\n step a').replace('"go")', '"go") after z')
    fast, look = Player(asks(use("look", x="a")), "done"), Player(after(100, "seen"), after(4, "seen"))
    assert "done" == talk(text, {"fast": fast, "look": look}).result.value
    fast, look = Player(asks(use("look", x="a")), "done"), Player(after(100, "seen"), after(6, "seen"))
    told = talk(text, {"fast": fast, "look": look})
    assert ("resource.loop_time", 105.0) == (told.failure.error, told.result.entries[-1].at)


def test_t4_the_total_time_is_the_outer_one() -> None:
    """T4: where both end in the same moment, the failure names the step's."""
    text = bounded("time: 5s").replace("step a", "@timeout(5s)\n step a")
    told = talk(text, {"fast": Player(asks(use("look", x="a"))), "look": Player(after(60))})
    assert "timeout.total" == told.failure.error


def test_t5_a_timeout_of_somebody_else_is_not_that_of_the_loop() -> None:
    """T5: what ends inside of the loop's time with a `TimeoutError` is no bound of it, and passes as it is."""

    async def inner(course: Course) -> Answer:
        await CLOCK.sleep(s(1))
        raise TimeoutError("of a disk")

    async def run() -> None:
        call = AgentCall("fast", "ask", (), JSON, True, "write", True, None)
        tariff = Tariff(AgentSpec("fast", "openai", {}, (), "fast", None), call, None)
        order = CallOrder("main/a", {}, None, "run-1", None, lambda _: None)
        ports = Ports(CLOCK, SeededRng(1), Shared())
        course, tools = Course(order, ports, Watch(CLOCK, s(5))), Toolset((), Stack({}, {}, ports))
        with pytest.raises(TimeoutError, match="of a disk"):
            await conversing(inner, tools, Loop(), tariff, None)(course)

    run_virtual(run())


def test_a_loop_that_ends_says_what_was_written() -> None:
    """Each tool once, in the order of its first use; nothing, where nothing was."""
    fast = Player(*(asks(use(name, x=str(at)), usage=USED) for at, name in enumerate(("put", "look", "put", "put"))))
    players = {"fast": fast, "look": Player("seen"), "put": Player("written")}
    told = talk(bounded("turns: 4", WRITES), players)
    words = "after 4 turns; tools have written: put; nobody knows whether it was done"
    assert f"the model still asks for tools {words}" == told.failure.message
    told = talk(bounded("turns: 1"), {"fast": Player(asks(use("look", x="a"))), "look": Player("seen")})
    assert "the model still asks for tools after 1 turns" == told.failure.message


@pytest.mark.parametrize("uses", [1, 2, 3])
def test_o1_the_same_again_is_counted_by_tool_and_arguments(uses: int) -> None:
    """O1: the third time is one too many; other arguments, or another tool, are not the same."""
    turns = [asks(use("look", x="a"), use("think", x="a")), asks(use("look", x="b")), asks(use("look", x="a"))]
    turns += [asks(use("look", x="a"))] * (uses == 3)
    look = Player("seen")
    told = talk(READS, {"fast": Player(*turns[: uses + 1], "done"), "look": look, "think": Player("thought")})
    assert ("resource.loop_repeats" if uses == 3 else None) == (told.result.failure and told.result.failure.error)
    assert min(uses + 1, 3) == len(look.requests)


def test_o3_what_is_not_run_is_in_the_log() -> None:
    """O3: under the number of the use, with the beginning of a name that a model made up, and without its arguments."""
    fast = Player(asks(use("look", x="a")), asks(use("n" * 99, x="b")), "done")
    told = talk(READS, {"fast": fast, "look": Player("seen")})
    called, ended = told.events[2:]
    assert isinstance(ended, ToolEnded) and ended.failure is not None
    name = "n" * 63 + "…"
    assert ToolCalled("f/a", 1, 2, name, "pure", {}) == called
    failure = Failure("tool.unknown", "validation", ended.failure.message, "f/a")
    assert ToolEnded("f/a", 1, name, 0.0, failure, 0) == ended


def test_a_model_is_given_back_its_own_turn() -> None:
    """What it asked for, as it said it, stands before what it is told."""
    turn = asks(use("look", x="a"))
    told = talk(READS, {"fast": Player(turn, "done"), "look": Player("seen")})
    (exchange,) = told.players["fast"].requests[1].exchanges
    assert turn.asked == exchange.asked


@pytest.mark.parametrize(("where", "limit"), [("step a", None), ("flow f", "f")])
def test_c3_a_budget_that_ends_among_uses_side_by_side_ends_what_it_stands_on(where: str, limit: str | None) -> None:
    """Rule C3: of two reads at once the second cannot be paid: it ends the step, or the flow, and no model goes on."""
    text = READS.replace(where, f"@budget(calls: 2)\n {where}")
    fast = Player(asks(use("look", x="1"), use("look", x="2")), "never")
    told = talk(text, {"fast": fast, "look": Player(after(1, "seen"))}, charges=ONE)
    assert ("resource.budget", limit, 1) == (told.failure.error, told.failure.limit, len(fast.requests))
    assert told.failure.message.startswith(f"tool 'look': the budget of {where[:4]} f{'' if limit else '/a'} allows 2")


def test_c8_nobody_goes_on_after_a_tool_in_doubt() -> None:
    """Rule C8: a fallback does not know whether the tool has written, so none is asked."""
    other = 'agent other: openai { model: "n"  max_tokens: 100 }\n'
    text = other + "@fallback(other)\n" + WRITES
    players = {"fast": Player(asks(use("put", x="a")), "never"), "put": Player(ConnectionLost("x")),
               "other": Player("never")}  # fmt: skip
    told = talk(text, players)
    assert ("tool 'put': x; nobody knows whether it was done", True) == (told.failure.message, told.failure.in_doubt)
    assert (1, 1, 0) == tuple(len(player.requests) for player in players.values())


def test_a_tool_that_fails_late_is_in_the_log() -> None:
    """How long it took, to the microsecond, and what it failed with."""
    text = READS.replace("step a", 'step z = look(x: "0")\n step a').replace('"go")', '"go") after z')
    look = Player(after(100, "seen"), after(0.1234567, Rejected("no")))
    told = talk(text, {"fast": Player(asks(use("think", x="0")), asks(use("look", x="a")), "done"), "look": look,
                       "think": Player("thought")})  # fmt: skip
    ended = told.events[-1]
    assert isinstance(ended, ToolEnded) and ended.failure is not None
    assert ToolEnded("f/a", 1, "look", 0.123457, ended.failure, 0) == ended
    assert ("agent.rejected", "no") == (ended.failure.error, ended.failure.message)


def test_a_tool_waits_for_no_attempt_that_comes_too_late() -> None:
    """R: its next attempt would begin after the time of the loop, or of the step: the model is told at once."""
    tool = '@read\n@retry(3, backoff: 60s, jitter: "none")\ntool peek(x: string) -> string = python("tools:peek")\n'
    for text in (bounded("time: 30s", MODEL.replace("TOOLS", "peek") + ASK),
                 MODEL.replace("TOOLS", "peek") + ASK.replace("flow f", "@timeout(30s)\nflow f")):  # fmt: skip
        fast = Player(asks(use("peek", x="a")), "done")
        assert "done" == talk(tool + text, {"fast": fast, "peek": Player(ConnectionLost("x"))}).result.value
        assert [0.0, 0.0] == fast.at


def test_l4_a_tool_has_the_priority_of_its_step() -> None:
    """L4: of two steps whose models want the same tool, the more urgent one's goes first, though it came later."""
    text = '@concurrency(1)\nagent deep: openai { model: "n"  max_tokens: 100 }\n'
    text += (
        'tool peek(x: string) -> string = deep.ask("${x}")\n'
        + MODEL.replace("TOOLS", "peek")
        + (
            'flow f() -> string {\n step z = deep.ask("first")\n step a = fast.ask("a")\n @priority(1)\n'
            ' step b = fast.ask("b")\n return "${a}${b}${z}"\n}\n'
        )
    )
    deep = Player(after(10, "seen"))

    async def asked(request: Request) -> object:
        name = request.path.rpartition("/")[2]
        if request.exchanges:
            return "done"
        await CLOCK.sleep(s(1 if name == "a" else 2))
        return asks(use("peek", x=name))

    told = talk(text, {"fast": Player(asked), "deep": deep, "peek": deep})
    assert "donedoneseen" == told.result.value
    assert ["f/z", "f/b~tools[0]", "f/a~tools[0]"] == [request.path for request in deep.requests]
    assert {"run-1"} == {request.run for request in deep.requests}


def usage_of(told: Talked) -> Usage | None:
    """What the step is told to have used."""
    done = {entry.event.path: entry.event for entry in told.result.entries if isinstance(entry.event, NodeDone)}
    return done["f/a"].usage


@pytest.mark.parametrize(
    ("first", "second", "whole"),
    [
        (Usage(5, 2), Usage(3, None), Usage(8, 2)),
        (None, Usage(3, 4), Usage(3, 4)),
        (Usage(3, 4), None, Usage(3, 4)),
        (None, None, None),
    ],
)
def test_what_one_turn_leaves_out_adds_nothing(first: Usage | None, second: Usage | None, whole: Usage | None) -> None:
    """Tokens of a step are those that were told of its turns."""
    fast = Player(asks(use("look", x="a"), usage=first), Reply("done", second))
    assert whole == usage_of(talk(READS, {"fast": fast, "look": Player("x")}))


def test_a_fallback_with_tools_may_go_on_using_them() -> None:
    """F2: the second model has tools of its own, so it need not answer at once; nor has the first to."""
    other = 'agent other: openai { model: "n"  max_tokens: 100  tools: [think] }\n'
    text = other + "@fallback(other)\n" + MODEL.replace("TOOLS", "look") + ASK
    players = {
        "fast": Player(asks(use("look", x="a")), Rejected("gone")),
        "other": Player(asks(use("think", x="b")), "done"),
        "look": Player("seen"),
        "think": Player("thought"),
    }
    told = talk(text, players)
    assert "done" == told.result.value
    assert ["seen", "thought"] == told.texts("other")
    assert [(False, "think")] * 2 == [(each.must_answer, each.tools[0].name) for each in players["other"].requests]
    assert not any(each.must_answer for each in players["fast"].requests)


def test_a_fallback_without_tools_just_answers_when_none_were_used() -> None:
    """Nothing was said yet: there is nothing that it may not use."""
    other = 'agent other: openai { model: "n"  max_tokens: 100 }\n'
    text = other + "@fallback(other)\n" + MODEL.replace("TOOLS", "look") + ASK
    told = talk(text, {"fast": Player(Rejected("gone")), "other": Player("done"), "look": Player("never")})
    (request,) = told.players["other"].requests
    assert (False, ()) == (request.must_answer, request.tools)


@pytest.mark.parametrize(
    ("given", "text"), [("seen", "seen"), ([1, 2], "[1,2]"), ({"a": "é"}, '{"a":"é"}'), (None, "done")]
)
def test_what_a_model_is_told_of_a_value(given: object, text: str) -> None:
    """A text as it is, other values as JSON; of nothing, that it is done."""
    flow = '@read\ntool peek(x: string) -> json = python("tools:peek")\n' + MODEL.replace("TOOLS", "peek") + ASK
    told = talk(flow, {"fast": Player(asks(use("peek", x="a")), "done"), "peek": Player(given)})
    assert [text] == told.texts()
