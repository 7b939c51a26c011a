"""Random programs that the checker accepts: flows over one Python agent, with blocks, arms, sub-flows and policies.

Steps call `work.rN` (read), `work.pN` (pure) and `work.wN` (write); each declares its type, so a fake agent can answer
with any value of it. All chance comes from one `random.Random`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from leadflow.syntax.format import format_text

SCALARS = ["int", "string", "bool"]
TYPES = [*SCALARS, "list[int]", "list[string]"]
HEAD = """leadflow 1

agent work: python { module: "work.py"  reads: ["r0", "r1", "r2"]  pure: ["p0", "p1"] }
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program with what it takes to run it."""

    text: str
    flow: str
    """The flow to run."""
    inputs: Mapping[str, object]
    """A value for each of its parameters."""


@dataclass(frozen=True, slots=True)
class _Flow:
    name: str
    params: dict[str, str]
    result: str


@dataclass(slots=True)
class _Scope:
    """What can be named at some place."""

    types: dict[str, str]
    """Expression that is a name, or a member of one -> its type."""
    steps: list[str] = field(default_factory=list)
    """Steps above in this block and those around it."""
    in_flow: bool = True
    """False in step blocks, where `return` cannot stand."""

    def inner(self, *, in_flow: bool) -> "_Scope":
        """The scope of a block inside."""
        return _Scope(dict(self.types), list(self.steps), in_flow)


def random_program(chance: Random, size: int = 12) -> Program:
    """A program with about so many steps."""
    maker = _Maker(chance, size)
    flows = [maker.flow() for _ in range(chance.randint(0, 2))]
    maker.left = max(maker.left, size // 2)
    flows.append(maker.flow(name="main"))
    text = HEAD + "".join(text for _, text in flows)
    written, report = format_text("main.flow", text)
    assert written is not None, (text, [found.message for found in report])
    main = flows[-1][0]
    return Program(written, "main", {name: maker.value(type_) for name, type_ in main.params.items()})


class _Values:
    """Makes expressions of a wanted type."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self._names = 0

    def often(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.chance.randrange(100) < percent

    def fresh(self, prefix: str) -> str:
        """A name that nothing else has."""
        self._names += 1
        return f"{prefix}{self._names}"

    def value(self, type_: str) -> object:
        """A value to give to a parameter."""
        match type_:
            case "int":
                return self.chance.randrange(10)
            case "string":
                return self.chance.choice(["", "a", "some text"])
            case "bool":
                return self.often(50)
            case "list[int]":
                return [self.chance.randrange(10) for _ in range(self.chance.randrange(4))]
            case _:
                return [self.chance.choice(["a", "b"]) for _ in range(self.chance.randrange(4))]

    def expr(self, scope: _Scope, type_: str, depth: int = 2) -> str:
        """An expression of a type."""
        known = [name for name, found in scope.types.items() if found == type_]
        if known and self.often(55):
            return self.chance.choice(known)
        maybe = [name for name, found in scope.types.items() if found == f"{type_}?"]
        if maybe and self.often(60):
            return f"({self.chance.choice(maybe)} ?? {self.expr(scope, type_, 0)})"
        if depth > 0 and self.often(15):
            arms = (self.expr(scope, kind, depth - 1) for kind in ("bool", type_, type_))
            return "(if {} then {} else {})".format(*arms)
        make: dict[str, Callable[[_Scope, int], str]] = {
            "int": self._int,
            "string": self._string,
            "bool": self._bool,
        }
        return make[type_](scope, depth) if type_ in make else self._list(scope, type_, depth)

    def _int(self, scope: _Scope, depth: int) -> str:
        if depth <= 0:
            return str(self.chance.randrange(10))
        a, b = self.expr(scope, "int", depth - 1), self.expr(scope, "int", depth - 1)
        items = self.expr(scope, "list[int]", depth - 1)
        words = self.expr(scope, "list[string]", depth - 1)
        return self.chance.choice(
            [f"({a} + {b})", f"{a} * 2", f"len({words})", f"sum({items})", f"({items}[0] ?? {b})"]
        )

    def _string(self, scope: _Scope, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(['""', '"a"', '"text"'])
        words = self.expr(scope, "list[string]", depth - 1)
        text = self.expr(scope, "string", depth - 1)
        plain = [name for name, type_ in scope.types.items() if type_ in ("int", "string", "bool")]
        hole = f"${{{self.chance.choice(plain)}}}" if plain else ""
        return self.chance.choice([f'"is {hole}."', f'join({words}, " ")', f"upper({text})", f"trim({text})"])

    def _bool(self, scope: _Scope, depth: int) -> str:
        if depth <= 0:
            return self.chance.choice(["true", "false"])
        a, b = self.expr(scope, "int", depth - 1), self.expr(scope, "int", depth - 1)
        c, d = self.expr(scope, "bool", depth - 1), self.expr(scope, "bool", depth - 1)
        text = self._unknown_text(scope, depth - 1)
        return self.chance.choice([f"({a} < {b})", f"({c} and {d})", f"(not {c})", f'({text} != "")', f"({c} or {d})"])

    def _unknown_text(self, scope: _Scope, depth: int = 2) -> str:
        """A string that no condition has told about: it is computed anew, so comparing it is never idle."""
        return f"trim({self.expr(scope, 'string', depth)})"

    def _list(self, scope: _Scope, type_: str, depth: int) -> str:
        item = type_.removeprefix("list[").removesuffix("]")
        items = ", ".join(self.expr(scope, item, depth - 1) for _ in range(self.chance.randint(1, 3)))
        if depth <= 0 or self.often(40):
            return f"[{items}]"
        name = self.fresh("c")
        inner = _Scope({**scope.types, name: item})
        value, whole = self.expr(inner, item, 0), self.expr(scope, type_, depth - 1)
        test = f" if {self.expr(inner, 'bool', 1)}" if self.often(50) else ""
        return f"[{value} for {name} in {whole}{test}]" if self.often(50) else f"take({whole}, 2)"


class _Maker(_Values):
    """Makes flows and statements; `left` is how many steps may still be made."""

    def __init__(self, chance: Random, size: int) -> None:
        super().__init__(chance)
        self.left = size
        self._flows: list[_Flow] = []

    def flow(self, name: str | None = None) -> tuple[_Flow, str]:
        """A flow, and its text."""
        params = {self.fresh("q"): self.chance.choice(TYPES) for _ in range(self.chance.randint(0, 3))}
        made = _Flow(name or self.fresh("sub"), params, self.chance.choice(TYPES))
        scope = _Scope(dict(params))
        body = self._statements(scope, 3, self.chance.randint(1, 6), made.result)
        body.append(f"return {self.expr(scope, made.result)}")
        strategy = self.chance.choice(['@on_failure("continue")\n', '@on_failure("stop")\n', "", "", "@timeout(1h)\n"])
        self._flows.append(made)
        listed = ", ".join(f"{param}: {type_}" for param, type_ in params.items())
        return made, f"\n{strategy}flow {made.name}({listed}) -> {made.result} {{\n{_lines(body)}}}\n"

    def _statements(self, scope: _Scope, depth: int, number: int, result: str | None = None) -> list[str]:
        """Statements; what they bind is added to the scope. `result` is the type that a `return` would need."""
        row: list[str] = []
        for _ in range(number):
            if self.left <= 0:
                break
            kind = self.chance.randrange(12 if depth > 0 else 5)
            if kind <= 3:
                row += self._step(scope)
            elif kind == 4:
                row.append(self._let(scope))
            elif kind == 5 and result is not None and scope.in_flow:
                row.append(f"if {self.expr(scope, 'bool')} {{\n{_lines([self._leaving(scope, result)])}}}")
            elif kind in (5, 6, 7):
                row.append(self._choice(scope, depth))
            else:
                row += self._block_step(scope, depth)
        return row

    def _leaving(self, scope: _Scope, result: str) -> str:
        return 'fail "on purpose"' if self.often(20) else f"return {self.expr(scope, result)}"

    def _let(self, scope: _Scope) -> str:
        name, type_ = self.fresh("v"), self.chance.choice(TYPES)
        text = f"let {name}: {type_} = {self.expr(scope, type_)}"
        scope.types[name] = type_
        return text

    def _call(self, scope: _Scope, *, reads: bool) -> str:
        name = self.chance.choice(["r0", "r1", "r2", "p0", "p1"] if reads else ["w0", "w1"])
        args = ", ".join(self.expr(scope, self.chance.choice(TYPES), 1) for _ in range(self.chance.randint(0, 2)))
        return f"work.{name}({args})"

    def _step(self, scope: _Scope, name: str = "", type_: str = "") -> list[str]:
        """A step that calls the agent or a flow; without a name it gets a fresh one."""
        self.left -= 1
        bound, wanted, given = name or self.fresh("s"), type_ or self.chance.choice(TYPES), ""
        flows = [flow for flow in self._flows if not type_ or flow.result == type_]
        if flows and self.often(15):
            called = self.chance.choice(flows)
            wanted = called.result
            args = ", ".join(f"{param}: {self.expr(scope, kind, 1)}" for param, kind in called.params.items())
            text = f"step {bound} = {called.name}({args})"
        else:
            reads = self.often(70)
            text = f"step {bound}: {wanted} = {self._call(scope, reads=reads)}"
            given = self.chance.choice(["@retry(2)\n", "@timeout(5s)\n", "@priority(3)\n", "", "", ""]) if reads else ""
        if scope.steps and self.often(15):
            text += f" after {self.chance.choice(scope.steps)}"
        if self.often(15):
            text += f" catch _ => {self.expr(scope, wanted, 1)}"
        elif not type_ and self.often(12):
            given, wanted = f"@optional\n{given}", f"{wanted}?"
        scope.types[bound] = wanted
        scope.steps.append(bound)
        return [given + text]

    def _choice(self, scope: _Scope, depth: int) -> str:
        """An `if` or a `match` whose arms may bind a name together."""
        together, type_ = self.fresh("s"), self.chance.choice(TYPES)
        arms: list[str] = []
        complete = self.often(60)
        for arm in range(2):
            inner = scope.inner(in_flow=scope.in_flow)
            body = self._statements(inner, depth - 1, self.chance.randint(0, 2))
            if arm == 0 or complete:
                body += self._step(inner, together, type_)
            arms.append(f"{{\n{_lines(body)}}}")
        scope.types[together] = type_ if complete else f"{type_}?"
        scope.steps.append(together)
        if self.often(50):
            return f"if {self.expr(scope_without(scope, together), 'bool')} {arms[0]} else {arms[1]}"
        text = self._unknown_text(scope_without(scope, together))
        return f'match {text} {{\n"a" | "text" => {arms[0]}\n_ => {arms[1]}\n}}'

    def _block_step(self, scope: _Scope, depth: int) -> list[str]:
        self.left -= 1
        bound = self.fresh("s")
        make = self.chance.choice([self._for, self._for, self._repeat, self._parallel, self._race, self._do])
        text = make(scope, depth, bound)
        scope.steps.append(bound)
        return text

    def _body(self, scope: _Scope, depth: int, type_: str) -> str:
        body = self._statements(scope, depth - 1, self.chance.randint(1, 2))
        return _lines([*body, f"yield {self.expr(scope, type_)}"])

    def _for(self, scope: _Scope, depth: int, bound: str) -> list[str]:
        item, kind = self.fresh("i"), self.chance.choice(["int", "string"])
        items, result = self.expr(scope, f"list[{kind}]"), self.chance.choice(["int", "string"])
        inner = scope.inner(in_flow=False)
        inner.types[item] = kind
        marks = self.chance.choice(["", "@concurrency(2)\n", '@on_failure("continue")\n', '@on_failure("partial")\n'])
        text = f"{marks}step {bound} = for {item} in {items} {{\n{self._body(inner, depth, result)}}}"
        if "partial" not in marks:
            scope.types[bound] = f"list[{result}]"
            return [text]
        whole = self.fresh("v")
        scope.types[whole] = f"list[{result}]"
        return [text, f"let {whole} = compact({bound})"]

    def _repeat(self, scope: _Scope, depth: int, bound: str) -> list[str]:
        passed, type_ = self.fresh("i"), self.chance.choice(SCALARS)
        start = self.expr(scope, type_)
        inner = scope.inner(in_flow=False)
        inner.types[passed] = type_
        body = self._body(inner, depth, type_)
        until = self.expr(inner, "bool")
        scope.types[bound] = type_
        rounds = self.chance.randint(1, 3)
        head = f"step {bound} = repeat {passed}: {type_} = {start} at most {rounds}"
        return [f"{head} {{\n{body}}} until {until} else {passed}"]

    def _parallel(self, scope: _Scope, depth: int, bound: str) -> list[str]:
        members = {self.fresh("m"): self.chance.choice(TYPES) for _ in range(self.chance.randint(1, 3))}
        need = self.often(40)
        rows: list[str] = []
        for member, type_ in members.items():
            inner = scope.inner(in_flow=False)
            self.left -= 1
            if depth > 1 and self.often(25):
                rows.append(f"step {member}: {type_} = do {{\n{self._body(inner, depth - 1, type_)}}}")
            else:
                rows.append(f"step {member}: {type_} = {self._call(inner, reads=self.often(70))}")
        for member, type_ in members.items():
            scope.types[f"{bound}.{member}"] = f"{type_}?" if need else type_
        return [f"step {bound} = parallel{'(need: 1)' if need else ''} {{\n{_lines(rows)}}}"]

    def _race(self, scope: _Scope, depth: int, bound: str) -> list[str]:
        type_ = self.chance.choice(TYPES)
        names = [self.fresh("m") for _ in range(self.chance.randint(2, 3))]
        rows = [f"step {name}: {type_} = {self._call(scope, reads=True)}" for name in names]
        scope.types[bound] = type_
        return [f"step {bound} = race {{\n{_lines(rows)}}}"]

    def _do(self, scope: _Scope, depth: int, bound: str) -> list[str]:
        type_ = self.chance.choice(TYPES)
        text = f"step {bound} = do {{\n{self._body(scope.inner(in_flow=False), depth, type_)}}}"
        scope.types[bound] = type_
        return [text]


def scope_without(scope: _Scope, name: str) -> _Scope:
    """The scope above the statement that binds a name."""
    return _Scope({known: type_ for known, type_ in scope.types.items() if known != name})


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)
