"""`@hedge` against its reference model: the decision step by step, and whole calls against the clock."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from leadflow.plan.policy import Hedge
from leadflow.policies.hedge import Pair
from leadflow.run.errors import ServerError
from leadflow.run.ports import Answer
from tests.policies.models.hedge import Model, outcome
from tests.policies.models.runs import RUNS
from tests.policies.playing import Player, Scene, after, s


class Two(RuleBasedStateMachine):
    """A second attempt begins, or is refused, or never comes; both end in some order."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """The first attempt begins."""
        self.pair, self.model, self.said = Pair(), Model(), "wait"
        self.may_begin = True

    @precondition(lambda self: self.said != "wait")
    @rule()
    def next_round(self) -> None:
        """Another call."""
        self.begin()

    @precondition(lambda self: self.may_begin and self.said == "wait")
    @rule()
    def second_begins(self) -> None:
        """It has its turn."""
        self.may_begin = False
        self.pair.begin()
        self.model.happened.append(("begins", 1))

    @precondition(lambda self: self.may_begin and self.said == "wait")
    @rule()
    def second_is_refused(self) -> None:
        """There is none: the first one decides."""
        self.may_begin = False
        self.said = self.pair.end(1, fits=False).value
        assert "wait" == self.said == self.model.comes_to()

    @precondition(lambda self: self.said == "wait")
    @rule(data=st.data(), fits=st.booleans())
    def one_ends(self, data: st.DataObject, fits: bool) -> None:
        """Any that runs."""
        number = data.draw(st.sampled_from(self.model.running()))
        self.model.happened.append(("fits" if fits else "fails", number))
        self.said = self.pair.end(number, fits=fits).value
        assert self.said == self.model.comes_to()


Two.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=8, deadline=None)
TestTwo = Two.TestCase

TIMES = st.integers(1, 12).map(float)
ENDS = st.tuples(TIMES, st.booleans())


@settings(max_examples=RUNS, deadline=None)
@given(TIMES, ENDS, ENDS)
def test_calls_end_as_the_model_says(wait: float, first: tuple[float, bool], second: tuple[float, bool]) -> None:
    """Whatever takes how long and fits or not: the outcome, its time, the requests; and nothing runs after it."""
    assume(first[0] != wait)
    acts = [
        after(seconds, number if fits else ServerError("down", status=500))
        for number, (seconds, fits) in enumerate((first, second))
    ]
    player = Player(*acts)
    played = Scene({"main": player}, (Hedge(s(wait)),)).run()
    is_answer = isinstance(played.outcome, Answer)
    assert outcome(wait, first, second) == (is_answer, played.seconds, len(player.requests))
    assert 0 == player.now
    if not is_answer:
        assert len(player.requests) == len(played.failure.attempts)
