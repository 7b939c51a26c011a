"""Programs for the soak: texts of flows with every construct and every policy, drawn from a seed.

A text is compiled as an author's would be, so the checker, the plan and the run all see it. Whatever may hang has a
limit, so that every run ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from leadflow.pipeline import compile_source
from leadflow.plan.plan import Plan
from leadflow.run.kernel import Program

AGENTS = 10
"""Of each program."""

SHARED = (
    "@concurrency({small})",
    "@breaker(failures: 5, window: 60s, recovery: 10s, max_recovery: 2m)",
    "@breaker(ratio: 0.5, min_calls: 10, slow: 8s, probes: 2, recovery: 5s)",
    "@limit(60 per minute, concurrent: {small})",
    "@limit(10 per second, 200 per minute)",
    "@limit(120 per minute, burst: 20)",
    "@limit(50_000 per day, concurrent: {small})",
    "@limit(100 per minute, tokens: 20_000 per minute)",
)
"""What an agent's calls share."""
INHERITED = (
    "@retry(3, backoff: 200ms, max: 5s)",
    '@retry(4, backoff: 1s, jitter: "equal", max_retry_after: 20s)',
    '@retry(2, backoff: 500ms, jitter: "decorrelated")',
    "@cache(1m)",
    "@cache(10m, negative_ttl: 5s)",
    "@hedge(after: 2s)",
    "@budget(calls: 6)",
    "@on_error(timeout: retry(2), agent: skip)",
)
"""What an agent's calls have where they say nothing: only of agents that are read, since it may repeat."""
OF_CALLS = (
    "@retry(3, backoff: 300ms)",
    '@retry(5, backoff: 100ms, max: 2s, on: ["network", "timeout", "agent", "resource"])',
    "@timeout(20s, attempt: 6s)",
    "@timeout(attempt: 3s)",
    "@fallback({other})",
    "@fallback({other}, {third})",
    "@hedge(after: 1s)",
    "@budget(calls: 4)",
    "@on_error(timeout: retry(3), network: escalate({other}))",
    "@on_error(agent: skip, validation: retry(2))",
    "@on_error(permission: terminate, tool: reset, network: fallback({other}))",
    "@priority(3)",
)
"""What stands on single calls that may be repeated."""
OF_WRITES = ("@idempotent @retry(3, backoff: 200ms)", "@timeout(15s)", '@idempotent(key: "k${{x}}")', "@priority(-1)")
OF_BLOCKS = ("@timeout(40s)", '@on_failure("continue")', '@on_failure("partial")', "@budget(calls: 40)", "@priority(2)",
             "@budget(tokens: 500)")  # fmt: skip


@dataclass
class _Author:
    """Writes one program."""

    number: int
    chance: Random
    agents: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def program(self) -> str:
        """The text."""
        self.lines = ["leadflow 1"]
        self.agents = [f"p{self.number}a{each}" for each in range(AGENTS)]
        for name in self.agents:
            self.agent(name)
        self.flow("inner", 1, calls=())
        self.flow("main", 3, calls=("inner",))
        return "\n".join(self.lines) + "\n"

    def some(self, texts: Sequence[str], share: float, **names: str) -> str:
        """Some of these annotations, at most one of a kind, with names filled in."""
        found: dict[str, str] = {}
        for text in self.chance.sample(texts, len(texts)):
            kinds = [each.split("(")[0].strip() for each in text.split("@")[1:]]
            if self.chance.random() < share and not any(kind in found for kind in kinds):
                found |= dict.fromkeys(kinds, "") | {kinds[0]: text.format(**names)}
        return " ".join(filter(None, found.values()))

    def agent(self, name: str) -> None:
        """An agent; every call of it ends some time."""
        shared = self.some(SHARED, 0.2, small=str(self.chance.randint(1, 6)))
        inherited = self.some(INHERITED, 0.12)
        limits = self.chance.choice(["@timeout(30s, attempt: 8s)", "@timeout(45s)", "@timeout(60s, attempt: 10s)"])
        self.lines.append(f"{shared} {inherited} {limits}".strip())
        self.lines.append(f'agent {name}: python {{ module: "{name}.py"  reads: ["look"] }}')

    def flow(self, name: str, depth: int, *, calls: Sequence[str]) -> None:
        """A flow of a few statements."""
        policies = self.some(('@on_failure("continue")', "@budget(calls: 200)", "@concurrency(20)"), 0.2)
        self.lines.append(f"@timeout(4m) {policies}")
        self.lines.append(f"flow {name}(x: int) -> int {{")
        visible = ["x"]
        for _ in range(3 + self.chance.randint(0, 3)):
            visible.append(self.statement(visible, depth, calls))
        self.lines += ["  return x", "}"]

    def new(self, word: str) -> str:
        self.count += 1
        return f"{word}{self.count}"

    # --- statements ---------------------------------------------------------------------------------------------------

    def statement(self, visible: Sequence[str], depth: int, calls: Sequence[str]) -> str:
        """A step; its name."""
        words = ["read", "read", "write", "for", "parallel", "race", "repeat", "do", "if", "flow"]
        word = self.chance.choice(words[:3] if depth == 0 else words[: len(words) - (not calls)])
        match word:
            case "read" | "write":
                return self.call(visible, writes=word == "write")
            case "flow":
                name = self.new("s")
                self.lines.append(f"@optional step {name} = {calls[0]}(x + {self.chance.randint(0, 9)})")
                return name
            case "if":
                return self.choice(visible, depth)
            case _:
                return self.block(word, visible, depth)

    def call(self, visible: Sequence[str], *, writes: bool, catch: bool = True) -> str:
        """A call of an agent."""
        name, arg = self.new("s"), self.chance.choice(visible)
        agent, other, third = self.chance.sample(self.agents, 3)
        if writes:
            policies = self.some(OF_WRITES, 0.4) + " @retry(none) @cache(none) @hedge(none) @on_error(none)"
            policies = self.without_what_is_not(policies)
        else:
            policies = self.some(OF_CALLS, 0.16, other=other, third=third)
        absorbs = self.chance.choice(["optional", "catch", ""]) if catch else ""
        before = f"{policies} @optional" if absorbs == "optional" else policies
        behind = self.chance.choice([f" undo {other}.put({name})", " undo none", ""]) if writes else ""
        behind += " catch e => 0" if absorbs == "catch" else ""
        self.lines.append(f"{before} step {name}: int = {agent}.{'put' if writes else 'look'}({arg}){behind}".strip())
        return name

    def without_what_is_not(self, policies: str) -> str:
        """`@x(none)` only where x stands nowhere on the same step."""
        kept: list[str] = []
        for text in policies.split(" @"):
            kind, _, argument = text.lstrip("@ ").partition("(")
            if argument == "none)" and f"@{kind}(" in policies.replace(f"@{kind}(none)", ""):
                continue
            kept.append("@" + text.lstrip("@ ")) if text.strip() else None
        return " ".join(kept)

    def choice(self, visible: Sequence[str], depth: int) -> str:
        """A condition with a step in either arm."""
        name = self.new("c")
        agent, other = self.chance.sample(self.agents, 2)
        self.lines.append(f"if x > {self.chance.randint(0, 99)} {{")
        self.lines.append(f"  step {name}: int = {agent}.look({self.chance.choice(visible)}) catch e => 1")
        self.lines.append("} else {")
        self.lines.append(f"  step {name}: int = {other}.look({self.chance.choice(visible)}) catch e => 2")
        self.lines.append("}")
        return name

    def block(self, word: str, visible: Sequence[str], depth: int) -> str:
        """A block with its body."""
        name = self.new(word[0])
        policies = self.some(OF_BLOCKS if word != "race" else OF_BLOCKS[:1], 0.25)
        if word == "for":
            policies += f" @concurrency({self.chance.randint(1, 8)})"
        inner = self.new("v")
        opening = {
            "for": f"for {inner} in range({self.chance.randint(1, 8)}) {{",
            "repeat": f"repeat {inner}: int = 0 at most {self.chance.randint(1, 3)} {{",
        }.get(word, f"{word} {{")
        self.lines.append(f"{policies} @optional step {name} = {opening}".strip())
        seen = [*visible, inner] if word in ("for", "repeat") else list(visible)
        if word in ("parallel", "race"):
            for _ in range(2 + self.chance.randint(0, 2)):
                self.call(seen, writes=word == "parallel" and self.chance.random() < 0.3, catch=False)
            self.lines.append("}")
            return name
        last = self.call(seen, writes=False, catch=False)
        for _ in range(self.chance.randint(0, 2)):
            self.statement([*seen, last], depth - 1, ())
        self.lines.append(f"  yield {inner if word == 'repeat' else 1}")
        self.lines.append(f"}} until {inner} > 500 else {inner}" if word == "repeat" else "}")
        return name


def text_of(number: int, seed: int) -> str:
    """The text of one program."""
    return _Author(number, Random(f"{seed} {number}")).program()


def plan_of(number: int, seed: int) -> Plan:
    """Its plan.

    Raises:
        ValueError: the text is not correct, so the author here is wrong about the language.
    """
    text = text_of(number, seed)
    plan, report = compile_source(f"p{number}.flow", text)
    errors = [f"{d.code} {d.message}" for d in report.diagnostics if d.severity == "error"]
    if plan is None or errors:
        raise ValueError("\n".join([text, *errors]))
    return plan


def program_of(number: int, seed: int) -> Program:
    """The same, ready to run."""
    return Program(plan_of(number, seed))
