"""Random correct programs with everything that orders effects: arms, early ends, blocks in blocks, reads and writes."""

from random import Random

MATCHED = 4
HEAD = f"flow main(c: bool, d: bool, xs: list[int], {', '.join(f't{n}: Topic' for n in range(MATCHED))}) -> int {{"
TOPIC = 'type Topic = "a" | "b" | "c"'
"""A parameter is matched once: what is known of it in an arm narrows it."""


def random_program(chance: Random, size: int = 12) -> str:
    """The text of one flow of about so many steps; it stands below the head of the goldens."""
    return Maker(chance, size).program()


class Maker:
    """Makes one flow."""

    def __init__(self, chance: Random, size: int) -> None:
        self.chance = chance
        self.left = size
        self.count = 0
        self.matched = 0
        self.lines = [TOPIC]

    def program(self) -> str:
        """The text."""
        if self.chance.random() < 0.2:
            self.lines.append('@on_failure("continue")')
        self.lines.append(HEAD)
        if not self.block([], depth=0, may_return=True, most=self.left):
            self.lines.append("return 0")
        return "\n".join([*self.lines, "}"]) + "\n"

    def block(self, names: list[str], *, depth: int, may_return: bool, most: int) -> bool:
        """Statements that see these names; whether all paths through them leave."""
        own = list(names)
        for _ in range(self.chance.randint(1, max(1, most))):
            if self.left <= 0:
                break
            kind = self.chance.random()
            if kind < 0.55:
                self.call(own)
            elif kind < 0.62:
                self.let(own)
            elif kind < 0.85 and depth < 3:
                if self.arms(own, depth, may_return):
                    return True
            elif depth < 3:
                self.step_block(own, depth)
        if depth and self.chance.random() < 0.2:
            self.lines.append("return 1" if may_return else 'fail "no"')
            return True
        return False

    def name(self, letter: str) -> str:
        """A new name."""
        self.count += 1
        return f"{letter}{self.count}"

    def args(self, names: list[str]) -> str:
        """Up to two names."""
        return ", ".join(self.chance.sample(names, min(len(names), self.chance.randint(0, 2))))

    def call(self, names: list[str], *, actions: tuple[str, ...] = ("get", "list", "calc", "put", "put")) -> None:
        """A step that calls."""
        self.left -= 1
        name = self.name("s")
        after = f" after {self.chance.choice(steps)}" if (steps := [n for n in names if n[0] == "s"]) else ""
        agent, action = self.chance.choice("mn"), self.chance.choice(actions)
        if self.chance.random() < 0.9:
            after = ""
        self.lines.append(f"step {name} = {agent}.{action}({self.args(names)}){after}")
        names.append(name)

    def let(self, names: list[str]) -> None:
        """A pure value."""
        name = self.name("l")
        self.lines.append(f"let {name} = {{ it: [{self.args(names)}] }}")
        names.append(name)

    def arms(self, names: list[str], depth: int, may_return: bool) -> bool:
        """An `if` or a `match`, whose arms may bind one name."""
        heads = self.chance.choice([["if c {", "} else {"], ["if d {"], ["match"]])
        if heads == ["match"] and self.matched < MATCHED:
            heads = [f'match t{self.matched} {{\n"a" | "b" => {{', '}\n"c" => {']
            self.matched += 1
        elif heads == ["match"]:
            heads = ["if c {"]
        shared = self.name("r") if len(heads) > 1 and self.chance.random() < 0.5 else None
        leaves = []
        for head in heads:
            self.lines.append(head)
            most = self.chance.randint(1, 3)
            leaves.append(self.block(names, depth=depth + 1, may_return=may_return, most=most))
            if shared is not None and not leaves[-1]:
                self.lines.append(f"step {shared} = m.{self.chance.choice(['get', 'put'])}()")
        self.lines.append("}\n}" if heads[0].startswith("match") else "}")
        if shared is not None and not any(leaves):
            names.append(shared)
        return all(leaves) and len(leaves) > 1

    def step_block(self, names: list[str], depth: int) -> None:
        """A block step; nobody reads its value."""
        name = self.name("b")
        kind = self.chance.choice(["do", "for", "repeat", "parallel", "race"])
        if self.chance.random() < 0.3:
            self.lines.append("@timeout(5s)")
        if kind in ("parallel", "race"):
            self.lines.append(f"step {name} = {kind} {{")
            for _ in range(2):
                actions = ("get", "list", "calc") if kind == "race" else ("get", "put")
                self.call(list(names), actions=actions)
            self.lines.append("}")
            return
        head = {"do": "do", "for": "for x in xs at most 3", "repeat": "repeat v = 0 at most 2"}[kind]
        self.lines.append(
            f"step {name} = {head} {{".replace(" x ", f" x{self.count} ").replace(" v ", f" v{self.count} ")
        )
        leaves = self.block(names, depth=depth + 1, may_return=False, most=4)
        if not leaves and kind == "repeat":
            self.lines.append("yield 1")
        self.lines.append("} until c else 0" if kind == "repeat" else "}")
