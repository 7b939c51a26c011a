"""The kind `http`: an API whose paths, queries and bodies a flow writes.

One attempt is one request (case R5): no redirects, no repetition. The agent's credential goes to the agent's own host
only, because every path is added to the agent's url.
"""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import quote, urlencode

from leadflow.agents.wire import (
    AGENT_NAME,
    MOST_BYTES,
    Sent,
    address,
    check_headers,
    credential_of,
    read_body,
    read_json,
    read_refusal,
    refuse,
    resolve,
    resolve_headers,
)
from leadflow.plan.forms import to_json_text, to_text
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import STRING, Value
from leadflow.plan.words import call_words
from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Streamed, Uses, World
from leadflow.run.quota import read_quota

_SAFE = "/%:?=&@!$'()*+,;~[]"
"""What stays as it is in a written path; holes have been encoded before."""


class HttpKind:
    """Builds agents for HTTP APIs."""

    row = BUILT_IN["http"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent bound to its url.

        Raises:
            NotAllowed: the url is none, a secret is missing, or a header is malformed.
        """
        url = resolve(spec.settings["url"], world.secrets).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise NotAllowed(f"agent '{spec.name}': its url does not begin with http:// or https://")
        headers = {"User-Agent": AGENT_NAME, "Accept": "application/json, text/*;q=0.5, */*;q=0.1"}
        headers |= resolve_headers(spec.settings.get("headers", {}), world.secrets)
        if "auth" in spec.settings:
            headers["Authorization"] = resolve(spec.settings["auth"], world.secrets)
            check_headers(headers)
        return HttpAgent(spec, url, headers, cast(int, spec.settings.get("max_size", MOST_BYTES)), world)


class HttpAgent:
    """Sends requests below one url."""

    def __init__(self, spec: AgentSpec, url: str, headers: Mapping[str, str], most: int, world: World) -> None:
        self._spec, self._name = spec, spec.name
        self._url, self._headers, self._most, self._world = url, headers, most, world

    async def call(self, request: Request) -> Reply:
        """One request; its answer as JSON, or as text where the step declares `string`."""
        method = request.action.upper()
        headers, body = self._content(request)
        url = self._url + _path(request.args)
        try:
            async with self._world.transport.request(
                method, url, headers=headers, body=body, idle=request.idle
            ) as response:
                is_answer = 200 <= response.status < 300
                answer = await (read_body(response, self._most) if is_answer else read_refusal(response))
            if is_answer:
                quota = read_quota(response.headers, now=self._world.clock.now())
                return Reply(_answer(request, response, answer), quota=quota)
        except BadResponse as problem:
            sent = self._sent(request, url)
            problem.message = f"{sent.what}: {sent.where}: {problem.message}"
            raise
        raise refuse(self._sent(request, url), response, answer, self._world)

    async def aclose(self) -> None:
        """Connections belong to the transport."""

    def _sent(self, request: Request, url: str) -> Sent:
        """What may be told of a request."""
        where = f"{request.action.upper()} {address(url, self._world.hidden)}"
        return Sent(call_words(self._name, request.action), where, credential_of(self._spec))

    def _content(self, request: Request) -> tuple[dict[str, str], bytes | None]:
        headers = dict(self._headers)
        given = request.args.get("headers")
        if isinstance(given, Mapping):
            headers |= {name: to_text(value) for name, value in given.items()}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        body: bytes | None = None
        if "json" in request.args and "body" in request.args:
            raise NotAllowed(f"{call_words(self._name, request.action)}: give `json` or `body`, not both")
        if "json" in request.args:
            body = to_json_text(request.args["json"]).encode()
            headers.setdefault("Content-Type", "application/json")
        elif "body" in request.args:
            body = str(request.args["body"]).encode()
            headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        check_headers(headers)
        return headers, body


def _path(args: Mapping[str, Value]) -> str:
    """The written path and the query, percent-encoded."""
    path = str(args["path"])
    if path and path[0] not in "/?":
        path = "/" + path
    path = quote(path, safe=_SAFE)
    pairs = [(name, to_text(value)) for name, value in _pairs(args.get("query"))]
    if not pairs:
        return path
    return path + ("&" if "?" in path else "?") + urlencode(pairs, quote_via=quote)


def _pairs(query: Value) -> list[tuple[str, Value]]:
    """Name and value of each part of a query: a list gives one part per item, none gives no part."""
    parts: list[tuple[str, Value]] = []
    for name, value in query.items() if isinstance(query, Mapping) else ():
        many = value if isinstance(value, tuple) and type(value) is tuple else (value,)
        parts += [(name, one) for one in many if one is not None]
    return parts


def _answer(request: Request, response: Streamed, body: bytes) -> Any:
    if request.action == "head":
        return {"status": response.status, "headers": dict(response.headers)}
    if request.result == STRING and request.declared:
        return body.decode("utf-8", "replace")
    if not body:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not request.declared and kind.startswith("text/") and not kind.endswith("json"):
        return body.decode("utf-8", "replace")
    return read_json(body, response.status)
