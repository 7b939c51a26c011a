"""The kind `process`: only what the operator allows, arguments behind its argv, and outputs as JSON or text."""

import sys
from pathlib import Path

import pytest

from leadflow.agents.process import ProcessKind
from leadflow.agents.spawner import ProcessSpawner
from leadflow.plan.plan import AgentSpec
from leadflow.plan.types import JSON, STRING, Type, Value
from leadflow.run.errors import BadResponse, NotAllowed, ProcessFailed
from leadflow.run.ports import Agent, Request
from tests.agents.worlds import world

ECHO = "import json, sys; print(json.dumps([sys.argv[1:], sys.stdin.read()]))"


def agent(root: Path, code: str, command: str = "tool") -> Agent:
    """The agent `tool`, whose command is a small Python program."""
    commands = {"tool": (sys.executable, "-S", "-c", code), "lint": ("ruff",)}
    spec = AgentSpec("tool", "process", {"command": command}, (), "tool", None)
    return ProcessKind().build(
        spec, {}, world(root, spawner=ProcessSpawner(), commands=commands, secrets={"K": "s3cret"})
    )


def ask(result: Type = JSON, **args: Value) -> Request:
    """One attempt of `tool.run(…)`."""
    return Request("run", args, result, result != JSON, "run", "f/s", 1, None, False, None)


async def test_arguments_and_input_arrive(tmp_path: Path) -> None:
    """A text is the input as it is; all else is JSON."""
    tool = agent(tmp_path, ECHO)
    assert (await tool.call(ask(args=("a b", "$HOME")))).value == [["a b", "$HOME"], ""]
    assert (await tool.call(ask(input="héllo"))).value == [[], "héllo"]
    assert (await tool.call(ask(input={"n": 1}))).value == [[], '{"n":1}']


async def test_a_step_may_take_text(tmp_path: Path) -> None:
    """With the type `string`, the output is taken as it is."""
    assert (await agent(tmp_path, "print('hi')").call(ask(STRING))).value == "hi\n"
    with pytest.raises(BadResponse, match="declare the step's type `string`"):
        await agent(tmp_path, "print('hi')").call(ask())


async def test_no_output_is_none(tmp_path: Path) -> None:
    """A program that says nothing gives none."""
    assert (await agent(tmp_path, "").call(ask())).value is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(4)", r"tool\.run ended with code 4$"),
        ("import sys; sys.exit('no key s3cret')", r"ended with code 1: no key \*\*\*"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
    ],
)
async def test_a_failed_program_says_how(tmp_path: Path, code: str, said: str) -> None:
    """The code and the last line of its errors, secrets blotted out."""
    with pytest.raises(ProcessFailed, match=said):
        await agent(tmp_path, code).call(ask())


def test_only_allowed_commands_run(tmp_path: Path) -> None:
    """The message names what is allowed and where to add to it."""
    with pytest.raises(NotAllowed, match=r"'rm' is not allowed; leadflow\.toml allows lint, tool"):
        agent(tmp_path, "", "rm")


async def test_a_nul_in_an_argument_is_refused(tmp_path: Path) -> None:
    """An argument ends at a NUL, so it may hold none."""
    with pytest.raises(NotAllowed, match="NUL"):
        await agent(tmp_path, ECHO).call(ask(args=("a\0b",)))
