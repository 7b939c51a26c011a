"""The kind `openai`: chat completions and embeddings of OpenAI, or (`base_url`) of any server that speaks the same.

The declared type of an `ask` step is sent as the JSON Schema of the answer. A schema's root must be an object, so that
any other type travels as the field `value` of one. One attempt is one request; completion is what the answer itself
says (`finish_reason`), never that its bytes ended.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from leadflow.agents.wire import AGENT_NAME, MOST_BYTES, read_body, read_json, refuse, resolve, resolve_headers
from leadflow.events.model import Usage
from leadflow.plan.forms import to_plain
from leadflow.plan.kinds import BUILT_IN
from leadflow.plan.plan import AgentSpec
from leadflow.plan.schema import json_schema
from leadflow.plan.tokens import HINT, PER_REQUEST, as_object, message_tokens, schema_tokens
from leadflow.plan.types import STRING, RecordType, Type
from leadflow.run.errors import AnswerInvalid, BadResponse, Declined, Incomplete, NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Uses, World
from leadflow.run.quota import Quota, read_quota
from leadflow.run.redact import one_line

_HOME = "https://api.openai.com/v1"
_AS_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_MOST_TOKENS = 10**9
"""A reported usage above this is nonsense, and is taken as unknown."""


class OpenAIKind:
    """Builds agents for one model of one server."""

    row = BUILT_IN["openai"]

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent for the model.

        Raises:
            NotAllowed: the address is none, a secret is missing, or tools are granted, which this version cannot use.
        """
        if spec.settings.get("tools"):
            raise NotAllowed(f"agent '{spec.name}': tools of a model are not run by this version")
        own = spec.settings.get("base_url")
        url = (_HOME if own is None else resolve(own, world.secrets)).rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise NotAllowed(f"agent '{spec.name}': its base_url does not begin with http:// or https://")
        headers = {"User-Agent": AGENT_NAME, "Content-Type": "application/json", "Accept": "application/json"}
        if "key" in spec.settings:
            headers["Authorization"] = f"Bearer {resolve(spec.settings['key'], world.secrets)}"
        headers |= resolve_headers(spec.settings.get("headers", {}), world.secrets)
        limit_field = "max_completion_tokens" if own is None else "max_tokens"
        return OpenAIAgent(spec, url, headers, limit_field, world)


class OpenAIAgent:
    """Asks one model."""

    def __init__(self, spec: AgentSpec, url: str, headers: Mapping[str, str], limit_field: str, world: World) -> None:
        self._spec, self._url, self._headers, self._world = spec, url, headers, world
        self._limit_field = limit_field

    async def call(self, request: Request) -> Reply:
        """Ask, chat or embed, once."""
        if request.action == "embed":
            self._allow(request, [{"text": request.args["text"]}], schema=None)
            told, quota = await self._post("/embeddings", request, {"input": request.args["text"]})
            return Reply(_vector(told), _usage(told), quota)
        wrapped = request.declared and request.result != STRING
        messages = self._messages(request)
        self._allow(request, messages, schema=request.result if wrapped else None)
        body: dict[str, Any] = {"messages": messages}
        for field, name in (("temperature", "temperature"), (self._limit_field, "max_tokens")):
            value = request.args.get(name, self._spec.settings.get(name))
            if value is not None:
                body[field] = value
        if wrapped:
            body["response_format"] = _format(request.result)
        told, quota = await self._post("/chat/completions", request, body)
        text = _content(told)
        return Reply(_structured(text, request.result) if wrapped else text, _usage(told), quota)

    async def aclose(self) -> None:
        """Connections belong to the transport."""

    def _messages(self, request: Request) -> list[Any]:
        system = request.args.get("system", self._spec.settings.get("system"))
        messages: list[Any] = [] if system is None else [{"role": "system", "content": system}]
        if request.action == "ask":
            messages.append({"role": "user", "content": request.args["prompt"]})
        else:
            messages += cast(list[Any], to_plain(request.args["history"]))
        if request.repair is not None:
            wrong = one_line(request.repair, most=HINT)
            hint = f"Your last answer could not be used: {wrong}. Answer again, in the asked form."
            messages.append({"role": "user", "content": hint})
        return messages

    def _allow(self, request: Request, messages: Sequence[object], *, schema: Type | None) -> None:
        """Count a request before it is sent.

        Raises:
            NotAllowed: it may have more tokens than the agent allows, or holds what is no text, which nobody can count.
        """
        most = self._spec.settings.get("max_input_tokens")
        if not isinstance(most, int):
            return
        what = f"{self._spec.name}.{request.action}"
        tokens = PER_REQUEST + (0 if schema is None else schema_tokens(schema))
        for message in messages:
            counted = message_tokens(message)
            if counted is None:
                raise NotAllowed(f"{what}: under max_input_tokens a message holds nothing but text; nothing was sent")
            tokens += counted
        if tokens > most:
            raise NotAllowed(
                f"{what}: the request may have {tokens:,} tokens, one for each byte, "
                f"and max_input_tokens allows {most:,}; nothing was sent"
            )

    async def _post(
        self, path: str, request: Request, body: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], Quota | None]:
        """What it answers, and what it says is left of the quota."""
        headers = dict(self._headers)
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        whole = {"model": self._spec.settings["model"], **body}
        data = _AS_JSON.encode(whole).encode()
        async with self._world.transport.request(
            "POST", self._url + path, headers=headers, body=data, idle=request.idle
        ) as response:
            answer = await read_body(response, MOST_BYTES)
        if not 200 <= response.status < 300:
            raise refuse(f"{self._spec.name}.{request.action}", response, answer, self._world)
        told = read_json(answer, response.status)
        if not isinstance(told, dict) or told.get("error"):
            raise BadResponse("the answer is no completion", status=response.status)
        return told, read_quota(response.headers, now=self._world.clock.now())


def _format(type_: Type) -> dict[str, Any]:
    schema, strict = json_schema(as_object(type_), strict=True)
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}}


def _content(told: Mapping[str, Any]) -> str:
    """The text of the first choice.

    Raises:
        BadResponse, Declined, Incomplete: there is none, or not the whole.
    """
    choices = told.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise BadResponse("the answer has no message")
    if message.get("refusal"):
        raise Declined(f"the model declined: {' '.join(str(message['refusal']).split())[:200]}")
    match choice.get("finish_reason"):
        case "length":
            raise Incomplete("the answer was cut off at max_tokens")
        case "content_filter":
            raise Incomplete("the answer was cut off by the provider's content filter")
    content = message.get("content")
    if not isinstance(content, str):
        raise BadResponse("the answer's message has no text")
    return content


def _structured(text: str, type_: Type) -> object:
    """The answer's JSON; a fence of backticks around it is taken off.

    Raises:
        AnswerInvalid: it is not JSON, or lacks the field around a type that is no record.
    """
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner.partition("\n")[2].removesuffix("```")
    try:
        value = read_json(inner.encode("utf-8", "replace"), None)
    except BadResponse as problem:
        raise AnswerInvalid(problem.message) from None
    if isinstance(type_, RecordType):
        return value
    if not isinstance(value, dict) or "value" not in value:
        raise AnswerInvalid("the answer lacks the field 'value'")
    return value["value"]


def _vector(told: Mapping[str, Any]) -> object:
    data = told.get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict) or not isinstance(first.get("embedding"), list):
        raise BadResponse("the answer has no vector")
    return first["embedding"]


def _usage(told: Mapping[str, Any]) -> Usage | None:
    """What the answer says that it used; a number that cannot be true is unknown (case $10)."""
    usage = told.get("usage")
    if not isinstance(usage, dict):
        return None
    return Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None
