"""What the HTTP kinds share: settings with secrets, an answer read under a cap, and what a status means.

Pure but for reading the body that the transport hands over. No text made here holds a query string, a header or a
secret: what an upstream says about a failure is cut, and every known secret in it is blotted out.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

from leadflow.plan.plan import AgentSpec, Secret, SettingValue
from leadflow.record import record
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
_REFUSAL = 64 * 1024
"""Bytes that are read of an answer that is none."""
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


async def read_refusal(response: Streamed) -> bytes:
    """The beginning of an answer whose status says that it is none: the status counts, however much is said."""
    pieces, size = [], 0
    async for piece in response.chunks():
        size += len(piece)
        pieces.append(piece)
        if size > _REFUSAL:
            break
    return b"".join(pieces)


def read_json(body: bytes, status: int | None) -> object:
    """The body as JSON.

    Raises:
        BadResponse: it is none, or one that no value can hold (NaN, numbers without end, endless nesting).
    """
    data = inputs.read_json(body, _LIMITS)
    if isinstance(data, Mismatch):
        raise BadResponse(f"the answer cannot be read: {_instead(body) or data.message}", status=status)
    return data


def _instead(body: bytes) -> str:
    """What came in place of JSON, where a word says it."""
    start = body.lstrip()[:1]
    return "expected JSON, got nothing" if not start else "expected JSON, got an HTML page" if start == b"<" else ""


def in_words(problem: str) -> str:
    """What a library says of TLS, in words."""
    if "WRONG_VERSION_NUMBER" in problem:
        return "it does not speak TLS; does its address begin with http://?"
    found = _UNTRUSTED.search(problem)
    return problem if found is None else f"its certificate is not trusted: {found[1]}"


_UNTRUSTED = re.compile(r"certificate verify failed: (.*?)(?:\.? \(_ssl|$)")
_MISSED = frozenset({404, 405, 410})
"""The address itself may be wrong: it is told."""


def address(url: str, secrets: Iterable[str]) -> str:
    """A URL as a failure may tell it: without user, query and secrets."""
    scheme, host, path, _, _ = urlsplit(url)
    return one_line(urlunsplit((scheme, host.rpartition("@")[2], path, "", "")), secrets, _SAID)


def credential_of(spec: AgentSpec) -> str:
    """What to look at where an agent's credential is refused: the variables that it names."""
    settings = tuple(value for name, value in spec.settings.items() if name not in _ADDRESSES)
    names = dict.fromkeys(_secret_names(settings))
    return f"; its credential is in {', '.join(names)}" if names else "; the agent sends no credential"


_ADDRESSES = ("url", "base_url")


def _secret_names(values: Iterable[SettingValue]) -> Iterator[str]:
    for value in values:
        if isinstance(value, Secret):
            yield value.name
        elif isinstance(value, Mapping):
            yield from _secret_names(value.values())


@record
class Sent:
    """A request that was refused, as far as it may be told: without secrets."""

    what: str
    """Who was asked for what: `crm.post`."""
    where: str
    """The method and the address."""
    credential: str = ""
    """What to look at when the credential is refused."""
    hint: str = ""
    """What may be wrong with the address."""


def refuse(sent: Sent, response: Streamed, body: bytes, world: World) -> CallError:
    """The failure that a status other than 2xx means (SPEC.md, outcomes).

    Args:
        body: the answer, whose words are quoted.
    """
    status = response.status
    said = one_line(_said(body), world.hidden, _SAID)
    what = sent.what
    asked = f"{what}: {sent.where}" if status in _MISSED else what
    text = f"{asked} answered {status}" + (f": {said}" if said else "")
    wait = retry_after(response.headers, now=world.clock.now())
    if wait:
        text += f"; it asks to wait {wait.total_seconds():g} s"
    if 300 <= status < 400:
        moved = address(response.headers.get("location", ""), world.hidden) or "it does not say where"
        return Rejected(f"{what} answered {status}: redirects are not followed; it moved to {moved}", status=status)
    if status == 429 and "insufficient_quota" in body.decode("utf-8", "replace"):
        return QuotaExhausted(text, status=status)
    match status:
        case 404:
            return Rejected(text + sent.hint, status=status)
        case 401:
            return AuthFailed(text + sent.credential, status=status)
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
