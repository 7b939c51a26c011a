"""Events as JSON: lossless, canonical, and nothing but data."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.events import model
from leadflow.events.codec import NotAnEvent, event_text, read_event
from leadflow.events.model import Event, NodeDone, NodeStarted
from leadflow.plan.policy import ERROR_CLASSES
from leadflow.plan.shapes import writer
from leadflow.plan.types import EFFECTS, Value
from tests.values import values

VALUES = values(4)
TEXTS = st.text(st.characters(), max_size=12)
SECONDS = st.none() | st.floats(0, 1e9)
COUNTS = st.integers(0, 2**53)
ATTEMPTS = st.builds(model.AttemptFailure, COUNTS, TEXTS, TEXTS, TEXTS, st.floats(0, 1e9), st.none() | COUNTS)
FAILURES = st.recursive(
    st.builds(model.Failure, TEXTS, st.sampled_from(ERROR_CLASSES), TEXTS),
    lambda inner: st.builds(
        model.Failure, TEXTS, st.sampled_from(ERROR_CLASSES), TEXTS, TEXTS, st.lists(ATTEMPTS, max_size=2).map(tuple),
        st.lists(inner, max_size=2).map(tuple), st.booleans(), st.none() | TEXTS,
    ),
    max_leaves=3,
)  # fmt: skip
USAGES = st.none() | st.builds(model.Usage, st.none() | COUNTS, st.none() | COUNTS)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])
TIMES = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=ZONES)
BY_TYPE = {
    model.RunStarted: st.builds(
        model.RunStarted, TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=2), COUNTS, TIMES
    ),
    model.NodeDone: st.builds(NodeDone, TEXTS, VALUES, st.none() | FAILURES, st.none() | TEXTS, USAGES),
    model.RunDone: st.builds(model.RunDone, VALUES),
    model.UndoKept: st.builds(
        model.UndoKept, TEXTS, st.dictionaries(TEXTS, VALUES, max_size=2), st.booleans(), st.none() | FAILURES
    ),
    model.ToolCalled: st.builds(
        model.ToolCalled,
        TEXTS,
        COUNTS,
        COUNTS,
        TEXTS,
        st.sampled_from(EFFECTS),
        st.dictionaries(TEXTS, VALUES, max_size=2),
    ),
    model.ToolEnded: st.builds(model.ToolEnded, TEXTS, COUNTS, TEXTS, st.floats(0, 1e9), st.none() | FAILURES, COUNTS),
    model.CallWaits: st.builds(model.CallWaits, TEXTS, TEXTS, TEXTS, SECONDS),
    model.CallAdmitted: st.builds(model.CallAdmitted, TEXTS, TEXTS, st.floats(0, 1e9)),
    model.BreakerMoved: st.builds(
        model.BreakerMoved, TEXTS, TEXTS, st.sampled_from(get_args(model.BreakerState)), TEXTS, SECONDS
    ),
    model.AttemptFailed: st.builds(model.AttemptFailed, TEXTS, ATTEMPTS, SECONDS, st.booleans(), st.none() | TEXTS),
    model.QuestionAsked: st.builds(
        model.QuestionAsked, TEXTS, COUNTS, TEXTS, TEXTS, VALUES, st.none() | TEXTS, SECONDS, st.booleans()
    ),
    model.QuestionAnswered: st.builds(model.QuestionAnswered, TEXTS, COUNTS, VALUES, TEXTS, st.floats(0, 1e9), TEXTS),
}
"""Events whose fields hold values or seconds; the others follow from their annotations."""
BY_TYPE[model.ToolStep] = st.builds(
    model.ToolStep, TEXTS, st.one_of(*(BY_TYPE.get(kind, st.builds(kind)) for kind in get_args(model.FlowEvent)))
)

st.register_type_strategy(model.Failure, FAILURES)
st.register_type_strategy(model.AttemptFailure, ATTEMPTS)
EVENTS: st.SearchStrategy[Event] = st.one_of(*(BY_TYPE.get(kind, st.builds(kind)) for kind in get_args(Event)))


@given(EVENTS)
def test_events_come_back_equal(event: Event) -> None:
    """Case D16: what is written is read as the same event, and written again as the same text, in ASCII."""
    text = event_text(event)
    assert event == read_event(text)
    assert text == event_text(read_event(text))
    assert text.isascii()


@given(EVENTS)
def test_the_text_is_what_json_writes_of_it(event: Event) -> None:
    """Texts are put together without `json`, and for what stands in a record without a step in between. They are what
    `json` makes of the same data, and a class that is written for itself only does not say what it is."""
    text = event_text(event)
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    alone = json.loads(writer(type(event), full=True)(event))
    assert json.loads(text) == {"is": type(event).__name__, **alone}


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    """Case D17: reading makes an event or says that there is none, whatever stands there."""
    try:
        event = read_event(text)
    except NotAnEvent:
        return
    assert isinstance(event, get_args(Event))


@pytest.mark.parametrize(
    "text",
    [
        '{"is":"os.system","path":"x"}',
        '{"is":"NodeStarted"}',
        '{"is":"NodeStarted","path":5}',
        '{"is":"NodeStarted","path":"x","more":1}',
        '{"is":"NodeDone","path":"x","value":NaN}',
        '{"is":"NodeDone","path":"x","value":{"$python":"x"}}',
        "[" * 100_000,
        "",
    ],
)
def test_what_is_no_event_is_refused(text: str) -> None:
    """Case D17: no name, no marker and no depth makes anything else of a row."""
    with pytest.raises(NotAnEvent):
        read_event(text)


def test_markers_of_the_form_are_the_authors_own() -> None:
    """Case D17: a value with the keys that the form itself uses comes back unchanged."""
    value: Value = {"is": "NodeStarted", "$time": "now", "$$money": 5, "path": ({"$duration": 1},)}
    assert value == read_event(event_text(NodeDone("f/a", value))).value  # type: ignore[union-attr]


def test_the_form_is_what_it_was() -> None:
    """A journal of this version says what an event is in these words."""
    assert '{"is":"NodeStarted","path":"f/a"}' == event_text(NodeStarted("f/a"))
    assert '{"is":"NodeDone","path":"f/a","value":[1,"x"]}' == event_text(NodeDone("f/a", (1, "x")))
