"""How statements are written: one to a line, each block one level further to the right.

Statements nest only in braces, which the parser counts, so plain recursion is deep enough; `else if` is a chain.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar, assert_never

from leadflow.syntax.format_comments import Comments, Opening, Slot, braces, lines, without_head
from leadflow.syntax.format_expr import POSTFIX, Expressions, patterns_doc
from leadflow.syntax.format_types import Types
from leadflow.syntax.layout import HARD, LINE, Doc, Line, Suffix, concat, group, indent, joined
from leadflow.syntax.tree import (
    Action,
    After,
    Annotation,
    Block,
    Catch,
    Clause,
    Do,
    Expr,
    Fail,
    For,
    If,
    Let,
    Match,
    MatchArm,
    Node,
    Parallel,
    Race,
    Repeat,
    Return,
    Statement,
    Step,
    Undo,
    Yield,
)

Some = TypeVar("Some", bound=Node)


class Statements:
    """Writes the statements of one text, in its order, with the comments among them."""

    def __init__(self, comments: Comments, expressions: Expressions, types: Types) -> None:
        self._comments = comments
        self._expressions = expressions
        self._types = types

    def slots(self, nodes: Iterable[Some], write: Callable[[Some], Doc], limit: int) -> list[Slot]:
        """Written members with their comments; no comment from `limit` on belongs to them."""
        found: list[Slot] = []
        for node in nodes:
            opening = self._comments.open(begin(node), doc=getattr(node, "doc", None))
            found.append(self._comments.close(opening, node.span, write(node), limit))
        return found

    def annotated(
        self, annotations: Sequence[Annotation], node: Node, write: Callable[[], Doc], *, below: Doc = HARD
    ) -> Doc:
        """What `write` writes of the node, below its annotations, which share a line if they fit there."""
        if not annotations:
            return write()
        slots = self.slots(annotations, self._types.annotation, node.span.start)
        above = self._comments.open(node.span.start).leads
        doc = write()
        above = slots[0].opening.leads + above  # a comment from inside the first: above it may stand `##` lines
        slots[0] = slots[0]._replace(opening=Opening((), blank=False))
        if above or any(slot.is_commented for slot in slots):
            marks = lines([slot.close_up() for slot in slots])
            below = HARD
        else:
            marks = group(joined([slot.doc for slot in slots], LINE))
        return concat(marks, *[concat(HARD, lead.text) for lead in above], below, doc)

    def block(self, block: Block, *, limit: int | None = None, gap: Line | None = None) -> Doc:
        """`{ statements }`; comments up to `limit` (the end of the block, if None) belong inside.

        With a `gap` it may stand on one line.
        """
        slots = self.slots(block.statements, self.statement, block.span.end)
        tail = self._comments.open(block.span.end if limit is None else limit)
        start = block.span.start
        head, slots, tail = without_head(slots, tail, comments=self._comments, anchor=start)
        return braces(slots, tail, head=head, gap=gap)

    def statement(self, node: Statement) -> Doc:
        """One statement with its annotations."""
        return self.annotated(node.annotations, node, partial(self._statement, node))

    def _statement(self, node: Statement) -> Doc:
        write = self._expressions.write
        match node:
            case Step():
                return self._step(node)
            case Let(name=name, type=type_, value=value):
                return concat("let ", self._types.bound(name, type_), " = ", write(value))
            case If():
                return self._if(node)
            case Match():
                return self._match(node)
            case Return(value=value):
                return concat("return ", write(value))
            case Yield(value=value):
                return concat("yield ", write(value))
            case Fail(reason=reason):
                return self.fail(reason)
            case _:
                assert_never(node)

    def fail(self, reason: Expr) -> Doc:
        """`fail "why"`."""
        return concat("fail ", self._expressions.write(reason))

    def _step(self, node: Step) -> Doc:
        comments = self._comments
        head = concat("step ", self._types.bound(node.name, node.type), " = ", self._action(node.action))
        if not node.clauses:
            return head
        trail = comments.trail(node.action.span.end, node.clauses[0].span.start)
        row: list[Doc] = [] if trail is None else [Suffix(trail)]
        for slot in self.slots(node.clauses, self._clause, node.span.end):
            for lead in slot.opening.leads:
                row += [HARD, lead.text]
            row += [HARD if slot.is_commented else LINE, slot.doc]
            if slot.trail is not None:
                row.append(Suffix(slot.trail))
        if isinstance(node.action, For | Repeat | Parallel | Race | Do):
            return concat(head, group(indent(*row)))
        return group(head, indent(*row))

    def _clause(self, clause: Clause) -> Doc:
        match clause:
            case Undo(call=call):
                return concat("undo ", "none" if call is None else self._expressions.write(call, POSTFIX))
            case After(names=names):
                return f"after {', '.join(name.text for name in names)}"
            case Catch(name=name, value=value):
                return concat(f"catch {name.text if name else '_'} => ", self._expressions.write(value))
            case _:
                assert_never(clause)

    def _action(self, action: Action) -> Doc:
        write = self._expressions.write
        match action:
            case For(item=item, index=index, items=items, limit=limit, body=body):
                names = item.text if index is None else f"{item.text}, {index.text}"
                row = [f"for {names} in ", write(items)]
                row += [" at most ", write(limit)] if limit is not None else []
                return concat(*row, " ", self.block(body))
            case Repeat():
                return self._repeat(action)
            case Parallel(args=args, body=body) | Race(args=args, body=body):
                word = "parallel" if isinstance(action, Parallel) else "race"
                place = (action.span.start, body.span.start)
                listed = self._expressions.arguments(args, *place) if args else ""
                return concat(word, listed, " ", self.block(body))
            case Do(body=body):
                return concat("do ", self.block(body))
            case _:
                return write(action, POSTFIX)

    def _repeat(self, node: Repeat) -> Doc:
        write = self._expressions.write
        row = ["repeat ", self._types.bound(node.name, node.type)]
        row += [f", {node.index.text}"] if node.index is not None else []
        row += [" = ", write(node.init), " at most ", write(node.limit), " "]
        row += [self.block(node.body, limit=node.until.span.start), " until ", write(node.until)]
        row += [" else ", write(node.otherwise)] if node.otherwise is not None else []
        return concat(*row)

    def _if(self, node: If) -> Doc:
        row: list[Doc] = []
        rest: If | Block | None = node
        while isinstance(rest, If):
            row += ["if ", self._expressions.write(rest.condition), " ", self.block(rest.then)]
            rest = rest.otherwise
            row += [" else "] if rest is not None else []
        row += [self.block(rest)] if rest is not None else []
        return concat(*row)

    def _match(self, node: Match) -> Doc:
        comments = self._comments
        subject = self._expressions.write(node.subject)
        slots = self.slots(node.arms, self._arm, node.span.end)
        tail = comments.open(node.span.end)
        anchor = comments.brace(node.subject.span.end)
        head, slots, tail = without_head(slots, tail, comments=comments, anchor=anchor)
        return concat("match ", subject, " ", braces(slots, tail, head=head))

    def _arm(self, arm: MatchArm) -> Doc:
        statements = arm.body.statements
        short = len(statements) == 1 and not isinstance(statements[0], If | Match) and not statements[0].annotations
        body = self.block(arm.body, gap=LINE if short else None)
        return concat(patterns_doc(arm.patterns), " => ", body)


def begin(node: Node) -> int:
    """Where a node begins with the annotations above it."""
    above = getattr(node, "annotations", ())
    return min(above[0].span.start, node.span.start) if above else node.span.start
