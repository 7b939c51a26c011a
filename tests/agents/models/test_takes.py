"""What an endpoint takes: said by an agent, or for all agents of a model by the operator."""

from dataclasses import replace
from pathlib import Path

import pytest

from leadflow.agents.registry import find_kinds
from leadflow.plan.plan import AgentSpec, SettingValue
from leadflow.plan.types import INT, FieldType, RecordType
from leadflow.run.errors import NotAllowed
from leadflow.run.ports import Agent
from tests.agents.models.asking import Watching, asked
from tests.agents.worlds import world
from tests.doubles import LlmDouble

SCORE = RecordType((FieldType("score", INT),))


def built(transport: Watching, operators: dict[str, bool | str], **settings: SettingValue) -> Agent:
    """An agent of the model `m-1`, of which the operator says that."""
    spec = AgentSpec("fast", "openai", {"model": "m-1", "max_tokens": 50, **settings}, (), "f", None)
    made = replace(world(Path(), transport=transport), takes={"m-1": operators, "m-2": {"tools": False}})
    return find_kinds(()).kinds["openai"].build(spec, {}, made)


@pytest.mark.node
@pytest.mark.parametrize(
    ("operators", "own", "has_schema", "limit"),
    [
        ({}, {}, True, "max_tokens"),
        ({"schemas": False, "limit": "max_completion_tokens"}, {}, False, "max_completion_tokens"),
        ({"schemas": False, "limit": "max_completion_tokens"}, {"schemas": True}, True, "max_completion_tokens"),
        ({"schemas": True}, {"schemas": False, "limit": None}, False, "max_tokens"),
    ],
)
async def test_an_agent_goes_before_the_operator_word_by_word(
    operators: dict[str, bool | str],
    own: dict[str, bool | str | None],
    has_schema: bool,
    limit: str,
    llm_double: LlmDouble,
    transport: Watching,
) -> None:
    """What neither says is as the kind of endpoint has it."""
    llm_double.answer({}, {"content": '{"score": 1}'})
    agent = built(transport, operators, base_url=llm_double.base_url, takes=own)
    await agent.call(asked(result=SCORE, prompt="?"))
    (body,) = transport.sent
    assert (has_schema, 50) == ("response_format" in body, body[limit])


@pytest.mark.parametrize(
    ("operators", "own", "where"),
    [
        ({"tools": False}, {}, r'\[takes\."m-1"\] of leadflow\.toml says'),
        ({}, {"tools": False}, "its `takes` says"),
        ({"tools": False}, {"tools": False}, "its `takes` says"),
    ],
)
def test_who_says_that_there_are_no_tools_is_named(
    operators: dict[str, bool | str], own: dict[str, bool | str], where: str
) -> None:
    """The mistake is mended where it was said."""
    with pytest.raises(NotAllowed, match=f"agent 'fast' has tools, and {where} that its endpoint takes none"):
        built(Watching(), operators, tools=("crm.get",), takes=own)
