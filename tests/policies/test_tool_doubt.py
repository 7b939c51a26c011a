"""What a model's tools have written when the turn, the step or the flow around them ends: nobody does it again, and
nothing absorbs it (rules C3, C8)."""

import pytest

from leadflow.events.model import Status
from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.toolbox import ToolUse
from tests.policies.playing import Act, Player, after
from tests.policies.talking import ASK, MODEL, asks, talk, use

OTHER = 'agent other: openai { model: "n"  max_tokens: 100  tools: [TOOLS] }\n'
SOFT = ASK.replace("return a", 'return a ?? "none"')
"""The step may be absorbed."""
CHARGE = use("put", x="charge")
BOOK = '@idempotent\ntool book(x: string) -> string = python("tools:book")\n'


def with_fallback(tools: str, annotations: str = "@timeout(5s)") -> str:
    """A model whose place another one takes, with the same tools."""
    return f"{OTHER}{annotations} @fallback(other)\n{MODEL}".replace("TOOLS", tools) + ASK


@pytest.mark.parametrize("uses", [[CHARGE], [use("put", x="first"), CHARGE]], ids=["the only use", "the second"])
def test_f1_nobody_goes_on_when_a_write_is_cut_off(uses: list[ToolUse]) -> None:
    """F1: a fallback that does not know whether it was done is not asked."""
    put = Player(*(["done"] * (len(uses) - 1)), after(10))
    other = Player(asks(*uses), "never")
    told = talk(with_fallback("put"), {"fast": Player(asks(*uses)), "other": other, "put": put})
    assert ("timeout.total", True) == (told.failure.error, told.failure.in_doubt)
    assert ([], len(uses)) == (other.requests, len(put.requests))


def test_a_fallback_hears_of_a_turn_that_was_cut_off() -> None:
    """What was done in it, and that of the rest nothing was heard: it repeats no write."""
    uses = [CHARGE, use("look", x="slow"), use("look", x="never")]
    players = {"fast": Player(asks(*uses)), "other": Player("done"), "put": Player("paid"), "look": Player(after(10))}
    told = talk(with_fallback("put, look"), players)
    unheard = "error: nothing was heard of it before the time was over"
    assert ("done", 1) == (told.result.value, len(players["put"].requests))
    assert ["paid", unheard, unheard] == told.texts("other")
    assert [False, True, True] == [result.is_error for result in told.told("other")[0]]


def test_a_fallback_hears_of_reads_that_were_cut_off() -> None:
    """Of uses side by side: those that ended keep what they gave."""

    fast = Player(asks(use("look", x="1"), use("look", x="2")))
    look = Player(after(10), after(1, "seen"))
    told = talk(with_fallback("look"), {"fast": fast, "other": Player("done"), "look": look})
    assert ["error: nothing was heard of it before the time was over", "seen"] == told.texts("other")


def test_a_write_that_may_be_repeated_is_no_reason_to_stop() -> None:
    """The next model hears that nothing was heard of it, and may ask again."""
    wants = asks(use("book", x="1"))
    book = Player(after(10), "booked")
    told = talk(BOOK + with_fallback("book"), {"fast": Player(wants), "other": Player(wants, "done"), "book": book})
    assert ("done", 2) == (told.result.value, len(book.requests))


@pytest.mark.parametrize(
    ("annotation", "turns", "put"),
    [
        ("@timeout(5s) @on_error(timeout: skip)", [], after(10)),
        ("@on_error(agent: skip)", [Rejected("gone")], "paid"),
        ("@on_error(agent: skip)", [Rejected("gone")], 5),
    ],
    ids=["it was cut off", "it is done", "its answer had another type"],
)
def test_c3_nothing_absorbs_what_a_tool_may_have_written(annotation: str, turns: list[Act], put: Act) -> None:
    """Rule C3: `skip` makes no value of a write that may stand, known or not."""
    text = f"{annotation}\n{MODEL}".replace("TOOLS", "put") + SOFT
    told = talk(text, {"fast": Player(asks(CHARGE), *turns), "put": Player(put)})
    assert (Status.FAILED, True) == (told.result.status, told.failure.in_doubt)


def test_skip_absorbs_a_write_that_was_refused() -> None:
    """Nothing was changed."""
    text = "@on_error(agent: skip)\n" + MODEL.replace("TOOLS", "put") + SOFT
    told = talk(text, {"fast": Player(asks(CHARGE), Rejected("gone")), "put": Player(Rejected("no"))})
    assert "none" == told.result.value


@pytest.mark.parametrize(
    ("tools", "put", "stands"),
    [
        ("put", 5, True),
        ("put", Rejected("no"), False),
        ("book", ConnectionLost("gone"), True),
        ("kept", "paid", True),
        ("kept", Rejected("no"), False),
        ("undone", "paid", False),
    ],
    ids=["another type", "refused", "may be repeated", "of a flow", "refused in a flow", "undone in a flow"],
)
def test_c8_a_tool_that_failed_may_have_written(tools: str, put: Act, stands: bool) -> None:
    """Rule C8: the model is told an error and goes on; when it fails itself, the step is in doubt if something may
    stand, and else what is around absorbs it."""
    flows = "".join(
        f"flow {name}(x: string) -> string {{\n step a = put(x) undo {undo}\n step b = look(a)\n return b\n}}\n"
        for name, undo in (("kept", "none"), ("undone", 'put("back")'))
    )
    text = flows + BOOK + MODEL.replace("TOOLS", tools) + SOFT.replace("step a", "@optional step a")
    players = {"fast": Player(asks(use(tools, x="1")), Rejected("gone")), "look": Player(Rejected("no"))}
    told = talk(text, {**players, "put": Player(put), "book": Player(put)})
    assert told.texts()[0].startswith("error: ")
    assert (stands, None if stands else "none") == (told.result.failure is not None, told.result.value)


def test_a_write_that_is_cut_off_in_a_flow_ends_the_step_in_doubt() -> None:
    """The flow's own time is over: no model is asked what to do about a write of which nobody knows."""
    text = "@timeout(5s)\nflow file(x: string) -> string {\n step a = put(x) undo none\n return a\n}\n"
    fast = Player(asks(use("file", x="1")), "never")
    told = talk(text + MODEL.replace("TOOLS", "file") + ASK, {"fast": fast, "put": Player(after(60))})
    assert (True, 1) == (told.failure.in_doubt, len(fast.requests))
