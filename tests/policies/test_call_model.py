"""`@retry`, `@timeout` and `@fallback` around a call against a model of them: plain arithmetic on a table of acts."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from leadflow.events.model import Failure
from leadflow.plan.policy import Fallback, Policy, Retry, Timeout
from leadflow.plan.types import INT
from leadflow.run.errors import CallError, ConnectFailed, ConnectionLost, RateLimited, Rejected, ServerError
from tests.policies.models.runs import RUNS
from tests.policies.playing import Act, Player, Scene, after, s

ANSWER, TEXT = 7, "text"


@dataclass(frozen=True)
class Turn:
    """One act of an agent: how long it takes, and what it ends with."""

    seconds: float
    end: str


ENDS: dict[str, object] = {
    "answer": ANSWER,
    "text": TEXT,
    "lost": ConnectionLost("x"),
    "refused": ConnectFailed("x", sent=False),
    "broken": ServerError("x", status=500),
    "no": Rejected("x"),
    "busy": RateLimited("x", retry_after=s(6)),
}
NAMES = {
    "text": "validation.answer",
    "lost": "network.lost",
    "refused": "network.connect",
    "broken": "agent.server",
    "no": "agent.rejected",
    "busy": "resource.rate",
    "late": "timeout.attempt",
    "over": "timeout.total",
}
ALWAYS, REPEATABLE, DOUBTFUL = {"refused", "busy"}, {"text", "lost", "broken", "late"}, {"lost", "late", "over"}


@dataclass(frozen=True)
class Setting:
    """The policies of the call."""

    attempts: int
    pause: float
    attempt: float | None
    total: float | None
    idempotent: bool
    has_spare: bool


@dataclass
class Told:
    """What a call comes to."""

    seconds: float
    end: str
    requests: list[int]


def model(setting: Setting, scripts: list[list[Turn]]) -> Told:
    """What has to happen."""
    now, end, requests = 0.0, "", [0, 0]
    for candidate in range(1 + setting.has_spare):
        begun, texts = now, 0
        deadline = None if setting.total is None else begun + setting.total
        for number in range(1, setting.attempts + 1):
            turn = scripts[candidate][min(requests[candidate], len(scripts[candidate]) - 1)]
            requests[candidate] += 1
            limits = [(deadline, "over")] if deadline is not None else []
            limits += [(now + setting.attempt, "late")] if setting.attempt is not None else []
            limit, name = min(limits, key=lambda pair: pair[0], default=(None, ""))
            if limit is not None and limit <= now + turn.seconds:
                now, end = limit, name
            else:
                now, end = now + turn.seconds, turn.end
            texts += end == "text"
            pause = max(setting.pause, 6.0 if end == "busy" else 0.0)
            repeat = end in ALWAYS or (end in REPEATABLE and setting.idempotent)
            if number == setting.attempts or texts > 2 or not repeat:
                break
            if deadline is not None and now + pause >= deadline:
                break
            now += pause
        if end == "answer" or (end in DOUBTFUL and not setting.idempotent):
            break
    return Told(now, end, requests)


def act(turn: Turn) -> Act:
    """The act of a turn."""
    return after(turn.seconds, ENDS[turn.end])


TURNS = st.lists(
    st.builds(Turn, st.sampled_from([0.25, 1.5, 4.0, 9.0]), st.sampled_from(sorted(ENDS))), min_size=1, max_size=5
)
LIMITS = st.one_of(st.none(), st.sampled_from([1.0, 3.0, 7.0, 20.0]))
SETTINGS = st.builds(
    Setting, st.integers(1, 4), st.sampled_from([0.5, 2.0]), LIMITS, LIMITS, st.booleans(), st.booleans()
)


@settings(max_examples=RUNS, deadline=None)
@given(SETTINGS, TURNS, TURNS)
def test_the_stack_does_what_the_model_says(setting: Setting, main: list[Turn], spare: list[Turn]) -> None:
    """Any script under any policies: the same end, at the same time, after the same requests."""
    policies: list[Policy] = [Retry(setting.attempts, s(setting.pause), 1.0, jitter="none")]
    if setting.attempt is not None or setting.total is not None:
        policies.append(Timeout(*(None if limit is None else s(limit) for limit in (setting.total, setting.attempt))))
    if setting.has_spare:
        policies.append(Fallback(("spare",)))
    agents = {"main": Player(*map(act, main)), "spare": Player(*map(act, spare))}
    scene = Scene(agents, policies, result=INT, idempotent=setting.idempotent)
    played = scene.run()
    told = model(setting, [main, spare])
    outcome = played.outcome
    assert told.seconds == played.seconds
    assert told.requests == [len(agent.requests) for agent in agents.values()]
    if isinstance(outcome, Failure):
        assert NAMES[told.end] == outcome.error
        assert (told.end in DOUBTFUL and not setting.idempotent) == outcome.in_doubt
        assert sum(told.requests) == len(outcome.attempts)
    else:
        assert (told.end, ANSWER) == ("answer", played.value)


def test_every_end_is_named() -> None:
    """The model knows each error that its agents raise."""
    errors = {name: end.error for name, end in ENDS.items() if isinstance(end, CallError)}
    assert errors == {name: NAMES[name] for name in errors}
