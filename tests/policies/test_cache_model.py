"""`@cache` against its reference model: whatever comes, goes, answers and fails, in whatever order."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from leadflow.policies.memory import Flights, Kept, Memory
from leadflow.run.errors import CallError
from tests.policies.models.cache import Model
from tests.policies.models.runs import RUNS, steps

KEYS = ("a", "b", "c")
TTLS = st.sampled_from([1.0, 5.0, 30.0])


class Remembering(RuleBasedStateMachine):
    """The two together. A call comes and finds something, or joins those of its key; the first of these is made."""

    @initialize(ttl=TTLS, negative=st.none() | TTLS)
    def begin(self, ttl: float, negative: float | None) -> None:
        """An empty process."""
        self.now, self.count = 0.0, 0
        self.memory, self.flights = Memory(), Flights[int]()
        self.model = Model(ttl, negative)
        self.under_way: dict[int, str] = {}

    def _waiting(self, key: str) -> Sequence[int]:
        return self.model.waiting(key)

    def _some(self, data: st.DataObject) -> tuple[int, str]:
        call = data.draw(st.sampled_from(sorted(self.under_way)))
        return call, self.under_way[call]

    def _leader(self, data: st.DataObject) -> tuple[int, str]:
        key = data.draw(st.sampled_from(sorted(set(self.under_way.values()))))
        return self._waiting(key)[0], key

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0, 5.0, 29.0]))
    def time_passes(self, seconds: float) -> None:
        """Some of what is kept may be over."""
        self.now += seconds

    @rule(key=st.sampled_from(KEYS))
    def comes(self, key: str) -> None:
        """A call: it is answered from memory, makes the call, or waits."""
        found = self.memory.find(key.encode(), self.now)
        assert self.model.kept(key, self.now) == _told(found)
        if found is not None:
            return
        self.count += 1
        leads = self.flights.join(key, self.count)
        assert leads == (not self._waiting(key))
        self.model.note(self.now, "comes", self.count, key)
        self.under_way[self.count] = key

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def goes(self, data: st.DataObject) -> None:
        """Any call is cancelled, or its own time is over: if it led, the next one leads."""
        call, key = self._some(data)
        led = self._waiting(key)[0] == call
        heir = self.flights.leave(key, call)
        self.model.note(self.now, "goes", call, key)
        del self.under_way[call]
        assert heir == (self._waiting(key)[0] if led and self._waiting(key) else None)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), answers=st.booleans())
    def ends(self, data: st.DataObject, answers: bool) -> None:
        """The call that was made ends: all that wait are told, and it is kept if that is wanted."""
        call, key = self._leader(data)
        others = self._waiting(key)[1:]
        kept = Kept(str(call).encode() if answers else b"", error=None if answers else CallError(str(call)))
        seconds = self.model.ttl if answers else self.model.negative_ttl
        if seconds is not None:
            self.memory.keep(key.encode(), kept, seconds=seconds, now=self.now)
        assert tuple(others) == self.flights.land(key, call)
        assert self.flights.leave(key, call) is None
        self.model.note(self.now, "answers" if answers else "fails", call, key)
        for each in (call, *others):
            del self.under_way[each]

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def comes_too_late(self, data: st.DataObject) -> None:
        """One that does not lead tells nobody anything, as one that was left behind and ends after all."""
        call, key = self._some(data)
        if self._waiting(key)[0] != call:
            assert () == self.flights.land(key, call)

    @invariant()
    def both_say_the_same(self) -> None:
        """What is kept, under every key; groups are there as long as somebody is in them."""
        for key in KEYS:
            assert self.model.kept(key, self.now) == _told(self.memory.find(key.encode(), self.now))
        assert len(self.flights) == len(set(self.under_way.values()))


def _told(found: Kept | None) -> str | None:
    if found is None:
        return None
    return f"call {found.answer.decode()} answers" if found.error is None else f"call {found.error.message} fails"


Remembering.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=steps(40), deadline=None)
TestRemembering = Remembering.TestCase
