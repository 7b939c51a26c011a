"""Programs for the simulator: every construct, with agents whose answers follow from who asks, people among them, a
model that uses tools, agents that others stand in for, and one that fails until its breaker opens.

What a flow comes to does not depend on who is faster or who is killed, so that a disturbed run can be held against an
undisturbed one. What stands in a race is the exception, and is read only: nobody reads which of it won. `tight`
programs have budgets and deadlines that bite; there it depends on the hour what they come to, and only rules are tried.
"""

from dataclasses import dataclass, field
from random import Random

from leadflow.plan.plan import Plan
from tests.run.fakes import compiled

TOOLS = """
@read tool flaky(x: string) -> string = python("tools:flaky")
@idempotent tool shaky(x: string) -> string = python("tools:shaky")
@idempotent tool send(x: string) -> string = python("tools:send")
@read tool never(x: string) -> string = python("tools:never")
tool drop(x: string) -> string = python("tools:drop")
@concurrency(2) agent narrow: python { module: "narrow.py"  reads: ["look"] }
@limit(2 per second) agent slow: python { module: "slow.py"  reads: ["look"] }
agent desk: human { assignee: "Ada" }
agent boss: human { expires: 4s }
agent weak: python { module: "weak.py"  reads: ["look"] }
agent spare: python { module: "spare.py"  reads: ["look"] }
@breaker(failures: 2, window: 20s, recovery: 3s) agent moody: python { module: "moody.py"  reads: ["look"] }
tool note(x: string) -> string = python("tools:note")
agent writer: openai { model: "m"  max_tokens: 100  tools: [look, note] }
"""
"""What answers only at a later attempt, never, few at once, or some in a second, and what takes back. `desk` answers
some time, `boss` never; `weak` turns away half of what it is asked, and `moody` fails at first."""
CALLS = (
    "look({x})", "look({x})", "think({x})", "put({x})", "put({x})", "put({x}) undo drop({name})",
    "put({x}) undo none", "send({x})", 'never({x}) catch e => "caught"', "narrow.put({x})", "narrow.look({x})",
    "slow.put({x})", "slow.look({x})", "desk.ask({x})", "boss.ask({x}) catch e => e.class", "writer.ask({x})",
    "writer.ask({x})", "weak.look({x})", "weak.put({x})", "moody.look({x})", "moody.look({x})",
)  # fmt: skip
AROUND = {
    "weak": "@fallback(spare) ",
    "moody": '@fallback(spare) @retry(3, backoff: 300ms, jitter: "none") ',
}
"""What stands around each call of an agent."""
RETRIED = ("flaky({x})", "shaky({x})", "shaky({x}) undo drop({name})")
"""Calls that need further attempts: more of them are allowed than crashes and failures take together."""
BITING = ("@budget(calls: 3)", "@budget(calls: 5)", "@timeout(4s)", "@timeout(9s)", '@on_failure("continue")')


@dataclass
class _Author:
    """Writes one program."""

    chance: Random
    is_tight: bool
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def program(self) -> str:
        self.flow("inner", 1, ())
        self.flow("f", 2, ("inner",))
        return "\n".join([TOOLS, *self.lines]) + "\n"

    def flow(self, name: str, depth: int, calls: tuple[str, ...]) -> None:
        policies = self.chance.choice(['@on_failure("continue")', "@budget(calls: 300)", "@concurrency(2)", "", ""])
        if self.is_tight and calls:
            policies = self.chance.choice(["@budget(calls: 12)", "@budget(calls: 6)", "@timeout(30s)"])
        self.lines.append(f"{policies} flow {name}(x: string) -> string {{")
        seen = ["x"]
        for _ in range(self.chance.randint(2, 4)):
            seen.append(self.statement(seen, depth, calls))
        if calls and self.chance.random() < 0.3:
            self.call(seen, "never({x})")
        self.lines += [f"  return {seen[-1]}", "}"]

    def new(self, word: str) -> str:
        self.count += 1
        return f"{word}{self.count}"

    def statement(self, seen: list[str], depth: int, calls: tuple[str, ...]) -> str:
        """A step; the name of a string."""
        if self.chance.random() < 0.06:
            return self.approval(seen)
        words = ["call", "call", "call", "parallel", "for", "do", "race", "repeat", "if", "flow"]
        word = self.chance.choice(words[: 3 if depth == 0 else 9 + bool(calls)])
        match word:
            case "call":
                return self.call(seen)
            case "flow":
                name = self.new("s")
                self.lines.append(f"step {name} = {calls[0]}({self.chance.choice(seen)})")
                return name
            case "if":
                return self.choice(seen)
            case _:
                return self.block(word, seen, depth)

    def call(self, seen: list[str], text: str = "") -> str:
        """A call of an agent."""
        name, policies = self.new("s"), ""
        if not text:
            text = self.chance.choice([*CALLS, *RETRIED])
            if text in RETRIED:
                policies = '@retry(12, backoff: 200ms, jitter: "none") '
            elif text == "put({x})" and self.chance.random() < 0.4:
                policies = f'@idempotent(key: "{name}") '
            elif text == "look({x})" and self.chance.random() < 0.2:
                policies = "@hedge(after: 900ms) "
            policies += AROUND.get(text.partition(".")[0], "")
        if self.is_tight and self.chance.random() < 0.2:
            policies += self.chance.choice(BITING[:4])
        kind = ": string" if "." in text else ""
        self.lines.append(f"{policies} step {name}{kind} = {text.format(x=self.chance.choice(seen), name=name)}")
        return name

    def approval(self, seen: list[str]) -> str:
        """Somebody has to say yes; where they are asked for a no, the no is borne."""
        name = self.new("a")
        asked = self.chance.choice(('desk.approve("go")', 'desk.approve("no") catch e => false'))
        self.lines.append(f"step {name} = {asked}")
        return seen[-1]

    def choice(self, seen: list[str]) -> str:
        name, subject = self.new("c"), self.chance.choice(seen)
        self.lines.append(f'if {subject} < "m" {{ step {name} = look({subject}) }} else {{ step {name} = put("n") }}')
        return name

    def block(self, word: str, seen: list[str], depth: int) -> str:
        name, inner = self.new(word[0]), self.new("v")
        policies = self.chance.choice(BITING) if self.is_tight and word != "race" and self.chance.random() < 0.5 else ""
        opening = {
            "for": f'for {inner} in ["1", "2", "3"] {{',
            "repeat": f'repeat {inner} = "0" at most {self.chance.randint(1, 3)} {{',
        }.get(word, f"{word} {{")
        self.lines.append(f"{policies} step {name} = {opening}")
        if word in ("parallel", "race"):
            for _ in range(self.chance.randint(2, 3)):
                self.call(seen, "look({x})" if word == "race" else "")
            self.lines.append("}")
            return seen[-1]
        last = self.call([*seen, inner] if word in ("for", "repeat") else seen)
        for _ in range(self.chance.randint(0, 2)):
            self.statement([*seen, last], depth - 1, ())
        self.lines.append(f"  yield {last}")
        self.lines.append(f'}} until {inner} == "never" else {inner}' if word == "repeat" else "}")
        return name if word in ("do", "repeat") else seen[-1]


def text_of(seed: int) -> str:
    """The text of the program of a seed; one in four is tight."""
    return _Author(Random(f"program {seed}"), is_tight(seed)).program()


def is_tight(seed: int) -> bool:
    """Whether budgets and deadlines of the program bite."""
    return seed % 4 == 3


def plan_of(seed: int) -> Plan:
    """Its plan."""
    return compiled(text_of(seed))
