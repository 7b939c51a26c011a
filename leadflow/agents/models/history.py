"""The history of a `chat` step as messages: data of the author's, read strictly. Pure.

A message is `{ role: "user" | "assistant" | "system", content: TEXT }`; instead of a text, the content of a user's may
be a list of texts, files, `{ type: "text", text: … }` and `{ type: "image_url", image_url: { url: … } }`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from leadflow.agents.models.turns import Blob, Message, Part, Text
from leadflow.plan.types import FileRef, Value
from leadflow.run.errors import NotAllowed


def files_of(history: Value) -> tuple[FileRef, ...]:
    """The files that stand in a history, in their order."""
    messages = history if isinstance(history, tuple) else ()
    contents = (message.get("content") for message in messages if isinstance(message, Mapping))
    return tuple(part for content in contents if isinstance(content, tuple) for part in content if _is_file(part))


def _is_file(part: Value) -> TypeGuard[FileRef]:
    return isinstance(part, FileRef)


def read_history(history: Value, files: Sequence[Text | Blob] = ()) -> tuple[str | None, tuple[Message, ...]]:
    """What a history says as the system, and its messages.

    Args:
        history: the value of the step.
        files: what is sent for its files (`files_of`), in their order.

    Raises:
        NotAllowed: it is no history.
    """
    if not isinstance(history, tuple) or not history:
        raise NotAllowed("the history is no list of messages")
    attached = iter(files)
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
                messages.append(Message("user", tuple(_parts(content, where, attached))))
            case "assistant":
                messages.append(Message("assistant", tuple(_parts(content, where, iter(())))))
            case _:
                raise NotAllowed(f"{where}: its role is none of user, assistant and system")
    return "\n\n".join(systems) or None, tuple(messages)


def _parts(content: Value, where: str, files: Iterator[Text | Blob]) -> Iterator[Part]:
    if isinstance(content, str):
        yield Text(content)
        return
    if not isinstance(content, tuple) or not content:
        raise NotAllowed(f"{where}: its content is neither a text nor a list")
    for part in content:
        match part:
            case str(text) | {"type": "text", "text": str(text)}:
                yield Text(text)
            case FileRef() if (file := next(files, None)) is not None:
                yield file
            case {"type": "image_url", "image_url": {"url": str(url)}}:
                yield Blob("image/*", url=url)
            case _:
                raise NotAllowed(f"{where}: a part of its content is neither a text nor a file of a user")
