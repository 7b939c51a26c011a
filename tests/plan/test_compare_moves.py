"""Whether open runs may move to another plan: runs are pinned (case D6), and what is done keeps its result."""

import pytest

from leadflow.plan.compare.difference import difference
from leadflow.plan.compare.moves import Move, moves
from tests.graph.dumps import plan_of
from tests.plan.test_compare_changes import GET, RETURN, body


def judged(old: str, new: str) -> Move:
    """The open runs of `main`."""
    found = {move.flow: move for move in moves(difference(plan_of(old), plan_of(new)))}
    return found["main"]


def verdict(old: str, new: str) -> tuple[str, list[str]]:
    """The verdict, and what a run must not have got to; the reasons when it may not move at all."""
    move = judged(old, new)
    return move.verdict, [f"{bar.path} {bar.reach}: {bar.why}" for bar in move.first] or list(move.reasons)


WRITES = (GET, "step w = m.put(a)", "step x = m.put(2)", "return 1")
SUB = "flow sub(q: int) -> json {\nstep one = m.get(q)\nstep two = m.get(one)\nreturn two\n}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(body(*WRITES), body("@retry(2) @timeout(9s)", *WRITES), id="policies"),
        pytest.param(body(*WRITES), body(*WRITES[:3], "step y = m.put(3)", "return 1"), id="a step at the end"),
        pytest.param(body("step b = n.get(1)", *WRITES), body(*WRITES), id="a read that is gone"),
        pytest.param(body(GET, "step b = m.get(1)", RETURN), body(GET, RETURN), id="a read without readers"),
        pytest.param(body(*WRITES), body(*WRITES[:3], "return 2"), id="the result of a run"),
        pytest.param(body("return 1"), body("return 1", params="p: string, q: int = 1"), id="a default"),
        pytest.param("type T { x: int }\n" + body("step a: T = m.get(p)", RETURN),
                     "type U { x: int }\n" + body("step a: U = m.get(p)", RETURN), id="the name of a type"),
    ],
)  # fmt: skip
def test_runs_may_move(old: str, new: str) -> None:
    """What no recorded result depends on keeps nobody from moving."""
    assert ("may move", []) == verdict(old, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            body(*WRITES), body(GET, "step w = m.put(7)", *WRITES[2:]),
            ["main/w passed: its 'argument 1' changed"], id="work; what stands behind it is not named",
        ),
        pytest.param(
            body(GET, "step b = m.put(a) undo m.drop(b)", "return b"),
            body(GET, "step b = m.put(a) undo m.drop(a)", "return b"),
            ["main/b passed: its 'undo' changed, and what takes it back is fixed when it is done"], id="its undo",
        ),
        pytest.param(
            body(GET, 'let t = "${p}!"', "step b = n.get([a, t])", "return b"),
            body(GET, 'let t = "${p}?"', "step b = n.get([a, t])", "return b"),
            ["main/b passed: a value that it reads is another one"], id="a let that it reads",
        ),
        pytest.param(
            body(GET, "step b: { x: int } = n.get(a)", "return b"),
            body(GET, "step b: { x: float } = n.get(a)", "return b"),
            ["main/b passed: its 'answer x' changed; its type changed"], id="its type",
        ),
        pytest.param(
            body(GET, "step b = n.get(a)", "return b"), body(GET, "step c = n.get(a)", "return c"),
            ["main/b passed: it is called main/c now, and journals have the old name"], id="its name",
        ),
        pytest.param(
            body(GET, "step w = m.put(a)", "return 1"), body(GET, "step b = n.get(2)", "step w = m.put(a)", "return 1"),
            ["main/w passed: it waits for b now"], id="what it waits for (rule A1)",
        ),
        pytest.param(
            body(*WRITES), body(GET, "step w = m.put(a)", "return 1"),
            ["main/x passed: it changes something and is not there any more"], id="a write that is gone",
        ),
        pytest.param(
            body(GET, "step w = m.put(a)", "return 1"),
            body(GET, 'if p == "x" {', "step w = m.put(a)", "}", "return 1"),
            ["main/w passed: the condition under which it runs changed; it waits for if@1 now"], id="its condition",
        ),
        pytest.param(
            SUB + body(GET, "step s = sub(q: 1) after a", "return s"),
            SUB.replace("m.get(one)", "n.get(one)") + body(GET, "step s = sub(q: 1) after a", "return s"),
            ["main/s/two passed: its 'calls' changed"], id="a step of a flow that it calls",
        ),
        pytest.param(
            SUB + body(GET, "step s = sub(q: 1) after a", "return s"),
            SUB.replace("m.get(q)", "n.get(q)") + body(GET, "step s = sub(q: 1) after a", "return s"),
            ["main/s passed: in flow sub: sub/one starts with the run, and its 'calls' changed"], id="its first step",
        ),
    ],
)  # fmt: skip
def test_runs_may_move_unless_they_have_got_to(old: str, new: str, said: list[str]) -> None:
    """The first steps whose recorded results are not those of the new plan, and why."""
    assert ("may move unless", said) == verdict(old, new)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            body(GET, RETURN), body("step a = m.get(p, 2)", RETURN),
            ["main/a starts with the run, and its 'argument 2' changed"], id="every run has passed its first step",
        ),
        pytest.param(
            body("return 1"), body("return 1", params="p: string, q: int"),
            ["parameter q is new, and a run that has begun has no value for it"], id="a parameter without a value",
        ),
        pytest.param(
            body("return 1"), body("return 1", params="p: int"), ["parameter p has another type"], id="its parameters"
        ),
        pytest.param(
            body(GET, RETURN), body(GET, RETURN).replace("main", "other"),
            ["it is called other now, and journals have the old name"], id="a flow under another name",
        ),
        pytest.param(
            body(GET, RETURN), "flow other() -> int { return 1 }\n", ["the flow is not there any more"], id="no flow"
        ),
    ],
)  # fmt: skip
def test_runs_may_not_move(old: str, new: str, said: list[str]) -> None:
    """What concerns every run, however far it has got."""
    move = judged(old, new)
    assert ("may not move", said) == (move.verdict, list(move.reasons))


def test_a_write_under_way_does_not_change_its_agent() -> None:
    """It might be done a second time there; done or not begun, it does not matter."""
    text = 'agent shop: http { url: "https://a.example" }\n' + body(
        GET, 'step w = shop.post("/o", json: a)', "return 1"
    )
    assert (
        "may move unless",
        ["main/w under way: agent shop is another one now, which might do it a second time"],
    ) == (verdict(text, text.replace("a.example", "b.example")))


def test_all_bars_are_data() -> None:
    """Whoever moves a run gets every bar, not only the first."""
    new = body(GET, "step w = m.put(7)", "step x = m.put(8)", "return 1")
    assert ["main/w", "main/x"] == [bar.path for bar in judged(body(*WRITES), new).bars]


def test_a_race_bars_when_others_take_part() -> None:
    """The value that it gave may be that of a member which is gone, or not that of the new one."""
    old = body(GET, "step r = race {", "step b = n.get(a)", "step c = n.list(a)", "step e = m.list(a)", "} after a")
    old = old.replace("after a\n", "after a\nreturn r\n")
    for new in (old.replace("step c = n.list(a)\n", ""), old.replace("step c", "step d = m.list(a)\nstep c")):
        assert ("may move unless", ["main/r passed: its members are others, or stand in another order"]) == verdict(
            old, new
        )


def test_a_block_that_nothing_waits_in_bars_when_it_grows() -> None:
    """Iterations that are over would never run the step that is new."""
    old = body(GET, "step l = for x in [1, 2] {", "step c = n.get(x)", "}", "return 1")
    new = old.replace("n.get(x)", "n.get(x)\nstep d = n.list(x)")
    assert judged(old, new).verdict == "may not move"
    assert "steps were added to it" in judged(old, new).reasons[0]
