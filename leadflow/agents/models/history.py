"""The history of a `chat` step as messages: data of the author's, read strictly. Pure.

A message is `{ role: "user" | "assistant" | "system", content: TEXT }`; instead of a text, the content of a user's may
be a list of texts, `{ type: "text", text: … }` and `{ type: "image_url", image_url: { url: … } }`.
"""

from collections.abc import Iterator, Mapping

from leadflow.agents.models.turns import Blob, Message, Part, Text
from leadflow.plan.types import Value
from leadflow.run.errors import NotAllowed


def read_history(history: Value) -> tuple[str | None, tuple[Message, ...]]:
    """What a history says as the system, and its messages.

    Raises:
        NotAllowed: it is no history.
    """
    if not isinstance(history, tuple) or not history:
        raise NotAllowed("the history is no list of messages")
    systems: list[str] = []
    messages: list[Message] = []
    for place, message in enumerate(history):
        where = f"history[{place}]"
        if not isinstance(message, Mapping):
            raise NotAllowed(f"{where} is no message: {{ role: …, content: … }}")
        content = message.get("content")
        match message.get("role"):
            case "system" if isinstance(content, str) and not messages:
                systems.append(content)
            case "system":
                raise NotAllowed(f"{where}: a system message is a text, and stands before all others")
            case "user":
                messages.append(Message("user", tuple(_parts(content, where))))
            case "assistant":
                messages.append(Message("assistant", tuple(_parts(content, where))))
            case _:
                raise NotAllowed(f"{where}: its role is none of user, assistant and system")
    return "\n\n".join(systems) or None, tuple(messages)


def _parts(content: Value, where: str) -> Iterator[Part]:
    if isinstance(content, str):
        yield Text(content)
        return
    if not isinstance(content, tuple) or not content:
        raise NotAllowed(f"{where}: its content is neither a text nor a list")
    for part in content:
        match part:
            case str(text) | {"type": "text", "text": str(text)}:
                yield Text(text)
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                yield Blob("image/*", url=url)
            case _:
                raise NotAllowed(f"{where}: a part of its content is neither a text nor a picture")
