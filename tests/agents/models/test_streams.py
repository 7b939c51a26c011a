"""Streams: the same answer however they are cut, none at all when they end early, and words on the way."""

import asyncio
import json
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from leadflow.agents.models.messages import MessagesReader
from leadflow.agents.models.sse import Event
from leadflow.agents.models.turns import Turn
from leadflow.run.errors import BadResponse, CallError, IdleTimeout, Rejected, ServerError, StreamTruncated
from leadflow.run.ports import Request
from tests.agents.models.asking import Watching, agent_on, asked
from tests.agents.models.streams import BEGUN, STREAMS, Stream, call, chunk, words
from tests.agents.models.wires import EVENTS, WIRES
from tests.agents.servers import api
from tests.doubles import LlmDouble

each_stream = pytest.mark.parametrize("name", STREAMS)
each_wire = pytest.mark.parametrize("wire", WIRES)


def read(wire: str, *pieces: bytes) -> tuple[Turn, str]:
    """What a stream in pieces comes to, and what was heard of it."""
    reader, heard = WIRES[wire].reader(), ""
    for piece in pieces:
        heard += "".join(reader.feed(piece))
    return reader.end(), heard


@each_stream
def test_a_stream_is_its_answer(name: str) -> None:
    """Text, tools, usage and stop; each event is what the official types accept; the words are those of the answer."""
    stream = STREAMS[name]
    for event in stream.events:
        if event.get("type") != "ping":
            EVENTS[stream.wire].validate_python(event)
    turn, heard = read(stream.wire, stream.body)
    assert (stream.stop, stream.text, stream.usage) == (turn.stop, turn.text, turn.usage)
    assert stream.uses == tuple((use.name, use.args) for use in turn.uses)
    assert stream.text == heard


@each_stream
def test_z13_no_truncated_stream_is_an_answer(name: str) -> None:
    """Z13: cut at every byte, a stream is the whole answer or a failure that may be tried again, nothing else."""
    stream = STREAMS[name]
    whole, _ = read(stream.wire, stream.body)
    accepted = 0
    for end in range(len(stream.body)):
        try:
            turn, _ = read(stream.wire, stream.body[:end])
        except StreamTruncated:
            continue
        assert turn == whole
        accepted += 1
    assert 0 == accepted


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(0, 4000)))
def test_pieces_change_nothing(name: str, cuts: list[int]) -> None:
    """Bad input 98: however the bytes come, words and answer are the same."""
    stream = STREAMS[name]
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream.body)), len(stream.body)]
    assert read(stream.wire, stream.body) == read(stream.wire, *(stream.body[a:b] for a, b in pairwise(edges)))


def test_what_a_provider_signed_survives_its_stream() -> None:
    """Thinking goes back with its signature, and the arguments of tools as data."""
    turn, _ = read("messages", STREAMS["messages_tools"].body)
    assert turn.message.raw is not None
    thinking, text, first, second = turn.message.raw.data
    assert {"type": "thinking", "thinking": "so", "signature": "sealed"} == thinking
    assert ("I look.", {"city": "Paris"}, {}) == (text["text"], first["input"], second["input"])


BROKEN: list[tuple[str, list[Any], type[CallError]]] = [
    ("chat", [chunk({"content": "a"}), {"error": {"message": "oh", "type": "server_error"}}], StreamTruncated),
    ("chat", [{"error": {"message": "no", "type": "invalid_request_error"}}], Rejected),
    ("chat", [[1]], BadResponse),
    ("chat", [chunk({"tool_calls": [1]})], BadResponse),
    ("responses", [{"type": "error", "code": "server_error", "message": "oh"}], StreamTruncated),
    ("responses", [{"type": "response.completed"}], BadResponse),
    ("messages", [{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}], StreamTruncated),
    ("messages", [{"type": "content_block_delta", "index": 0, "delta": words("a")[0]}], BadResponse),
    ("messages", [{"type": "content_block_stop", "index": 3}], BadResponse),
    ("messages", [{"type": "content_block_start", "index": -1, "content_block": {}}], BadResponse),
    (
        "messages",
        [
            {"type": "message_start", "message": BEGUN},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "message_stop"},
        ],
        BadResponse,
    ),
]


@pytest.mark.parametrize(("wire", "events", "failure"), BROKEN)
def test_a_stream_that_fails_inside(wire: str, events: list[Any], failure: type[CallError]) -> None:
    """Bad input 98: an error in the middle, data of the wrong form, blocks out of order."""
    body = Stream(wire, tuple(e if isinstance(e, dict) else {} for e in events), "end", "", (), None).body
    if events == [[1]]:
        body = b"data: [1]\n\n"
    with pytest.raises(failure):
        read(wire, body)


@pytest.mark.parametrize("field", ["text", "thinking"])
def test_a_long_answer_costs_what_it_takes(field: str) -> None:
    """Each piece is kept once: nothing of what came before is copied for it."""
    reader = MessagesReader()
    piece = "x" * 1_000_000
    begun = {"type": "content_block_start", "index": 0, "content_block": {"type": field, field: "so: "}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": f"{field}_delta", field: piece}}
    words: list[str] = []
    for event in (begun, delta, delta):
        reader.take(Event("", json.dumps(event)), words)
    tracemalloc.start()
    try:
        reader.take(Event("", '{"type": "content_block_delta", "index": 0, "delta": {"type": "FIELD_delta",'
                              ' "FIELD": "y"}}'.replace("FIELD", field)), words)  # fmt: skip
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    ends = ({"type": "content_block_stop", "index": 0}, {"type": "message_delta", "delta": {"stop_reason": "refusal"}})
    for end in (*ends, {"type": "message_stop"}):
        reader.take(Event("", json.dumps(end)), words)
    raw = reader.end().message.raw
    assert raw is not None
    assert f"so: {piece}{piece}y" == raw.data[0][field]


def test_done_before_an_end_is_none() -> None:
    """`[DONE]` says nothing while no choice has said why it stops."""
    with pytest.raises(StreamTruncated):
        read("chat", b'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\ndata: [DONE]\n\n')


# --- over HTTP ----------------------------------------------------------------------------------------------------


def listening(heard: list[str], **args: Any) -> Request:
    """One attempt that somebody listens to."""
    return replace(asked(**args), hear=heard.append)


async def served(transport: Watching, stream: Stream, *, sent: int | None = None, idle: float = 5) -> list[str]:
    """The words that came of a stream of which so many bytes are sent; then the connection ends, or hangs (-1)."""
    heard: list[str] = []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(stream.body if sent is None else stream.body[:sent])
        if sent == -1:
            await asyncio.Event().wait()
        elif sent is not None and request.transport is not None:
            request.transport.abort()
        return response

    async with api(serve) as (url, _):
        request = replace(listening(heard, prompt="?"), idle=timedelta(seconds=idle))
        reply = await agent_on(stream.wire, url, transport).call(request)
    assert stream.text == reply.value
    return heard


@each_wire
async def test_words_come_on_the_way(wire: str, transport: Watching) -> None:
    """Whoever listens has the request streamed, and hears the pieces in order."""
    assert ["Hello ", "é🦊"] == await served(transport, STREAMS[f"{wire}_text"])
    assert transport.sent[0]["stream"] is True


@each_wire
@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
async def test_a_connection_that_breaks_is_a_truncated_stream(wire: str, part: float, transport: Watching) -> None:
    """A stream cut anywhere is `agent.stream_truncated`, and may be tried again."""
    stream = STREAMS[f"{wire}_text"]
    with pytest.raises(StreamTruncated) as problem:
        await served(transport, stream, sent=int(len(stream.body) * part))
    assert ("agent.stream_truncated", True) == (problem.value.error, problem.value.transient)


@each_wire
async def test_t9_a_stream_that_stands_still_is_idle(wire: str, transport: Watching) -> None:
    """T9: the time between two bytes is limited, also in the middle of a stream."""
    with pytest.raises(IdleTimeout):
        await served(transport, STREAMS[f"{wire}_text"], sent=-1, idle=0.05)


@each_wire
async def test_a_server_may_answer_at_once(wire: str, transport: Watching) -> None:
    """A JSON object to a request for a stream is an answer, without words on the way."""
    heard: list[str] = []
    body = {"chat": {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]},
            "responses": {"status": "completed", "output": [
                {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}]},
            "messages": {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}}[wire]  # fmt: skip

    async def serve(_: web.BaseRequest) -> web.Response:
        return web.json_response(body)

    async with api(serve) as (url, _):
        reply = await agent_on(wire, url, transport).call(listening(heard, prompt="?"))
    assert ("Hi", []) == (reply.value, heard)


@pytest.mark.parametrize("settings", [{}, {"takes": {"streams": False}}])
@each_wire
async def test_nobody_listens_or_nothing_streams(wire: str, settings: dict[str, Any], transport: Watching) -> None:
    """Without a listener, or where the endpoint takes no streams, nothing is streamed."""
    heard: list[str] = []

    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(status=500)

    request = listening(heard, prompt="?") if settings else asked(prompt="?")
    async with api(serve) as (url, _):
        with pytest.raises(ServerError):
            await agent_on(wire, url, transport, **settings).call(request)
    assert "stream" not in transport.sent[0]


# --- before the double --------------------------------------------------------------------------------------------


@pytest.mark.node
@each_wire
async def test_the_double_streams(wire: str, llm_double: LlmDouble, transport: Watching) -> None:
    """A server that nobody here wrote: words in its pieces, its usage, and bodies that the official types accept."""
    text = "The quick brown fox jumps over the lazy dog, é🦊, and nobody knows why."
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18, "input_tokens": 11, "output_tokens": 7}
    llm_double.answer({}, {"content": text, "usage": usage})
    heard: list[str] = []
    reply = await agent_on(wire, llm_double.base_url, transport).call(listening(heard, prompt="?"))
    assert (text, text) == (reply.value, "".join(heard))
    assert len(heard) > 1
    assert reply.usage is not None
    assert (11, 7) == (reply.usage.input_tokens, reply.usage.output_tokens)


@pytest.mark.node
@each_wire
@pytest.mark.parametrize("chunks", [2, 3, 4])
async def test_the_double_truncates(wire: str, chunks: int, llm_double: LlmDouble, transport: Watching) -> None:
    """A stream that the double breaks off after so many of its pieces is never an answer."""
    llm_double.answer(
        {}, {"content": "one two three four five six seven eight nine"}, truncateAfterChunks=chunks, latency=10
    )
    with pytest.raises(StreamTruncated):
        await agent_on(wire, llm_double.base_url, transport).call(listening([], prompt="?"))


@given(st.text(), st.integers(0, 40))
def test_characters_that_were_cut_in_two_are_made_whole(text: str, at: int) -> None:
    """A provider that counts as JavaScript does sends halves of characters, in words and in arguments of tools."""
    halves = text.encode("utf-16-le", "surrogatepass")
    first, second = (part.decode("utf-16-le", "surrogatepass") for part in (halves[: 2 * at], halves[2 * at :]))
    events = [chunk({"content": first}), chunk({"content": second}), call(0, first, id="t", name="f"), call(0, second)]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in [*events, chunk({}, "stop")]) + "data: [DONE]\n\n"
    turn, heard = read("chat", body.encode())
    assert (text, text) == (turn.text, heard)
