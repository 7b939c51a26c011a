"""The client that the conformance suite of the protocol starts: our link, calling each tool once that takes numbers or
nothing. `python -m tests.agents.mcp.conform URL`, as the suite appends it."""

import asyncio
import sys
from pathlib import Path

from tests.agents.mcp.links import address, linked


async def main(url: str) -> None:
    """Look at the tools, and call them."""
    async with linked(address(url), Path.cwd()) as link:
        for tool in (await link.look()).tools:
            numbers = {name: at for at, name in enumerate(tool.input.get("properties", {}), 2)}
            answer = await link.call(f"tried.{tool.name}", tool.name, numbers)
            print(tool.name, answer.is_error, [part.model_dump(exclude_none=True) for part in answer.content])


asyncio.run(main(sys.argv[-1]))
