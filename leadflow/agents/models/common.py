"""What the wires share: numbers and JSON of providers read with suspicion, and an answer's schema. Pure."""

import base64
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leadflow.agents.models.sse import Event, Events
from leadflow.agents.models.turns import Blob, Text
from leadflow.agents.wire import read_json
from leadflow.events.model import Usage
from leadflow.plan.schema import Schema, json_schema
from leadflow.plan.tokens import as_object, believed
from leadflow.plan.types import Type
from leadflow.run.errors import BadResponse, CallError, Overloaded, RateLimited, Rejected, ServerError, StreamTruncated
from leadflow.run.toolbox import ToolUse

_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def as_json(data: object) -> str:
    """Compact JSON text."""
    return _AS_JSON.encode(data)


def content(parts: Sequence[Text | Blob], part: Callable[[Text | Blob], dict[str, Any]]) -> str | list[dict[str, Any]]:
    """What a user says: text alone is sent as text, else each part as the wire writes it."""
    texts = [one.text for one in parts if isinstance(one, Text)]
    return "\n".join(texts) if len(texts) == len(parts) else [part(one) for one in parts]


def data_url(blob: Blob) -> str:
    """Where a picture or file is: its address, or its bytes as one."""
    if blob.data is None:
        return blob.url or ""
    return f"data:{blob.media_type};base64,{base64_of(blob)}"


def base64_of(blob: Blob) -> str:
    """The bytes as text."""
    return base64.b64encode(blob.data or b"").decode()


def answer_schema(type_: Type) -> tuple[Schema, bool]:
    """The schema of an answer, an object at its root, and whether it is in the strict form."""
    return json_schema(as_object(type_), strict=True)


def make_use(id_: object, name: object, arguments: object) -> ToolUse:
    """A use of a tool from a provider's words; arguments come as JSON text, or as data already (bad input 95).

    Raises:
        BadResponse: it has no name, or no id to answer to.
    """
    if not isinstance(id_, str) or not id_ or not isinstance(name, str) or not name:
        raise BadResponse("the model asks for a tool without a name or an id")
    if isinstance(arguments, str):
        try:
            arguments = read_json(arguments.encode("utf-8", "replace"), None) if arguments.strip() else {}
        except BadResponse as problem:
            return ToolUse(id_, name, {}, f"the arguments cannot be read: {problem.message}")
    if not isinstance(arguments, dict):
        return ToolUse(id_, name, {}, "the arguments are no JSON object")
    return ToolUse(id_, name, arguments)


def usage_of(told: object, read: str, written: str | None = None) -> Usage | None:
    """What an answer says that it used, by OpenAI's names of what was read and written; a vector writes nothing."""
    if not isinstance(told, Mapping):
        return None
    details = told.get(f"{read}_details")
    kept = details if isinstance(details, Mapping) else {}
    return Usage(
        believed(told.get(read)),
        0 if written is None else believed(told.get(written)),
        believed(kept.get("cached_tokens")),
        believed(kept.get("cache_write_tokens")),
    )


def failure_in(error: object) -> CallError:
    """The failure that an answer tells in its body or in the middle of its stream, as all three wires write it.

    Its words are whole: who shows a part of them takes the secrets out first.
    """
    told = error if isinstance(error, Mapping) else {}
    words = told.get("message") if told else error
    text = f"the provider failed: {words if isinstance(words, str) else 'it says no more'}"
    match str(told.get("type") or ""), str(told.get("code") or ""):
        case ("overloaded_error", _) | (_, "server_is_overloaded"):
            return Overloaded(text)
        case ("rate_limit_error", _) | (_, "rate_limit_exceeded"):
            return RateLimited(text)
        case ("invalid_request_error", _) | (_, "invalid_prompt"):
            return Rejected(text)
        case ("api_error" | "server_error", _) | (_, "server_error"):
            return ServerError(text)
        case _:
            return BadResponse(text)


def joined(pieces: Iterable[str]) -> str:
    """Pieces of a text as one, with characters that were cut in two made whole; halves without the other stay."""
    text = "".join(pieces)
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


_HALF = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class EventReader(ABC):
    """The part of a `Reader` that all wires share. A wire says what an event means."""

    def __init__(self) -> None:
        self.is_done = False
        self._events = Events()
        self._half = ""
        """The first half of a character whose second one has not come."""

    def feed(self, piece: bytes) -> list[str]:
        """See `Reader`."""
        words: list[str] = []
        for event in self._events.feed(piece):
            if not self.is_done:
                self.take(event, words)
        return [whole for word in words if (whole := self._whole(word))]

    def _whole(self, word: str) -> str:
        """A word with whole characters: providers that count as JavaScript does cut some in two."""
        word = joined([self._half, word])
        self._half = word[-1:] if "\ud800" <= word[-1:] <= "\udbff" else ""
        return word.removesuffix(self._half)

    @abstractmethod
    def take(self, event: Event, words: list[str]) -> None:
        """Note an event, and the words that it brings."""

    @staticmethod
    def broken(error: object) -> CallError:
        """What it means that the provider fails in the middle of a stream: what was said by then may have cost."""
        problem = failure_in(error)
        return problem if isinstance(problem, Rejected) else StreamTruncated(problem.message)

    def check_done(self) -> None:
        """Refuse a stream that has not come to its end."""
        if not self.is_done:
            raise StreamTruncated("the stream of the answer ended before its end")


def data_of(event: Event) -> dict[str, Any]:
    """An event's data as a JSON object.

    Raises:
        BadResponse: it is none.
    """
    told = read_json(event.data.encode("utf-8", "replace"), None)
    if not isinstance(told, dict):
        raise BadResponse("an event of the stream is no JSON object")
    return told
