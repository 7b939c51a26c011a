"""What is wrong with an annotation that stands where it cannot stand (rule D1)."""

from leadflow.diagnostics import Fix, Span
from leadflow.syntax import messages, messages_habits
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Instead, Search, Skip
from leadflow.syntax.trouble import CLOSERS, OPENERS, Trouble, edits


def _behind(trouble: Trouble, braces: Braces) -> Finding | None:
    """An annotation behind a statement or declaration: it belongs above."""
    if trouble.kind != "BEHIND":
        return None
    end = _annotation_end(trouble, trouble.token)
    while trouble.kind_at(end) == "BEHIND":
        end = _annotation_end(trouble, end)
    written = Span(trouble.span.file, trouble.span.start, trouble.tokens.ends[end - 1])
    text = trouble.tokens.text[written.start : written.end]
    starts = [n for n, symbol in enumerate(trouble.symbols) if symbol == "annotations" and n > trouble.opener]
    owner, move = "something", None
    if starts:
        start = trouble.machine.begins[starts[-1]]
        owner = _owner(trouble, starts[-1])
        move = _moved_above(trouble, start, written, text)
    if text.startswith(CONSTRAINTS) and owner.startswith(("'type ", "'step ", "'let ")):
        return Finding(messages.constraint_of_no_field(written, _short(text), owner=owner), Skip(end))
    return Finding(messages.trailing_annotation(written, _short(text), owner=owner, move=move), Skip(end))


CONSTRAINTS = ("@range(", "@length(", "@pattern(")
"""What narrows the values of a field or a parameter."""


def _moved_above(trouble: Trouble, start: int, written: Span, text: str) -> Fix:
    """Take an annotation out, with the space before it, and put it above what starts at an offset."""
    source = trouble.tokens.text
    line = source.rfind("\n", 0, start) + 1
    indent = source[line:start]
    own_line = not indent.strip()
    gap = len(source[: written.start]) - len(source[: written.start].rstrip(" \t"))
    above = Span(written.file, start, start)
    taken = Span(written.file, written.start - gap, written.end)
    return edits("move it above", (above, f"{text}\n{indent}" if own_line else f"{text} "), (taken, ""))


def _owner(trouble: Trouble, height: int) -> str:
    """What an annotation stands behind: `step a`."""
    words = [value for value in trouble.machine.values[height + 1 :] if isinstance(value, int)]
    names = trouble.tokens.text[trouble.machine.begins[height + 1] :].split(None, 2)[:2] if words else []
    word = names[0] if names else "this"
    name = names[1].split("(")[0].rstrip(":") if len(names) > 1 and word not in {"if", "match", "return"} else ""
    return f"'{word} {name}'" if name and name[0].isalnum() else f"'{word}'"


def _annotation_end(trouble: Trouble, token: int) -> int:
    """The token after an annotation that begins at a token."""
    end = token + 1
    if trouble.kind_at(end) != "$END" and trouble.tokens.written(end)[:1].isidentifier():
        end += 1
    while trouble.kind_at(end) == "MEMBER":
        end += 1
    if trouble.kind_at(end) != "LPAR":
        return end
    depth = 0
    for last in range(end, trouble.tokens.count):
        kind = trouble.tokens.kinds[last]
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0:
            return last + 1
    return end


def _constraint_first(trouble: Trouble, braces: Braces) -> Finding | None:
    """An annotation before a field or a parameter."""
    if trouble.kind != "ABOVE" or trouble.place not in {"fields", "parameters"}:
        if trouble.kind == "ABOVE" and trouble.place == "settings":
            name = f"@{trouble.tokens.written(trouble.token + 1)}"
            way = "annotations stand above the agent"
            found = messages.misplaced(trouble.span, name, where="among the settings of an agent", way=way)
            return Finding(found, Skip(_annotation_end(trouble, trouble.token)))
        return None
    end = _annotation_end(trouble, trouble.token)
    while trouble.kind_at(end) == "ABOVE":
        end = _annotation_end(trouble, end)
    written = Span(trouble.span.file, trouble.span.start, trouble.tokens.ends[end - 1])
    what = "field" if trouble.place == "fields" else "parameter"
    text = _short(trouble.tokens.text[written.start : written.end])
    return Finding(messages.leading_constraint(written, text, what=what, move=_moved_behind(trouble, end)), Skip(end))


def _default_last(trouble: Trouble, braces: Braces) -> Finding | None:
    """`score: float @range(0, 1) = 0.5`."""
    if trouble.kind != "EQUAL" or trouble.place not in {"fields", "parameters"} or not trouble.takes("BEHIND"):
        return None
    tokens = trouble.tokens
    first = following = trouble.token
    for token in range(trouble.token - 1, max(-1, trouble.token - _LONG), -1):
        if tokens.kinds[token] == "BEHIND":
            if _annotation_end(trouble, token) != following:
                break
            first = following = token
    end = _item_end(trouble, trouble.token + 1)
    if first == trouble.token or end == trouble.token + 1:
        return None
    text = tokens.text
    constraints = text[tokens.starts[first] : tokens.ends[trouble.before]]
    default = text[trouble.span.start : tokens.ends[end - 1]]
    span = Span(tokens.file, tokens.starts[first], tokens.ends[end - 1])
    gap = text[tokens.ends[trouble.before] : trouble.span.start]
    fix = edits("swap them", (span, f"{default}{gap}{constraints}"), safe="#" not in gap)
    what = "field" if trouble.place == "fields" else "parameter"
    written = _short(f"{default} {constraints}")
    return Finding(messages_habits.default_behind(trouble.span, written, what=what, fix=fix), Skip(end))


def _item_end(trouble: Trouble, first: int) -> int:
    """The token after the field or parameter, or the part of one, that begins with a token."""
    tokens, depth = trouble.tokens, 0
    for last in range(first, tokens.count - 1):
        kind = tokens.kinds[last]
        begins = kind == "KEY" or (kind == "STRING" and trouble.kind_at(last + 1) == "COLON")
        if depth == 0 and last > first and (begins or kind in {"COMMA", "ABOVE", "BEHIND"}):
            return last
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth < 0:
            return last
    return tokens.count - 1


def _moved_behind(trouble: Trouble, end: int) -> Fix:
    """Put annotations that end before a token behind the field or parameter that follows."""
    tokens, depth, last = trouble.tokens, 0, end
    for last in range(end, tokens.count):
        kind = tokens.kinds[last]
        depth += (kind in OPENERS) - (kind in CLOSERS)
        begins = kind == "KEY" or (kind == "STRING" and trouble.kind_at(last + 1) == "COLON")
        if depth < 0 or (depth == 0 and last > end and (begins or kind in {"COMMA", "ABOVE", "$END"})):
            break
    taken = Span(tokens.file, trouble.span.start, tokens.starts[end])
    place = Span(tokens.file, tokens.ends[last - 1], tokens.ends[last - 1])
    written = tokens.text[trouble.span.start : tokens.ends[end - 1]]
    return edits("move it behind the type", (taken, ""), (place, f" {written}"))


def _lone_annotation(trouble: Trouble, braces: Braces) -> Finding | None:
    """Annotations with nothing under them that they could govern."""
    if trouble.kind not in {"RBRACE", "$END"} or trouble.place not in {"file", "block", "test", "profile"}:
        return None
    first = following = trouble.token
    for token in range(trouble.token - 1, max(-1, trouble.token - _LONG), -1):
        if trouble.tokens.kinds[token] == "ABOVE":
            if _annotation_end(trouble, token) != following:
                break
            first = following = token
    if first == trouble.token:
        return None
    span = Span(trouble.span.file, trouble.tokens.starts[first], trouble.machine.end)
    return Finding(messages.lone_annotation(span, _short(trouble.tokens.text[span.start : span.end])))


_LONG = 200
"""Tokens that are looked at to find an annotation's begin."""


def _short(text: str) -> str:
    line = text.split("\n", maxsplit=1)[0]
    return line if line == text and len(line) <= 60 else line[:57] + "…"


def _catch(trouble: Trouble, braces: Braces) -> Finding | None:
    """`@catch(e)`."""
    if trouble.kind != "CATCH" or trouble.kind_before != "ABOVE":
        return None
    span = trouble.tokens.span(trouble.before).to(trouble.span)
    way = "a value for a failure stands behind the call: 'step a = agent.action(…) catch e => value'"
    found = messages_habits.foreign_expression(span, "@catch", way=way)
    return Finding(found, Search(_annotation_end(trouble, trouble.before)))


def _colon(trouble: Trouble, braces: Braces) -> Finding | None:
    """`@timeout: 3s`."""
    if trouble.kind != "KEY" or trouble.kind_before != "ABOVE":
        return None
    tokens, first = trouble.tokens, trouble.token + 2
    end = next((n for n in range(first, tokens.count) if _ends_line(trouble, n)), tokens.count)
    name, last = trouble.written, tokens.ends[end - 1]
    value = tokens.text[tokens.starts[first] : last] if end > first else "…"
    way = _short(f"@{name}({value})")
    span = tokens.span(trouble.before)._replace(end=last)
    fix = edits(f"write '{way}'", (span._replace(start=trouble.span.end), f"({value})")) if end > first else None
    found = messages_habits.foreign_declaration(span, "an annotation", way=way, fix=fix)
    following = next((n for n in range(end, tokens.count) if tokens.begins_line(n)), tokens.count - 1)
    return Finding(found, Instead(trouble.before, (), end if trouble.kind_at(end) != "BEHIND" else following))


def _ends_line(trouble: Trouble, token: int) -> bool:
    """Whether a token is no part of what stands before it on its line: on the next, or an annotation."""
    return trouble.tokens.begins_line(token) or trouble.kind_at(token) in {"ABOVE", "BEHIND", "$END"}


def _parallel(trouble: Trouble, braces: Braces) -> Finding | None:
    """`@parallel(20)`."""
    if trouble.kind != "PARALLEL" or trouble.kind_before != "ABOVE":
        return None
    end = _annotation_end(trouble, trouble.before)
    right = "@concurrency" + trouble.tokens.text[trouble.span.end : trouble.tokens.ends[end - 1]]
    fix = edits("write 'concurrency'", (trouble.span, "concurrency"))
    span = trouble.tokens.span(trouble.before).to(trouble.span)
    way = f"how many rounds or steps overlap is '{_short(right)}'"
    found = messages_habits.foreign_expression(span, "@parallel", way=way, fix=fix)
    return Finding(found, Instead(trouble.before, (), end))


ANNOTATION_EXPLANATIONS: tuple[Explanation, ...] = (
    _behind,
    _constraint_first,
    _default_last,
    _lone_annotation,
    _catch,
    _colon,
    _parallel,
)
