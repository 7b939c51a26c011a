"""The agent of every model kind: asks one model of one endpoint, on whichever wire it speaks.

One attempt is one request and one turn of the model. Tools come with the request: a turn that asks for some of them is
a reply with `asked` instead of a value, and the request that follows has it, with what the tools gave, among its
`exchanges`. Who runs tools, and how often, is decided outside (`policies/tools.py`). `turn` counts, sends and reads;
it keeps nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from leadflow.agents.models.answers import in_words, read_answer, read_vector, repair_words, with_words
from leadflow.agents.models.attached import attach
from leadflow.agents.models.bodies import is_stream, read_object, read_stream
from leadflow.agents.models.common import as_json, usage_of
from leadflow.agents.models.counting import message_tokens, prompt_tokens
from leadflow.agents.models.history import files_of, read_history
from leadflow.agents.models.turns import Blob, Message, Profile, Prompt, Sent, Text, Turn, Wire
from leadflow.agents.wire import Sent as Refused
from leadflow.agents.wire import address, credential_of, read_refusal, refuse
from leadflow.plan.plan import AgentSpec
from leadflow.plan.tokens import HINT, PER_MESSAGE, PER_REQUEST, text_tokens
from leadflow.plan.types import STRING, FileRef, Type
from leadflow.run.errors import BadResponse, NotAllowed
from leadflow.run.ports import Reply, Request, Streamed, World
from leadflow.run.quota import Quota, read_quota
from leadflow.run.toolbox import Asked

T = TypeVar("T")


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
        most = spec.settings.get("max_input_tokens")
        self._most_read = most if isinstance(most, int) else None
        """Tokens that a request may have; None: nobody counts them."""

    async def call(self, request: Request) -> Reply:
        """Ask, chat or embed, once."""
        if request.action == "embed":
            return await self._embed(request)
        prompt = await self._prompt(request)
        turn = await self.turn(prompt, request)
        if turn.stop == "tools" and turn.uses and prompt.tools and not prompt.must_answer:
            asked = Asked(turn.uses, turn.message, message_tokens(turn.message) or 0)
            return Reply(None, turn.usage, turn.quota, asked)
        value = read_answer(turn, prompt.result, self._world.hidden, most=prompt.max_tokens)
        return Reply(value, turn.usage, turn.quota)

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
        if self._most_read is not None:
            self._allow(request, prompt_tokens(prompt), self._most_read)
        is_streamed = request.hear is not None and self._profile.has_streams
        sent = self._wire.encode(prompt, self._profile, is_streamed=is_streamed)
        hear = request.hear if is_streamed else None

        async def read(response: Streamed) -> Turn:
            if hear is not None and is_stream(response):
                return await read_stream(response, self._wire.reader(), hear)
            return self._wire.decode(await read_object(response))

        turn, quota = await self._asked(sent, request, read)
        if quota is not None:
            turn = replace(turn, quota=quota)
        request.used(turn.usage)
        return turn

    async def aclose(self) -> None:
        """Connections belong to the transport."""

    async def _prompt(self, request: Request) -> Prompt:
        """What a step asks for."""
        system = self._chosen(request, "system")
        if request.action == "ask":
            files = await self._attached(request, request.args.get("files"))
            messages: tuple[Message, ...] = (Message("user", (*files, Text(str(request.args["prompt"])))),)
        else:
            history = request.args["history"]
            said, messages = read_history(history, await self._attached(request, files_of(history)))
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

    async def _attached(self, request: Request, files: object) -> tuple[Text | Blob, ...]:
        """What is sent for files, which stand before the words that ask about them."""
        found = [file for file in files if isinstance(file, FileRef)] if isinstance(files, tuple) else []
        return await attach(self._world.root, found, self._what(request)) if found else ()

    def _chosen(self, request: Request, name: str) -> Any:
        """An argument of the step, else a setting of the agent; None: neither says."""
        value = request.args.get(name)
        return self._spec.settings.get(name) if value is None else value

    def _takes_schema(self, type_: Type) -> bool:
        return self._profile.has_schemas and self._wire.takes_schema(type_)

    async def _embed(self, request: Request) -> Reply:
        text = request.args["text"]
        if self._most_read is not None:
            self._allow(request, PER_REQUEST + PER_MESSAGE + text_tokens(str(text)), self._most_read)
        sent = Sent("/embeddings", {}, {"model": self._profile.model, "input": text})
        told, quota = await self._asked(sent, request, read_object)
        vector, usage = read_vector(told), usage_of(told.get("usage"), "prompt_tokens")
        request.used(usage)
        return Reply(vector, usage, quota)

    def _allow(self, request: Request, tokens: int | None, most: int) -> None:
        """Look at a request before it is sent.

        Args:
            request: what is asked.
            tokens: most tokens that it may have; None: nobody can count them.
            most: what the agent allows.

        Raises:
            NotAllowed: it may have more tokens than the agent allows, or nobody knows.
        """
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

    async def _asked(
        self, sent: Sent, request: Request, read: Callable[[Streamed], Awaitable[T]]
    ) -> tuple[T, Quota | None]:
        """What is read of the answer to a request, and what it says is left.

        Raises:
            CallError: nothing was sent, or the status says that it is no answer, or it cannot be read.
        """
        headers = {**self._headers, **sent.headers}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        body = as_json(sent.body).encode("utf-8", "replace")  # what a model wrote may hold half a character
        url = self._url + sent.path
        async with self._world.transport.request(
            "POST", url, headers=headers, body=body, idle=request.idle
        ) as response:
            if not 200 <= response.status < 300:
                told = await read_refusal(response)
                raise refuse(self._told(request, url), response, told, self._world)
            try:
                return await read(response), self._quota(response)
            except BadResponse as problem:
                about = self._told(request, url)
                problem.message = f"{about.what}: {about.where}: {problem.message}{about.hint}"
                raise

    def _told(self, request: Request, url: str) -> Refused:
        """What may be told of a request that came to nothing."""
        hint = "" if urlsplit(self._url).path.strip("/") else "; does base_url lack /v1?"
        where = f"POST {address(url, self._world.hidden)}"
        return Refused(self._what(request), where, credential_of(self._spec), hint)

    def _quota(self, response: Streamed) -> Quota | None:
        """What the answer says is left."""
        return read_quota(response.headers, now=self._world.clock.now())
