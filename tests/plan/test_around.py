"""What stands around a step: the order of its layers, where each value comes from, and how a step is named."""

import pytest

from leadflow.plan.annotations import ORDER
from leadflow.plan.around import DOES, Around, around
from leadflow.plan.around_text import around_text, as_json
from leadflow.plan.paths import NoSuchStep, find_steps, node_path
from leadflow.plan.plan import Plan
from leadflow.plan.text import WIDTH
from tests.graph.dumps import plan_of

SOURCE = """policy net { @retry(3, backoff: 2s) @timeout(30s, attempt: 8s) }
@net @limit(60 per minute) @concurrency(4) @breaker(failures: 3)
agent r: python { module: "r.py"  reads: ["ask"] }
@concurrency(2)
agent spare: python { module: "spare.py"  reads: ["ask"] }

@timeout(5m)
flow inner(x: int) -> json {
  step all = for y in [x, 2, 3] {
    @optional @fallback(spare) @priority(3)
    step one = r.ask(y) catch e => e.message
    yield one
  }
  step put = m.put(x)
  return all[0]
}

flow main(c: bool) -> json {
  @retry(2) @timeout(9s)
  step loop = repeat v = 1 at most 5 {
    step seen = n.get(v)
    yield v + 1
  } until v > 3 else v
  if c {
    step got: json = inner(x: loop)
  } else {
    step got: json = n.list()
  }
  return got
}
"""


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The plan of the flows above."""
    return plan_of(SOURCE)


def only(plan: Plan, path: str) -> Around:
    """What stands around the one node of a path."""
    ways = find_steps(plan, path)
    assert not isinstance(ways, NoSuchStep), ways.said
    (way,) = ways
    return around(plan, way)


def test_every_policy_says_what_it_does() -> None:
    """No annotation is without its phrase."""
    assert set(ORDER) == set(DOES)


def test_layers_stand_in_the_order_of_wrapping(plan: Plan) -> None:
    """The policies of a step and of its agent in one row, outermost first (rule C5); a check of the answer between."""
    assert [
        "@priority", "@optional", "catch", "@fallback", "@timeout", "@retry", "answer", "@limit", "@concurrency",
        "@breaker", "attempt", "@concurrency",
    ] == [row.name for row in only(plan, "inner/all/one").rows]  # fmt: skip


def test_every_value_has_its_origin(plan: Plan) -> None:
    """What was written says where; what was not says that it is the default."""
    rows = {row.name: row for row in only(plan, "inner/all/one").rows}
    assert "policy net on agent r" == rows["@retry"].origin
    assert {"attempts": False, "backoff": False, "base": True, "max": True, "jitter": True} == {
        arg.name: arg.is_default for arg in rows["@retry"].args if arg.name not in ("on", "max_retry_after")
    }
    assert ["agent r", "step"] == [rows[name].origin for name in ("@limit", "@fallback")]


@pytest.mark.parametrize(
    ("written", "said", "by_default"),
    [
        ("", {}, {"ratio": "0.5", "min_calls": "10"}),
        ("(ratio: 0.2)", {"ratio": "0.2"}, {"min_calls": "10"}),
        ("(failures: 3)", {"failures": "3"}, {}),
        ("(failures: 3, ratio: 0.5)", {"failures": "3", "ratio": "0.5"}, {"min_calls": "10"}),
    ],
)
def test_what_opens_a_breaker(written: str, said: dict[str, str], by_default: dict[str, str]) -> None:
    """The ratio that nobody wrote is told where it counts, and `min_calls` where there is a ratio."""
    source = f'@breaker{written}\nagent r: python {{ module: "r.py" }}\n'
    source += "flow main() -> json {\nstep a = r.f()\nreturn a\n}\n"
    (row,) = (row for row in only(plan_of(source), "main.a").rows if row.name == "@breaker")
    found = [{arg.name: arg.value for arg in row.args if arg.is_default == default} for default in (False, True)]
    rest = {"window": "1m", "probes": "1", "recovery": "30s", "max_recovery": "10m"}
    assert [said, by_default | rest] == found


def test_what_encloses_a_step(plan: Plan) -> None:
    """Flows, blocks and calls of flows around it, outermost first, when its path leads through them."""
    found = only(plan, "main/got@1/all[7]/one~2")
    assert ["main", "main/got@1", "inner", "inner/all"] == [ring.path for ring in found.rings]
    assert "main/got@1/all/one" == found.path


def test_a_path_of_a_run_and_a_path_with_dots_name_the_same(plan: Plan) -> None:
    """`inner/all/one`, `inner.all.one`, and with the numbers of a run."""
    assert find_steps(plan, "inner/all/one") == find_steps(plan, "inner.all.one")
    assert find_steps(plan, "inner/all/one") == find_steps(plan, "inner/all[2]/one~3")


def test_a_name_of_several_arms_means_all(plan: Plan) -> None:
    """`got` is `got@1` and `got@2` (rule B6)."""
    ways = find_steps(plan, "main.got")
    assert not isinstance(ways, NoSuchStep)
    assert ["main/got@1", "main/got@2"] == [node_path(way[-1].flow, way[-1].node) for way in ways]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("mian.loop", "there is no flow 'mian'; did you mean 'main'?"),
        ("x.y", "there is no flow 'x'; case.flow has inner, main"),
        ("main", "name a step of main: loop, got"),
        ("main.lopo", "there is no step 'lopo' in flow main; did you mean 'loop'?"),
        ("main.zzzzzz", "there is no step 'zzzzzz' in flow main; its steps: loop, got"),
        ("inner.one", "there is no step 'one' in flow inner; did you mean 'inner/all/one'?"),
        ("inner.all.on", "there is no step 'on' in inner/all; did you mean 'one'?"),
        ("inner.put.a", "inner/put is a call: no steps stand in it"),
    ],
)
def test_a_path_that_leads_nowhere(plan: Plan, path: str, said: str) -> None:
    """One line says which part is wrong, and what there is."""
    assert NoSuchStep(said) == find_steps(plan, path)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("n.get()", "yes: it changes nothing"),
        ("@idempotent(key: p)\nstep a = m.put(p)", "yes: every attempt sends the same key, p"),
        ("@idempotent\nstep a = m.put(p)", "yes: @idempotent says so (step)"),
        (
            "m.put(p)",
            "no: it changes something and has no key; only what was never sent, or turned away, is tried again",
        ),
    ],
)
def test_whether_a_call_may_be_sent_again(step: str, said: str) -> None:
    """The effect, the key or the annotation, and why."""
    line = step if "step" in step else f"step a = {step}"
    assert said == only(plan_of(f"flow main(p: string) -> json {{\n{line}\nreturn a\n}}\n"), "main.a").again


@pytest.mark.parametrize(
    ("undo", "values", "said"),
    [
        ("none", ["none"], "nothing is taken back"),
        ("o.drop(p)", ["o.drop", "@idempotent"], "also when nobody knows whether the step was done"),
        ("o.drop(a)", ["o.drop", "@idempotent"], "the run fails with flow.compensation instead"),
        ("back(p)", ["back"], "the run fails with flow.compensation instead"),
    ],
)
def test_how_a_step_is_taken_back(undo: str, values: list[str], said: str) -> None:
    """Rule C7: by what, under which policies, and what a step in doubt comes to."""
    text = '@idempotent agent o: python { module: "o.py" }\nflow back(q: string) { step b = m.put(q) }\n'
    flow = f"flow main(p: string) -> json {{\nstep a = m.put(p) undo {undo}\nreturn a\n}}\n"
    (row,) = [row for row in only(plan_of(text + flow), "main.a").rows if row.name == "undo"]
    assert values == [arg.value for arg in row.args]
    assert said in row.does


@pytest.mark.parametrize(("doubt", "said"), [('"fail"', ("does", '"fail"')), ("probe: n.get()", ("probe", "n.get"))])
def test_what_follows_in_doubt(doubt: str, said: tuple[str, str]) -> None:
    """Case D2: a word, or the call that looks."""
    flow = f"flow main(p: string) -> json {{\n@on_doubt({doubt})\nstep a = m.put(p)\nreturn a\n}}\n"
    (row,) = [row for row in only(plan_of(flow), "main.a").rows if row.name == "@on_doubt"]
    assert [said] == [(arg.name, arg.value) for arg in row.args]


def test_no_line_is_too_long() -> None:
    """Long names, values and reasons are wrapped."""
    long = "x" * 60
    plan = plan_of(f"""flow main(p: string) -> json {{
      @timeout(1h1m1s1ms) @retry(3, backoff: 1s1ms, on: ["network", "timeout", "agent", "tool", "validation"])
      @idempotent(key: "{long} ${{p}} {long}")
      step {long}: {{ {long}: string }} = m.put(p) catch e => {{ {long}: "{"y " * 60}" }}
      return {long}
    }}
    """)
    assert [] == [line for line in around_text(only(plan, f"main.{long}")).splitlines() if len(line) > WIDTH]


def test_the_same_for_machines(plan: Plan) -> None:
    """Rings and layers in their order."""
    data = as_json(only(plan, "inner/all/one"))
    assert ["inner", "inner/all"] == [ring["path"] for ring in data["around"]]
    assert {"name": "agents", "value": '"spare"', "origin": "step"} == data["layers"][3]["values"][0]
