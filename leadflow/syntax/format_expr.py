"""How expressions are written: parentheses where the grammar needs them and nowhere else, breaks where a line is full.

Chains of operators and of `.member`, `[index]`, `(args)` may be as long as a file, and the levels of precedence make
even a modest nesting deep. So each function here is a generator that yields the work for a part and gets back how the
part is laid out, and one loop runs them: depth costs no stack.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias

from leadflow.syntax.format_comments import Comments, Slot, listing, without_head
from leadflow.syntax.format_text import in_hole, many_lines, one_line, quoted, word_or_string
from leadflow.syntax.layout import LINE, NOTHING, SOFT, Choice, Doc, concat, group, indent, joined, render
from leadflow.syntax.tree import (
    Arg,
    Binary,
    Bool,
    Call,
    Comprehension,
    Conditional,
    Duration,
    Expr,
    Float,
    Ident,
    Index,
    Int,
    ListLit,
    LiteralPattern,
    MatchValue,
    Member,
    Money,
    Name,
    NamePattern,
    Node,
    NoneLit,
    Pattern,
    Rate,
    RecordLit,
    Size,
    Text,
    Unary,
    ValueArm,
    WildcardPattern,
)

Work: TypeAlias = Generator["Work | str", Doc, Doc]
"""Writing one expression: yields the work for its parts, is sent their layouts, returns its own. A part that is a word
needs no work."""

ANY, OR, AND, NOT, COMPARE, SUM, PRODUCT, DEFAULT, SIGN, POSTFIX = range(10)
"""How tightly an expression binds, the loosest first; a place asks for a least one, or else parentheses."""

_LEVELS: dict[str, int] = {
    "or": OR,
    "and": AND,
    "==": COMPARE,
    "!=": COMPARE,
    "<=": COMPARE,
    ">=": COMPARE,
    "<": COMPARE,
    ">": COMPARE,
    "in": COMPARE,
    "not in": COMPARE,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "%": PRODUCT,
    "??": DEFAULT,
}

_ENDLESS = 1 << 60
"""The width of a line that never breaks: a hole is one line."""


def dotted(path: Sequence[Ident]) -> str:
    """`std.agents`."""
    return ".".join(part.text for part in path)


def pattern_text(pattern: Pattern) -> str:
    """A pattern as it is written."""
    match pattern:
        case WildcardPattern():
            return "_"
        case NamePattern(name=name):
            return name.text
        case LiteralPattern(value=str(text)):
            return quoted(text)
        case LiteralPattern(value=None):
            return "none"
        case LiteralPattern(value=bool(truth)):
            return "true" if truth else "false"
        case LiteralPattern(value=number):
            return str(number)


def patterns_doc(patterns: Sequence[Pattern]) -> Doc:
    """`"a" | "b"`."""
    return group(joined(map(pattern_text, patterns), concat(LINE, "| ")))


class Expressions:
    """Writes the expressions of one text, in its order, with the comments that stand in their brackets."""

    def __init__(self, comments: Comments, *, inside_text: bool = False) -> None:
        self._comments = comments
        self._inside_text = inside_text

    def write(self, expr: Expr, least: int = ANY) -> Doc:
        """The layout of an expression that stands where one of at least the given tightness must."""
        work = self._expr(expr, least)
        return work if isinstance(work, str) else self._run(work)

    def arguments(self, args: Sequence[Arg], anchor: int, limit: int) -> Doc:
        """`(args)`; `anchor` is a place at or before the parenthesis, `limit` one at or behind the closing one."""
        return self._run(self._arguments(args, anchor, limit))

    def _run(self, work: Work) -> Doc:
        stack = [work]
        doc: Doc = NOTHING
        begun = False
        while stack:
            try:
                part = stack[-1].send(doc) if begun else next(stack[-1])
            except StopIteration as done:
                stack.pop()
                doc = done.value
                begun = True
                continue
            if isinstance(part, str):
                doc = part
                begun = True
            else:
                stack.append(part)
                begun = False
        return doc

    def _expr(self, expr: Expr, least: int) -> Work | str:
        work = self._bare(expr)
        return work if isinstance(work, str) or _level(expr) >= least else _parenthesised(work)

    def _bare(self, expr: Expr) -> Work | str:
        match expr:
            case Member() | Index() | Call():
                return self._chain(expr)
            case Text():
                return self._text(expr)
            case Binary():
                return self._binary(expr)
            case Unary():
                return self._unary(expr)
            case RecordLit() | ListLit():
                return self._literal(expr)
            case Comprehension():
                return self._comprehension(expr)
            case Conditional():
                return self._conditional(expr)
            case MatchValue():
                return self._match_value(expr)
            case _:
                return _atom(expr)

    def _slots(self, members: Iterable[tuple[Node, Work | str]], limit: int) -> Generator[Work | str, Doc, list[Slot]]:
        slots: list[Slot] = []
        for node, work in members:
            opening = self._comments.open(node.span.start)
            doc = yield work
            slots.append(self._comments.close(opening, node.span, doc, limit))
        return slots

    def _arguments(self, args: Sequence[Arg], anchor: int, limit: int) -> Work:
        slots = yield from self._slots([(arg, self._named(arg.name, arg.value)) for arg in args], limit)
        if not slots:
            return "()"
        comments = self._comments
        head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=anchor)
        doc = listing("()", slots, tail, head=head)
        blocks = sum(isinstance(arg.value, Text) and self._is_many_lines(arg.value) for arg in args)
        sole = len(args) == 1 and isinstance(args[0].value, RecordLit | ListLit | Comprehension)
        if head or tail.leads or not (blocks == 1 or sole) or any(slot.is_commented for slot in slots):
            return doc
        close = concat("(", joined([slot.doc for slot in slots], ", "), ")")
        return close if sole else group(Choice(doc, close))

    def _named(self, name: Ident | None, value: Expr) -> Work | str:
        work = self._expr(value, ANY)
        if name is None:
            return work
        label = word_or_string(name)
        return f"{label}: {work}" if isinstance(work, str) else self._labelled(label, work)

    def _labelled(self, label: str, value: Work) -> Work:
        doc = yield value
        return concat(label, ": ", doc)

    def _chain(self, expr: Expr) -> Work:
        links: list[Member | Index | Call] = []
        while isinstance(expr, Member | Index | Call):
            links.append(expr)
            expr = expr.callee if isinstance(expr, Call) else expr.target
        base = self._expr(expr, POSTFIX)
        row = [(yield _parenthesised(base) if isinstance(expr, _NUMBERS) else base)]
        for link in reversed(links):
            match link:
                case Member(name=name, safe=safe):
                    row.append(f"?.{name.text}" if safe else f".{name.text}")
                case Index(index=index):
                    row += ["[", (yield self._expr(index, ANY)), "]"]
                case Call(callee=callee, args=args):
                    row.append((yield self._arguments(args, callee.span.end, link.span.end)))
        return joined(row)

    def _text(self, text: Text) -> Work:
        if self._inside_text:
            return in_hole(text.plain or "")
        pieces = [(False, part) if isinstance(part, str) else (True, _hole(part)) for part in text.parts]
        if not text.block or not pieces:
            return one_line(pieces, block=False)
        return many_lines(pieces) if self._is_many_lines(text) else one_line(pieces, block=True)
        yield

    def _is_many_lines(self, text: Text) -> bool:
        if not text.block or not text.parts:
            return False
        if any(isinstance(part, str) and "\n" in part for part in text.parts):
            return True
        return not self._comments.is_same_line(text.span.start, text.span.end)

    def _binary(self, expr: Binary) -> Work:
        level = _level(expr)
        first: Expr = expr
        links: list[Binary] = []
        while isinstance(first, Binary) and _level(first) == level and (level != COMPARE or not links):
            links.append(first)
            first = first.left
        start = yield self._expr(first, level + (level == COMPARE))
        row: list[Doc] = []
        for link in reversed(links):
            right = yield self._expr(link.right, level + 1)
            row += [LINE, f"{link.op} ", right]
        return group(start, indent(*row))

    def _unary(self, expr: Unary) -> Work:
        signs: list[str] = []
        operand: Expr = expr
        level = _level(expr)
        while isinstance(operand, Unary) and operand.op == expr.op:
            signs.append("not " if operand.op == "not" else "-")
            operand = operand.operand
        doc = yield self._expr(operand, level)
        return concat("".join(signs), doc)

    def _literal(self, expr: RecordLit | ListLit) -> Work:
        start, limit = expr.span.start, expr.span.end
        if isinstance(expr, RecordLit):
            ends = "{}"
            slots = yield from self._slots([(e, self._named(e.key, e.value)) for e in expr.entries], limit)
        else:
            ends = "[]"
            slots = yield from self._slots([(item, self._expr(item, ANY)) for item in expr.items], limit)
        comments = self._comments
        head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=start)
        return listing(ends, slots, tail, head=head)

    def _comprehension(self, expr: Comprehension) -> Work:
        value = yield self._expr(expr.value, ANY)
        items = yield self._expr(expr.items, OR)
        row: list[Doc] = [SOFT, value, LINE, f"for {expr.name.text} in ", items]
        if expr.condition is not None:
            row += [LINE, "if ", (yield self._expr(expr.condition, OR))]
        return group("[", indent(*row), SOFT, "]")

    def _conditional(self, expr: Conditional) -> Work:
        row: list[Doc] = []
        rest: Expr = expr
        while isinstance(rest, Conditional):
            condition = yield self._expr(rest.condition, OR)
            value = yield self._expr(rest.then, ANY)
            row += [LINE, "else "] if row else []
            row += ["if ", condition, LINE, "then ", value]
            rest = rest.otherwise
        row += [LINE, "else ", (yield self._expr(rest, ANY))]
        return group(row[0], indent(*row[1:]))

    def _match_value(self, expr: MatchValue) -> Work:
        subject = yield self._expr(expr.subject, ANY)
        limit = expr.span.end
        slots = yield from self._slots([(arm, self._value_arm(arm)) for arm in expr.arms], limit)
        comments = self._comments
        anchor = expr.subject.span.end
        head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=anchor)
        return concat("match ", subject, " ", listing("{}", slots, tail, head=head))

    def _value_arm(self, arm: ValueArm) -> Work:
        value = yield self._expr(arm.value, ANY)
        return concat(patterns_doc(arm.patterns), " then ", value)


_NUMBERS = (Int, Float, Duration, Money, Size, Rate)


def _level(expr: Expr) -> int:
    match expr:
        case Binary(op=op):
            return _LEVELS[op]
        case Unary(op=op):
            return NOT if op == "not" else SIGN
        case Conditional() | MatchValue():
            return ANY
        case _:
            return POSTFIX


def _parenthesised(work: Work | str) -> Work:
    doc = yield work
    return concat("(", doc, ")")


def _hole(expr: Expr) -> str:
    return render(Expressions(Comments("", ()), inside_text=True).write(expr), width=_ENDLESS)


def _atom(expr: Expr) -> str:
    match expr:
        case Name(text=text):
            return text
        case Int(written=written) | Float(written=written) | Duration(written=written):
            return written
        case Money(written=written) | Size(written=written):
            return written
        case Bool(value=value):
            return "true" if value else "false"
        case NoneLit():
            return "none"
        case Rate(count=count, per=per):
            return f"{_atom(count)} per {per if isinstance(per, str) else per.written}"
        case _:
            raise ValueError("only a tree without errors can be formatted")
