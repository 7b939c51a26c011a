"""What the answers and the errors of a server mean: values, and failures of the house.

Pure. A structured answer goes before the text beside it. Links and pictures in an answer are data: nothing is fetched
(case 110). What a server says of a failure is quoted whole: who shows it takes the secrets out, and then cuts it.
"""

import json
from datetime import timedelta
from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    URL_ELICITATION_REQUIRED,
    CallToolResult,
    TextContent,
)

from leadflow.agents.mcp.http import STATUS, WAIT
from leadflow.agents.wire import read_json
from leadflow.plan.types import JSON, STRING, OptionalType
from leadflow.run.errors import (
    AuthFailed,
    BadResponse,
    CallError,
    ConnectFailed,
    ConnectionLost,
    Forbidden,
    NotAllowed,
    Overloaded,
    RateLimited,
    Rejected,
    ServerError,
    ToolFailed,
)
from leadflow.run.ports import Request
from leadflow.run.retry_after import LONGEST


def value_of(what: str, request: Request, result: CallToolResult, *, is_wrapped: bool) -> object:
    """The value of an answer, as the step wants it.

    Args:
        is_wrapped: the value stands in the field `result` of a structured answer, which has no other.

    Raises:
        ToolFailed: the tool says that it could not do it.
        BadResponse: the answer is no JSON where JSON is asked for.
    """
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    if result.is_error:
        raise ToolFailed(f"{what}: {text or 'the tool failed and says nothing'}")
    plain = request.result.inner if isinstance(request.result, OptionalType) else request.result
    structured: Any = result.structured_content
    if is_wrapped and isinstance(structured, dict) and "result" in structured:
        structured = structured["result"]
    if plain == STRING:
        if isinstance(structured, str) or (structured is not None and not text):
            return structured if isinstance(structured, str) else json.dumps(structured, ensure_ascii=False)
        return text
    if structured is not None:
        return structured
    if plain == JSON and any(not isinstance(part, TextContent) for part in result.content):
        return [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in result.content]
    if not text:
        return None
    try:
        return read_json(text.encode("utf-8", "surrogatepass"), None)
    except BadResponse as problem:
        if plain == JSON:
            return text
        raise BadResponse(f"{what}: {problem.message}; declare the step's type `string` to take text") from None


def failure_of(what: str, problem: MCPError) -> CallError:
    """The failure that an error of the protocol means."""
    text = f"{what}: {plainly(problem.message)}"
    data = problem.data if isinstance(problem.data, dict) else {}
    status = data.get(STATUS)
    if type(status) is int:
        return _of_status(text, status, _wait(data.get(WAIT)))
    match problem.code:
        case _ if problem.code == CONNECTION_CLOSED:
            return ConnectionLost(text)
        case _ if problem.code == URL_ELICITATION_REQUIRED:
            return NotAllowed(f"{what}: the server wants an address to be opened by a person; nothing was opened")
        case _ if problem.code == PARSE_ERROR:
            return BadResponse(text)
        case _ if problem.code in (INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND):
            return Rejected(text)
        case _:
            return ServerError(text)


def plainly(message: str) -> str:
    """What the SDK says of an answer that it cannot read, in words, and without the answer."""
    if "validation error" in message:
        return "its answer is not of the protocol"
    if message.startswith("Unexpected content type"):
        kind = message.partition(":")[2].partition(";")[0].strip() or "an answer of no type"
        return f"it answered with {kind}, which is not of the protocol; is its `url` that of its endpoint?"
    return message


def _wait(said: object) -> timedelta | None:
    """A wait that can be waited; servers may write anything into the data of an error."""
    match said:
        case int() | float() if not isinstance(said, bool) and 0 <= said <= LONGEST.total_seconds():
            return timedelta(seconds=said)
        case _:
            return None


def _of_status(text: str, status: int, wait: timedelta | None) -> CallError:
    match status:
        case 401:
            return AuthFailed(f"{text}; look at its `headers` in leadflow.toml", status=status)
        case 403:
            return Forbidden(text, status=status)
        case 404:  # it has forgotten the session, and did nothing
            return ConnectFailed(text, sent=False, status=status)
        case 429:
            return RateLimited(text, status=status, retry_after=wait)
        case 503 | 529:
            return Overloaded(text, status=status, retry_after=wait)
        case _ if status >= 500 or status in (408, 425):
            return ServerError(text, status=status, retry_after=wait)
        case _:
            return Rejected(text, status=status)
