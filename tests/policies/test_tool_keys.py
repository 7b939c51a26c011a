"""What the other side knows the writes by that models make with their tools (case R3)."""

import pytest

from leadflow.run.errors import ConnectionLost, Rejected
from leadflow.run.keys import Undone
from tests.policies.playing import Act, Player
from tests.policies.talking import ASK, MODEL, asks, talk, use

FILE = "flow file(x: string) -> string {\n @idempotent step a = put(x) undo none\n return a\n}\n"
DECLARED = '@idempotent @retry(3, backoff: 1s) tool charge(x: string) -> string = python("tools:charge")\n'
BACK = '@idempotent tool refund(x: string) -> string = python("tools:refund")\n'
TWO_STEPS = 'flow f() -> string {\n step one = fast.ask("1")\n step two = fast.ask("2")\n return "${one}${two}"\n}\n'
AGAIN = """flow f() -> string {
 @retry(2, backoff: 1s, on: ["agent"])
 step g = do {
  @idempotent step a = fast.ask("go")
  step b = look(a)
  yield b
 }
 return g
}
"""
WRITES = pytest.mark.parametrize(("head", "tool", "writes"), [(FILE, "file", "put"), (DECLARED, "charge", "charge")])
"""A flow that is a tool, and a tool."""


def sent(player: Player) -> list[tuple[str, str]]:
    """Where a call was made, and its key."""
    return [(request.path, key) for request in player.requests if (key := request.key) is not None]


@WRITES
def test_each_use_of_a_tool_is_a_write_of_its_own(head: str, tool: str, writes: str) -> None:
    """Whatever a model asks for twice is done twice, also with the same arguments, in one step or in two."""
    one = asks(use(tool, x="same"))
    players = {"fast": Player(one, one, "done", one, "done"), writes: Player("w")}
    talk(head + MODEL.replace("TOOLS", tool) + TWO_STEPS, players)
    assert (3, 3) == (len(sent(players[writes])), len({key for _, key in sent(players[writes])}))


@WRITES
def test_another_attempt_of_a_turn_writes_nothing_again(head: str, tool: str, writes: str) -> None:
    """A model that is cut off after its tool has written is asked again, with what the tool gave (case C8)."""
    players = {"fast": Player(asks(use(tool, x="1")), ConnectionLost("cut"), "done"), writes: Player("w")}
    text = head + MODEL.replace("TOOLS", tool) + ASK.replace("step a", "@retry(2, backoff: 1s) step a")
    told = talk(text, players)
    assert ("done", 3, 1) == (told.result.value, len(players["fast"].requests), len(sent(players[writes])))


@WRITES
def test_a_block_that_is_tried_again_sends_the_keys_of_its_tools_again(head: str, tool: str, writes: str) -> None:
    """What the model did in the first attempt is the same write in the second."""
    one = asks(use(tool, x="1"))
    look: list[Act] = [Rejected("no", status=400), "seen"]
    players = {"fast": Player(one, "done", one, "done"), writes: Player("w"), "look": Player(*look)}
    told = talk(head + MODEL.replace("TOOLS", tool) + AGAIN, players)
    (first, key), (second, other) = sent(players[writes])
    assert ("seen", True) == (told.result.value, first.startswith("f/g/a~tools[0]"))
    assert (second, other) == (first.replace("f/g", "f/g~2"), key)


def test_what_was_taken_back_is_another_write_when_it_is_done_again() -> None:
    """A flow that fails takes back what it did; a server that knows the key would take the same write of the block's
    second attempt for the first one, which is gone. What stands has the key that it had."""
    flow = """tool drop(x: string) -> string = python("tools:drop")
flow file(x: string) -> string {
 @idempotent step a = put(x) undo drop(a)
 step seen = look(x)
 return seen
}
"""
    one, no = asks(use("file", x="1")), Rejected("no", status=400)
    look: list[Act] = [no, no, "ok", no, "ok", "seen"]
    players = {"fast": Player(*[one, "done"] * 3), "put": Player("w"), "look": Player(*look), "drop": Player("gone")}
    text = flow + MODEL.replace("TOOLS", "file") + AGAIN.replace("@retry(2", "@retry(3")
    told = talk(text, players)
    keys = [key for _, key in sent(players["put"])]
    assert ("seen", 1, 3) == (told.result.value, len(players["drop"].requests), len(keys))
    assert (True, True) == (keys[0] != keys[1], keys[1] == keys[2])
    undone = Undone()  # another process reads it from the log
    for entry in told.result.entries:
        undone.read(entry.event)
    assert [1, 0] == [undone.times(f"f/g/a~tools[0]/file/{step}") for step in ("a", "seen")]


def test_a_tool_that_is_safe_to_repeat_sends_its_key_at_every_attempt() -> None:
    """A key of the use and its arguments, as a step that calls the tool has one of its own."""
    put = Player(ConnectionLost("x"), "w")
    talk(
        DECLARED + MODEL.replace("TOOLS", "charge") + ASK,
        {"fast": Player(asks(use("charge", x="1")), "done"), "charge": put},
    )
    assert (2, 1) == (len(sent(put)), len(set(sent(put))))


def test_two_tools_have_two_keys_for_the_same_use() -> None:
    """A step that begins again may ask for another tool first: that is no attempt of the one before."""
    keys = []
    for tool in ("charge", "refund"):
        asked = Player("w")
        text = DECLARED + BACK + MODEL.replace("TOOLS", "charge, refund") + ASK
        talk(text, {"fast": Player(asks(use(tool, x="1")), "done"), tool: asked})
        keys += sent(asked)
    assert 2 == len({key for _, key in keys})


def test_a_key_that_is_given_stays_as_it_is() -> None:
    """Its author knows better what is one write."""
    put, one = Player("w"), asks(use("charge", x="1"))
    text = DECLARED.replace("@idempotent", '@idempotent(key: "k")') + MODEL.replace("TOOLS", "charge") + TWO_STEPS
    talk(text, {"fast": Player(one, "done", one, "done"), "charge": put})
    assert ["k", "k"] == [key for _, key in sent(put)]
