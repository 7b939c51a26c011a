"""500 calls at once against a real server on loopback, in real time: it never sees more than allowed (case L1).

What begins is exact on our side, but for the time in which a busy machine lets nobody here go on: between a turn and
the request that has it there may be as long a gap as the loop was ever held up. On its way one request takes longer
than another. So the windows that are looked at are shorter by the longest gap, and those of the server by the longest
way that any request took, too: what is asserted holds on any machine.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from time import monotonic

from aiohttp import web

from leadflow.agents.http import HttpKind
from leadflow.agents.transport import HttpTransport
from leadflow.events.model import Failure
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.policy import Applied, Limit, PerTime
from leadflow.plan.types import JSON
from leadflow.policies.call import Ports
from leadflow.policies.shared import Shared
from leadflow.policies.stack import Stack
from leadflow.run.adapters import SeededRng, SystemClock
from leadflow.run.ports import Agent, Answer, CallOrder, Reply, Request
from tests.agents.servers import api
from tests.agents.worlds import world
from tests.plans import Making
from tests.policies.playing import s

LIMIT, WINDOW, CALLS, BEAT, TRIES = 110, 1.0, 500, 0.001, 3


class Noting:
    """An agent, and when it was asked."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self.at: dict[str, float] = {}
        """By path."""

    async def call(self, request: Request) -> Reply:
        """Note the time, and ask."""
        self.at[str(request.args["path"])] = asyncio.get_running_loop().time()
        return await self._agent.call(request)

    async def aclose(self) -> None:
        """Nothing is held."""


def _limit(rate: PerTime) -> Applied:
    return Applied("limit", Limit((rate,)), "agent a", "")


async def _answered(outcome: Awaitable[Answer | Failure]) -> None:
    assert Answer(1) == await outcome


def most(times: Sequence[float], window: float) -> int:
    """The most of them in any window of that length, wherever it begins; a window without length has none."""
    ordered, first, found = sorted(times if window > 0 else ()), 0, 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window:
            first += 1
        found = max(found, last - first + 1)
    return found


class Heartbeat:
    """How long the loop was held up at most, by work or by the machine."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def beat(self) -> None:
        """Until it is cancelled."""
        while True:
            before = monotonic()
            await SystemClock().sleep(s(BEAT))
            self.longest = max(self.longest, monotonic() - before - BEAT)


async def flood(folder: Path) -> tuple[list[float], list[float], float, float]:
    """When calls began, when they arrived, how long the loop was held up and a call on its way, at most."""
    arrived: dict[str, float] = {}

    async def serve(request: web.BaseRequest) -> web.Response:
        arrived[request.path] = monotonic()
        return web.json_response(1)

    transport, heart = HttpTransport(), Heartbeat()
    beating = asyncio.create_task(heart.beat())
    async with api(serve) as (url, seen):
        spec = AgentSpec("a", "http", {"url": url}, (_limit(PerTime(LIMIT, s(WINDOW))),), "a", None)
        agent = Noting(HttpKind().build(spec, {}, world(folder, transport=transport)))
        flow = Making()
        flow.node("s", AgentCall("a", "get", (), JSON, False, "read", True, None))
        ports = Ports(SystemClock(), SeededRng(1), Shared())
        call = Stack({"a": spec}, {"a": agent}, ports).prepare(flow.done(), flow.done().nodes[0])
        async with asyncio.TaskGroup() as group:
            for number in range(CALLS):
                order = CallOrder(f"main/s[{number}]", {"path": f"/{number}"}, None, "run", None, lambda event: None)
                group.create_task(_answered(call(order)))
    beating.cancel()
    await transport.aclose()
    assert CALLS == len(seen.requests) == len(agent.at)
    way = max(arrived[path] - begun for path, begun in agent.at.items())
    return list(agent.at.values()), list(arrived.values()), heart.longest, way


async def test_l1_no_window_of_a_real_server_has_too_much(tmp_path: Path) -> None:
    """L1: of 500 calls at once no more than 110 begin within any second, and the server sees it so, too."""
    for _ in range(TRIES):  # on a machine that stands still there is nothing to be seen
        begun, arrived, held, way = await flood(tmp_path)
        if held + way < WINDOW / 2:
            break
    assert most(begun, WINDOW - held) <= LIMIT
    assert most(arrived, WINDOW - held - way) <= LIMIT


def test_too_much_would_be_found() -> None:
    """Windows begin anywhere, and are open at one end."""
    assert [1, 2, 3] == [most([0.0, 1.0, 1.5, 2.4], window) for window in (0.1, 1.0, 1.5)]
