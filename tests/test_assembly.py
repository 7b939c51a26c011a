"""Before a run starts everything is looked at; after it everything is closed."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from leadflow.agents.registry import Registry, find_kinds
from leadflow.assembly import StartProblem, make_ready
from leadflow.events.model import Entry
from leadflow.pipeline import compile_source
from leadflow.plan.kinds import ActionRow, Kind, SettingRow
from leadflow.plan.plan import AgentSpec
from leadflow.plan.policy import Limit
from leadflow.plan.types import INT
from leadflow.run.driver import Result
from leadflow.run.errors import CallError, NotAllowed
from leadflow.run.ports import Agent, Reply, Request, Uses, World
from leadflow.runs import RunOptions, run_plan
from leadflow.settings import Project, Settings


class Counter:
    """An agent that notes what happens to it."""

    def __init__(self, name: str, log: list[str], *, breaks: bool, fails: bool) -> None:
        self._name, self._log, self._breaks, self._fails = name, log, breaks, fails

    async def call(self, request: Request) -> Reply:
        """Answers 1, or fails where it is told to."""
        self._log.append(f"call {self._name}")
        if self._fails:
            raise CallError("broken")
        return Reply(1)

    async def aclose(self) -> None:
        """Breaks where it is told to."""
        self._log.append(f"close {self._name}")
        if self._breaks:
            raise OSError(f"{self._name} does not close")


class CounterKind:
    """A kind whose agents cannot be built when their setting is 0, cannot be closed when it is 2, and fail at 3."""

    row = Kind(
        "test.counter",
        (SettingRow("mode", INT, required=True),),
        {"one": ActionRow("one", (), INT, "read", declared=False)},
    )

    def __init__(self) -> None:
        self.log: list[str] = []

    def build(self, spec: AgentSpec, uses: Uses, world: World) -> Agent:
        """An agent."""
        self.log.append(f"build {spec.name} for {', '.join(uses)}")
        if spec.settings["mode"] == 0:
            raise NotAllowed(f"agent '{spec.name}' is out of order")
        mode = spec.settings["mode"]
        return Counter(spec.name, self.log, breaks=mode == 2, fails=mode == 3)


FLOWS = """leadflow 1
agent a: test.counter { mode: 1 }
agent b: test.counter { mode: 1 }
agent other: test.counter { mode: 0 }
flow main() -> int {
  @fallback(b) step x: int = a.one()
  return x
}
flow unused() -> int {
  step x: int = other.one()
  return x
}
"""


def run(
    source: str, kind: CounterKind, flow: str = "main", *, seen: list[Entry] | None = None, zone: str | None = None
) -> Result:
    """Run a flow of a text with the kind; with a zone, all limits per day are counted there."""
    built_in = find_kinds(())
    registry = Registry({**built_in.kinds, "test.counter": kind}, ())
    plan, report = compile_source("main.flow", source, catalogue=registry.catalogue)
    assert plan is not None, list(report)
    if zone is not None:
        plan = replace(plan, agents={name: _moved(spec, zone) for name, spec in plan.agents.items()})
    project = Project(Path.cwd(), Settings())
    options = RunOptions(observers=[] if seen is None else [seen.append], durable=False)
    inputs: Mapping[str, object] = {}
    return asyncio.run(run_plan(plan, flow, inputs, project, registry, options))


def _moved(spec: AgentSpec, zone: str) -> AgentSpec:
    policies = [
        replace(each, policy=replace(each.policy, zone=zone)) if isinstance(each.policy, Limit) else each
        for each in spec.policies
    ]
    return replace(spec, policies=tuple(policies))


def test_only_what_a_flow_may_call_is_built() -> None:
    """Fallbacks are, agents of other flows are not; all that was built is closed, the last one first."""
    kind = CounterKind()
    assert 1 == run(FLOWS, kind).value
    assert ["build a for one", "build b for one", "call a", "close b", "close a"] == kind.log


def test_what_cannot_be_built_is_told_all_at_once() -> None:
    """Nothing is called, nothing is logged, and what was built is closed."""
    kind, seen = CounterKind(), list[Entry]()
    source = FLOWS.replace("b: test.counter { mode: 1", "b: test.counter { mode: 0").replace(
        "fallback(b)", "fallback(b, other)"
    )
    with pytest.raises(StartProblem) as caught:
        run(source, kind, seen=seen)
    assert all(problem.startswith("main.flow:") for problem in caught.value.problems)
    assert ["agent 'b' is out of order", "agent 'other' is out of order"] == [
        problem.split(": ", 1)[1] for problem in caught.value.problems
    ]
    assert ([], "close a") == (seen, kind.log[-1])


def test_an_agent_that_does_not_close_keeps_no_other_from_it() -> None:
    """The problem is not swallowed either."""
    kind = CounterKind()
    with pytest.raises(OSError, match="b does not close"):
        run(FLOWS.replace("b: test.counter { mode: 1", "b: test.counter { mode: 2"), kind)
    assert ["close b", "close a"] == kind.log[-2:]


def test_l10_a_zone_whose_hours_nobody_knows_is_told_at_the_start() -> None:
    """L10: a limit per day cannot be counted then; nothing is built and nothing is called."""
    kind = CounterKind()
    source = FLOWS.replace("agent a:", '@limit(5 per day, zone: "Europe/Paris")\nagent a:')
    assert 1 == run(source, kind).value
    with pytest.raises(StartProblem) as caught:
        run(source, kind, zone="Europe/Atlantis")
    assert [
        "main.flow:3:7: agent 'a': this machine does not know the hours of Europe/Atlantis; the package tzdata has them"
    ] == list(caught.value.problems)


def test_refusals_and_missing_secrets_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever mends one of them need not come back for the other."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    source = """leadflow 1
agent shop: http { url: "https://shop.example"  auth: bearer(secret("NO_SUCH_KEY")) }
agent boss: events { }
flow main() -> json {
  step sure: bool = boss.wait("really")
  step made = shop.post("/orders")
  return made
}
"""
    with pytest.raises(StartProblem) as caught:
        run(source, CounterKind())
    assert [
        "main.flow:3:7: agent 'boss': agents of the kind 'events' are checked, but not run by this version",
        "main.flow:2:7: agent 'shop' needs the environment variable NO_SUCH_KEY, which is not set:"
        " export NO_SUCH_KEY=…",
    ] == list(caught.value.problems)


def test_people_are_not_what_is_missing_where_a_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is kept can wait for them: only the secret is told."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    source = """leadflow 1
agent a: http { url: "https://shop.example"  auth: bearer(secret("NO_SUCH_KEY")) }
agent boss: human { }
flow main() -> int {
  step sure = boss.approve("Go?")
  step seen: int = a.get("/")
  return seen
}
"""
    plan, _ = compile_source("main.flow", source, catalogue=find_kinds(()).catalogue)
    assert plan is not None
    with pytest.raises(StartProblem) as caught:
        asyncio.run(make_ready(plan, "main", Project(Path.cwd(), Settings()), find_kinds(()), None))
    assert [
        "main.flow:2:7: agent 'a' needs the environment variable NO_SUCH_KEY, which is not set: export NO_SUCH_KEY=…"
    ] == list(caught.value.problems)


def test_who_goes_on_with_a_run_is_told_of_secrets_and_agents_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resuming, forking and taking back tell at once what starting a run does: also what cannot be built."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    source = """leadflow 1
agent a: http { url: "https://shop.example"  auth: bearer(secret("NO_SUCH_KEY")) }
agent b: test.counter { mode: 0 }
flow main() -> int {
  step seen: int = a.get("/")
  step x: int = b.one()
  return seen + x
}
"""
    built_in = find_kinds(())
    registry = Registry({**built_in.kinds, "test.counter": CounterKind()}, ())
    plan, _ = compile_source("main.flow", source, catalogue=registry.catalogue)
    assert plan is not None
    with pytest.raises(StartProblem) as caught:
        asyncio.run(make_ready(plan, "main", Project(Path.cwd(), Settings()), registry, None))
    assert ["NO_SUCH_KEY", "agent 'b' is out of order"] == [
        next(what for what in ("NO_SUCH_KEY", "agent 'b' is out of order") if what in problem)
        for problem in caught.value.problems
    ]


def test_a_flow_is_not_refused_for_what_another_one_uses() -> None:
    """Only what the run can reach counts."""
    source = (
        f'{FLOWS}agent boss: human {{ }}\nflow later() -> bool {{\n  step x: bool = boss.approve("?")\n  return x\n}}\n'
    )
    assert 1 == run(source, CounterKind()).value


def test_a_reset_builds_another_instance_and_closes_the_old_one() -> None:
    """`reset` makes the agent anew while the run goes on; at the end nothing is open. Others stay as they are."""
    kind = CounterKind()
    source = FLOWS.replace("@fallback(b) step", "@on_error(agent: reset) step").replace("mode: 1", "mode: 3")
    result = run(source, kind)
    assert "agent.failed" == (result.failure and result.failure.error)
    assert ["build a for one", "call a", "build a for one", "close a", "call a", "close a"] == kind.log


def test_a_reset_loads_the_file_of_a_python_agent_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a module holds is thrown away with the agent; another agent of the same file keeps its own."""
    (tmp_path / "desk.py").write_text(
        '"""Breaks once it was asked twice."""\nasked = []\n'
        "def ask():\n    asked.append(1)\n    if len(asked) > 2:\n        raise ValueError('worn out')\n"
        "    return len(asked)\n"
    )
    monkeypatch.chdir(tmp_path)
    source = """leadflow 1
agent desk: python { module: "desk.py"  reads: ["ask"] }
agent twin: python { module: "desk.py"  reads: ["ask"] }
flow main() -> list[int] {
  @on_error(tool: reset) step a: int = desk.ask()
  @on_error(tool: reset) step b: int = desk.ask() after a
  @on_error(tool: reset) step c: int = desk.ask() after b
  step d: int? = twin.ask() catch e => none after c
  return [a, b, c, d ?? 0]
}
"""
    assert (1, 2, 1, 0) == run(source, CounterKind()).value


FAMILY = """leadflow 1
@limit(5 per second) @breaker(failures: 2)
agent base: openai { max_tokens: 10 }
agent first: base { model: "m"  key: secret("ONE") }
agent calm: base { model: "m"  key: secret("ONE")  temperature: 0.2 }
agent brief: first { system: "Be brief." }
agent other: base { model: "n"  key: secret("ONE") }
agent tenant: first { key: secret("TWO") }
@concurrency(2)
agent apart: first { system: "Be long." }
@breaker(failures: 3)
agent shop: http { url: "https://a.example.com" }
agent branch: shop { auth: bearer(secret("TWO")) }
tool find(q: string) -> string = branch.get("/find", query: { q: q })
profile test { agent brief { base_url: "http://127.0.0.1:1" } }
"""


@pytest.mark.parametrize(("profile", "brief"), [(None, "first"), ("test", "brief")])
def test_b11_copies_share_the_limits_of_one_upstream(profile: str | None, brief: str) -> None:
    """Case B11: with another model, address or credential a template's limits and breaker are copied, not shared, so
    that nobody is turned away, or has to wait, for what somebody else did with a key of his own."""
    plan, report = compile_source("main.flow", FAMILY, profile=profile)
    assert plan is not None, report.diagnostics
    own = {name: name for name in ("first", "other", "tenant", "apart", "shop", "branch")}
    wanted = own | {"calm": "first", "brief": brief, "find": "branch"}
    assert wanted == {name: plan.agents[name].shares for name in wanted}


ALIKE = """leadflow 1
@limit(5 per second) @breaker(failures: 2)
agent writer: openai { model: "m"  key: secret("ONE")  system: "Write." }
@breaker(failures: 2) @limit(5 per second)
agent critic: openai { model: "m"  key: secret("ONE")  system: "Judge." }
@limit(9 per second) @breaker(failures: 2)
agent hasty: openai { model: "m"  key: secret("ONE") }
@limit(5 per second) @breaker(failures: 2)
agent other: openai { model: "n"  key: secret("ONE") }
@limit(5 per second) @breaker(failures: 2)
agent tenant: openai { model: "m"  key: secret("TWO") }
@limit(5 per second) @breaker(failures: 2)
agent nearby: openai { model: "m"  key: secret("ONE")  base_url: "http://127.0.0.1:1" }
agent free: openai { model: "m"  key: secret("ONE") }
@limit(5 per second)
agent shop: http { url: "https://a.example.com" }
@limit(5 per second)
agent stock: http { url: "https://a.example.com" }
"""


def test_b11_agents_that_say_the_same_of_one_model_are_one_line() -> None:
    """Case B11: one controller for a provider, a credential and a model, also where two agents are declared apart."""
    plan, report = compile_source("main.flow", ALIKE)
    assert plan is not None, report.diagnostics
    own = {name: name for name in ("writer", "hasty", "other", "tenant", "nearby", "free", "shop", "stock")}
    assert own | {"critic": "writer"} == {name: spec.shares for name, spec in plan.agents.items()}
