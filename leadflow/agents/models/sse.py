"""Server-sent events out of the bytes of a body, however they are cut. Pure.

An event ends with an empty line; what stands behind the last empty line is no event (the standard says the same).
"""

from typing import NamedTuple

from leadflow.run.errors import BadResponse

_MOST = 10_000_000
"""Bytes of one event, and of a line."""
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event."""

    name: str
    """Empty when the server did not say."""
    data: str


class Events:
    """Feeds on pieces of a body."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        """Of a line that has not ended."""
        self._size = 0
        """Bytes of the event so far."""
        self._name = ""
        self._data: list[str] = []
        self._is_first = True
        self._after_return = False
        """The last byte was a `\\r`: a `\\n` behind it belongs to the same line end."""

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end in a piece.

        Raises:
            BadResponse: an event is too large, or is not UTF-8.
        """
        if self._after_return and piece:
            piece = piece.removeprefix(b"\n")
            self._after_return = False
        found: list[Event] = []
        for line in piece.splitlines(keepends=True):
            self._rest.append(line)
            self._size += len(line)
            if self._size > _MOST:
                raise BadResponse(f"an event of the stream is longer than {_MOST:,} bytes")
            if line[-1:] in (b"\n", b"\r"):
                self._take(b"".join(self._rest).rstrip(b"\r\n"), found)
                self._rest.clear()
        self._after_return = piece[-1:] == b"\r" if piece else self._after_return
        return found

    def _take(self, line: bytes, found: list[Event]) -> None:
        if self._is_first:
            line = line.removeprefix(_BOM)
            self._is_first = False
        if not line:
            if self._data:
                found.append(Event(self._name, "\n".join(self._data)))
            self._name, self._data, self._size = "", [], 0
            return
        field, _, value = line.partition(b":")
        if field not in (b"data", b"event"):
            return
        try:
            text = value.removeprefix(b" ").decode()
        except UnicodeDecodeError:
            raise BadResponse("an event of the stream is not UTF-8") from None
        if field == b"data":
            self._data.append(text)
        else:
            self._name = text
