"""Bodies of answers: one JSON object, or a stream of events that is whole when its wire says so."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from leadflow.agents.models.common import failure_in
from leadflow.agents.models.turns import Reader, Turn
from leadflow.agents.wire import MOST_BYTES, read_body, read_json
from leadflow.run.errors import BadResponse, ConnectionLost, StreamTruncated
from leadflow.run.ports import Streamed

_MOST_STREAMED = 20 * MOST_BYTES
"""Bytes of a stream: each word comes in a wrapping of its own."""


def is_stream(response: Streamed) -> bool:
    """Whether it came as events; a server may answer at once all the same."""
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"


async def read_object(response: Streamed) -> Mapping[str, Any]:
    """The JSON object that the body is.

    Raises:
        BadResponse: it is none. CallError: it tells of a failure.
    """
    told = read_json(await read_body(response, MOST_BYTES), response.status)
    if not isinstance(told, dict):
        raise BadResponse("the answer is no JSON object", status=response.status)
    if told.get("error"):
        raise failure_in(told["error"])
    return told


async def read_stream(response: Streamed, reader: Reader, hear: Callable[[str], None]) -> Turn:
    """The answer that a stream makes, told word by word on the way.

    Raises:
        StreamTruncated: it ended before its end. CallError: it cannot be read, or tells of a failure.
    """
    size, pieces = 0, response.chunks()
    try:
        async for piece in pieces:
            size += len(piece)
            if size > _MOST_STREAMED:
                raise BadResponse(f"the stream is longer than {_MOST_STREAMED:,} bytes", status=response.status)
            for words in reader.feed(piece):
                hear(words)
            if reader.is_done:  # whatever comes behind its end is not waited for
                break
    except ConnectionLost as problem:
        if not reader.is_done:
            raise StreamTruncated(f"the stream of the answer broke off: {problem.message}") from None
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()
    return reader.end()
