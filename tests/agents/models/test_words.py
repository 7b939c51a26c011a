"""Words on their way: from the stream of a model to whoever listens to the run, and to nobody's log."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

import leadflow
from leadflow.events.codec import event_text
from leadflow.events.model import AttemptFailed
from leadflow.events.words import Words
from leadflow.run.driver import Result
from leadflow.run.redact import Veil, all_forms, without
from tests.agents.models.streams import END, STREAMS, chunk
from tests.agents.servers import api

FLOW = """leadflow 1

@retry(3, backoff: 1ms)
agent fast: openai { model: "m-1"  key: secret("WORDS_KEY")  base_url: "URL" }

flow inner(mail: string) -> string {
  step words = fast.ask("Answer ${mail}")
  return words
}

flow main(mails: list[string]) -> list[string] {
  step all = for mail in mails {
    step one = inner(mail)
    yield one
  }
  return all
}
"""


def speech(*texts: str, is_whole: bool = True) -> bytes:
    """A stream of chat completions."""
    events = [chunk({"content": text}) for text in texts] + ([chunk({}, "stop"), END] if is_whole else [])
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return ("".join(lines) + ("data: [DONE]\n\n" if is_whole else "")).encode()


@asynccontextmanager
async def model(*bodies: bytes) -> AsyncIterator[str]:
    """A server that streams these, one after the other, and the last one again and again."""
    left = list(bodies)

    async def serve(_: web.BaseRequest) -> web.Response:
        body = left.pop(0) if len(left) > 1 else left[0]
        return web.Response(body=body, content_type="text/event-stream")

    async with api(serve) as (url, _):
        yield url


def played(
    folder: Path, *bodies: bytes, mails: int = 1, hear: Callable[[Words], None] | None = None
) -> tuple[Result, list[Words]]:
    """A run of the flow, and what was heard of it."""
    heard: list[Words] = []

    async def main() -> Result:
        async with model(*bodies) as url:
            flow = folder / "main.flow"
            flow.write_text(FLOW.replace("URL", url), "utf-8")
            options = leadflow.RunOptions(durable=False, listeners=(hear or heard.append,))
            return await leadflow.load(flow).run("main", {"mails": ["Hi"] * mails}, options)

    return asyncio.run(main()), heard


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the model."""
    monkeypatch.setenv("WORDS_KEY", "sk-s3cret-k3y")


def test_words_have_the_path_of_their_step(tmp_path: Path) -> None:
    """Also in a flow that is called, in an iteration; no event holds them before the step is done."""
    result, heard = played(tmp_path, speech("Hello ", "you"), mails=2)
    assert ("Hello you", "Hello you") == result.unwrap()
    for at in (0, 1):
        path = f"main/all[{at}]/one/words"
        mine = [words for words in heard if words.path == path]
        assert [Words(path, 1, "fast", "Hello ", True), Words(path, 1, "fast", "you", False)] == mine
    assert 4 == len(heard)
    logged = [event_text(entry.event) for entry in result.entries]
    assert not any('"Hello "' in text for text in logged)


def test_r21_a_second_attempt_begins_anew(tmp_path: Path) -> None:
    """R21: what was heard of a stream that broke is void, and the first word of the next attempt says so."""
    result, heard = played(tmp_path, speech("Hel", is_whole=False), speech("Hello ", "you"))
    assert ("Hello you",) == result.unwrap()
    assert [(1, "Hel", True), (2, "Hello ", True), (2, "you", False)] == [
        (words.attempt, words.text, words.is_first) for words in heard
    ]
    failed = [entry.event for entry in result.entries if isinstance(entry.event, AttemptFailed)]
    assert ["agent.stream_truncated"] == [event.failure.error for event in failed]


def test_130_a_secret_across_two_pieces_is_not_said(tmp_path: Path) -> None:
    """Bad input 130: an upstream that says our key back, in pieces."""
    _, heard = played(tmp_path, speech("my key is sk-s3c", "ret-k", "3y, sk-s3cre"))
    assert "my key is ***, sk-s3cre" == "".join(words.text for words in heard)


def test_x10_a_listener_that_fails_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """X10: it is logged, and the run goes on."""

    def fail(words: Words) -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "leadflow"):
        result, _ = played(tmp_path, speech("Hello"), hear=fail)
    assert ("Hello",) == result.unwrap()
    assert "a listener failed" in caplog.text


def test_the_answer_is_the_same_with_and_without_a_listener(tmp_path: Path) -> None:
    """Words are a view: the value, the usage and the events are those of the answer."""
    body = STREAMS["chat_text"].body
    result, heard = played(tmp_path, body)
    assert (STREAMS["chat_text"].text,) == result.unwrap()
    assert STREAMS["chat_text"].text == "".join(words.text for words in heard)
    assert (11, 7, 4) == (result.usage.input_tokens, result.usage.output_tokens, result.usage.cached_tokens)


SECRETS = ("abcabd", "bcab", "a" * 5)
"""Base64 and other forms of these have no letters of the texts below."""


@given(st.lists(st.text("abcdx", max_size=8)))
def test_pieces_hide_what_the_whole_text_hides(pieces: list[str]) -> None:
    """However a text is cut, no secret stands in what was shown, and what was no secret is not lost."""
    veil = Veil(SECRETS)
    shown = "".join(veil.feed(piece) for piece in pieces) + veil.end()
    assert not any(secret in shown for secret in SECRETS)
    if not any(secret in "".join(pieces) for secret in SECRETS):
        assert "".join(pieces) == shown


@given(st.lists(st.sampled_from(["a", "abc", "abcd", "d", "x", "xyz", "z", "-"])))
def test_a_secret_that_begins_like_a_longer_one(pieces: list[str]) -> None:
    """The longer one is hidden as a whole, however it comes: its end is not left over."""
    veil, secrets = Veil(("abcd", "abcdxyz")), all_forms(("abcd", "abcdxyz"))
    assert without("".join(pieces), secrets) == "".join(veil.feed(piece) for piece in pieces) + veil.end()


def test_the_end_of_a_longer_secret_is_not_left_over() -> None:
    """As above, in the pieces that leave it."""
    veil = Veil(("abcd", "abcdxyz"))
    assert ["", "", "***.", ""] == [veil.feed("abcd"), veil.feed("xy"), veil.feed("z."), veil.end()]
    assert ["<", "", "***"] == [veil.feed("<"), veil.feed("abcd"), veil.end()]
