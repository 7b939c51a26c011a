"""The kind `web`: requests to addresses that a model or a flow makes up while it runs.

Where the kind `http` is bound to one url that its author wrote, this one is asked for any, so it decides where a
request may go (`addresses.Guard`). A name is resolved once, every address that it has is looked at, and the connection
goes to what was looked at. Redirects are not followed: the answer says where to, and asking there is another request,
looked at like the first.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import cast

from yarl import URL

from leadflow.agents.tools.addresses import Guard, declared
from leadflow.agents.transport import HttpTransport
from leadflow.agents.wire import AGENT_NAME, check_headers, read_body
from leadflow.plan.forms import to_json_text, to_text
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import Value
from leadflow.plan.words import call_words
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Transport, Uses, World

_MOST = 1_000_000
"""Longest answer in bytes when the agent does not say: a model has to read it."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class WebKind:
    """Builds agents that may ask what their settings allow."""

    row = BUILT_IN["web"]

    def __init__(self, connect: Callable[[Guard], Transport] = HttpTransport) -> None:
        """Connect: makes the connections of an agent, which go only where its guard allows."""
        self._connect = connect

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent with connections of its own.

        Raises:
            NotAllowed: an entry of `private` is no network and no host.
        """
        try:
            private = tuple(declared(entry) for entry in _texts(spec.settings.get("private")))
        except ValueError as problem:
            raise NotAllowed(f"agent '{spec.name}': in its setting 'private', {problem}") from None
        hosts = spec.settings.get("hosts")
        only = None if hosts is None else frozenset(host.lower().rstrip(".") for host in _texts(hosts))
        guard = Guard(private, only)
        return WebAgent(spec.name, guard, self._connect(guard), cast(int, spec.settings.get("max_size", _MOST)))


class WebAgent:
    """Asks the web."""

    def __init__(self, name: str, guard: Guard, transport: Transport, most: int) -> None:
        self._name, self._guard, self._transport, self._most = name, guard, transport, most

    async def call(self, request: Request) -> Reply:
        """One request; every answer is a value, whatever its status.

        Raises:
            NotAllowed: it may not be sent.
        """
        args = request.args
        method = "GET" if request.action == "http_get" else str(args.get("method") or "GET").upper()
        if method not in _METHODS:
            raise NotAllowed(f"{call_words(self._name, request.action)}: the method '{method[:20]}' is none of these: "
                             f"{', '.join(_METHODS)}")  # fmt: skip
        url = self._allowed(str(args["url"]), request.action)
        headers, body = _content(args)
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        async with self._transport.request(method, url, headers=headers, body=body, idle=request.idle) as response:
            answer = await read_body(response, self._most)
        told = {name: text for name, text in response.headers.items() if name in _TOLD}
        return Reply({"status": response.status, "headers": told, "body": answer.decode("utf-8", "replace")})

    async def aclose(self) -> None:
        """Close its connections."""
        await self._transport.aclose()

    def _allowed(self, text: str, action: str) -> str:
        """The address, percent-encoded where needed.

        Raises:
            NotAllowed: it is none, or one that may not be asked.
        """
        what = call_words(self._name, action)
        try:
            url = URL(text)
            port = url.port
        except ValueError:
            raise NotAllowed(f"{what}: this is no address of an HTTP server") from None
        if url.scheme not in ("http", "https") or not url.host or port is None:
            raise NotAllowed(f"{what}: an address begins with http:// or https:// and names a host")
        if url.user is not None or url.password is not None:
            raise NotAllowed(f"{what}: an address holds no user and no password")
        refusal = self._guard.refuses_host(url.host)
        if refusal is None and _is_address(url.host):
            refusal = self._guard.refuses(url.host, url.host, port)
        if refusal is not None:
            raise NotAllowed(f"{what}: {refusal}")
        return str(url.with_fragment(None))


_TOLD = frozenset({"content-type", "content-length", "location", "last-modified", "etag", "retry-after", "date"})
"""The headers of an answer that are told."""


def _content(args: Mapping[str, Value]) -> tuple[dict[str, str], bytes | None]:
    """The headers and the body that were given."""
    headers = {"User-Agent": AGENT_NAME, "Accept": "*/*"}
    given = args.get("headers")
    if isinstance(given, Mapping):
        headers |= {name: to_text(value) for name, value in given.items()}
    if any(name.lower() in ("host", "content-length", "transfer-encoding", "connection") for name in headers):
        raise NotAllowed("the headers of a connection are not written by hand")
    check_headers(headers)
    json, text = args.get("json"), args.get("body")
    if json is not None and text:
        raise NotAllowed("give `json` or `body`, not both")
    if json is not None:
        headers.setdefault("Content-Type", "application/json")
        return headers, to_json_text(json).encode()
    if text:
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        return headers, str(text).encode()
    return headers, None


def _is_address(host: str) -> bool:
    """Whether a host is written as its address, so that nobody resolves it."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, tuple) else ()
