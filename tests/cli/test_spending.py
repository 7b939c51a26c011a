"""What models cost, as `run`, `runs show` and `Result` tell it, against the request journal of the model double."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest

import leadflow
from leadflow.events.model import CallUsed, Usage
from leadflow.plan.types import Money
from tests.doubles import LlmDouble
from tests.examples.running import leadflow as command

pytestmark = pytest.mark.node

FLOW = """leadflow 1

type Verdict { topic: "bug" | "other" }

@retry(3, backoff: 1ms)
agent fast: openai {
  model: "m-1"  base_url: "URL"  price: { input: $0.3, output: $1.7 }  max_tokens: 50
}
agent deep: openai { model: "m-2"  base_url: "URL"  api: "responses"  price: { input: $1.1, output: $9.9 } }
agent calm: anthropic { model: "m-3"  base_url: "URL"  price: { input: $3, output: $15 }  max_tokens: 50 }
agent free: openai { model: "m-4"  base_url: "URL" }

flow inner(mail: string) -> string {
  step words = deep.ask("Answer ${mail}")
  return words
}

flow main(mail: string) -> { topic: string, words: string, calm: string } {
  step verdict: Verdict = fast.ask("Classify ${mail}")
  step words = inner(mail)
  step quiet = calm.ask("Calm ${mail}")
  return { topic: verdict.topic, words: words, calm: quiet }
}

flow priceless(mail: string) -> string {
  step words = free.ask("Answer ${mail}")
  return words
}
"""
PRICES = {"m-1": (300_000, 1_700_000), "m-2": (1_100_000, 9_900_000), "m-3": (3_000_000, 15_000_000)}


def usage(read: int, written: int) -> dict[str, int]:
    """What the double says that a request used, in the words of all three wires."""
    names = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return {**names, "input_tokens": read, "output_tokens": written}


@pytest.fixture
def flow(tmp_path: Path, llm_double: LlmDouble) -> Path:
    """A flow of three wires; the first request gets a 429, the answer to the second one does not fit."""
    file = tmp_path / "main.flow"
    file.write_text(FLOW.replace("URL", llm_double.base_url), "utf-8")
    first, second = ({"userMessage": "Classify", "sequenceIndex": at} for at in (0, 1))
    llm_double.answer(first, {"error": {"message": "x"}, "status": 429})
    llm_double.answer(second, {"content": '{"topic": "weather"}', "usage": usage(1_003, 17)})
    llm_double.answer({"userMessage": "asked form"}, {"content": '{"topic": "bug"}', "usage": usage(1_207, 11)})
    llm_double.answer({"userMessage": "Answer"}, {"content": "words", "usage": usage(333, 77)})
    llm_double.answer({"userMessage": "Calm"}, {"content": "quiet", "usage": usage(501, 13)})
    return file


def journal_cost(double: LlmDouble, told: dict[str, tuple[int, int]]) -> int:
    """What the requests that the double answered cost, each rounded up to a millionth of a dollar."""
    cost = 0
    for request in double.requests():
        if request["response"]["status"] == 200:
            model = request["body"]["model"]
            body = json.dumps(request["body"])
            read, written = next(tokens for words, tokens in told.items() if words in body)
            price = PRICES[model]
            cost += -(-(read * price[0] + written * price[1]) // 1_000_000)
    return cost


TOLD = {"asked form": (1_207, 11), "Classify": (1_003, 17), "Answer": (333, 77), "Calm": (501, 13)}


def test_the_cost_of_a_run_is_that_of_the_requests_that_were_answered(flow: Path, llm_double: LlmDouble) -> None:
    """To the millionth of a dollar: a wrong answer costs, a 429 does not, sub-flows and all three wires are in it."""
    result = asyncio.run(leadflow.load(flow).run("main", {"mail": "Hi"}, leadflow.RunOptions(durable=False)))
    assert {"topic": "bug", "words": "words", "calm": "quiet"} == result.unwrap()
    assert 5 == len(llm_double.requests())
    wanted = journal_cost(llm_double, TOLD)
    assert Money(wanted) == result.cost
    read, written = (sum(tokens[at] for tokens in TOLD.values()) for at in (0, 1))
    assert Usage(read, written, 0, 0) == result.usage
    events = [entry.event for entry in result.entries if isinstance(entry.event, CallUsed)]
    by_path = {"main/verdict": 2, "main/words/words": 1, "main/quiet": 1}
    assert by_path == {path: sum(event.path == path for event in events) for path in by_path}


def test_run_and_runs_show_tell_it(flow: Path, llm_double: LlmDouble) -> None:
    """`run` says it at its end, `runs show` step by step and in all."""
    ran = command("run", str(flow), "main", "--input", "mail=Hi")
    assert 0 == ran.code
    micros = journal_cost(llm_double, TOLD)
    whole = f"models: 4 requests, 3,044 tokens in, 118 out, $0.{micros:06d}"
    assert whole in ran.stderr.splitlines()
    run = re.findall(r"run (\S+) of main", ran.stderr)[0]
    shown = command("runs", "show", run, "--in", str(flow.parent)).stdout
    assert whole in shown
    assert re.search(r"verdict .*3 attempts  2,210 \+ 28 tokens, \$0\.00", shown)
    assert re.search(r"quiet .*501 \+ 13 tokens, \$0\.001698", shown)


def test_9_an_unknown_price_is_not_nothing(flow: Path, llm_double: LlmDouble) -> None:
    """Case $9: no price is known for the model of a compatible server, so none is told."""
    ran = command("run", str(flow), "priceless", "--input", "mail=Hi", "--no-journal")
    assert 0 == ran.code
    assert "models: 1 request, 333 tokens in, 77 out, cost unknown" in ran.stderr.splitlines()
    result = asyncio.run(leadflow.load(flow).run("priceless", {"mail": "Hi"}, leadflow.RunOptions(durable=False)))
    assert (None, Usage(333, 77, 0, 0)) == (result.cost, result.usage)
    shutil.rmtree(flow.parent / ".leadflow", ignore_errors=True)
