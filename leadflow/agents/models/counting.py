"""How many tokens a prompt has at most (`plan.tokens`): what an agent allows is looked at before anything is sent."""

from leadflow.agents.models.common import as_json
from leadflow.agents.models.turns import Blob, Message, Prompt, Text
from leadflow.plan.tokens import PER_MESSAGE, PER_REQUEST, PER_TOOLS, schema_tokens, text_tokens
from leadflow.run.toolbox import ToolResult


def prompt_tokens(prompt: Prompt) -> int | None:
    """Most tokens of a prompt; None where it holds anything but text, which nobody can count."""
    tokens = PER_REQUEST + (0 if prompt.result is None else schema_tokens(prompt.result))
    if prompt.system is not None:
        tokens += PER_MESSAGE + text_tokens(prompt.system)
    if prompt.tools:
        tokens += PER_TOOLS
    for spec in prompt.tools:
        tokens += PER_MESSAGE + text_tokens(as_json([spec.name, spec.description, spec.schema]))
    for message in prompt.messages:
        counted = message_tokens(message)
        if counted is None:
            return None
        tokens += counted
    return tokens


def message_tokens(message: Message) -> int | None:
    """Most tokens of a message, in whichever form it is sent; None where it holds anything but text."""
    tokens = PER_MESSAGE
    for part in message.parts:
        match part:
            case Blob():
                return None
            case Text(text):
                tokens += text_tokens(text)
            case ToolResult(_, text):
                tokens += PER_MESSAGE + text_tokens(text)
            case _:
                tokens += PER_MESSAGE + text_tokens(as_json([part.name, part.args]))
    return tokens if message.raw is None else max(tokens, PER_MESSAGE + text_tokens(as_json(message.raw.data)))
