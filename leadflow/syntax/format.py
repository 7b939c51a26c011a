"""One way to write a file: every tree has one text, whoever wrote it and however.

What the author may decide: the empty lines between statements (one at most), and whether the braces of a `type`, an
`agent`, a `policy` or a `profile` open over several lines. All else follows from the tree, the width of a line and the
comments, which stay beside what they stood beside. Formatting what is formatted changes nothing, and parsing what was
formatted gives the tree it was formatted from.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, assert_never

from leadflow.diagnostics import Report, Source, Span
from leadflow.syntax.format_comments import Comments, braces, lines, listing, without_head
from leadflow.syntax.format_expr import POSTFIX, Expressions, dotted
from leadflow.syntax.format_statements import Statements, begin
from leadflow.syntax.format_text import word_or_string
from leadflow.syntax.format_types import Types
from leadflow.syntax.layout import HARD, LINE, Doc, Line, concat, group, indent, joined, render
from leadflow.syntax.lexer import Comment, comments
from leadflow.syntax.parser import parse
from leadflow.syntax.tree import (
    AgentDecl,
    AgentOverride,
    AliasDecl,
    ConstDecl,
    ConstOverride,
    Expect,
    Expr,
    Fail,
    File,
    FlowDecl,
    Ident,
    Item,
    Late,
    Let,
    Mock,
    Node,
    Override,
    PolicyDecl,
    ProfileDecl,
    RecordDecl,
    Replay,
    Setting,
    TestDecl,
    TestRun,
    TestStmt,
    ToolDecl,
    TriggerDecl,
    Use,
    UsedName,
)


def format_text(name: str, text: str) -> tuple[str | None, Report]:
    """The text of a file written anew, and what is wrong with it; None when a mistake kept it from being understood."""
    report = Report()
    source = Source(name, text)
    tree = parse(source, report)
    if report.has_errors:
        return None, report
    return format_source(source, tree, comments(source)), report


def format_source(source: Source, tree: File, comments: Sequence[Comment]) -> str:
    """The text of a source written anew, out of its tree (one without mistakes) and all of its comments."""
    return _Declarations(Comments(source.text, comments)).file(tree, source)


def format_tree(tree: File) -> str:
    """A text for a tree that comes from nowhere: with its doc comments, and empty lines where they help."""
    return _Declarations(Comments(None, ())).file(tree, Source(tree.span.file, ""))


_END = 1 << 60
_EDITION = re.compile(r"(?:\s|#[^\n]*)*+(leadflow(?:\s|#[^\n]*)*[0-9_]+)")
_TWO_BLANKS = Line("  ")

Some = TypeVar("Some", bound=Node)


class _Declarations:
    """Writes the declarations of one text, in its order."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments
        self._expressions = Expressions(comments)
        self._types = Types(comments, self._expressions)
        self._statements = Statements(comments, self._expressions, self._types)

    def file(self, tree: File, source: Source) -> str:
        """The whole text."""
        comments = self._comments
        found = _EDITION.match(source.text)
        edition = Span(source.name, *found.span(1)) if found else Span(source.name, 0, 0)
        opening = comments.open(edition.start, doc=tree.doc, is_file=True)
        first = comments.close(opening, edition, f"leadflow {tree.edition}", _END)
        slots = self._statements.slots(tree.items, self._item, _END)
        spaced = [
            slot.after_blank() if before is None or self._is_apart(before, item) else slot
            for before, item, slot in zip((None, *tree.items), tree.items, slots, strict=False)
        ]
        return render(lines([first, *spaced], comments.open(_END))) + "\n"

    def _is_apart(self, before: Item, item: Item) -> bool:
        """True when an empty line stands between two declarations whatever the author did."""
        if isinstance(before, FlowDecl | TestDecl) or isinstance(item, FlowDecl | TestDecl):
            return True
        return not self._comments.has_text and type(before) is not type(item)

    def _item(self, item: Item) -> Doc:
        is_marked = isinstance(item, ToolDecl) and all(mark.args is None for mark in item.annotations)
        below = " " if is_marked else HARD  # `@read tool …`
        return self._statements.annotated(item.annotations, item, partial(self._bare, item), below=below)

    def _bare(self, item: Item) -> Doc:
        write = self._expressions.write
        match item:
            case Use():
                return self._use(item)
            case RecordDecl(name=name, fields=fields, type_params=params):
                opener = (params[-1] if params else name).span.to(item.span)
                return concat(f"type {_with_params(name, params)} ", self._members(fields, self._types.field, opener))
            case AliasDecl(name=name, type=type_, type_params=params):
                return concat(f"type {_with_params(name, params)} = ", self._types.write(type_))
            case AgentDecl(name=name, kind=kind, settings=settings):
                head = f"agent {name.text}: {dotted(kind)}"
                return (
                    concat(head, " ", self._members(settings, self._setting, kind[-1].span.to(item.span)))
                    if settings
                    else head
                )
            case ToolDecl():
                return self._tool(item)
            case PolicyDecl(name=name, body=body):
                place = name.span.to(item.span)
                return concat(f"policy {name.text} ", self._members(body, self._types.annotation, place, gap=LINE))
            case ConstDecl(name=name, type=type_, value=value):
                return concat("const ", self._types.bound(name, type_), " = ", write(value))
            case FlowDecl():
                return self._flow(item)
            case TriggerDecl(name=name, args=args, call=call):
                listed = self._expressions.arguments(args, name.span.end, call.span.start)
                return group(f"on {name.text}", listed, indent(LINE, "run ", write(call, POSTFIX)))
            case ProfileDecl(name=name, overrides=overrides):
                gap = LINE if len(overrides) == 1 else None
                place = name.span.to(item.span)
                return concat(f"profile {name.text} ", self._members(overrides, self._override, place, gap=gap))
            case TestDecl(name=test, body=body):
                place = test.span.to(item.span)
                return concat("test ", write(test), " ", self._members(body, self._test_statement, place, gap=None))
            case _:
                assert_never(item)

    def _members(
        self,
        members: Sequence[Some],
        write: Callable[[Some], Doc],
        place: Span,
        *,
        gap: Line | None = _TWO_BLANKS,
    ) -> Doc:
        """Members in braces; `place` begins at or before the opening brace and ends at the closing one.

        They share a line, with `gap` between them, if the author opened the braces so and they fit.
        """
        comments = self._comments
        start, limit = place.start, place.end
        if members and not comments.is_same_line(start, begin(members[0])):
            gap = None
        slots = self._statements.slots(members, write, limit)
        tail = comments.open(limit)
        head, slots, tail = without_head(slots, tail, comments=comments, anchor=comments.brace(start))
        return braces(slots, tail, head=head, gap=gap)

    def _use(self, use: Use) -> Doc:
        comments = self._comments
        row: list[Doc] = ["use ", dotted(use.path) if use.file is None else self._expressions.write(use.file)]
        if use.names is not None:
            limit = use.alias.span.start if use.alias else use.span.end
            slots = self._statements.slots(use.names, _used_name, limit)
            anchor = use.path[-1].span.end if use.file is None else use.file.span.end
            head, slots, tail = without_head(slots, comments.open(limit), comments=comments, anchor=anchor)
            row += [" ", listing("()", slots, tail, head=head)]
        if use.alias is not None:
            row.append(f" as {use.alias.text}")
        return joined(row)

    def _setting(self, setting: Setting) -> Doc:
        return concat(word_or_string(setting.name), ": ", self._expressions.write(setting.value))

    def _tool(self, tool: ToolDecl) -> Doc:
        limit = (tool.result or tool.target).span.start
        row: list[Doc] = [f"tool {tool.name.text}", self._types.params(tool.params, tool.name.span.end, limit)]
        if tool.result is not None:
            row += [" -> ", self._types.write(tool.result)]
        return joined([*row, " = ", self._expressions.write(tool.target, POSTFIX)])

    def _flow(self, flow: FlowDecl) -> Doc:
        limit = (flow.result or flow.body).span.start
        row: list[Doc] = [f"flow {flow.name.text}", self._types.params(flow.params, flow.name.span.end, limit)]
        if flow.result is not None:
            row += [" -> ", self._types.write(flow.result)]
        return joined([*row, " ", self._statements.block(flow.body)])

    def _override(self, override: Override) -> Doc:
        if isinstance(override, ConstOverride):
            return concat(f"const {override.name.text} = ", self._expressions.write(override.value))
        write = partial(self._agent_override, override)
        return self._statements.annotated(override.annotations, override, write, below=LINE)

    def _agent_override(self, override: AgentOverride) -> Doc:
        name, kind = override.name, override.kind
        place = (kind[-1] if kind else name).span.to(override.span)
        head = f"agent {name.text}: {dotted(kind)} " if kind else f"agent {name.text} "
        return concat(head, self._members(override.settings, self._setting, place))

    def _test_statement(self, statement: TestStmt) -> Doc:
        write = self._expressions.write
        match statement:
            case Mock(target=target, args=args, answers=answers):
                row: list[Doc] = [f"mock {dotted(target)}"]
                if args is not None:
                    row.append(self._expressions.arguments(args, target[-1].span.end, answers[0].span.start))
                first, *more = [self._answer(answer) for answer in answers]
                return group(*row, " => ", first, indent(*[concat(LINE, "then ", answer) for answer in more]))
            case Replay(file=file):
                return concat("replay ", write(file))
            case Expect(condition=condition):
                return concat("expect ", write(condition))
            case TestRun(name=name, call=call):
                return concat(f"run {name.text} = ", write(call, POSTFIX))
            case Let():
                return self._statements.statement(statement)
            case _:
                assert_never(statement)

    def _answer(self, answer: Expr | Fail | Late) -> Doc:
        if isinstance(answer, Late):
            return concat(self._answer(answer.answer), " after ", self._expressions.write(answer.delay))
        return self._statements.fail(answer.reason) if isinstance(answer, Fail) else self._expressions.write(answer)


def _used_name(name: UsedName) -> Doc:
    return name.name.text if name.alias is None else f"{name.name.text} as {name.alias.text}"


def _with_params(name: Ident, params: Sequence[Ident]) -> str:
    """`Page[T]`, or the name alone."""
    return f"{name.text}[{', '.join(one.text for one in params)}]" if params else name.text
