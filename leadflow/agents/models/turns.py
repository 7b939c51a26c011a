"""A conversation with a model, the same for every wire: what is asked (`Prompt`) and what comes back (`Turn`).

What only its own provider understands and wants back word for word (signed thinking, reasoning items) travels in
`Message.raw` under the name of its wire; another wire leaves it out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from leadflow.events.model import Usage
from leadflow.plan.types import Type
from leadflow.record import record
from leadflow.run.quota import Quota
from leadflow.run.toolbox import ToolResult, ToolSpec, ToolUse


@record
class Text:
    """Words."""

    text: str


@record
class Blob:
    """A picture or a file: its bytes or, where it is on the net already, its address."""

    media_type: str
    """`image/png`, `application/pdf` …"""
    data: bytes | None = None
    url: str | None = None
    name: str = "file"

    @property
    def is_image(self) -> bool:
        """True for what a model looks at, False for what it reads."""
        return self.media_type.startswith("image/")


Part: TypeAlias = Text | Blob | ToolUse | ToolResult


@record
class Raw:
    """A message as its provider wrote it."""

    wire: str
    data: Any
    """Plain JSON data that only this wire reads."""


@record
class Message:
    """One side's words. Results of tools are the user's, uses of tools the assistant's."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    raw: Raw | None = None
    """Sent instead of the parts when it is of the same wire."""

    def raw_of(self, wire: str) -> Any:
        """What the provider of that wire wrote; None: the parts are all there is."""
        return self.raw.data if self.raw is not None and self.raw.wire == wire else None


@record
class Prompt:
    """All that a model is asked with: there is no hidden context."""

    messages: tuple[Message, ...]
    system: str | None = None
    tools: tuple[ToolSpec, ...] = ()
    must_answer: bool = False
    """True: the tools are shown, because they were used before, and may not be used any more."""
    result: Type | None = None
    """The type of the answer, sent as its schema; None: text, or what the system message says."""
    temperature: float | None = None
    """Not sent where a wire has no field for it (`messages`)."""
    max_tokens: int | None = None


Stop: TypeAlias = Literal["end", "tools", "length", "filter", "refusal"]
"""Why a model stopped: it is done, waits for tools, was cut off at `max_tokens` or by the provider's content filter, or
declines to answer."""


@record
class Turn:
    """What a model said to one prompt, whole: its terminal event was seen."""

    message: Message
    """To be appended to the messages of the next prompt."""
    stop: Stop
    usage: Usage | None = None
    quota: Quota | None = None
    refusal: str = ""
    """Its words when it declined."""

    @property
    def text(self) -> str:
        """Its words, without what it asks of tools."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Text))

    @property
    def uses(self) -> tuple[ToolUse, ...]:
        """The tools that it asks for, in its order."""
        return tuple(part for part in self.message.parts if isinstance(part, ToolUse))


@record
class Profile:
    """What one endpoint takes, and how it names things. Declared, never found out by trying."""

    model: str
    limit_field: str = "max_completion_tokens"
    """What the most tokens of an answer are called (chat completions)."""
    has_schemas: bool = True
    """It takes the schema of an answer; False: the schema is asked for in words."""
    has_tools: bool = True
    has_streams: bool = True
    has_reasoning: bool = False
    """It seals its reasoning and takes it back (`responses`); False: reasoning is not asked for."""
    cache_name: str | None = None
    """Not None: the provider is asked to keep what all calls begin with, under this name where it wants one."""


class Sent(NamedTuple):
    """A request as its wire writes it."""

    path: str
    """Behind the address of the endpoint."""
    headers: Mapping[str, str]
    """Those of the wire; the credential is the agent's."""
    body: Mapping[str, Any]


class Reader(Protocol):
    """One streamed answer. Pure: it is fed bytes."""

    @property
    def is_done(self) -> bool:
        """True when the wire's terminal event has come; nothing behind it is read."""
        ...

    def feed(self, piece: bytes) -> Sequence[str]:
        """The words that came with a piece of the body.

        Raises:
            CallError: the provider says that it failed, or nobody can read that.
        """
        ...

    def end(self) -> Turn:
        """The whole answer.

        Raises:
            StreamTruncated: the stream ended before its terminal event. BadResponse: it says nothing.
        """
        ...


class Wire(Protocol):
    """A format of requests and answers. Pure; one file each."""

    name: str

    def takes_schema(self, type_: Type) -> bool:
        """Whether it has a field for the schema of such an answer."""
        ...

    def encode(self, prompt: Prompt, profile: Profile, *, is_streamed: bool) -> Sent:
        """The request. What the endpoint does not take is no longer in the prompt."""
        ...

    def decode(self, told: Mapping[str, Any]) -> Turn:
        """An answer that came as one JSON object.

        Raises:
            BadResponse: it is none.
        """
        ...

    def reader(self) -> Reader:
        """For an answer that comes as a stream."""
        ...
