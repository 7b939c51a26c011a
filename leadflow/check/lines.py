"""Whose calls go through one line: agents that ask one upstream and say the same of it (case B11), and models that are
asked beside the line of another agent, though their provider counts both together."""

from collections.abc import Hashable
from typing import TypeAlias

from leadflow.check.messages.timing import beside_the_limit, no_answer_fits
from leadflow.check.program import Agent, Program
from leadflow.plan.policy import Limit, policy_of
from leadflow.plan.settings import upstream_of
from leadflow.plan.words import per_words

COUNTED = frozenset({"limit", "concurrency"})
"""Policies that say how much an upstream takes."""

Lines: TypeAlias = dict[Hashable, tuple[int, str]]
"""By what makes agents share, the first of them and when it came."""


def sharing(agent: Agent, lines: Lines) -> str:
    """The first agent whose upstream, with what that takes and has seen, is this one's, too: it asks the same, and this
    one was made from it or, of a model, has the same written on it, whose provider counts them together.

    Args:
        lines: those of the agents before; this one's is added.
    """
    asked = _asked(agent)
    says = frozenset(applied.policy for applied in agent.shared) if "model" in agent.settings else None
    ways: list[Hashable] = [(asked, agent.family), *([(asked, says)] if says else [])]
    first = min((lines[way] for way in ways if way in lines), default=(len(lines), agent.key))
    for way in ways:
        lines.setdefault(way, first)
    return first[1]


def report_beside(program: Program) -> None:
    """Report models without a limit that are asked beside one that has it: half a limit holds nobody back."""
    models = [
        (agent, _asked(agent), _counted(agent))
        for agent in program.agents.values()
        if "model" in agent.settings and agent.tool is None and not agent.missing
    ]
    limited: dict[Hashable, tuple[Agent, list[str]]] = {}
    for agent, asked, counted in models:
        if counted:
            limited.setdefault(asked, (agent, counted))
    for agent, asked, counted in models:
        if counted or asked not in limited or agent.span is None:
            continue
        other, held = limited[asked]
        program.report(beside_the_limit(agent.span, agent.name, other=other.name, policies=held, declared=other.span))


def report_too_small(program: Program) -> None:
    """Report models one answer of which may take as much as their limit allows, or more: a request has tokens of its
    own, so no attempt ever begins (case L6). A call that writes a smaller `max_tokens` could; that is why it is no
    error."""
    for agent in program.agents.values():
        limit, most = policy_of(agent.shared, Limit), agent.settings.get("max_tokens")
        tokens = None if limit is None else limit.tokens
        if "model" not in agent.settings or most is None or tokens is None or type(most.folded) is not int:
            continue
        span = most.value.span
        if most.folded >= tokens.amount and program.once("no_answer_fits", f"{span} {tokens}"):
            told = f"{tokens.amount:,} per {per_words(tokens.period)}"
            program.report(no_answer_fits(span, agent.name, most=most.folded, limit=told))


def _asked(agent: Agent) -> Hashable:
    return upstream_of(agent.kind_name, {name: setting.folded for name, setting in agent.settings.items()})


def _counted(agent: Agent) -> list[str]:
    return [policy.name for policy in agent.shared if policy.name in COUNTED]
