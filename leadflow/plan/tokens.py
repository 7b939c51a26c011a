"""How many tokens a request to a model has at most, counted before it is sent and without the model's tokenizer.

Tokenizers of language models work on bytes: a token stands for at least one. So a text has no more tokens than UTF-8
bytes. What a provider writes around messages and schemas is counted amply. The run counts real requests with this, and
the bound of a plan counts what it knows of them, so that the one never exceeds the other. What a provider counts itself
is believed where it can be true.
"""

import json
from collections.abc import Mapping

from leadflow.plan.plainer import plainer
from leadflow.plan.schema import json_schema
from leadflow.plan.types import FieldType, RecordType, Type

_MOST = 10**9
"""Tokens of one request: a report of more, or of less than none, is not believed (case $10)."""
PER_REQUEST = 64
"""Tokens of a request without messages."""
PER_MESSAGE = 16
"""Tokens around the text of a message."""
PER_SCHEMA = 128
"""Tokens around a schema, also where it is asked for in words (`agents/models/answers.py`)."""
PER_TOOLS = 1024
"""Tokens of what a provider says about tools before them."""
BYTES_PER_TOKEN = 128
"""The longest text that one token stands for: no published vocabulary has a longer one."""
HINT = 500
"""Characters of what was wrong with an answer that are told to the model."""
HINT_TOKENS = PER_MESSAGE + 128 + 4 * HINT
"""Tokens of the message that asks for another answer."""


def text_tokens(text: str) -> int:
    """Most tokens of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def message_tokens(message: object) -> int | None:
    """Most tokens of a message; None where it holds anything but text, which nobody can count."""
    if not isinstance(message, Mapping):
        return None
    tokens = PER_MESSAGE
    for name, part in message.items():
        if not isinstance(part, str):
            return None
        if name != "role":
            tokens += text_tokens(part)
    return tokens


def schema_tokens(type_: Type) -> int:
    """Most tokens of the schema of an answer, in whichever form it is sent."""
    schema, _ = json_schema(as_object(type_), strict=True)
    written = (json.dumps(form, ensure_ascii=False) for form in (schema, plainer(schema)))
    return PER_SCHEMA + max(map(text_tokens, written))


def as_object(type_: Type) -> Type:
    """The type as an object at the root, as schemas of answers have to be: any other type is its field `value`."""
    return type_ if isinstance(type_, RecordType) else RecordType((FieldType("value", type_),))


def believed(count: object) -> int | None:
    """A number of tokens as a provider reports it; None for what cannot be true."""
    return count if type(count) is int and 0 <= count <= _MOST else None
