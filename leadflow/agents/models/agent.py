"""The agent of every model kind: asks one model of one endpoint, on whichever wire it speaks.

One attempt is one request and one turn of the model. Tools come with the request: a turn that asks for some of them is
a reply with `asked` instead of a value, and the request that follows has it, with what the tools gave, among its
`exchanges`. Who runs tools, and how often, is decided outside (`policies/tools.py`). `turn` counts, sends and reads;
it keeps nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from leadflow.agents.models.answers import in_words, read_answer, read_vector, repair_words, with_words
from leadflow.agents.models.common import as_json, failure_in, usage_of
from leadflow.agents.models.counting import message_tokens, prompt_tokens
from leadflow.agents.models.history import read_history
from leadflow.agents.models.turns import Message, Profile, Prompt, Sent, Text, Turn, Wire
from leadflow.agents.wire import MOST_BYTES, read_body, read_json, refuse
from leadflow.plan.plan import AgentSpec
from leadflow.plan.tokens import HINT, PER_MESSAGE, PER_REQUEST, text_tokens
from leadflow.plan.types import STRING, Type
from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Reply, Request, Streamed, World
from leadflow.run.quota import Quota, read_quota
from leadflow.run.toolbox import Asked


class ModelAgent:
    """Asks one model."""

    def __init__(
        self,
        spec: AgentSpec,
        wire: Wire,
        profile: Profile,
        *,
        url: str,
        headers: Mapping[str, str],
        world: World,
    ) -> None:
        """
        Args:
            url: of the endpoint, without a slash at its end.
            headers: of every request, the credential among them.
        """
        self._spec, self._wire, self._profile = spec, wire, profile
        self._url, self._headers, self._world = url, headers, world

    async def call(self, request: Request) -> Reply:
        """Ask, chat or embed, once."""
        if request.action == "embed":
            return await self._embed(request)
        prompt = self._prompt(request)
        turn = await self.turn(prompt, request)
        if turn.stop == "tools" and turn.uses and prompt.tools and not prompt.must_answer:
            asked = Asked(turn.uses, turn.message, message_tokens(turn.message) or 0)
            return Reply(None, turn.usage, turn.quota, asked)
        return Reply(read_answer(turn, prompt.result), turn.usage, turn.quota)

    async def turn(self, prompt: Prompt, request: Request) -> Turn:
        """What the model says to a prompt: one request.

        Args:
            prompt: the whole of what is sent.
            request: the attempt that it belongs to: its key and its idle time.

        Raises:
            CallError: nothing was sent, or the answer is none.
        """
        if prompt.result is not None and not self._takes_schema(prompt.result):
            prompt = replace(prompt, system=with_words(prompt.system, in_words(prompt.result)), result=None)
        self._allow(request, prompt_tokens(prompt))
        sent = self._wire.encode(prompt, self._profile, is_streamed=False)
        told, quota = await self._post(sent, request)
        turn = replace(self._wire.decode(told), quota=quota)
        request.used(turn.usage)
        return turn

    async def aclose(self) -> None:
        """Connections belong to the transport."""

    def _prompt(self, request: Request) -> Prompt:
        """What a step asks for."""
        system = self._chosen(request, "system")
        if request.action == "ask":
            messages: tuple[Message, ...] = (Message("user", (Text(str(request.args["prompt"])),)),)
        else:
            said, messages = read_history(request.args["history"])
            system = "\n\n".join(part for part in (system, said) if part is not None) or None
        for exchange in request.exchanges:
            messages += (cast(Message, exchange.asked.said), Message("user", exchange.results))
        if request.repair is not None:
            messages += (Message("user", (Text(repair_words(request.repair, HINT)),)),)
        return Prompt(
            messages,
            system,
            request.tools,
            request.must_answer,
            result=request.result if request.declared and request.result != STRING else None,
            temperature=self._chosen(request, "temperature"),
            max_tokens=self._chosen(request, "max_tokens"),
        )

    def _chosen(self, request: Request, name: str) -> Any:
        """An argument of the step, else a setting of the agent; None: neither says."""
        value = request.args.get(name)
        return self._spec.settings.get(name) if value is None else value

    def _takes_schema(self, type_: Type) -> bool:
        return self._profile.has_schemas and self._wire.takes_schema(type_)

    async def _embed(self, request: Request) -> Reply:
        text = request.args["text"]
        self._allow(request, PER_REQUEST + PER_MESSAGE + text_tokens(str(text)))
        sent = Sent("/embeddings", {}, {"model": self._profile.model, "input": text})
        told, quota = await self._post(sent, request)
        vector, usage = read_vector(told), usage_of(told.get("usage"), "prompt_tokens")
        request.used(usage)
        return Reply(vector, usage, quota)

    def _allow(self, request: Request, tokens: int | None) -> None:
        """Look at a request before it is sent.

        Args:
            request: what is asked.
            tokens: most tokens that it may have; None: nobody can count them.

        Raises:
            NotAllowed: it may have more tokens than the agent allows, or nobody knows.
        """
        most = self._spec.settings.get("max_input_tokens")
        if not isinstance(most, int):
            return
        what = self._what(request)
        if tokens is None:
            raise NotAllowed(f"{what}: under max_input_tokens a message holds nothing but text; nothing was sent")
        if tokens > most:
            raise NotAllowed(
                f"{what}: the request may have {tokens:,} tokens, one for each byte, "
                f"and max_input_tokens allows {most:,}; nothing was sent"
            )

    def _what(self, request: Request) -> str:
        return f"{self._spec.name}.{request.action}"

    async def _post(self, sent: Sent, request: Request) -> tuple[Mapping[str, Any], Quota | None]:
        """What it answers, and what it says is left of the quota."""
        headers = {**self._headers, **sent.headers}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        async with self._world.transport.request(
            "POST", self._url + sent.path, headers=headers, body=as_json(sent.body).encode(), idle=request.idle
        ) as response:
            answer = await self._accepted(response, request)
        told = read_json(answer, response.status)
        if not isinstance(told, dict):
            raise BadResponse("the answer is no JSON object", status=response.status)
        if told.get("error"):
            raise failure_in(told["error"])
        return told, read_quota(response.headers, now=self._world.clock.now())

    async def _accepted(self, response: Streamed, request: Request) -> bytes:
        """The body of an answer that is one."""
        body = await read_body(response, MOST_BYTES)
        if not 200 <= response.status < 300:
            raise refuse(self._what(request), response, body, self._world)
        return body
