"""Text -> tree. The phase on one page: tokens, limits, the loop, and recovery when a token cannot follow."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, islice

from leadflow.diagnostics import Diagnostic, Report, Source
from leadflow.syntax import docs, messages, messages_source, tree
from leadflow.syntax.lexer import MOST_DEPTH, MOST_TOKENS, Tokens, keyword, tokenise
from leadflow.syntax.machine import Machine
from leadflow.syntax.maker import FOREIGN_VALUES, Maker
from leadflow.syntax.recover import Recovery
from leadflow.syntax.source import check_characters, without_surroundings

MOST_ITEMS = 20_000
"""Declarations in one file."""
MOST_STEPS = 10_000
"""Steps in one file: a plan is looked at as a whole."""


def parse(source: Source, report: Report, *, ids: Iterator[int] | None = None) -> tree.File:
    """The tree of a source. What is wrong with it goes to `report`; what could be understood is in the tree.

    `ids` numbers the nodes; pass one iterator for all files of a load. A statement that could not be read at all is
    not in the tree; an expression that could not is a `BadExpr`.
    """
    found = Report()
    file = _parse(source, found, ids or count())
    for one in _causes(source, found):
        report(one)
    return file


def _causes(source: Source, found: Report) -> list[Diagnostic]:
    """What is wrong, without what follows from a quote without a partner, or from no quotes at all.

    Before a quote that has none, others were taken for its partner; and a text without quotes ends nobody knows where.
    """
    lines = {one: source.position(one.span.start).line for one in found}
    torn = {line for one, line in lines.items() if one.code == "FLOW110"}
    ends = {line for one, line in lines.items() if one.code == "FLOW110" and _only_closes(source, one)}
    inside = {line for end in ends for line in _back_to(end, torn - ends)}
    bare = {line: one.span.start for one, line in reversed(lines.items()) if one.code == "FLOW115"}
    return [
        replace(one, fix=None) if line + 1 in inside and line not in inside else one
        for one, line in lines.items()
        if line not in inside
        and (one.code == "FLOW110" or (line not in torn and one.span.start <= bare.get(line, one.span.start)))
    ]


_MOST_LINES = 20
"""Lines of a text that was begun and ended with one quote each."""


def _only_closes(source: Source, one: Diagnostic) -> bool:
    """Whether nothing stands behind a quote but what closes brackets: then it ends a text that began above."""
    return not source.at(one.span)[1:].strip(" )]},")


def _back_to(end: int, begins: set[int]) -> range:
    """The lines of a text that ends here, but for the one where it began."""
    begin = max((line for line in begins if end - _MOST_LINES <= line < end), default=end)
    return range(begin + 1, end + 1)


def _parse(source: Source, report: Report, ids: Iterator[int]) -> tree.File:
    check_characters(source, report)
    source = without_surroundings(source, report)
    tokens = tokenise(source.name, source.text)
    maker = Maker(tokens, report, ids, _hole)
    if _refuse(tokens, report):
        return tree.File(1, None, (), id=maker.id(), span=source.whole)
    maker.docs = docs.collect(tokens) if "##" in source.text else {}
    machine = Machine(tokens, maker, "start")
    token = _edition(machine)
    recovery = Recovery(machine)
    with _uncollected():
        while (token := machine.feed(token)) >= 0:
            token = recovery.mend(token)
    for diagnostic in tokens.mistakes.pop(tokens.count - 1, ()):
        report(diagnostic)
    for word, places in maker.foreign.items():
        for place in places if word not in maker.bound else ():
            right = FOREIGN_VALUES[word]
            report(messages.foreign_word(place, word, way=f"write '{right}'", right=right))
    if not recovery.mended:
        for doc in maker.docs.values():
            report(messages.lone_doc(doc.span))
    file: tree.File = machine.values[-1]
    if len(file.items) > MOST_ITEMS:
        report(messages_source.too_large(file.items[MOST_ITEMS].span, "too many declarations", limit=f"{MOST_ITEMS:,}"))
    return file


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away: a tree grows by many objects, none of them garbage, and it would look at all of
    them again and again, so that ten times the text would take sixteen times as long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")


def _hole(maker: Maker, start: int, end: int) -> tree.Expr:
    """The expression in a hole of a string. Most are names with members: these need no machine."""
    text = maker.tokens.text
    if _PATH.fullmatch(text, start, end) and keyword(text[start:end].split(".", 1)[0]) is None:
        return _path(maker, start, end)
    tokens = tokenise(maker.tokens.file, text, start, end)
    for comment in tokens.comments:  # it would go to the end of the hole, and nobody would keep it
        maker.report(messages_source.bad_hole(maker.span(*comment), "a comment cannot stand in a hole"))
    machine = Machine(tokens, replace(maker, tokens=tokens, docs={}), "expr", end=start)
    token = machine.feed(0)
    for diagnostic in tokens.mistakes.pop(tokens.count - 1, ()):
        # a comment cannot stand here either way: no fix makes another one of it
        maker.report(replace(diagnostic, fix=None) if diagnostic.code == "FLOW132" else diagnostic)
    if token < 0 or Recovery(machine).mend_hole(token) < 0:
        expr: tree.Expr = machine.values[-1]
        return expr
    return tree.BadExpr(id=maker.id(), span=maker.span(start, end))


def _path(maker: Maker, start: int, end: int) -> tree.Expr:
    """`a.b.c`, which stands in `[start, end)` of the text."""
    first, *members = maker.tokens.text[start:end].split(".")
    place = start + len(first)
    expr: tree.Expr = maker.name(start, place)
    for member in members:
        name = tree.Ident(member, id=maker.id(), span=maker.span(place + 1, place + 1 + len(member)))
        place += 1 + len(member)
        expr = maker.nest(tree.Member(expr, name, False, id=maker.id(), span=maker.span(start, place)), (expr,))
    return expr


def _refuse(tokens: Tokens, report: Report) -> bool:
    """Report a text that is empty or too much to be parsed; True when it is not parsed at all."""
    if len(tokens.kinds) == 1 and not tokens.stopped and not tokens.mistakes:
        report(messages_source.empty(tokens.span(0)))
        return True
    last = tokens.span(len(tokens.kinds) - 2)
    match tokens.stopped:
        case "many":
            report(messages_source.too_large(last, "too many words and marks", limit=f"{MOST_TOKENS:,}"))
        case "deep":
            report(messages_source.too_large(last, "too many brackets in brackets", limit=str(MOST_DEPTH)))
        case _ if tokens.kinds.count("STEP") > MOST_STEPS:
            places = (at for at, kind in enumerate(tokens.kinds) if kind == "STEP")
            first = next(islice(places, MOST_STEPS, None))
            report(messages_source.too_large(tokens.span(first), "too many steps", limit=f"{MOST_STEPS:,}"))
        case _:
            return False
    return True


def _edition(machine: Machine) -> int:
    """Take the edition line; the token after it. A bad one is said, and taken for `leadflow 1`."""
    tokens, say = machine.tokens, machine.maker.say
    if (past := _other_edition(machine)) > 0:
        return past
    word = tokens.kinds[0] == "LEADFLOW"
    number = word and tokens.kinds[1] != "$END" and not tokens.begins_line(1)
    if number and tokens.written(1) != "1":
        tokens.mistakes.pop(1, None)
        say(messages_source.unknown_edition(tokens.span(1), tokens.written(1)))
    if number and tokens.kinds[1] == "INT":
        return machine.feed(machine.feed(0, only=True), only=True)
    if not number:
        say(messages_source.no_edition(tokens.span(0), word=word))
    _feed_edition(machine)
    return word + number


def _other_edition(machine: Machine) -> int:
    """Say that `version 1` and `leadflow: 1` are `leadflow 1`; the token after the line, 0 where none stands."""
    tokens = machine.tokens
    line = next((n for n in range(1, tokens.count) if tokens.begins_line(n)), tokens.count - 1)
    if tokens.written(0) not in {"version", "edition", "leadflow", "syntax"} or tokens.kinds[line - 1] != "INT":
        return 0
    if tokens.kinds[1 : line - 1] not in ([], ["COLON"], ["EQUAL"]) or (tokens.kinds[0] == "LEADFLOW" and line == 2):
        return 0
    machine.maker.say(messages_source.no_edition(tokens.span(0).to(tokens.span(line - 1)), word=True))
    _feed_edition(machine)
    return line


def _feed_edition(machine: Machine) -> None:
    """Put in `leadflow 1`."""
    tokens = machine.tokens
    for kind in ("LEADFLOW", "INT"):
        machine.feed(tokens.add(kind, tokens.starts[0], tokens.starts[0]), only=True)
