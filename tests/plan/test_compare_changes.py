"""What `diff` says of each kind of edit."""

import pytest

from leadflow.pipeline import compile_source
from leadflow.plan.compare.changes import Change
from leadflow.plan.compare.difference import difference
from leadflow.plan.plan import Plan
from tests.graph.dumps import plan_of


def shown(change: Change) -> str:
    """A change in one line."""
    sides = (side for side in (change.old, change.new))
    return f"{change.kind} {change.path} {change.aspect}: {' -> '.join(side or '(nothing)' for side in sides)}"


def changes(old: Plan, new: Plan) -> list[str]:
    """All changes."""
    return [shown(change) for change in difference(old, new).changes]


def body(*lines: str, params: str = "p: string", result: str = "json") -> str:
    """A flow of these statements."""
    return f"flow main({params}) -> {result} {{\n" + "\n".join(lines) + "\n}\n"


UNDOES = '@retry(2) @idempotent agent o: python { module: "o.py" }\n'
GET, RETURN = "step a = m.get(p)", "return a"

CASES = [
    ("an added step", body(GET, RETURN), body(GET, "step b = n.get(1)", RETURN), ["added main/b : (nothing) -> n.get"]),
    (
        "a renamed step",
        body(GET, "step b = n.get(a)", "return b"),
        body("step x = m.get(p)", "step b = n.get(x)", "return b"),
        ["renamed main/x : main/a -> main/x"],
    ),
    (
        "a renamed block and a step in it",
        body("step a = do {", "step b = m.get(p)", "yield b", "}", RETURN),
        body("step x = do {", "step y = m.get(p)", "yield y", "}", "return x"),
        ["renamed main/x : main/a -> main/x", "renamed main/x/y : main/a/b -> main/x/y"],
    ),
    (
        "two candidates are no rename",
        body("step a = m.get(p)", "step b = m.get(p)", "return 1"),
        body("step x = m.get(p)", "step y = m.get(p)", "return 1"),
        [
            "removed main/a : m.get -> (nothing)",
            "removed main/b : m.get -> (nothing)",
            "added main/x : (nothing) -> m.get",
            "added main/y : (nothing) -> m.get",
        ],
    ),
    (
        "an argument",
        body('step a = m.get("one ${p}")', RETURN),
        body('step a = m.get("two ${p}")', RETURN),
        ["changed main/a argument 1: one ${p} -> two ${p}"],
    ),
    (
        "another agent",
        body(GET, RETURN),
        body("step a = n.get(p)", RETURN),
        ["changed main/a calls: m.get -> n.get"],
    ),
    (
        "a type",
        body("step a: { x: int } = m.get(p)", RETURN),
        body("step a: { x: float  y: int? } = m.get(p)", RETURN),
        [
            "changed main/a answer x: int -> float",
            "changed main/a answer y: (nothing) -> int?",
            "changed main/a type x: int -> float",
            "changed main/a type y: (nothing) -> int?",
        ],
    ),
    (
        "a declared type stands once for all that use it",
        "type T { x: int }\n" + body("step a: T = m.get(p)", "step b: T = m.get(1)", RETURN),
        "type T { x: int @range(0, 9) }\n" + body("step a: T = m.get(p)", "step b: T = m.get(1)", RETURN),
        ["changed T x allows: anything -> @range(0, 9)"],
    ),
    (
        "a policy, with its values",
        body("@retry(2) @timeout(5s)", GET, RETURN),
        body('@retry(3, jitter: "none") @optional', GET, RETURN),
        [
            "changed main/a @timeout: 5s -> (nothing)",
            "changed main/a @retry attempts: 2 -> 3",
            'changed main/a @retry jitter: "full" -> "none"',
            "changed main/a @optional: (nothing) -> a failure gives none",
        ],
    ),
    (
        "an order that was not there",
        body(GET, "step b = n.get(1)", "return [a, b]"),
        body(GET, "step b = n.get(1) after a", "return [a, b]"),
        ["changed main/b waits for: (nothing) -> a (after)"],
    ),
    (
        "a condition around a step",
        body("step a = m.put(p)", "return 1"),
        body('if p == "x" {', "step a = m.put(p)", "}", "return 1"),
        [
            "changed main/a waits for: (nothing) -> if@1 (control)",
            'changed main/a runs: always -> when p == "x"',
            'added main/if@1 : (nothing) -> if p == "x"',
        ],
    ),
    (
        "an early return shifts the numbers of the others and nothing else",
        body('if p == "x" {', "return 1", "}", "return 2"),
        body('if p == "y" {', "return 0", "}", 'if p == "x" {', "return 1", "}", "return 2"),
        [
            "changed main/if@2 waits for: (nothing) -> if@1 (control)",
            'changed main/if@2 runs: always -> unless p == "y"',
            'added main/if@1 : (nothing) -> if p == "y"',
            "added main/return@1 : (nothing) -> return 0",
        ],
    ),
    (
        "a catch",
        body(GET, RETURN),
        body("step a = m.get(p) catch e => e.message", RETURN),
        ["changed main/a catch: (nothing) -> it.message"],
    ),
    (
        "a parameter and the result",
        body("return 1", result="int"),
        body("return 1.5", params='p: string = "x", q: int', result="float"),
        [
            'changed main parameter p default: none given -> "x"',
            "changed main parameter q: (nothing) -> int",
            "changed main result: int -> float",
            "changed main/return@1 value: 1 -> 1.5",
        ],
    ),
    (
        "steps in another order",
        body("step a = m.get(p)", "step b = n.get(p)", "return [a, b]"),
        body("step b = n.get(p)", "step a = m.get(p)", "return [a, b]"),
        ["changed main order of the text: a, b -> b, a"],
    ),
    (
        "a let that two steps read",
        body('let t = "${p}!"', "step a = m.get(t)", "step b = n.get(t)", "return [a, b]"),
        body('let t = "${p}?"', "step a = m.get(t)", "step b = n.get(t)", "return [a, b]"),
        ['changed main/t value: "${p}!" -> "${p}?"'],
    ),
    (
        "a constant is seen where it is used",
        "const most = 3\n" + body("step a = m.get(most)", RETURN),
        "const most = 4\n" + body("step a = m.get(most)", RETURN),
        ["changed main/a argument 1: 3 -> 4"],
    ),
    (
        "an undo",
        body("step a = m.put(p) undo m.drop(a)", RETURN),
        body("step a = m.put(p) undo m.drop(p)", RETURN),
        ["changed main/a undo: m.drop(0: a) -> m.drop(0: p)"],
    ),
    (
        "an undo that is no call any more",
        body("step a = m.put(p) undo m.drop(a)", RETURN),
        body("step a = m.put(p) undo none", RETURN),
        ["changed main/a undo: m.drop(0: a) -> none"],
    ),
    (
        "an undo whose agent stands further down",
        UNDOES + body("step a = m.put(p) undo o.drop(p)", RETURN),
        "\n\n" + UNDOES + body("step a = m.put(p) undo o.drop(p)", RETURN),
        [],
    ),
    (
        "how an undo is called",
        UNDOES + body("step a = m.put(p) undo o.drop(p)", RETURN),
        UNDOES.replace("@retry(2) @idempotent", "@retry(3)") + body("step a = m.put(p) undo o.drop(p)", RETURN),
        [
            "changed main/a undo in doubt: called -> not called",
            "changed main/a~undo @retry attempts: 2 -> 3",
            "changed main/a~undo @idempotent: safe to repeat -> (nothing)",
        ],
    ),
    (
        "a flow that is new",
        body("return 1"),
        body("return 1") + "flow other(x: int) -> int { return x }\n",
        ["added other : (nothing) -> (x: int) -> int"],
    ),
    (
        "a loop",
        body("step a = repeat v = 1 at most 3 { yield v + 1 } until v > 2 else 0", RETURN, result="int"),
        body("step a = repeat w = 2 at most 4 { yield w + 1 } until w > 3", RETURN, result="int"),
        [
            "changed main/a begins with: 1 -> 2",
            "changed main/a at most: 3 -> 4",
            "changed main/a until: v > 2 -> w > 3",
            "changed main/a else: 0 -> (nothing)",
            "changed main/a variables: v -> w",
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_edit_in_words(old: str, new: str, said: list[str]) -> None:
    """Each edit is told where it is, once, and nothing else is."""
    assert said == changes(plan_of(old), plan_of(new))


def agents(text: str) -> Plan:
    """A program with these declarations and a flow that asks `a`."""
    plan, report = compile_source(
        "case.flow", f'leadflow 1\n{text}\nflow main() -> string {{ step s: string = a.ask("x") return s }}\n'
    )
    assert plan is not None, [found.message for found in report]
    return plan


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'agent a: openai { model: "m"  key: secret("K")  max_tokens: 5 }',
            'agent a: openai { model: "n"  key: bearer(secret("L"))  temperature: 0.5  max_tokens: 5 }',
            [
                'changed a key: secret("K") -> bearer(secret("L"))',
                "changed a model: m -> n",
                "changed a temperature: (nothing) -> 0.5",
            ],
        ),
        (
            'agent a: python { module: "a.py" }',
            '@concurrency(3) agent a: python { module: "a.py" }\nagent b: python { module: "b.py" }',
            ["changed a @concurrency: (nothing) -> 3 at once", "added b : (nothing) -> python"],
        ),
    ],
)
def test_agents(old: str, new: str, said: list[str]) -> None:
    """Settings, shared limits; a secret by its name."""
    assert said == changes(agents(old), agents(new))


MODEL = 'agent a: openai { model: "m"  max_tokens: 5  tools: [t] }\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '## One.\ntool t(q: string) -> int = python("a.py:t")',
            '## Two.\n@category("x")\ntool t(q: string, n: int = 2) -> float = python("a.py:t")',
            [
                "changed t what models are told: One. -> Two.",
                "changed t takes: q: string -> q: string, n: int?",
                "changed t gives: int -> float",
                "changed t category: (nothing) -> x",
            ],
        ),
        (
            'agent c: http { url: "https://x.test" }\ntool t(q: string) = c.get("/a/${q}")',
            'agent c: http { url: "https://x.test" }\ntool t(q: string) = c.get("/b/${q}")',
            ["changed t calls: c.get -> c.get, with other arguments"],
        ),
        (
            'tool t(q: string) -> int = python("a.py:t")',
            '@retry(2) @idempotent tool t(q: string) -> int = python("a.py:t")',
            [
                "changed t @retry: (nothing) -> 2 attempts, waits 1s x2 up to 1m, jitter full",
                "changed t @idempotent: (nothing) -> safe to repeat",
            ],
        ),
    ],
)
def test_tools_of_models(old: str, new: str, said: list[str]) -> None:
    """What a model is told of a tool, what that takes, gives and does, and what governs its calls."""
    assert said == changes(agents(f"{old}\n{MODEL}"), agents(f"{new}\n{MODEL}"))


def test_an_agent_under_another_name_is_the_same_to_its_callers() -> None:
    """One line for the agent, none for its calls."""
    old = agents('agent a: python { module: "a.py" }')
    new, _ = compile_source(
        "case.flow",
        'leadflow 1\nagent z: python { module: "a.py" }\n'
        'flow main() -> string { step s: string = z.ask("x") return s }\n',
    )
    assert new is not None
    assert ["renamed z : a -> z"] == changes(old, new)
