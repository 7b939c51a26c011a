"""A flow that a model uses as a tool: what happened in it stands in the log of the run, is folded and shown."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest

from leadflow.cli.views.words import Teller
from leadflow.events.codec import event_text
from leadflow.events.fold import RunState, fold
from leadflow.events.model import (
    AttemptFailed,
    BudgetReserved,
    BudgetSettled,
    CallUsed,
    Entry,
    Event,
    NodeDone,
    NodeStarted,
    RunDone,
    RunStarted,
    Status,
    ToolStep,
    Usage,
)
from leadflow.events.places import in_place
from leadflow.events.tool_uses import ToolUse, add_run
from leadflow.events.words import Words
from leadflow.plan.rates import Rate, Rates
from leadflow.policies.budget import Charge
from leadflow.run.errors import ConnectionLost
from leadflow.run.ports import Reply, Request
from leadflow.stores.memory import MemoryJournal
from leadflow.testing.coverage import Coverage
from tests.policies.playing import CLOCK, Player, after, s
from tests.policies.talking import ASK, MODEL, Talked, asks, talk, use
from tests.run.fakes import compiled

INNER = 'agent sage: openai { model: "m"  max_tokens: 100 }\n'
BOTH = 'flow both(x: string) -> string {\n step c = look(x: x)\n step d = sage.ask("${c}")\n return d\n}\n'
TEXT = INNER + BOTH + MODEL.replace("TOOLS", "both") + ASK
BUDGET = "@budget($5)\nflow f"
CALL = "f/a~tools[0]"
PRICE = Rates((Rate(0, 1_000_000, 2_000_000, 0, 0),))
"""A millionth of a dollar for a token read, two for one written."""
IN_TOOLS = pytest.mark.parametrize(
    ("tools", "asked", "path"),
    [("look", "look", CALL), ("both", "look", f"{CALL}/both/c"), ("both", "sage", f"{CALL}/both/d")],
    ids=["a tool", "a function in a flow", "a model in a flow"],
)
"""What is asked in a tool, and by which path it is known in the run."""
DEEP = "flow deep(x: string) -> string {\n step e = mid.ask(x)\n return e\n}\n"


def nested(usage: Usage | None = None, *, charges: Mapping[str, Charge] | None = None, text: str = TEXT) -> Talked:
    """A run in which a model uses the flow once."""
    players = {
        "fast": Player(asks(use("both", x="1"), usage=usage), Reply("done", usage)),
        "look": Player("seen"),
        "sage": Player(Reply("wise", usage)),
    }
    return talk(text, players, charges=charges, rates={"fast": PRICE, "sage": PRICE})


def steps(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    """What the log tells of flows that are tools."""
    told = [entry.event for entry in entries if isinstance(entry.event, ToolStep)]
    return [(one.path, type(one.inner).__name__, getattr(one.inner, "path", "")) for one in told]


def settled(state: RunState) -> dict[str, Status]:
    """Where each node stands, but for what only decides."""
    return {path: node.status for path, node in state.all_nodes() if "@" not in path}


def test_what_happens_in_the_flow_stands_in_the_log() -> None:
    """From its start to its end, by the flow's own paths, between the events of the tool's call."""
    told = nested()
    assert [
        (CALL, "RunStarted", ""),
        (CALL, "NodeStarted", "both/c"),
        (CALL, "NodeDone", "both/c"),
        (CALL, "NodeStarted", "both/d"),
        (CALL, "NodeDone", "both/d"),
        (CALL, "NodeDone", "both/return@1"),
        (CALL, "RunDone", ""),
    ] == steps(told.result.entries)
    names = [type(entry.event).__name__ for entry in told.result.entries]
    assert names.index("ToolCalled") < names.index("ToolStep")
    assert len(names) - names[::-1].index("ToolStep") <= names.index("ToolEnded")


def test_the_fold_has_it_beside_the_run() -> None:
    """Its nodes are no nodes of the run, and none of them is counted there."""
    state = fold(nested().result.entries)
    assert ({"f/a", "f/return@1"}, 2) == (set(state.nodes), state.counts[Status.DONE])
    inner = state.inner[CALL]
    assert ("both", Status.DONE, "wise", {"x": "1"}) == (inner.flow, inner.status, inner.value, inner.inputs)
    assert {"f/a": "done", f"{CALL}/both/c": "done", f"{CALL}/both/d": "done"} == settled(state)
    found = state.node(f"{CALL}/both/d")
    assert found is not None and found.value == "wise"
    assert state.node(f"{CALL}/both/x") is None is state.node("f/z~tools[0]/both/c")


def test_what_it_costs_is_counted_once() -> None:
    """Of the run in its sums, of each step with that step, of the flow nowhere: in the log it stands once."""
    charge = Charge(1_000_000, 2_000_000)
    told = nested(Usage(10, 5), charges={"fast": charge, "sage": charge}, text=TEXT.replace("flow f", BUDGET))
    paid = [entry.event for entry in told.result.entries if isinstance(entry.event, BudgetSettled)]
    state = fold(told.result.entries)
    inner = state.inner[CALL]
    by_step = {path: node.spent for path, node in state.all_nodes() if node.spent}
    assert {"f/a", f"{CALL}/both/d"} == set(by_step)
    assert state.spent == sum(one.money for one in paid) == sum(by_step.values()) > 0
    assert (0, 0, 0) == (inner.spent, inner.spent_tokens, inner.used.requests)


@IN_TOOLS
def test_nothing_is_sent_before_what_it_may_take_is_kept(tools: str, asked: str, path: str) -> None:
    """Case $8: a process that ends in a tool leaves a log that has what was set aside for it, so that it is spent."""
    journal, found = MemoryJournal(CLOCK), list[str]()

    async def look(request: Request) -> str:
        kept = [entry.event for entry in await journal.load()]
        found.extend(event.path for event in kept if isinstance(event, BudgetReserved) and event.path != "f/a")
        return "seen"

    charge = Charge(1_000_000, 2_000_000)
    players = {"fast": Player(asks(use(tools, x="1")), "done"), "look": Player("seen"), "sage": Player("wise")}
    text = TEXT.replace("tools: [both]", f"tools: [{tools}]").replace("flow f", BUDGET)
    talk(text, {**players, asked: Player(look)}, charges={"fast": charge, "sage": charge}, journal=journal)
    assert [path] == found[-1:]


def test_what_its_models_used_is_counted_once() -> None:
    """The same of what models say that they used."""
    told = nested(Usage(10, 5))
    used = [entry.event for entry in told.result.entries if isinstance(entry.event, CallUsed)]
    assert ["f/a", f"{CALL}/both/d", "f/a"] == [one.path for one in used]
    state = fold(told.result.entries)
    by_step = {path: node.used.money for path, node in state.all_nodes() if node.used is not None}
    assert {"f/a": 40, f"{CALL}/both/d": 20} == by_step
    assert (3, 60, 30, 15, 0) == (
        state.used.requests,
        state.used.money,
        state.used.input_tokens,
        state.used.output_tokens,
        state.inner[CALL].used.requests,
    )
    assert told.result.used == state.used


def test_attempts_in_it_are_told() -> None:
    """A step of the flow that is tried again is, with why."""
    text = TEXT.replace(" step c", " @retry(2, backoff: 1s)\n step c")
    fast = Player(asks(use("both", x="1")), "done")
    told = talk(text, {"fast": fast, "look": Player(ConnectionLost("gone"), "seen"), "sage": Player("wise")})
    failed = [event for event in map(in_place, events(told)) if isinstance(event, AttemptFailed)]
    assert [f"{CALL}/both/c"] == [event.path for event in failed]
    node = fold(told.result.entries).node(f"{CALL}/both/c")
    assert node is not None and (2, 1) == (node.attempts, len(node.failed_attempts))


def test_no_secret_is_told_of_it() -> None:
    """What fails in it is told without the secrets of the run, as everywhere, and so are the words of its models."""
    heard: list[Words] = []

    async def speak(request: Request) -> str:
        if request.hear is not None:
            request.hear("it is hush-")
            request.hear("hush")
        raise ValueError("the key hush-hush is wrong")

    players = {"fast": Player(asks(use("both", x="1")), "done"), "look": Player("seen"), "sage": Player(speak)}
    told = talk(TEXT, players, rates={"fast": None, "sage": None}, hear=heard.append)
    kept = [event_text(entry.event) for entry in told.result.entries if isinstance(entry.event, ToolStep)]
    assert any("the key *** is wrong" in text for text in kept)
    assert "hush" not in "".join(kept) + "".join(one.text for one in heard)
    assert "it is ***" == "".join(one.text for one in heard)


def events(told: Talked) -> list[Event]:
    """The log."""
    return [entry.event for entry in told.result.entries]


def test_a_flow_in_a_flow() -> None:
    """A flow whose model uses a flow as a tool: each stands behind the call that it is, in one log."""
    mid = MODEL.replace("fast", "mid").replace("TOOLS", "both")
    text = INNER + BOTH + mid + DEEP + MODEL.replace("TOOLS", "deep") + ASK
    players = {
        "fast": Player(asks(use("deep", x="1")), "done"),
        "mid": Player(asks(use("both", x="2")), "halfway"),
        "look": Player("seen"),
        "sage": Player("wise"),
    }
    told = talk(text, players)
    state = fold(told.result.entries)
    deep = f"{CALL}/deep/e~tools[0]"
    assert {CALL, deep} == set(state.inner)
    assert {"f/a", f"{CALL}/deep/e", f"{deep}/both/c", f"{deep}/both/d"} == set(settled(state))
    assert {Status.DONE} == set(settled(state).values())
    assert 1 == state.inner[CALL].nodes["deep/e"].tools["both"].calls


def test_a_flow_that_fails() -> None:
    """What failed in it is told; what a breaker or a budget does is told once, as before."""
    text = TEXT.replace(" return d", ' fail "no: ${d}"')
    told = talk(text, {"fast": Player(asks(use("both", x="1")), "done"), "look": Player("s"), "sage": Player("w")})
    inner = fold(told.result.entries).inner[CALL]
    assert Status.FAILED is inner.status
    assert inner.failure is not None and "no: w" == inner.failure.message


PAGE = 'tool page(x: string) = python("tools:page")\n'
TOLD = PAGE + TEXT.replace(
    "flow both", '@on_failure(escalate: page("${x}: ${failure.step}, ${failure.class}"))\nflow both'
)
"""The flow tells somebody when it has failed."""


@pytest.mark.parametrize(
    ("fails", "paged"),
    [(" fail d", ["1: fail@1, agent"]), (" return d", [])],
    ids=["it fails", "it ends well"],
)
def test_a_flow_that_fails_tells_of_itself(fails: str, paged: list[str]) -> None:
    """Rule C11: before the model hears of it, which goes on; the run is done, and it is the flow's own step."""
    page = Player(after(5.0, "noted"))
    fast = Player(asks(use("both", x="1")), "done")
    players = {"fast": fast, "look": Player("seen"), "sage": Player("wise"), "page": page}
    told = talk(TOLD.replace(" return d", fails), players)
    assert (Status.DONE, "done") == (told.result.status, told.result.value)
    assert paged == [request.args["x"] for request in page.requests]
    assert told.told()[0][0].is_error is bool(paged)
    assert fast.at[1] - fast.at[0] == 5.0 * len(paged)
    state = fold(told.result.entries).node(f"{CALL}/both/escalate")
    assert (Status.DONE if paged else None) == (None if state is None else state.status)


def test_a_flow_that_is_cut_off() -> None:
    """Whose step has no more time: nothing in it is under way behind that."""
    text = TEXT.replace(" step a", " @timeout(1s)\n step a")
    told = talk(text, {"fast": Player(asks(use("both", x="1")), "done"), "look": Player(after(100.0))})
    state = fold(told.result.entries)
    assert "timeout.total" == told.failure.error
    assert [] == [path for path, status in settled(state).items() if not Status(status).is_settled]
    assert Status.CANCELLED is state.inner[CALL].status


async def hears_nothing(request: Request) -> str:
    """Works for long, and does not stop when it is told to."""
    end = CLOCK.monotonic() + 100.0
    while (rest := end - CLOCK.monotonic()) > 1e-6:
        with suppress(asyncio.CancelledError):
            await CLOCK.sleep(s(rest))
    return "late"


@IN_TOOLS
@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (" @timeout(1s)\n step a", "timeout.total"),
        (' step b = put("1")\n step a', "network.lost"),
        (" @timeout(1s) @on_error(timeout: skip)\n step a", None),
    ],
    ids=["its time is over", "another step has failed", "the run goes on"],
)
def test_what_is_set_aside_in_a_tool_that_does_not_stop_is_spent(
    tools: str, asked: str, path: str, steps: str, why: str | None
) -> None:
    """Case $3: what it took nobody hears any more, so that it counts as all of that, once."""
    charge = Charge(1_000_000, 2_000_000)
    players = {"fast": Player(asks(use(tools, x="1")), "done"), "look": Player("seen"), "sage": Player("wise")}
    players |= {"put": Player(after(1.0, ConnectionLost("gone"))), asked: Player(hears_nothing)}
    text = TEXT.replace("tools: [both]", f"tools: [{tools}]").replace("flow f", BUDGET).replace(" step a", steps)
    if why is None:
        text = text.replace(" return a", ' step z = look(a ?? "-")\n return z')
        players["look"] = Player(hears_nothing if asked == "look" else "seen", after(200.0, "z"))
    told = talk(text, players, charges={"fast": charge, "sage": charge})
    assert why == (None if told.result.failure is None else told.failure.error)
    (aside,) = [one for one in events(told) if isinstance(one, BudgetReserved) and one.path == path]
    (spent,) = [one for one in events(told) if isinstance(one, BudgetSettled) and one.path == path]
    assert (aside.money, aside.tokens) == (spent.money, spent.tokens)
    assert ("sage" == asked) == (spent.money > 0)


def begun() -> list[Entry]:
    """The log of a run whose process ends while the flow is under way."""
    entries = list(nested().result.entries)
    end = next(at for at, entry in enumerate(entries) if in_place(entry.event) == NodeStarted(f"{CALL}/both/d"))
    return entries[: end + 1]


def test_a_step_that_begins_again_begins_its_tools_again() -> None:
    """Behind the end of a process: what was under way is not heard of again, and the same number is a new call."""
    from_before = begun()
    start = next(entry.event for entry in from_before if isinstance(entry.event, ToolStep))
    state = fold(from_before)
    assert Status.RUNNING is state.inner[CALL].nodes["both/d"].status
    deeper = replace(start, path=f"{CALL}/both/d~tools[0]")
    ended = NodeDone("f/a", "done")
    again = [*from_before, Entry(8, 9.0, deeper)]
    state = fold([*again, Entry(9, 9.0, start)])
    assert ({CALL}, {}) == (set(state.inner), state.inner[CALL].nodes)
    state = fold([*again, Entry(9, 9.0, ended)])
    node = state.inner[CALL].nodes["both/d"]
    assert (Status.CANCELLED, Status.CANCELLED, "the step ended") == (
        state.inner[CALL].status,
        node.status,
        node.reason,
    )
    assert Status.DONE is state.inner[CALL].nodes["both/c"].status


def test_its_steps_are_covered_and_its_tools_counted() -> None:
    """A test that goes through the flow as a tool goes through it."""
    plan = compiled(TEXT)
    entries = nested().result.entries
    coverage = Coverage()
    coverage.add(plan, [entries])
    assert [] == coverage.missed
    found: dict[str, ToolUse] = {}
    add_run(found, plan, entries)
    assert {"both": (1, 1), "look": (1, 0)} == {name: (one.calls, one.by_models) for name, one in found.items()}


def test_it_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Where lines are written as a run goes, a line for each of its calls, with its path."""
    tell = Teller(compiled(TEXT))
    for entry in nested().result.entries:
        tell(entry)
    told = [line.split()[3:5] for line in capsys.readouterr().err.splitlines() if "tools[0]" in line]
    assert [["a~tools[0]/both/c", "look"], ["a~tools[0]/both/d", "sage.ask"]] == told[::2]
    assert 4 == len(told)


def test_events_with_a_path_are_found_by_that_of_the_run() -> None:
    """The start and the end of the flow have none: they stay what is told of the call."""
    entries = nested().result.entries
    whole = [event.inner for event in map(in_place, (e.event for e in entries)) if isinstance(event, ToolStep)]
    assert [RunStarted, RunDone] == [type(event) for event in whole]


def test_the_words_of_its_models_are_heard() -> None:
    """By the path that their step has in the run."""
    heard: list[Words] = []

    async def speak(request: Request) -> str:
        if request.hear is not None:
            request.hear("wi")
            request.hear("se")
        return "wise"

    players = {"fast": Player(asks(use("both", x="1")), "done"), "look": Player("seen"), "sage": Player(speak)}
    talk(TEXT, players, rates={"fast": None, "sage": None}, hear=heard.append)
    assert [(f"{CALL}/both/d", "wi"), (f"{CALL}/both/d", "se")] == [(one.path, one.text) for one in heard]
