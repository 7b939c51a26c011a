"""A server from its start to its end: one connection at a time, each in the hands of one task.

The task enters and leaves all that a connection is made of, because the SDK's scopes belong to the task that entered
them; calls come from other tasks and only send. A connection that is lost is opened anew by the next call that needs
it, after a pause that grows while the server keeps falling over. Each time, what the server says of its tools is
compared with its lock before anything is called: a server whose tools have changed is called no more (case 106).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.session import ClientSession
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    InputRequiredResult,
    PaginatedRequestParams,
    ServerNotification,
    Tool,
    ToolListChangedNotification,
)
from pydantic import TypeAdapter, ValidationError

from leadflow.agents.mcp.http import connected
from leadflow.agents.mcp.stdio import FLOOD, MOST_UNASKED, Program, running
from leadflow.agents.mcp.told import failure_of, plainly
from leadflow.agents.wire import AGENT_NAME, in_words
from leadflow.plan.lock import MOST_TOOLS, Lock, LockedTool, conflicts, drift, make_tool
from leadflow.record import record
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
    ToolsChanged,
)
from leadflow.run.ports import Clock, Server, World
from leadflow.run.redact import one_line

_ANSWER: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(CallToolResult | InputRequiredResult)
_CANCELS_IN = 1.0
"""Seconds in which a server is told that nobody waits for an answer any more."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a server that fell over is started again; twice as long each time that it does not come up."""


class _Drop(logging.Filter):
    """Says nothing: the SDK logs whole answers, secrets and all; what is wrong is told as a failure."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is somebody else's: one of the names is a common word."""
        return "/mcp/" not in record.pathname.replace("\\", "/")


for _name in ("client", "mcp.client.streamable_http", "mcp.client.client", "mcp.shared.jsonrpc_dispatcher"):
    logging.getLogger(_name).addFilter(_Drop())


@record
class Around:
    """What a look at a server needs of the world."""

    root: Path
    clock: Clock


class Link:
    """A server during one run, or one look at it."""

    def __init__(self, server: Server, world: World | Around, pinned: Mapping[str, str] | None = None) -> None:
        """A server that is not started yet.

        Args:
            pinned: the hashes of its lock, by the server's names; None: nothing is compared.
        """
        self._server, self._root, self._clock, self._pinned = server, world.root, world.clock, pinned
        self._current: _Connection | None = None
        self._opening = asyncio.Lock()
        self._failed = 0
        """Starts in a row that came to nothing, or to a connection that was lost before it answered."""
        self._fault: ToolsChanged | None = None
        self.users = 0
        """Agents that have it; the last one that lets go closes it."""

    async def ready(self) -> "_Connection":
        """A connection over which tools can be called.

        Raises:
            ConnectFailed: the server does not come up.
            ToolsChanged: its tools are not those of the lock.
        """
        async with self._opening:
            if self._fault is not None:
                raise self._fault
            current = self._current
            if current is None or current.is_lost:
                current = self._current = await self._another(current)
            await current.opened()
            if not current.is_compared:
                current.is_compared = True
                self._compare(current.tools)
            if current.is_stale:
                await self._look_again(current)
            return current

    async def _another(self, lost: "_Connection | None") -> "_Connection":
        """A connection that opens, instead of one that was lost."""
        if lost is not None:
            await lost.close()
        if self._failed:
            pause = min(_FIRST_PAUSE * 2 ** (self._failed - 1), _LONGEST_PAUSE)
            await self._clock.sleep(timedelta(seconds=pause))
        self._failed += 1
        return _Connection(self._server, self._root, self._clock)

    async def _look_again(self, current: "_Connection") -> None:
        """The server says that its tools have changed."""
        is_listed = current.is_stale = False  # before they are listed: what it says meanwhile is looked at next
        try:
            tools = await current.list_tools()
            is_listed = True
        except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError, ValueError) as problem:
            raise self._not_listed(current, problem) from None
        finally:
            current.is_stale = current.is_stale or not is_listed
        self._compare(tools)

    def _not_listed(self, current: "_Connection", problem: Exception) -> CallError:
        """What it means that a server does not list its tools: nothing was called."""
        who = f"the server '{self._server.name}'"
        if isinstance(problem, ValueError):
            failure: CallError = BadResponse(f"{who}: its list of tools is not of the protocol")
        elif isinstance(problem, MCPError):
            failure = failure_of(who, problem)
        else:
            failure = ConnectionLost(f"{who}: the connection was lost")
        if isinstance(failure, ConnectionLost):
            current.lose()
        failure.sent = False
        return failure

    def _compare(self, tools: Sequence[LockedTool]) -> None:
        clash = conflicts(tools)
        if self._pinned is not None and not clash:
            found = drift(self._pinned, tools)
            clash = [f"'{name}' has changed" for name in found.changed] + [f"'{name}' is gone" for name in found.gone]
        if clash:
            name = self._server.name
            told = ", ".join(clash[:3]) + (f" and {len(clash) - 3} more" if len(clash) > 3 else "")
            how = f"`leadflow mcp diff {name}` shows it, `leadflow mcp pin {name}` accepts it"
            self._fault = ToolsChanged(f"the tools of the server '{name}' are not those of its lock: {told}; {how}")
            raise self._fault

    async def call(self, what: str, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
        """Call a tool.

        Raises:
            CallError: the server could not be asked, or did not answer as it should.
        """
        connection = await self.ready()
        try:
            answer = await connection.ask(tool, dict(arguments))
        except MCPError as problem:
            failure = failure_of(what, problem)
            if isinstance(failure, ConnectionLost | ConnectFailed):
                connection.lose()
            if isinstance(failure, ConnectionLost):
                why = await connection.last_words()
                raise ConnectionLost(f"{what}: the connection to the server was lost{why}") from None
            raise failure from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            connection.lose()
            raise ConnectionLost(f"{what}: the connection to the server was lost") from None
        except (ValidationError, ValueError) as problem:
            said = type(problem).__name__
            raise BadResponse(f"{what}: the server's answer is not of the protocol ({said})") from None
        self._failed = 0
        if isinstance(answer, InputRequiredResult):
            raise NotAllowed(f"{what}: the server asks for a model, a person or folders, which no flow grants it")
        return answer

    async def look(self) -> Lock:
        """What the server says of its tools, once it is up; nothing is compared.

        Raises:
            CallError: the server does not come up.
        """
        connection = await self.ready()
        return Lock(self._server.name, connection.said, connection.tools)

    async def aclose(self) -> None:
        """End the server."""
        current, self._current = self._current, None
        if current is not None:
            await current.close()


class _Connection:
    """One connection, from the start of its task."""

    def __init__(self, server: Server, root: Path, clock: Clock) -> None:
        self._server, self._root, self._clock = server, root, clock
        loop = asyncio.get_running_loop()
        self._leave: asyncio.Future[None] = loop.create_future()
        self._ready: asyncio.Future[None] = loop.create_future()
        self._session: ClientSession | None = None
        self._program: Program | None = None
        self._unasked = 0
        self._fault = ""
        """Why it was given up."""
        self.tools: tuple[LockedTool, ...] = ()
        self.said = ""
        self.is_lost = False
        self.is_compared = False
        self.is_stale = False
        """The server says that its tools have changed."""
        self._task = asyncio.create_task(self._own(), name=f"mcp {server.name}")

    async def opened(self) -> None:
        """Wait until it is ready.

        Raises:
            CallError: it does not get ready.
        """
        await asyncio.shield(self._ready)  # whoever waits no longer leaves it to the next one

    async def ask(self, tool: str, arguments: dict[str, Any]) -> CallToolResult | InputRequiredResult:
        """Call a tool; a cancel is passed on to the server.

        Raises:
            MCPError: an error of the protocol; ConnectionLost: the connection ended first.
        """
        if self._session is None:
            raise ConnectFailed("there is no connection", sent=False)
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=arguments))
        asked = asyncio.create_task(self._session.send_request(request, _ANSWER))
        asked.add_done_callback(_seen)
        try:
            await asyncio.wait([asked, self._task], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not asked.done():
                asked.cancel()
                await asyncio.wait([asked], timeout=_CANCELS_IN)
            if not asked.done():  # it does not even take the word that nobody waits any more
                self.lose()
        self._unasked = 0
        if not asked.done() or asked.cancelled():
            raise ConnectionLost(f"{tool}: the connection to the server was lost{await self.last_words()}")
        return asked.result()

    async def list_tools(self) -> tuple[LockedTool, ...]:
        """What the server says of its tools."""
        if self._session is None:
            return ()
        found: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self._session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            found += page.tools
            if page.next_cursor is None or page.next_cursor == cursor:
                break
            cursor = page.next_cursor
            if len(found) > MOST_TOOLS or not page.tools:
                raise ConnectFailed(f"it lists more than {MOST_TOOLS:,} tools, or pages without any", sent=False)
        return tuple(_locked(tool) for tool in found)

    def lose(self) -> None:
        """Let go of it; the next call opens another one."""
        self.is_lost = True
        if not self._leave.done():
            self._leave.set_result(None)

    async def close(self) -> None:
        """End it, and wait until nothing is left of it."""
        self.lose()
        await asyncio.wait([self._task])

    async def last_words(self) -> str:
        """What is known of its end, when it has just been lost."""
        if self._program is not None and not self._fault:
            return f": {await self._program.last_words()}"
        await asyncio.wait([self._task], timeout=_CANCELS_IN)
        return self.why()

    def why(self) -> str:
        """What is known of how it is."""
        if self._fault:
            return f": {self._fault}"
        return "" if self._program is None else f": {self._program.why()}"

    async def _own(self) -> None:
        """Open it, hold it, close it."""
        try:
            await self._hold()
        except BaseExceptionGroup as group:
            self._end_with(_leaf(group))
        except Exception as problem:  # the SDK raises errors of many libraries; each means that there is no connection
            self._end_with(problem)
        finally:
            self.is_lost = True
            self._settle(ConnectFailed(f"the server '{self._server.name}' is gone", sent=False))

    def _end_with(self, problem: BaseException) -> None:
        """It ends for this reason: told to who waits for it to be ready, and to whose call is under way."""
        self._settle(self._failure(problem))
        if self._program is None and not self._fault:
            self._fault = one_line(_told(problem), self._server.secrets)

    def _failure(self, problem: BaseException) -> CallError:
        """Why there is no connection: what the server says of credentials and quotas, else that it does not come up."""
        name = self._server.name
        if isinstance(problem, MCPError):
            told = failure_of(f"the server '{name}'", problem)
            if isinstance(told, AuthFailed | Forbidden | RateLimited | Overloaded):
                return told
        if isinstance(problem, NotAllowed):
            return problem
        if isinstance(problem, TimeoutError):
            why = f"it was not ready within {self._server.start.total_seconds():g} s"
        else:
            why = _told(problem)
        text = f"the server '{name}' does not come up: {why}{self.why()}"
        return ConnectFailed(one_line(text, self._server.secrets), sent=False)

    def _settle(self, failure: CallError) -> None:
        if not self._ready.done():
            self._ready.set_exception(failure)
            self._ready.exception()  # whoever waits gets it; nobody may be waiting any more

    async def _hold(self) -> None:
        about = Implementation(name=AGENT_NAME, version=version(AGENT_NAME))
        client = Client(self._transport(), client_info=about, message_handler=self._on_message, cache=None)
        async with AsyncExitStack() as entered:
            async with asyncio.timeout(self._server.start.total_seconds()):
                await entered.enter_async_context(client)
                self._session, self.said = client.session, _called(client.server_info)
                self.tools = await self.list_tools()
            if not self._ready.done():
                self._ready.set_result(None)
            over = [] if self._program is None else [self._program.over]
            await asyncio.wait([self._leave, *over], return_when=asyncio.FIRST_COMPLETED)
            self.is_lost = True

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[tuple[Any, Any]]:
        if self._server.url:
            async with connected(self._server, self._clock.now, self._flooded) as streams:
                yield streams
        else:
            async with running(self._server, self._root) as (streams, self._program):
                yield streams

    async def _on_message(self, message: ServerNotification | Exception) -> None:
        """Something that nobody asked for."""
        if isinstance(message, ToolListChangedNotification):
            self.is_stale = True
        self._unasked += 1
        if self._unasked > MOST_UNASKED:
            self._flooded()

    def _flooded(self) -> None:
        self._fault = FLOOD
        self.lose()


def _locked(tool: Tool) -> LockedTool:
    """A tool as its server describes it now."""
    claims = () if tool.annotations is None else tool.annotations.model_dump(exclude_none=True, by_alias=True).items()
    hints = [name for name, value in claims if value is True]
    return make_tool(tool.name, tool.description or "", (tool.input_schema, tool.output_schema), hints)


def _called(info: Implementation | None) -> str:
    """What a server calls itself."""
    return "" if info is None else f"{info.name} {info.version}"


def _seen(task: "asyncio.Task[Any]") -> None:
    """Nobody has to look at how a task ended."""
    if not task.cancelled():
        task.exception()


def _leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of what went wrong that says something."""
    waiting: list[BaseException] = [group]
    found: list[BaseException] = []
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        else:
            found.append(one)
    return next((one for one in found if not isinstance(one, asyncio.CancelledError)), found[0])


def _told(problem: BaseException) -> str:
    """What an exception of a library says, as far as it holds nothing that the server sent."""
    match problem:
        case CallError():
            return problem.message
        case MCPError():
            return plainly(problem.message)
        case httpx2.HTTPError():
            return in_words(f"{type(problem).__name__}: {problem}")
        case RuntimeError() if "protocol version" in str(problem):
            return str(problem)
        case ValidationError():
            return "its answer is not of the protocol"
        case anyio.BrokenResourceError() | anyio.ClosedResourceError():
            return "it answered what ends a connection"
        case _:
            return type(problem).__name__
