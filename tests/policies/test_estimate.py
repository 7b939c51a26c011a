"""How many tokens an attempt takes at most, against what the agent itself counts and sends."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.agents.registry import find_kinds
from leadflow.plan.plan import AgentCall, AgentSpec, SettingValue
from leadflow.plan.tokens import PER_MESSAGE, PER_REQUEST, text_tokens
from leadflow.plan.types import (
    FLOAT,
    INT,
    JSON,
    STRING,
    FieldType,
    Length,
    ListType,
    MapType,
    OptionalType,
    Pattern,
    Range,
    RecordType,
    Type,
    Value,
)
from leadflow.policies.estimate import Estimate, estimator
from leadflow.run.errors import ConnectFailed
from leadflow.run.ports import Request, Streamed
from tests.agents.worlds import world

TICKET = RecordType((FieldType("topic", STRING), FieldType("urgency", INT)), "Ticket")


KINDS = find_kinds(()).kinds
NARROW = RecordType(
    (
        FieldType("share", FLOAT, constraints=(Range(0, 1),), doc="how much"),
        FieldType("codes", ListType(STRING), constraints=(Length(1, 9),)),
        FieldType("code", OptionalType(STRING), constraints=(Pattern("[A-Z]+"), Length(2, 3))),
    ),
    "Narrow",
)
SHAPES = st.sampled_from([STRING, TICKET, NARROW, ListType(NARROW), JSON, MapType(INT)])
PLAIN: dict[str, SettingValue] = {"schemas": False}
SPEAKERS: list[tuple[str, dict[str, SettingValue]]] = [
    ("openai", {}),
    ("openai", {"takes": PLAIN}),
    ("openai", {"api": "responses", "prompt_cache": True}),
    ("anthropic", {"max_tokens": 9, "prompt_cache": True}),
    ("anthropic", {"max_tokens": 9, "takes": PLAIN}),
]
"""All wires, with a field for schemas and without."""


def model(**settings: SettingValue) -> AgentSpec:
    """An agent of the kind `openai`."""
    return AgentSpec("fast", "openai", {"model": "m-1", **settings}, (), "fast", None)


def call(action: str = "ask", result: Type = STRING) -> AgentCall:
    """A call whose arguments come later."""
    return AgentCall("fast", action, (), result, result != STRING, "read", True, None)


class Cut:
    """A transport that keeps what it is to send, and sends nothing."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        idle: timedelta | None = None,
    ) -> AsyncIterator[Streamed]:
        """Keep the body."""
        self.bodies.append(body or b"")
        raise ConnectFailed("cut")
        yield

    async def aclose(self) -> None:
        """Nothing is open."""


def sent(spec: AgentSpec, work: AgentCall, args: Mapping[str, Value], repair: str | None) -> dict[str, Any]:
    """What the agent sends for an attempt.

    Raises:
        NotAllowed: it counts more tokens than it may.
    """
    cut = Cut()
    agent = KINDS[spec.kind].build(spec, {}, world(Path(), transport=cut))
    request = Request(work.action, args, work.result, work.declared, "run", "f/s", 1, None, True, None, repair)
    with pytest.raises(ConnectFailed):
        asyncio.run(agent.call(request))
    told: dict[str, Any] = json.loads(cut.bodies[0])
    return told


TEXTS = st.text(max_size=60)
MESSAGES = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXTS})


@given(TEXTS, st.none() | TEXTS, st.none() | TEXTS, st.sampled_from([STRING, TICKET]), st.none() | TEXTS)
def test_a_question_never_has_more_tokens_than_its_estimate(
    prompt: str, ours: str | None, own: str | None, result: Type, repair: str | None
) -> None:
    """What the agent counts fits into the estimate, and so does every byte of every text that it sends."""
    settings: dict[str, SettingValue] = {} if ours is None else {"system": ours}
    args: dict[str, Value] = {"prompt": prompt} if own is None else {"prompt": prompt, "system": own}
    work = call(result=result)
    estimate = estimator(model(**settings), work)(args, repair is not None)
    assert estimate.is_bound
    told = sent(model(**settings, max_input_tokens=estimate.input), work, args, repair)
    assert sum(text_tokens(message["content"]) for message in told["messages"]) <= estimate.input


def read_by(body: Any) -> list[str]:
    """All that a model reads of a body: its texts, and its schema as one."""
    if isinstance(body, dict):
        schemas = [json.dumps(inner) for name, inner in body.items() if name == "schema"]
        texts = [inner for name, inner in body.items() if name in _READ and isinstance(inner, str)]
        rest = (inner for name, inner in body.items() if name != "schema")
        return [*schemas, *texts, *(found for inner in rest for found in read_by(inner))]
    return [found for inner in body for found in read_by(inner)] if isinstance(body, list) else []


_READ = ("content", "text", "system", "instructions")


@pytest.mark.parametrize(("kind", "own"), SPEAKERS)
@given(TEXTS, st.none() | TEXTS, SHAPES, st.none() | TEXTS)
def test_no_wire_sends_more_than_the_estimate(
    kind: str, own: dict[str, SettingValue], prompt: str, system: str | None, result: Type, repair: str | None
) -> None:
    """Whatever speaks: the agent's own count fits, and so does every byte of what its model reads."""
    settings: dict[str, SettingValue] = {"model": "m-1", **own} | ({} if system is None else {"system": system})
    work, args = call(result=result), {"prompt": prompt}
    estimate = estimator(AgentSpec("fast", kind, settings, (), "fast", None), work)(args, repair is not None)
    limited = AgentSpec("fast", kind, {**settings, "max_input_tokens": estimate.input}, (), "fast", None)
    body = sent(limited, work, args, repair)
    assert sum(map(text_tokens, read_by(body))) <= estimate.input


@given(st.lists(MESSAGES, min_size=1, max_size=4))
def test_a_history_never_has_more_tokens_than_its_estimate(history: list[dict[str, str]]) -> None:
    """All of its messages are counted."""
    args: dict[str, Value] = {"history": tuple(history)}
    estimate = estimator(model(), call("chat"))(args, False)
    assert estimate.is_bound
    sent(model(max_input_tokens=estimate.input), call("chat"), args, None)


@given(TEXTS)
def test_an_embedding_writes_nothing(text: str) -> None:
    """What it reads is counted, and a vector has no tokens."""
    estimate = estimator(model(max_tokens=9), call("embed"))({"text": text}, False)
    assert 0 == estimate.output
    sent(model(max_input_tokens=estimate.input), call("embed"), {"text": text}, None)


@pytest.mark.parametrize(
    ("settings", "args", "output"),
    [
        ({}, {}, None),
        ({"max_tokens": 50}, {}, 50),
        ({"max_tokens": 50}, {"max_tokens": 7}, 7),
        ({"max_tokens": 50}, {"max_tokens": -7}, 0),
        ({"max_tokens": 50}, {"max_tokens": None}, None),
    ],
)
def test_an_answer_is_as_long_as_max_tokens_allows(
    settings: dict[str, SettingValue], args: dict[str, Value], output: int | None
) -> None:
    """The call's own word goes before the agent's; without either nobody knows."""
    assert output == estimator(model(**settings), call())({"prompt": "Hi", **args}, False).output


def test_a_request_is_no_longer_than_the_agent_allows() -> None:
    """A longer one is never sent, so it reserves no more."""
    assert 100 == estimator(model(max_input_tokens=100), call())({"prompt": "x" * 1000}, False).input


def test_a_picture_has_no_bound() -> None:
    """Nobody can count what is no text; what is known of it is counted all the same."""
    picture: Value = {"role": "user", "content": ({"type": "image_url", "image_url": {"url": "http://x/y.png"}},)}
    told: Value = {"role": "user", "content": "What is it?"}
    estimate = estimator(model(), call("chat"))({"history": (told, picture)}, False)
    assert not estimate.is_bound
    assert estimate.input > PER_REQUEST + 2 * PER_MESSAGE + len("What is it?") + len("http://x/y.png")


def test_a_function_has_no_bound() -> None:
    """What is no model is counted by its arguments, which say little of what it takes."""
    spec = AgentSpec("desk", "python", {"module": "desk.py"}, (), "desk", None)
    args: dict[str, Value] = {"0": "é", "limit": 12, "tags": ("a",)}
    assert Estimate(2 + 2 + 5, None, is_bound=False) == estimator(spec, call("look"))(args, False)
