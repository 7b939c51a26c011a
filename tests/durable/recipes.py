"""What the corpus of journals is made of: flows of every shape, and how far each of their processes comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.durable.crashes import FLOWS

AGENTS = """
agent one: python { module: "one.py"  reads: ["look"] }
agent spare: python { module: "spare.py"  reads: ["look"] }
tool drop(x: string) -> string = python("tools:drop")
"""
SHAPES = {
    "large": 'flow f() { step a = look("large") step b = put(a) step c = put(a) }',
    "optional": 'flow f() { @optional step a = look("fail") step b = put(a ?? "none") }',
    "continue": '@on_failure("continue") flow f() { step a = look("fail") step b = put(a) step c = look("1") }',
    "partial": 'flow f() { @on_failure("partial") step all = for t in ["1", "fail"] { step a = look(t) yield a } '
               'step b = put("${len(all)}") }',
    "deadline": '@timeout(2s) flow f() { step a = put("1") step b = look("hang") }',
    "late-block": 'flow f() { @timeout(2s) @optional step g = do { step a = look("hang") yield a } step b = put("1") }',
    "late-write": 'flow f() { @timeout(2s) @optional step g = do { step a = put("slow") yield a } step b = put("1") }',
    "late-attempts": 'flow f() { @timeout(9s, attempt: 1s) @retry(2, backoff: 1s, jitter: "none") '
                     'step a = look("hang") step b = put(a) }',
    "queue": '@concurrency(1) agent narrow: python { module: "n.py" }\n'
             'flow f() { step p = parallel { step a: string = narrow.put("1") step b: string = narrow.put("2") } }',
    "rate": '@limit(1 per second) agent slow: python { module: "s.py" }\n'
            'flow f() { step p = parallel { step a: string = slow.put("1") step b: string = slow.put("2") } }',
    "breaker": '@breaker(failures: 2, window: 60s, recovery: 3s) '
               'agent weak: python { module: "w.py" reads: ["look"] }\n'
               'flow f() { step a: string = weak.look("gone") catch e => "1" '
               'step b: string = weak.look("gone ${a}") catch e => "2" '
               'step c: string = weak.look("${b}") catch e => "3" step d = put(c) }',
    "budget": '@budget(calls: 2) flow f() { step a = put("1") step b = put("2") step c = put("3") }',
    "budget-of-block": 'flow f() { @budget(calls: 2) @optional step all = for t in ["1", "2", "3"] '
                       '{ step a = look(t) yield a } step b = put("1") }',
    "cached": '@cache(1h) agent wise: python { module: "w.py" reads: ["look"] }\n'
              'flow f() { step a: string = wise.look("1") step b: string = wise.look("1") after a step c = put(b) }',
    "one-flight": '@cache(1h) agent wise: python { module: "w.py" reads: ["look"] }\n'
                  'flow f() { step p = parallel { step a: string = wise.look("slow") '
                  'step b: string = wise.look("slow") } }',
    "once": 'flow f() { @once(key: "k") step a = put("1")\n'
            '@once(key: "k") step b = put("2") step c = put(b) }',
    "cached-block": 'flow f() { @cache(1h) step g = do { step a = look("slow") step b = look(a) yield b } '
                    'step p = parallel { step h = inner() step i = inner() } step j = put(p.i) }\n'
                    '@cache(1h) flow inner() -> string { step a = look("slow") return a }',
    "hedged": 'flow f() { @hedge(after: 1s) step a = look("slow") step b = put(a) }',
    "fallback": 'flow f() { @fallback(spare) step a: string = one.look("fail") step b = put(a) }',
    "passed-on": '@breaker(failures: 1, window: 60s, recovery: 60s) '
                 'agent weak: python { module: "w.py" reads: ["look"] }\n'
                 'flow f() { @fallback(spare) step a: string = weak.look("gone")\n'
                 '@fallback(spare) step b: string = weak.look("gone ${a}") step c = put(b) }',
    "on-error": 'flow f() { @on_error(network: escalate(spare)) step a: string = one.look("gone") step b = put(a) }',
    "ended": 'flow f() { @on_error(network: terminate) step a: string = one.look("gone") step b = put("1") }',
    "asked-to-wait": 'flow f() { @retry(2, backoff: 1ms) step a = look("busy") step b = put(a) }',
    "block-again": 'flow f() { @retry(2, backoff: 1s, jitter: "none", on: ["tool"]) step g = do '
                   '{ step a = look("fail") yield a } }',
    "in-doubt": 'flow f() { step a = put("1") step b = put("lost") step c = put(b) }',
    "undo-flow": 'flow f() { step a = put("1") undo mend(a) step b = put("fail") undo none }\n'
                 'flow mend(x: string) { step m = drop(x) }',
    "undo-fails": 'flow f() { step a = put("1") undo drop("fail") step b = put("2") undo drop(b) '
                  'step c = put("fail") undo none }',
    "cancelled": 'flow f() { step a = put("1") undo drop(a) step b = look("hang") }',
    "forced": 'flow f() { step a = put("1") undo drop(a) step b = put("hang") undo none }',
    "match": 'flow f(kind: "bug" | "wish" = "wish") { match kind { "bug" => { step a = put("1") } '
             '"wish" => { step b = put("2") } } }',
    "nested": 'flow f() { step all = for t in ["1", "2"] { step p = parallel { step a = look(t) step b = put(t) } '
              'step g = repeat s = t at most 2 { step n = inner(x: s) yield n } until s == "never" else s yield g } }\n'
              'flow inner(x: string) -> string { if x == "1" { step a = look(x) } else { step a = put(x) } return a }',
    "values": 'flow f(n: int = 3, m: money = $1.50, d: duration = 90s, t: map[float] = {"k": 0.1}) -> json '
              '{ step a = put("${n} ${m} ${d}") return {a: a, t: t, odd: "\\u{1F600} \\" \\\\ ~ [0] $type"} }',
    "approved": 'agent boss: human { assignee: "ops" }\n'
                'flow f() { step ok = boss.approve("May we?", show: {n: 1}) step a = put("${ok}") }',
    "asked": 'agent boss: human { expires: 2d }\n'
             'flow f() { step p = parallel { step n: int = boss.ask("How many?") step m: int = boss.ask("Which?") } '
             'step a = put("${p.n}") }',
    "model": 'agent sage: openai { model: "m"  max_tokens: 50 }\n'
             'flow f() { @retry(2, backoff: 1ms) step a = sage.ask("used well") step b = put(a) }',
    "used": 'agent wise: openai { model: "m"  max_tokens: 50 }\n'
            'flow f() { step a = wise.ask("spend") step b = wise.ask("1 ${a}") step c = put(b) }',
    "tools": 'agent wise: openai { model: "m"  max_tokens: 50  tools: [drop, look] }\n'
             'flow f() { step a = wise.ask("tools") step b = put(a) }',
    "tool-again": '@retry(2, backoff: 1s, jitter: "none") @idempotent '
                  'tool drop(x: string) -> string = one.put("once ${x}")\n'
                  'agent one: python { module: "one.py" }\n'
                  'agent wise: openai { model: "m"  max_tokens: 50  tools: [drop] }\n'
                  'flow f() { step a = wise.ask("tools") step b = put(a) }',
    "flow-tool": 'agent wise: openai { model: "m"  max_tokens: 50  tools: [both] }\n'
                 'agent sage: openai { model: "m"  max_tokens: 50 }\n'
                 'flow f() { step a = wise.ask("tools") step b = put(a) }\n'
                 'flow both(x: string) -> string { step c = look(x) step d = sage.ask("spend") step e = put(c) '
                 'undo none return e }',
}  # fmt: skip


LATER = {
    "optional": 'flow f() { @optional step a = look("fail") step b = put(a ?? "none") step n = put(b) }',
    "large": 'flow f() { step a = look("large") step b = put(a) step c = put("now ${b}") }',
}
"""What flows become while their runs are open."""


Cancel: TypeAlias = Literal["", "wish", "force"]
CANCELLED: Mapping[str, Cancel] = {"cancelled": "wish", "forced": "force"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A journal of the corpus."""

    name: str
    flow: str
    commits: tuple[int, ...] = ()
    """How many commits each process lives for that is killed, in order."""
    is_ended: bool = True
    """A last process goes on to the end."""
    cancel: Cancel = ""
    """Somebody asks it to stop after a second, and may insist after two."""
    answers: bool = True
    """People say what they are asked, as the last process begins."""
    later: str | None = None
    """What its flow has become by then: the run moves to that."""
    retried: str = ""
    """The run is made from one that has ended, and does this step again."""


def recipes() -> list[Recipe]:
    """All of them: each flow to its end, killed at an early commit and not taken up, and taken up after one or two."""
    found = []
    for name, text in {**FLOWS, **SHAPES}.items():
        found.append(Recipe(name, text, cancel=CANCELLED.get(name, "")))
        found.append(Recipe(f"{name}-killed", text, (2,), is_ended=False))
    for name in ("chain", "keyed", "for", "undone", "retried", "budget", "queue", "nested", "large"):
        text = {**FLOWS, **SHAPES}[name]
        found.append(Recipe(f"{name}-taken-up", text, (2, 1)))
        found.append(Recipe(f"{name}-killed-twice", text, (2, 2), is_ended=False))
    for name in ("chain", "large", "nested"):  # again, since their events lie otherwise in a file
        text = {**FLOWS, **SHAPES}[name]
        found.append(Recipe(f"{name}-form-2", text))
        found.append(Recipe(f"{name}-form-2-taken-up", text, (2, 1)))
    found.append(Recipe("late-write-absorbed", SHAPES["late-write"]))  # by a leadflow that did so
    found.append(Recipe("late-write-absorbed-killed", SHAPES["late-write"], (3,), is_ended=False))
    found.append(Recipe("fallback-stands-in-killed", SHAPES["fallback"], (3,), is_ended=False))
    found.append(Recipe("fallback-stands-in-taken-up", SHAPES["fallback"], (3,)))
    found.append(Recipe("tools-in-doubt", SHAPES["tools"], (4, 1), is_ended=False))
    found.append(Recipe("flow-tool-in-doubt", SHAPES["flow-tool"], (4, 1), is_ended=False))
    for name, later in LATER.items():
        found.append(Recipe(f"{name}-moved", {**FLOWS, **SHAPES}[name], (2,), later=later))
    found.append(Recipe("retried-run", SHAPES["partial"], retried="f/all[1]/a"))
    found.append(Recipe("retried-run-killed", SHAPES["partial"], (1,), is_ended=False, retried="f/all[1]/a"))
    found.append(Recipe("approved-waits", SHAPES["approved"], answers=False))
    found.append(Recipe("asked-waits", SHAPES["asked"], answers=False))
    return found
