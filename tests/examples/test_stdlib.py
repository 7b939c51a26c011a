"""The standard library: its flows give what their documentation says, its agents can be derived."""

from pathlib import Path

import pytest

import leadflow
from tests.doubles import LlmDouble

PATTERNS = """
leadflow 1
use std.patterns (majority, best, Scored)

flow vote(votes: list[string]) -> string? {
  step winner = majority(votes: votes)
  return winner
}

flow choose(candidates: list[Scored]) -> string? {
  step winner = best(candidates: candidates)
  return winner?.text
}
"""

REVIEW = """
leadflow 1
use std.agents (reviewer)

agent lead: reviewer { model: "gpt-5"  base_url: "URL"  tools: reviewer.tools }

flow judge(draft: string) -> { score: float, notes: string } {
  step review: { score: float, notes: string } = lead.ask("Judge this: ${draft}")
  return review
}
"""


def program(folder: Path, text: str) -> leadflow.Program:
    """A program out of one file."""
    file = folder / "main.flow"
    file.write_text(text.lstrip(), "utf-8")
    return leadflow.load(file)


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        (["a", "b", "b"], "b"),
        (["b", "a", "a", "b"], "b"),
        (["only"], "only"),
        ([], None),
    ],
)
async def test_majority(tmp_path: Path, votes: list[str], winner: str | None) -> None:
    """The most frequent vote wins, of equals the one given first; nobody wins without votes."""
    result = await program(tmp_path, PATTERNS).run("vote", {"votes": votes})
    assert (leadflow.Status.DONE, winner) == (result.status, result.value)


@pytest.mark.parametrize(
    ("scores", "winner"),
    [([0.1, 0.9, 0.5], "1"), ([0.4, 0.9, 0.9], "1"), ([], None)],
)
async def test_best(tmp_path: Path, scores: list[float], winner: str | None) -> None:
    """The highest score wins, of equals the first; nobody wins without candidates."""
    candidates = [{"text": str(at), "score": score} for at, score in enumerate(scores)]
    result = await program(tmp_path, PATTERNS).run("choose", {"candidates": candidates})
    assert (leadflow.Status.DONE, winner) == (result.status, result.value)


@pytest.mark.node
async def test_reviewer(tmp_path: Path, llm_double: LlmDouble) -> None:
    """A derived reviewer brings the template's instructions to the model that it names itself."""
    llm_double.answer(
        {"systemMessage": "You review drafts", "model": "gpt-5"}, {"content": '{"score": 0.5, "notes": "shorter"}'}
    )
    result = await program(tmp_path, REVIEW.replace("URL", llm_double.base_url)).run("judge", {"draft": "Hello"})
    assert {"score": 0.5, "notes": "shorter"} == result.value


def test_reviewer_is_abstract(tmp_path: Path) -> None:
    """The template has no model: calling it is an error that says so."""
    flow = 'leadflow 1\nuse std.agents (reviewer)\nflow f() -> string { step x = reviewer.ask("?") return x }\n'
    with pytest.raises(leadflow.CheckFailed, match="model"):
        program(tmp_path, flow)
