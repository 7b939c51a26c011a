"""Server-sent events: the same ones however the bytes are cut, and none that has not ended."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.agents.models.sse import Event, Events
from leadflow.run.errors import BadResponse

STREAM = (
    "\ufeff: hello\n\nevent: start\r\ndata: {\"a\": \"é🦊\"}\r\n\r\ndata:no space\n\ndata:  two\rdata: lines\r\r"
    "id: 7\nretry: 10\n\n: a comment\nevent: named\nfoo: bar\ndata\n\ndata: last\n\n"
).encode()  # fmt: skip
EVENTS = [
    Event("start", '{"a": "é🦊"}'),
    Event("", "no space"),
    Event("", " two\nlines"),
    Event("named", ""),
    Event("", "last"),
]


def read(*pieces: bytes) -> list[Event]:
    """The events of a body in pieces."""
    events = Events()
    return [event for piece in pieces for event in events.feed(piece)]


def test_a_stream_is_its_events() -> None:
    """Bad input 98: line ends of three kinds, comments, no space behind `data:`, a name, several lines, a BOM."""
    assert EVENTS == read(STREAM)


@given(st.lists(st.integers(0, len(STREAM))))
def test_cuts_change_nothing(cuts: list[int]) -> None:
    """Bad input 98: a cut in a character, or between the two bytes of a line end, is not seen."""
    edges = [0, *sorted(cuts), len(STREAM)]
    assert EVENTS == read(*(STREAM[start:end] for start, end in pairwise(edges)))


@pytest.mark.parametrize("end", range(len(b"data: last\n\n")))
def test_an_event_without_its_end_is_none(end: int) -> None:
    """What stands behind the last empty line is no event."""
    assert [] == read(b"data: last\n\n"[:end])


@pytest.mark.parametrize(
    "pieces", [[b"data: \xff\n\n"], [b"data: " + b"x" * 6_000_000] * 2, [b": x\n" * 2_000_000] * 2]
)
def test_what_nobody_can_read_is_refused(pieces: list[bytes]) -> None:
    """Bad input 98: bytes that are not UTF-8, an event without end, comments without end."""
    with pytest.raises(BadResponse):
        read(*pieces)
