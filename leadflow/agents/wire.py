"""What the HTTP kinds share: settings with secrets, an answer read under a cap, and what a status means.

Pure but for reading the body that the transport hands over. No text made here holds a query string, a header or a
secret: what an upstream says about a failure is cut, and every known secret in it is blotted out.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from leadflow.plan.plan import Secret, SettingValue
from leadflow.run import inputs
from leadflow.run.errors import (
    AuthFailed,
    BadResponse,
    CallError,
    Forbidden,
    NotAllowed,
    Overloaded,
    QuotaExhausted,
    RateLimited,
    Rejected,
    ServerError,
)
from leadflow.run.ports import Streamed, World
from leadflow.run.redact import one_line
from leadflow.run.retry_after import retry_after
from leadflow.run.values import Mismatch

AGENT_NAME = "leadflow"
"""What the header `User-Agent` says."""
MOST_BYTES = 10_000_000
"""Longest answer, decompressed, when the agent does not say."""
_LIMITS = inputs.JsonLimits(size=1 << 40, keys=200_000)
"""Of an answer's JSON; its size is the concern of `read_body`."""
_SAID = 300
"""Characters of an upstream's own words that go into a failure."""


def resolve(value: SettingValue, secrets: Mapping[str, str]) -> str:
    """A setting as text, its secret filled in.

    Raises:
        NotAllowed: the secret is not there.
    """
    if not isinstance(value, Secret):
        return str(value)
    if value.name not in secrets:
        raise NotAllowed(f"the environment variable {value.name} is not set")
    plain = secrets[value.name]
    match value.form:
        case "bearer":
            return f"Bearer {plain}"
        case "basic":
            return "Basic " + base64.b64encode(f"{value.text}:{plain}".encode()).decode()
        case "prefix":
            return value.text + plain
        case _:
            return plain


def resolve_headers(value: SettingValue, secrets: Mapping[str, str]) -> dict[str, str]:
    """A map of header values, secrets filled in.

    Raises:
        NotAllowed: a secret is missing, or a header would break its line.
    """
    written = value if isinstance(value, Mapping) else {}
    headers = {name: resolve(text, secrets) for name, text in written.items()}
    check_headers(headers)
    return headers


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what would end a header's line early, or is no header's name.

    Raises:
        NotAllowed: a name or value has such a character.
    """
    for name, text in headers.items():
        if not name or not all(char.isascii() and (char.isalnum() or char in "!#$%&'*+-.^_`|~") for char in name):
            raise NotAllowed(f"'{name[:40]}' is no name of a header")
        if any(char in text for char in "\r\n\0"):
            raise NotAllowed(f"the value of the header '{name}' holds a line end")


async def read_body(response: Streamed, most: int) -> bytes:
    """The whole body.

    Raises:
        BadResponse: it is longer than `most` bytes.
    """
    pieces, size = [], 0
    async for piece in response.chunks():
        size += len(piece)
        if size > most:
            raise BadResponse(f"the answer is longer than {most:,} bytes", status=response.status)
        pieces.append(piece)
    return b"".join(pieces)


def read_json(body: bytes, status: int | None) -> object:
    """The body as JSON.

    Raises:
        BadResponse: it is none, or one that no value can hold (NaN, numbers without end, endless nesting).
    """
    data = inputs.read_json(body, _LIMITS)
    if isinstance(data, Mismatch):
        raise BadResponse(f"the answer cannot be read: {data.message}", status=status)
    return data


_MISSED = frozenset({404, 405, 410})
"""The address itself may be wrong: it is told."""


def address(url: str, secrets: Iterable[str]) -> str:
    """A URL as a failure may tell it: without user, query and secrets."""
    scheme, host, path, _, _ = urlsplit(url)
    return one_line(urlunsplit((scheme, host.rpartition("@")[2], path, "", "")), secrets, _SAID)


def refuse(what: str, response: Streamed, body: bytes, world: World, *, sent: str = "", hint: str = "") -> CallError:
    """The failure that a status other than 2xx means (SPEC.md, outcomes).

    Args:
        what: who was asked for what, without secrets: `crm.post`.
        body: the beginning of the answer, whose words are quoted.
        sent: the method and the address, without secrets.
        hint: what may be wrong with the address.
    """
    status = response.status
    said = one_line(_said(body), world.hidden, _SAID)
    asked = f"{what}: {sent}" if sent and status in _MISSED else what
    text = f"{asked} answered {status}" + (f": {said}" if said else "")
    wait = retry_after(response.headers, now=world.clock.now())
    if 300 <= status < 400:
        return Rejected(f"{what} answered {status}: redirects are not followed; write the address it moved to",
                        status=status)  # fmt: skip
    if status == 429 and "insufficient_quota" in body.decode("utf-8", "replace"):
        return QuotaExhausted(text, status=status)
    match status:
        case 404:
            return Rejected(text + hint, status=status)
        case 401:
            return AuthFailed(text, status=status)
        case 403:
            return Forbidden(text, status=status)
        case 429:
            return RateLimited(text, status=status, retry_after=wait)
        case 503 | 529:
            return Overloaded(text, status=status, retry_after=wait)
        case 408 | 425:
            return ServerError(text, status=status, retry_after=wait)
        case 409 if wait is not None:  # a lock: it says when to come back
            return ServerError(text, status=status, retry_after=wait)
        case _ if status >= 500:
            return ServerError(text, status=status, retry_after=wait)
        case _:
            return Rejected(text, status=status)


def _said(body: bytes) -> str:
    """An upstream's own words: the `message` of its error object, else the beginning of its text, as it came."""
    text = body.decode("utf-8", "replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict):
        inner = told.get("error", told)
        words = inner.get("message") or inner.get("detail") if isinstance(inner, dict) else inner
        text = words if isinstance(words, str) else text
    elif text.lstrip()[:1] == "<":
        text = "an HTML page"
    return text
