"""What a process that begins knows of upstreams from the runs of others (case L10)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    CacheUsed,
    CallAdmitted,
    CallPassedOn,
    CallUsed,
    CallWaits,
    DoubtSettled,
    Entry,
    Event,
    Failure,
    NodeStarted,
    OnceFound,
    ToolCalled,
    ToolEnded,
    Usage,
)
from leadflow.plan.policy import Breaker, Limit, PerTime
from leadflow.policies.admission import Admission, Ticket
from leadflow.policies.circuit import Circuit, Refused
from leadflow.policies.windows import Moment
from leadflow.recalling import Taken, counted, midnight
from leadflow.run.errors import ConnectFailed
from leadflow.run.store import Recent
from tests.cli.session import leadflow
from tests.policies.playing import Player
from tests.policies.talking import asks, talk, use
from tests.run.fakes import compiled

PLAN = compiled("""
flow f() {
  step a = put("1") undo put("2")
  step all = for t in ["1"] { step b = look(t) step d = put(b) undo g() yield b }
}
flow g() { step c = put("3") undo none }
agent fast: openai { model: "m"  tools: [put] }
""")
START = NodeStarted("f/a")
USED = CallUsed("f/a", 1, "put", None, None)
PUT = (ToolCalled("f/a", 0, 1, "put", "write", {}), ToolEnded("f/a", 0, "put", 0.1, None, 4))
FAILED = AttemptFailed("f/a", AttemptFailure(1, "put", "network.connect", "refused", 0.1), 1.0)
PASSED = CallPassedOn("f/a", "put", Failure("resource.breaker", "resource", "put is not asked"), "spare")


@pytest.mark.parametrize(
    ("events", "taken"),
    [
        ([], (0, 0)),
        ([START], (1, 0)),
        ([START, AttemptStarted("f/a", 2, "put")], (2, 0)),
        ([START, AttemptStarted("f/a", 2, "spare")], (1, 0)),
        ([START, CallWaits("f/a", "put", "its turn", None)], (0, 0)),
        ([START, CallWaits("f/a", "put", "its turn", None), CallAdmitted("f/a", "put", 1.0)], (1, 0)),
        ([START, CacheUsed("f/a", "put", False)], (0, 0)),
        ([START, OnceFound("f/a", "other", "f/a")], (0, 0)),
        ([START, CallWaits("f/a", "put", "run other", None), OnceFound("f/a", "other", "f/a")], (0, 0)),
        ([NodeStarted("f/all"), NodeStarted("f/all[0]/b")], (0, 0)),
        ([START, CallUsed("f/a", 1, "put", Usage(3, 4), None), CallUsed("f/a", 1, "put", None, None)], (1, 7)),
        ([START, CallUsed("f/a", 1, "look", Usage(3, 4), None)], (1, 0)),
        ([NodeStarted("f/gone")], (0, 0)),
        ([START, FAILED, CallWaits("f/a", "put", "its turn", None)], (1, 0)),
        ([START, PASSED, AttemptStarted("f/a", 1, "spare")], (0, 0)),
        ([START, FAILED, PASSED, AttemptStarted("f/a", 2, "spare")], (1, 0)),
        ([START, USED, *PUT, PASSED, AttemptStarted("f/a", 1, "spare")], (2, 0)),
        ([START, FAILED, CallWaits("f/a", "put", "its turn", None), CallAdmitted("f/a", "put", 1.0),
          AttemptStarted("f/a", 2, "put")], (2, 0)),
        ([NodeStarted("f/a~undo"), AttemptStarted("f/a~undo", 2, "drop")], (1, 0)),
        ([NodeStarted("f/all[0]/d~undo/c")], (1, 0)),
        ([START, USED, *PUT], (3, 0)),
        ([START, USED, *PUT, *PUT], (4, 0)),
        ([START, USED, *PUT, CallWaits("f/a", "put", "the run to go on", None)], (2, 0)),
        ([START, DoubtSettled("f/a", "retry", "it is a read")], (1, 0)),
        ([START, CallWaits("f/a", "put", "its turn", None), DoubtSettled("f/a", "retry", "it waited")], (1, 0)),
    ],
)  # fmt: skip
def test_what_was_taken_is_counted(events: list[Event], taken: tuple[int, int]) -> None:
    """An attempt that began counts for the agent that was asked; one that waits, or needed none, does not."""
    found = [Recent("r", "p", Entry(seq, 0.0, event)) for seq, event in enumerate(events)]
    assert Taken(*taken) == counted(found, {"p": PLAN}, frozenset({"put"}))


TOOLS = """
@read @retry(3, backoff: 1s, jitter: "none") tool often(x: string) -> string = python("tools:often")
flow both(x: string) -> string { step one = look(x)  step two = often(one)  return two }
agent fast: openai { model: "m"  max_tokens: 100  tools: [look, often, both] }
flow f() -> string { @retry(3, backoff: 1s, jitter: "none") step a = fast.ask("go")  return a }
"""


def test_what_models_and_their_tools_begin_is_counted() -> None:
    """Case L10: each turn, each attempt of one, each use of a tool, also in a flow that is one."""
    fast = Player(
        asks(use("look", x="1"), use("look", x="2")), ConnectFailed("refused"), asks(use("both", x="3")),
        asks(use("often", x="4"), use("look"), use("nothing", x="5")), asks(use("look", x="6")),
        asks(use("often", x="7")), "done",
    )  # fmt: skip
    often = Player("seen", *[ConnectFailed("refused")] * 4, "seen")
    players = {"fast": fast, "look": Player("seen"), "often": often}
    told, plan = talk(TOOLS, players, rates={"fast": None}), compiled(TOOLS)
    found = [Recent("r", plan.hash, entry) for entry in told.result.entries]
    assert "done" == told.result.value
    assert {name: len(player.requests) for name, player in players.items()} == {
        name: counted(found, {plan.hash: plan}, frozenset({name})).calls for name in players
    }


def test_a_day_begins_at_midnight_of_its_zone() -> None:
    """Case L10: whose midnight it is, the limit says; on the day of the change of clocks, too."""
    berlin = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert datetime(2026, 3, 28, 23, tzinfo=UTC).timestamp() == midnight(noon, berlin)
    assert datetime(2026, 3, 29, tzinfo=UTC).timestamp() == midnight(noon, UTC)


def test_only_windows_of_a_day_recall() -> None:
    """What others took counts for the day; the minute begins anew."""
    day, minute = PerTime(5, datetime.resolution * 86_400_000_000), PerTime(5, datetime.resolution * 60_000_000)
    now = Moment(100.0, 1_000_000.0)
    for rates, fits in (((day,), False), ((minute,), True)):
        admission = Admission("a", Limit(rate=rates), None)
        admission.recall(5, 0, now)
        assert fits is admission.ask(Ticket(0, 0), now)


def test_a_breaker_goes_on_where_another_process_left_it() -> None:
    """It is open for the rest of its time, and then grows from there; what has seen calls of its own is not changed."""
    policy = Breaker(failures=1)
    circuit = Circuit(policy, "a")
    circuit.recall(80.0, 30.0, "1 failure within 60 s", times=1)
    refused = circuit.look(100.0, lambda: 0.0)
    assert isinstance(refused, Refused)
    assert (10.0, True) == (refused.seconds, "opened 20 s ago, after 1 failure" in refused.why)
    assert None is circuit.look(110.0, lambda: 0.0)
    assert [] == circuit.moves
    known = Circuit(policy, "a")
    known.enter(0.0, lambda: 0.0)
    known.recall(80.0, 30.0, "1 failure within 60 s", times=1)
    assert "closed" == known.state


FLOW = """leadflow 1
{} @timeout(300ms)
agent shop: python {{ module: "work.py"  reads: ["look"] }}

flow main(what: string) -> string {{
  step seen: string = shop.look(what)
  return seen
}}
"""


def runs(project: Path, limit: str, *what: str) -> list[str]:
    """How runs end that each have a process's knowledge of their own."""
    (project / "main.flow").write_text(FLOW.format(limit))
    (project / "work.py").write_text(
        "def look(x):\n    if x == 'fail':\n        raise ConnectionError('down')\n    return x\n"
    )
    said = [leadflow("run", "main.flow", "-i", f"what={one}", "--json", folder=project) for one in what]
    ends = [json.loads(one.stderr.splitlines()[-1]) for one in said]
    return [end["event"] + " " + end.get("failure", {}).get("error", "") for end in ends]


def test_a_limit_per_day_survives_the_process(tmp_path: Path) -> None:
    """Case L10: what earlier processes took today is taken; another process does not get a day of its own."""
    assert ["RunDone ", "RunDone ", "RunFailed timeout.total"] == runs(tmp_path, "@limit(2 per day)", "a", "b", "c")


def test_a_limit_per_minute_does_not(tmp_path: Path) -> None:
    """What is known of shorter times is that of a process."""
    assert ["RunDone ", "RunDone "] == runs(tmp_path, "@limit(1 per minute)", "a", "b")


def test_an_open_breaker_survives_the_process(tmp_path: Path) -> None:
    """The next process does not ask an upstream that the one before it found dead."""
    found = runs(tmp_path, "@breaker(failures: 1, recovery: 1m)", "well", "fail", "well")
    assert ["RunDone ", "RunFailed"] == [found[0], found[1].split()[0]]
    assert "RunFailed resource.breaker" == found[2]
