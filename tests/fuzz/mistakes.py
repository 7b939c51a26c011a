"""Mistakes that people and models make, planted in correct flows: each changes one token or one node.

A kind of mistake is a function that gives the changed text, or None where the flow has no place for it. Mistakes after
which the flow says something else that is just as sensible are left out, because no checker can know them: a prompt
reworded, 3 for 4, `and` for `or`; and whatever is handed to a Python function, a server's tool or a JSON body, whose
types stand in no flow. All chance comes from one `random.Random`, so that a seed names a case.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from leadflow.check.checked import Checked, LocalRef
from leadflow.pipeline import check_source
from leadflow.plan.types import UNKNOWN, LiteralType, OptionalType, Type, UnionType
from leadflow.syntax import tree
from leadflow.syntax.lexer import tokenise
from leadflow.syntax.walk import walk
from tests.checking import LOCKS
from tests.chunks import read_chunks

CORRECT = Path(__file__).resolve().parent.parent / "cases" / "right"


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A correct flow, and all that is known of it."""

    text: str
    checked: Checked
    nodes: tuple[tree.Node, ...]
    tokens: tuple[tuple[str, int, int], ...]
    """Terminal, start and end."""

    def of(self, *kinds: type) -> list[tree.Node]:
        """The nodes of these classes."""
        return [node for node in self.nodes if isinstance(node, kinds)]

    def at(self, node: tree.Node) -> str:
        """The text of a node."""
        return self.text[node.span.start : node.span.end]

    def put(self, node: tree.Node, text: str) -> str:
        """The flow with another text in place of a node."""
        return self.text[: node.span.start] + text + self.text[node.span.end :]

    def cut(self, node: tree.Node) -> str:
        """The flow without a node, and without the comma or space that belonged to it."""
        before, after = self.text[: node.span.start], self.text[node.span.end :]
        if comma := re.match(r"\s*,", after):
            return before + after[comma.end() :]
        return re.sub(r",\s*$", "", before) + after


def subject(text: str) -> Subject:
    """A flow that is correct.

    Raises:
        ValueError: it is not.
    """
    checked, report = check_source("main.flow", text, files=LOCKS)
    if checked is None or report.diagnostics:
        raise ValueError(f"this flow is not correct: {[one.message for one in report]}")
    tokens = tokenise("main.flow", text)
    listed = tuple(zip(tokens.kinds, tokens.starts, tokens.ends, strict=True))
    return Subject(text, checked, tuple(walk(checked.main.tree)), listed)


def subjects() -> list[Subject]:
    """The correct flows of the cases."""
    return [subject(chunk.text) for file in sorted(CORRECT.glob("*.flow")) for chunk in read_chunks(file)]


Mistake = Callable[[Subject, Random], str | None]
KINDS: dict[str, Mistake] = {}
"""By what was done."""


def kind(name: str) -> Callable[[Mistake], Mistake]:
    """Enter a kind of mistake."""

    def enter(make: Mistake) -> Mistake:
        KINDS[name] = make
        return make

    return enter


def _untyped(flow: Subject) -> set[int]:
    """The ids of all that is handed to something whose types stand in no flow: `json` slots, open calls, headers."""
    roots: list[tree.Node] = []
    for call in flow.of(tree.Call):
        assert isinstance(call, tree.Call)
        open_call = _takes_all(flow, call)
        roots += [arg for arg in call.args if open_call or (arg.name and arg.name.text in UNTYPED)]
    roots += [s for s in flow.of(tree.Setting) if isinstance(s, tree.Setting) and s.name.text in ("headers", "tools")]
    roots += [text for text in flow.of(tree.Text) if isinstance(text, tree.Text) and text.plain is None]
    return {inner.id for root in roots for inner in walk(root)}


UNTYPED = ("json", "query", "headers", "show", "input")
"""Parameters that take any value."""


def _one(found: Sequence[tree.Node], chance: Random) -> tree.Node | None:
    return chance.choice(found) if found else None


# --- one token ----------------------------------------------------------------------------------------------------


def _token(flow: Subject, chance: Random, *, words: bool = False) -> tuple[int, int] | None:
    """A token behind the edition; `words`: one that is a word."""
    found = [(start, end) for _, start, end in flow.tokens[2:] if end > start]
    if words:
        found = [(start, end) for start, end in found if re.fullmatch(r"[A-Za-z_]\w+", flow.text[start:end])]
    return chance.choice(found) if found else None


@kind("a word misspelt")
def misspelt(flow: Subject, chance: Random) -> str | None:
    """Two letters swapped, one lost or one doubled."""
    place = _token(flow, chance, words=True)
    if place is None:
        return None
    start, end = place
    word = flow.text[start:end]
    at = chance.randrange(len(word) - 1)
    spelt = chance.choice(
        (word[:at] + word[at + 1] + word[at] + word[at + 2 :], word[:at] + word[at + 1 :], word[: at + 1] + word[at:])
    )
    return None if spelt == word else flow.text[:start] + spelt + flow.text[end:]


@kind("a token lost")
def lost(flow: Subject, chance: Random) -> str | None:
    """One token is not there."""
    place = _token(flow, chance)
    return None if place is None else flow.text[: place[0]] + " " + flow.text[place[1] :]


@kind("a token doubled")
def doubled(flow: Subject, chance: Random) -> str | None:
    """One token stands twice."""
    place = _token(flow, chance)
    return None if place is None else f"{flow.text[: place[1]]} {flow.text[place[0] :]}"


@kind("two tokens swapped")
def swapped(flow: Subject, chance: Random) -> str | None:
    """Two neighbours change places."""
    at = chance.randrange(2, len(flow.tokens) - 2)
    (_, start, end), (_, start2, end2) = flow.tokens[at], flow.tokens[at + 1]
    text = flow.text
    return f"{text[:start]}{text[start2:end2]}{text[end:start2]} {text[start:end]}{text[end2:]}"


FOREIGN = {
    "none": ("null", "None", "undefined"), "true": ("True", "yes"), "false": ("False", "no"),
    "and": ("&&", "AND"), "or": ("||",), "not": ("!",), "==": ("=", "===", "is"), "!=": ("<>", "!=="),
    "=": (":=", "=="), "->": ("=>", ":"), "=>": ("->", ":"), "??": ("||", "?:"), "?": (" | none", "?."),
    "${": ("{", "$(", "{{", "$"), "{": ("(", ":"), "}": ("end", ")"),
    "else": ("elif", "otherwise"), "step": ("async", "task"), "let": ("var", "val"), "for": ("foreach", "while"),
    "return": ("ret", "result"), "match": ("switch", "case"), "flow": ("def", "workflow"),
    "agent": ("model", "class"), "type": ("struct", "record"), "string": ("str", "String"), "list": ("List", "array"),
    "int": ("integer", "number"), "float": ("double", "number"), "bool": ("boolean",),
    "upper": ("toUpper",), "len": ("length", "size"),
}  # fmt: skip


@kind("a word or mark of another language")
def foreign(flow: Subject, chance: Random) -> str | None:
    """What this is called elsewhere."""
    known = [(start, end) for _, start, end in flow.tokens[2:] if flow.text[start:end] in FOREIGN]
    known += [found.span() for found in re.finditer(r"(?<!\$)\$\{", flow.text)]
    if not known:
        return None
    start, end = chance.choice(known)
    return flow.text[:start] + chance.choice(FOREIGN[flow.text[start:end]]) + flow.text[end:]


@kind("a literal of another form")
def other_form(flow: Subject, chance: Random) -> str | None:
    """`"5"` for `5`, `30` for `30s`, `5 $` for `$5`, `bug` for `"bug"`."""
    found = flow.of(tree.Int, tree.Float, tree.Duration, tree.Money, tree.Bool, tree.Text)
    node = _one([one for one in found if not (isinstance(one, tree.Text) and one.block)], chance)
    if node is None:
        return None
    text = flow.at(node)
    if isinstance(node, tree.Text):
        return flow.put(node, chance.choice((text[1:-1], f"'{text[1:-1]}'", text[:-1])))
    if isinstance(node, tree.Duration | tree.Money):
        return flow.put(node, chance.choice((re.sub(r"[^\d.]", "", text), f'"{text}"', text + "ec")))
    return flow.put(node, f'"{text}"')


@kind("a text that its union does not have")
def outside(flow: Subject, chance: Random) -> str | None:
    """One of a fixed set of texts, misspelt where it is compared, given or matched."""

    def is_fixed(node: tree.Node) -> bool:
        type_ = flow.checked.types.get(node.id)
        return isinstance(node, tree.LiteralPattern) or isinstance(type_, LiteralType)

    found = [
        node
        for node in flow.of(tree.Text, tree.LiteralPattern)
        if flow.at(node).startswith('"') and len(flow.at(node)) > 3 and is_fixed(node)
    ]
    node = _one(found, chance)
    if node is None:
        return None
    text = flow.at(node)
    return flow.put(node, chance.choice((text[:-2] + '"', text[:2] + text[1:], text.upper())))


# --- one node -----------------------------------------------------------------------------------------------------


@kind("a value of another type")
def other_type(flow: Subject, chance: Random) -> str | None:
    """A literal where a value of another type is wanted."""
    wanted = [(node, flow.checked.types[node.id]) for node in flow.nodes if node.id in flow.checked.types]
    open_ = _untyped(flow)
    typed = [
        (node, wrong)
        for node, type_ in wanted
        if isinstance(node, tree.Name) and node.id not in open_ and (wrong := _wrong_for(type_))
    ]
    if not typed:
        return None
    node, literals = chance.choice(typed)
    return flow.put(node, chance.choice(literals))


def _wrong_for(type_: Type) -> tuple[str, ...]:
    """Literals that a value of this type is not."""
    inner = type_.inner if isinstance(type_, OptionalType) else type_
    if isinstance(inner, LiteralType | UnionType):
        return ("7", "[1]")
    match getattr(inner, "name", None):
        case "int" | "float" | "money" | "duration" | "time":
            return ('"many"', "true")
        case "bool":
            return ('"yes"', "1")
        case _:
            return ()


@kind("another name")
def other_name(flow: Subject, chance: Random) -> str | None:
    """A name of the flow where one of another type is meant."""
    names = [n for n in flow.of(tree.Name) if isinstance(flow.checked.refs.get(n.id), LocalRef)]
    types = {flow.at(n): flow.checked.types.get(n.id, UNKNOWN) for n in names}
    node = _one(names, chance)
    if node is None:
        return None
    mine = types[flow.at(node)]
    others = [name for name, type_ in types.items() if type_ != mine and name != flow.at(node)]
    return flow.put(node, chance.choice(others)) if others else None


@kind("a field that is not there")
def other_field(flow: Subject, chance: Random) -> str | None:
    """A member read under a name that the record does not have."""
    calls = [c for c in flow.of(tree.Call) if isinstance(c, tree.Call) and _takes_all(flow, c)]
    tools = [s for s in flow.of(tree.Setting) if isinstance(s, tree.Setting) and s.name.text == "tools"]
    open_ = {call.callee.id for call in calls} | {inner.id for setting in tools for inner in walk(setting)}
    node = _one([member for member in flow.of(tree.Member) if member.id not in open_], chance)
    assert node is None or isinstance(node, tree.Member)
    names = ("value", "data", "output", "content", "result")
    return None if node is None else flow.put(node.name, chance.choice(names))


@kind("an argument lost")
def no_argument(flow: Subject, chance: Random) -> str | None:
    """One argument of a call, an annotation or a block is not there."""
    node = _one([arg for arg in flow.of(tree.Arg) if _is_required(flow, arg)], chance)
    return None if node is None else flow.cut(node)


def _is_required(flow: Subject, arg: tree.Node) -> bool:
    """Whether a call needs it: an argument of a flow or of a function, or the first one of an action."""
    owners = [n for n in flow.nodes if isinstance(n, tree.Call) and any(one is arg for one in n.args)]
    return any(owner.args[0] is arg and not _takes_all(flow, owner) for owner in owners)


@kind("an argument too many")
def extra_argument(flow: Subject, chance: Random) -> str | None:
    """A call is given an argument that it does not have."""
    calls = [c for c in flow.of(tree.Call) if isinstance(c, tree.Call) and not _takes_all(flow, c)]
    node = _one(calls, chance)
    if node is None:
        return None
    text = flow.at(node)
    return flow.put(
        node, text[:-1] + ("" if text.endswith("()") else ", ") + chance.choice(("verbose: true", "n: 1")) + ")"
    )


def _takes_all(flow: Subject, call: tree.Call) -> bool:
    """Whether a call takes arguments of any name: a Python function or a tool of a server."""
    info = flow.checked.calls.get(call.id)
    agent = flow.checked.agents.get(getattr(info, "agent", ""))
    return agent is not None and (agent.kind == "python" or agent.kind.startswith("mcp"))


@kind("a field lost")
def no_field(flow: Subject, chance: Random) -> str | None:
    """A record is given without one of its fields."""
    open_ = _untyped(flow)
    node = _one([entry for entry in flow.of(tree.Entry) if entry.id not in open_], chance)
    return None if node is None else flow.cut(node)


@kind("an arm lost")
def no_arm(flow: Subject, chance: Random) -> str | None:
    """A `match` without one of its arms."""
    node = _one(flow.of(tree.MatchArm, tree.ValueArm), chance)
    return None if node is None else flow.cut(node)


@kind("a statement lost")
def no_statement(flow: Subject, chance: Random) -> str | None:
    """A step, a let, a return or a yield is not there."""
    found = flow.of(tree.Step, tree.Let, tree.Return, tree.Yield)
    node = _one(found, chance)
    return None if node is None else flow.put(node, "")


@kind("a declaration lost")
def no_declaration(flow: Subject, chance: Random) -> str | None:
    """An agent, a type, a tool, a constant, a policy or an import is not there."""
    found = flow.of(
        tree.AgentDecl, tree.RecordDecl, tree.AliasDecl, tree.ToolDecl, tree.ConstDecl, tree.PolicyDecl, tree.Use
    )
    node = _one(found, chance)
    return None if node is None else flow.put(node, "")


@kind("statements in the wrong order")
def wrong_order(flow: Subject, chance: Random) -> str | None:
    """A statement above the one that it reads."""
    pairs: list[tuple[tree.Node, tree.Node]] = []
    for block in flow.of(tree.Block):
        assert isinstance(block, tree.Block)
        for first, second in zip(block.statements, block.statements[1:], strict=False):
            bound = {first.id} if isinstance(first, tree.Step | tree.Let) else set[int]()
            if bound & set(_reads(flow, second)):
                pairs.append((first, second))
    if not pairs:
        return None
    upper, lower = chance.choice(pairs)
    text = flow.text
    between = text[upper.span.end : lower.span.start]
    return text[: upper.span.start] + flow.at(lower) + between + flow.at(upper) + text[lower.span.end :]


def _reads(flow: Subject, node: tree.Node) -> Iterator[int]:
    for inner in walk(node):
        ref = flow.checked.refs.get(inner.id)
        if isinstance(ref, LocalRef):
            yield from ref.decls


@kind("a type of another kind")
def changed_type(flow: Subject, chance: Random) -> str | None:
    """Another type where one is declared and used."""
    node = _one(flow.of(tree.NamedType), chance)
    if node is None:
        return None
    others = [name for name in ("string", "int", "bool", "list[string]", "money") if name != flow.at(node)]
    return flow.put(node, chance.choice(others))


@kind("a question mark lost or added")
def question_mark(flow: Subject, chance: Random) -> str | None:
    """`T` for `T?`, and `T?` for `T` where the value is read."""
    node = _one(flow.of(tree.OptionalType, tree.NamedType), chance)
    if node is None:
        return None
    text = flow.at(node)
    return flow.put(node, text[:-1] if isinstance(node, tree.OptionalType) else f"{text}?")


@kind("a default lost")
def no_default(flow: Subject, chance: Random) -> str | None:
    """`a` for `a ?? b`, `a.b` for `a?.b`."""
    found = [n for n in flow.of(tree.Binary, tree.Member) if getattr(n, "op", "") == "??" or getattr(n, "safe", False)]
    node = _one(found, chance)
    if node is None:
        return None
    if isinstance(node, tree.Binary):
        return flow.put(node, flow.at(node.left))
    return flow.put(node, flow.at(node).replace("?.", ".", 1))


@kind("a condition that is none")
def no_condition(flow: Subject, chance: Random) -> str | None:
    """A value where true or false is wanted: truthiness, as elsewhere."""
    found = flow.of(tree.If, tree.Conditional)
    node = _one(found, chance)
    if node is None:
        return None
    assert isinstance(node, tree.If | tree.Conditional)
    condition = node.condition
    if isinstance(condition, tree.Binary) and condition.op not in ("and", "or"):
        return flow.put(condition, flow.at(condition.left))
    return flow.put(condition, f"len({flow.at(condition)})")


@kind("a guard lost")
def no_guard(flow: Subject, chance: Random) -> str | None:
    """The `if` that leaves when a value is none is not there."""
    found = [n for n in flow.of(tree.If) if isinstance(n, tree.If) and "none" in flow.at(n.condition)]
    node = _one(found, chance)
    return None if node is None else flow.put(node, "")


@kind("an annotation out of place")
def misplaced(flow: Subject, chance: Random) -> str | None:
    """Behind what it governs, or on something that it cannot govern."""
    found = [
        n
        for n in flow.of(tree.Annotation)
        if flow.at(n).startswith(("@retry", "@timeout", "@cache", "@limit", "@budget"))
    ]
    node = _one(found, chance)
    if node is None:
        return None
    text = flow.at(node)
    without = flow.put(node, "")
    calls = [n for n in flow.of(tree.Let, tree.Return) if n.span.start > node.span.end]
    if not calls:
        return None
    at = chance.choice(calls).span.start - len(text)
    return f"{without[:at]}{text} {without[at:]}"


@kind("a bound lost")
def no_bound(flow: Subject, chance: Random) -> str | None:
    """A `repeat` without its `at most`."""
    found = [n for n in flow.of(tree.Repeat) if isinstance(n, tree.Repeat)]
    node = _one(found, chance)
    if node is None:
        return None
    assert isinstance(node, tree.Repeat)
    at = flow.text.rindex("at most", node.span.start, node.limit.span.start)
    return flow.text[:at] + flow.text[node.limit.span.end :]


@kind("a call in an expression")
def call_inside(flow: Subject, chance: Random) -> str | None:
    """`let` or `return` with a call, where a step belongs."""
    found = [n for n in flow.of(tree.Step) if isinstance(n, tree.Step) and isinstance(n.action, tree.Call)]
    node = _one(found, chance)
    if node is None:
        return None
    assert isinstance(node, tree.Step)
    text = flow.at(node)
    at = text.find("step ")
    return flow.put(node, text[:at] + "let " + text[at + 5 :]) if at >= 0 else None


@kind("a write repeated")
def repeated_write(flow: Subject, chance: Random) -> str | None:
    """`@retry` above a call that writes and has no key."""
    steps = [
        step
        for step in flow.of(tree.Step)
        if isinstance(step, tree.Step) and isinstance(step.action, tree.Call) and _is_bare_write(flow, step)
    ]
    node = _one(steps, chance)
    return None if node is None else flow.put(node, f"@retry(3)\n  {flow.at(node)}")


def _is_bare_write(flow: Subject, step: tree.Step) -> bool:
    info = flow.checked.steps[step.id]
    return info.effect == "write" and not info.idempotent and not info.policies
