"""The lock of a server: what makes two tools the same, and the form of the file."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.lock import (
    MOST_DESCRIPTION,
    BadLock,
    Lock,
    LockedTool,
    action_of,
    conflicts,
    drift,
    make_tool,
    read_lock,
    write_lock,
)

SCHEMA: dict[str, Any] = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}

LOCK = write_lock(Lock("s", "", (make_tool("a", "Reads.", (SCHEMA, None)),)))

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TOOLS = st.builds(
    make_tool,
    TEXTS,
    TEXTS,
    st.tuples(
        st.just(SCHEMA) | st.dictionaries(TEXTS, st.integers() | TEXTS),
        st.none() | st.dictionaries(TEXTS, st.booleans()),
    ),
    st.lists(TEXTS, max_size=2),
)


@given(st.lists(TOOLS, max_size=5, unique_by=lambda tool: tool.action), TEXTS)
def test_a_lock_is_read_as_it_was_written(tools: list[LockedTool], said: str) -> None:
    """`read_lock(write_lock(lock)) == lock`, the tools in the order of their names."""
    ordered = tuple(sorted(tools, key=lambda tool: tool.name))
    assert Lock("s", said, ordered) == read_lock(json.loads(write_lock(Lock("s", said, tuple(tools)))))


@given(TEXTS)
def test_an_action_is_a_name_of_the_language(name: str) -> None:
    """Whatever a server calls a tool, a flow can write it."""
    assert action_of(name).isidentifier()


@pytest.mark.parametrize(
    "other",
    [
        make_tool("b", "Reads.", (SCHEMA, None)),
        make_tool("a", "Reads!", (SCHEMA, None)),
        make_tool("a", "Reads.", ({**SCHEMA, "required": []}, None)),
        make_tool("a", "Reads.", (SCHEMA, {"type": "object"})),
        make_tool("a", "Reads." + " " * MOST_DESCRIPTION + "And tells.", (SCHEMA, None)),
    ],
)
def test_the_hash_is_of_all_that_a_model_is_shown(other: LockedTool) -> None:
    """Name, whole description and both schemas make the hash; what is claimed of effects does not (case 106)."""
    one = make_tool("a", "Reads.", (SCHEMA, None))
    assert one.hash != other.hash
    assert one.hash == make_tool("a", "Reads.", (SCHEMA, None), ["readOnlyHint"]).hash


def test_the_end_of_a_long_description_is_in_the_hash_only() -> None:
    """4 KiB are kept, cut between characters; the hash is of everything (case 108)."""
    one, other = (make_tool("a", "ü" * 3_000 + end, (SCHEMA, None)) for end in ("x", "y"))
    assert one.description == other.description
    assert MOST_DESCRIPTION - 4 <= len(one.description.encode()) <= MOST_DESCRIPTION
    assert one.hash != other.hash


def test_two_tools_that_a_flow_could_not_tell_apart_are_told() -> None:
    """The same name twice, and two names that are written alike (case 107)."""
    tools = [make_tool(name, "", (SCHEMA, None)) for name in ("get-sum", "get_sum", "x", "x", "y")]
    assert ["'get-sum' and 'get_sum' are both called 'get_sum' in a flow", "two tools are called 'x' in a flow"] == (
        conflicts(tools)
    )


def test_drift_says_what_changed_what_is_gone_and_what_is_new() -> None:
    """By the server's own names."""
    now = [make_tool(name, "now", (SCHEMA, None)) for name in ("a", "b", "c")]
    found = drift({"a": now[0].hash, "b": "other", "z": "gone"}, now)
    assert (("b",), ("z",), ("c",)) == (found.changed, found.gone, found.new)
    assert not drift({tool.name: tool.hash for tool in now}, now)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "no lock of version 1"),
        ({"version": 2}, "no lock of version 1"),
        ({"version": 1}, "lists no tools"),
        ({"version": 1, "tools": [1]}, "no object"),
        ({"version": 1, "tools": [{"name": 1}]}, "'name' is to be a text"),
        ({"version": 1, "tools": [{"name": "a", "claims": []}]}, "lacks its schemas"),
        ({"version": 1, "tools": [{"name": "a", "input": {}}]}, "lacks its claims"),
        ({"version": 1, "tools": [{"name": "a", "input": {}, "claims": []}]}, "'description' is to be a text"),
        ({"version": 1, "tools": []}, "'server' is to be a text"),
        (json.loads(LOCK.replace("Reads.", "Writes.")), "the tool 'a' was changed in it after it was written"),
        (json.loads(LOCK.replace('"path"', '"file"')), "the tool 'a' was changed in it after it was written"),
    ],
)
def test_what_is_no_lock_is_refused(document: object, why: str) -> None:
    """With the reason."""
    with pytest.raises(BadLock, match=why):
        read_lock(document)
