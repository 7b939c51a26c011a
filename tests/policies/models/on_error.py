"""What calls under `@on_error` come to, written down naively: a list of all that happened, read anew for every
question. Acts take a second, pauses are 1, 2, 4 … seconds.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Reaction: TypeAlias = tuple[str, int | str]
"""What it does, and how often or whom."""

CLASSES = {
    "lost": "network", "refused": "network", "broken": "agent", "declined": "agent", "no": "agent",
    "text": "validation", "auth": "permission", "busy": "resource", "lazy": "tool",
}  # fmt: skip
ALWAYS, REPEATABLE, ASKED = {"refused", "busy"}, {"lost", "broken", "text"}, {"declined", "lazy"}
"""How much speaks for another attempt; nothing for what is in none of these."""


@dataclass
class Model:
    """Policies, and all calls so far."""

    attempts: int
    on: Sequence[str] | None
    chain: Sequence[str]
    reactions: Mapping[str, Reaction]
    is_write: bool
    happened: list[tuple[str, ...]] = field(default_factory=list)

    def left(self, agent: str) -> int:
        """How many further attempts the agent's upstream still gets."""
        tenths = 500
        for what, who, *rest in self.happened:
            if who == agent and what == "again":
                tenths -= 10
            if who == agent and what == "answered":
                tenths = min(500, tenths + 10 * int(rest[0]) + 1)
        return tenths // 10

    def instance(self, agent: str) -> int:
        """How often the agent was made anew."""
        return self.happened.count(("reset", agent))

    def most(self, name: str) -> int:
        """Attempts in total for failures of a class."""
        does, given = self.reactions.get(name, ("", 0))
        by = {"": self.attempts, "retry": given, "reset": max(2, self.attempts)}
        return int(by.get(does, 1))

    def may(self, end: str) -> bool:
        """Whether what failed so may be asked again."""
        name = CLASSES[end]
        does, _ = self.reactions.get(name, ("", 0))
        is_named = does in ("retry", "reset") or (not does and self.on is not None and name in self.on)
        if not is_named and (does or self.on is not None):
            return False
        is_safe = end == "refused" or not self.is_write
        return end in ALWAYS or (is_safe and (end in REPEATABLE or (end in ASKED and is_named)))

    def call(self, acts: Mapping[str, list[str]], now: float, told: list[str]) -> Generator[float, None, str]:
        """One call, from one point in time to the next; `told` gets what the log has to say."""
        left, last, asked, agent = list(self.chain), list[tuple[str, str]](), list[str](), "main"
        while True:
            asked.append(agent)
            tries = texts = 0
            while True:
                tries += 1
                instance = self.instance(agent)
                told.append(f"{agent} {instance}")
                now += 1
                yield now
                end = acts[agent].pop(0) if acts[agent] else "answer"
                if end == "answer":
                    self.happened.append(("answered", agent, str(tries - 1)))
                    return agent
                name = CLASSES[end]
                does, given = self.reactions.get(name, ("", 0))
                texts += end == "text"
                cap = int(given) if does == "retry" else 2
                if tries >= self.most(name) or texts > cap or not self.may(end) or not self.left(agent):
                    break
                self.happened.append(("again", agent))
                if does == "reset" and instance == self.instance(agent):
                    self.happened.append(("reset", agent))
                if does:
                    told.append(f"{name} {does}")
                now += 2 ** (tries - 1)
                yield now
            if does == "terminate":
                told.append(f"{name} terminate")
                return f"run: {end}"
            if self.is_write and end == "lost":
                return "doubt: lost"
            if does == "skip":
                told.append(f"{name} skip")
                return "none"
            if does in ("fallback", "escalate") and given not in asked:
                left = [other for other in left if other != given]
                if does == "fallback":
                    last = [pair for pair in last if pair[0] != given]
                    left.insert(0, str(given))
                    told.append(f"{name} fallback {given}")
                elif given not in [other for other, _ in last]:
                    last.append((str(given), name))
            if not left and not last:
                return end
            if not left:
                told.append(f"{last[0][1]} escalate {last[0][0]}")
            agent = left.pop(0) if left else last.pop(0)[0]


def together(model: Model, scripts: Sequence[Mapping[str, list[str]]]) -> list[tuple[str, float, list[str]]]:
    """Calls that begin a hundredth of a second after each other: how each ends, how long it took, and its log."""
    logs: list[list[str]] = [[] for _ in scripts]
    begun = [0.01 * number for number in range(len(scripts))]
    calls = [model.call(acts, at, log) for acts, at, log in zip(scripts, begun, logs, strict=True)]
    waiting, ends = dict(enumerate(begun)), [("", 0.0)] * len(scripts)
    while waiting:
        number = min(waiting, key=lambda each: waiting[each])
        try:
            waiting[number] = next(calls[number])
        except StopIteration as ended:
            ends[number] = (ended.value, round(waiting.pop(number) - begun[number], 6))
    return [(end, seconds, log) for (end, seconds), log in zip(ends, logs, strict=True)]
