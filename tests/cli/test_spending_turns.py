"""Costs to the millionth of a dollar, further in: loops of tools on each wire, retries inside of them, caches.

What the double can say is compared with its own journal of requests. It cannot speak of caches and of reasoning: there
the provider is a server of ours, the wires are the real ones, and the prices the published ones, computed by hand.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web

import leadflow
from leadflow.agents.models import endpoint
from leadflow.cli.views.spending import words
from leadflow.events.fold import fold
from leadflow.events.model import CallUsed, Usage
from leadflow.plan.types import Money
from leadflow.run.driver import Result
from tests.agents.servers import api
from tests.cli.test_spending import usage
from tests.doubles import LlmDouble

Json = dict[str, Any]

AGENTS = {
    "chat": 'openai { model: "m-1"  base_url: "URL"',
    "responses": 'openai { model: "m-1"  base_url: "URL"  api: "responses"',
    "messages": 'anthropic { model: "m-1"  base_url: "URL"',
}
LOOP = """leadflow 1

@retry(3, backoff: 1ms)
agent fast: AGENT  price: { input: $0.3, output: $1.7 }  max_tokens: 50  tools: [look, ask_other] }
agent other: openai { model: "m-2"  base_url: "URL"  price: { input: $1.1, output: $9.9 }  max_tokens: 50 }
@read tool look(name: string) -> string = python("desk:look")

## Asks somebody else.
flow ask_other(about: string) -> string {
  step words = other.ask("Other ${about}")
  return words
}

flow main() -> string {
  step answer = fast.ask("Begin")
  return answer
}
"""
TURNS = [(1_003, 17), (1_207, 23), (1_409, 11)]
OTHER = (333, 77)


def micros(tokens: tuple[int, int], price: tuple[int, int]) -> int:
    """The price of one request, rounded up."""
    return -(-(tokens[0] * price[0] + tokens[1] * price[1]) // 1_000_000)


@pytest.mark.node
@pytest.mark.parametrize("wire", AGENTS)
def test_the_cost_of_a_loop_is_that_of_its_requests(wire: str, tmp_path: Path, llm_double: LlmDouble) -> None:
    """Each turn, a retry inside of the loop, and what a flow that is a tool asks: as the double's journal has it."""
    base = llm_double.base_url
    (tmp_path / "main.flow").write_text(LOOP.replace("AGENT", AGENTS[wire]).replace("URL", base), "utf-8")
    (tmp_path / "desk.py").write_text("def look(name: str) -> str:\n    return name\n")
    at = iter(range(9))
    uses = [{"name": "look", "arguments": {"name": "a"}}], [{"name": "ask_other", "arguments": {"about": "b"}}]
    begin = {"model": "m-1"}
    llm_double.answer({**begin, "sequenceIndex": next(at)}, {"toolCalls": uses[0], "usage": usage(*TURNS[0])})
    llm_double.answer({**begin, "sequenceIndex": next(at)}, {"error": {"message": "x"}, "status": 429})
    llm_double.answer({**begin, "sequenceIndex": next(at)}, {"toolCalls": uses[1], "usage": usage(*TURNS[1])})
    llm_double.answer({**begin, "sequenceIndex": next(at)}, {"error": {"message": "x"}, "status": 500})
    llm_double.answer({**begin, "sequenceIndex": next(at)}, {"content": "done", "usage": usage(*TURNS[2])})
    llm_double.answer({"model": "m-2"}, {"content": "words", "usage": usage(*OTHER)})
    result = asyncio.run(leadflow.load(tmp_path / "main.flow").run("main", {}, leadflow.RunOptions(durable=False)))
    assert "done" == result.unwrap()
    answered = [one["body"]["model"] for one in llm_double.requests() if one["response"]["status"] == 200]
    assert {"m-1": 3, "m-2": 1} == {model: answered.count(model) for model in answered}
    wanted = sum(micros(turn, (300_000, 1_700_000)) for turn in TURNS) + micros(OTHER, (1_100_000, 9_900_000))
    assert Money(wanted) == result.cost
    assert (sum(turn[0] for turn in [*TURNS, OTHER]), sum(turn[1] for turn in [*TURNS, OTHER])) == (
        result.usage.input_tokens,
        result.usage.output_tokens,
    )
    used = [entry.event for entry in result.entries if isinstance(entry.event, CallUsed)]
    assert wanted == sum(event.money or 0 for event in used)
    by_step = {path: node.used.money for path, node in fold(result.entries).all_nodes() if node.used is not None}
    assert micros(OTHER, (1_100_000, 9_900_000)) == by_step.pop("main/answer~tools[1]/ask_other/words")
    assert [wanted - micros(OTHER, (1_100_000, 9_900_000))] == list(by_step.values())


IN, OUT = {"cached_tokens": 600}, {"reasoning_tokens": 40}
CHAT = {"prompt_tokens": 1_000, "prompt_tokens_details": IN, "completion_tokens": 100, "completion_tokens_details": OUT}
RESPONSES = {"input_tokens": 1_000, "input_tokens_details": IN, "output_tokens": 100, "output_tokens_details": OUT}
MESSAGES = {
    "input_tokens": 100,
    "cache_read_input_tokens": 600,
    "cache_creation_input_tokens": 300,
    "output_tokens": 50,
}
LONG = {**MESSAGES, "cache_read_input_tokens": 199_601}
PUBLISHED: Mapping[str, tuple[str, Json, int, Usage]] = {
    # gpt-5-mini: $0.25 in, $0.025 out of the cache, $2 out; reasoning is written, and in those 100 already
    "chat": ("gpt-5-mini", CHAT, 100 + 15 + 200, Usage(1_000, 100, 600, 0)),
    "responses": ("gpt-5-mini", RESPONSES, 100 + 15 + 200, Usage(1_000, 100, 600, 0)),
    # claude-sonnet-4-5: $3 in, $0.30 out of the cache, $3.75 into it, $15 out
    "messages": ("claude-sonnet-4-5", MESSAGES, 300 + 180 + 1_125 + 750, Usage(1_000, 50, 600, 300)),
    # the same above 200,000 tokens: $6, $0.60, $7.50 and $22.50
    "long": ("claude-sonnet-4-5", LONG, 600 + 119_761 + 2_250 + 1_125, Usage(200_001, 50, 199_601, 300)),
}
SAID: Mapping[str, Json] = {
    "chat": {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]},
    "responses": {
        "status": "completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}],
    },
    "messages": {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"},
}


@pytest.mark.parametrize("case", PUBLISHED)
def test_caches_and_reasoning_cost_what_is_published(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens of the cache at their own prices, those of reasoning once, long prompts at theirs."""
    model, told, wanted, used = PUBLISHED[case]
    wire = "messages" if case == "long" else case
    kind = "anthropic" if wire == "messages" else "openai"
    homes = cast("dict[str, endpoint.Home]", endpoint.HOMES)

    async def serve(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({**SAID[wire], "usage": told})

    async def main() -> Result:
        async with api(serve) as (url, _):
            home = homes[kind]
            monkeypatch.setitem(homes, kind, endpoint.Home(url, home.limit, home.key_header, home.key_prefix))
            return await leadflow.load(tmp_path / "main.flow").run("main", {}, leadflow.RunOptions(durable=False))

    more = '  api: "responses"' if wire == "responses" else ""
    agent = f'agent fast: {kind} {{ model: "{model}"  max_tokens: 50{more} }}'
    flow = 'flow main() -> string {\n  step answer = fast.ask("Hi")\n  return answer\n}\n'
    (tmp_path / "main.flow").write_text(f"leadflow 1\n\n{agent}\n\n{flow}", "utf-8")
    result = asyncio.run(main())
    assert ("Hi", Money(wanted), used) == (result.unwrap(), result.cost, result.usage)
    parts = [f"{used.cached_tokens:,} cached"] + ["300 put into the cache"] * bool(used.stored_tokens)
    assert f"{used.input_tokens:,} tokens in ({', '.join(parts)}), " in words(result.used)
