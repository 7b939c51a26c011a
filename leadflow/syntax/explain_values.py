"""What is wrong with an expression, a list of arguments, or a bracket."""

from leadflow.diagnostics import Span
from leadflow.syntax import messages, messages_habits
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Insert, Replace, Reread, Skip
from leadflow.syntax.trouble import (
    CLOSERS,
    STATEMENTS,
    VALUES,
    Trouble,
    at,
    edits,
    starts_declaration,
    starts_statement,
)

# --- expressions ----------------------------------------------------------------------------------------------------


_GIVEN = {
    "record": "a field is given as",
    "settings": "a setting is written",
    "arguments": "an argument is passed as",
}


def _equals(trouble: Trouble, braces: Braces) -> Finding | None:
    """`=` where `==` or `:` is meant."""
    kind, before = trouble.kind, trouble.token - 1
    if kind == "NAME" and trouble.kind_at(trouble.token + 1) == "EQUAL" and trouble.takes("KEY", "COLON"):
        mark = trouble.tokens.span(trouble.token + 1)
        if trouble.place == "parameters":
            way = f"{trouble.written}: type = value"
            found = messages_habits.foreign_declaration(mark, "a parameter with a default", way=way)
            return Finding(found, Replace(("KEY", "COLON", "NAME")))
        what = _GIVEN.get(trouble.place, "it is written")
        found = messages.single_equals(mark, key=trouble.written, what=what)
        return Finding(found, Replace(("KEY", "COLON")))
    if kind != "EQUAL":
        return None
    if trouble.place == "arguments" and trouble.kind_at(before - 1) in {"LPAR", "COMMA"} and trouble.is_word_at(before):
        found = messages.single_equals(trouble.span, key=trouble.tokens.written(before))
        return Finding(found, Reread(before, ("KEY", "COLON")))
    if trouble.takes("COMPARE"):
        return Finding(messages.single_equals(trouble.span, key=None), Replace(("COMPARE",)))
    return None


def _chain(trouble: Trouble, braces: Braces) -> Finding | None:
    """A comparison of a comparison."""
    if trouble.kind not in {"COMPARE", "IN"} or trouble.kind_before in {"COMPARE", "IN", "EQUAL"}:
        return None
    inside = trouble.inside
    if not any(symbol in {"COMPARE", "IN", "comparison", "binary"} for symbol in inside[-4:]):
        return None
    middle = trouble.tokens.written(trouble.before)
    simple = trouble.kind_before in VALUES and trouble.tokens.kinds[trouble.before - 1] in {"COMPARE", "IN"}
    fix = edits(f"write 'and {middle}' before it", (at(trouble.span), f"and {middle} ")) if simple else None
    return Finding(messages.chained_comparison(trouble.span, fix=fix), Replace(("OR",)))


def _comma(trouble: Trouble, braces: Braces) -> Finding | None:
    """Two arguments, items or entries with nothing between them."""
    if trouble.place not in {"arguments", "record", "list", "match value", "parameters"} or not trouble.takes("COMMA"):
        return None
    if _begins_item(trouble):
        return None
    begins = trouble.kind in {"KEY", "LBRACE", "LSQB"} or trouble.begins_value
    if trouble.kind == "LBRACE" and not braces.closes(trouble.machine.values[trouble.opener]):
        return None
    if not begins or not trouble.takes("COMMA", trouble.kind):
        return None
    end = Span(trouble.span.file, trouble.machine.end, trouble.machine.end)
    twice = trouble.tokens.written(trouble.before) == trouble.tokens.written(trouble.token)
    return Finding(messages.missing_comma(end, before=trouble.found, twice=twice), Insert(("COMMA",)))


def _missing_value(trouble: Trouble, braces: Braces) -> Finding | None:
    """Nothing stands where an expression must."""
    if not trouble.wants_value or not trouble.token:
        return None
    before = f"'{trouble.tokens.written(trouble.before)}'"
    if trouble.kind in {"COMMA", "RPAR", "RSQB", "RBRACE", "$END"} or _begins_item(trouble):
        place = Span(trouble.span.file, trouble.machine.end, trouble.machine.end)
        found = messages.missing_value(place, after=before, found=trouble.found)
        return Finding(found, Insert(("BROKEN",)) if trouble.takes("BROKEN", trouble.kind) else None)
    return None


def _no_condition(trouble: Trouble, braces: Braces) -> Finding | None:
    """A block right behind `if`, `match` or `in`, read as a record."""
    if trouble.place != "record":
        return None
    opener = trouble.machine.values[trouble.opener]
    before = trouble.kind_at(opener - 1)
    if before not in {"IF", "MATCH", "IN", "UNTIL", "MOST"}:
        return None
    place = trouble.tokens.span(opener)
    after = f"'{trouble.tokens.written(opener - 1)}'"
    found = messages.missing_value(at(place), after=after, found="'{'")
    return Finding(found, Insert(("BROKEN",), opener))


def _missing_brace(trouble: Trouble, braces: Braces) -> Finding | None:
    """A block without its `{`."""
    if trouble.kind not in STATEMENTS or not trouble.takes("LBRACE", trouble.kind):
        return None
    found = messages.unexpected(trouble.span, trouble.found, expected=["'{'"])
    return Finding(found, Insert(("LBRACE",)))


def _begins_item(trouble: Trouble) -> bool:
    return starts_statement(trouble.tokens, trouble.token) or starts_declaration(trouble.tokens, trouble.token)


# --- brackets -------------------------------------------------------------------------------------------------------


def _bracket(trouble: Trouble, braces: Braces) -> Finding | None:
    """A `(`, `[` or the `{` of a value that is not closed, or a closing one that closes nothing."""
    values = {"arguments", "parameters", "imports", "group", "list", "record", "match value"}
    ends = trouble.kind in CLOSERS or trouble.kind in {"$END", "LBRACE"} or _begins_item(trouble)
    if not ends and trouble.kind not in STATEMENTS:
        return None
    if trouble.kind == "LBRACE" and (trouble.opener < 0 or braces.closes(trouble.machine.values[trouble.opener])):
        return None
    if trouble.place in values:
        opener = trouble.machine.values[trouble.opener]
        bracket = trouble.tokens.written(opener)
        closer = {"(": ")", "[": "]", "{": "}"}[bracket]
        if trouble.written == closer:
            return None
        place = Span(trouble.span.file, trouble.machine.end, trouble.machine.end)
        return Finding(messages.open_bracket(trouble.tokens.span(opener), bracket, at=place, close=closer))
    if trouble.kind in {"RPAR", "RSQB"}:
        return Finding(messages.extra_bracket(trouble.span, trouble.written), Skip(trouble.token + 1))
    return None


def _brace(trouble: Trouble, braces: Braces) -> Finding | None:
    """A brace too many or too few (rule D11)."""
    in_braces = trouble.opener >= 0 and trouble.symbols[trouble.opener] == "LBRACE"
    surprised = (
        (in_braces and (trouble.kind == "$END" or starts_declaration(trouble.tokens, trouble.token)))
        or (trouble.opener < 0 and trouble.kind == "RBRACE")
        or (trouble.place == "file" and trouble.kind in STATEMENTS and braces.fault is not None)
    )
    if not surprised:
        return None
    fault = braces.fault
    tokens = trouble.tokens
    if fault is None:
        if trouble.kind == "RBRACE":
            return Finding(messages.extra_brace(trouble.span, closes=None), Skip(trouble.token + 1))
        opener = trouble.machine.values[trouble.opener]
        return Finding(
            messages.open_brace(tokens.span(opener), what=_opened(tokens.text, tokens.starts[opener]), at=None)
        )
    other = tokens.span(fault.other) if fault.other >= 0 else None
    if fault.kind == "extra":
        found = messages.extra_brace(tokens.span(fault.token), closes=other)
        return Finding(found, Skip(trouble.token + 1) if trouble.kind == "RBRACE" else None)
    what = _opened(tokens.text, tokens.starts[fault.token])
    return Finding(messages.open_brace(tokens.span(fault.token), what=what, at=other))


def _opened(text: str, brace: int) -> str:
    """What a `{` begins, by the words of its line."""
    line = text[text.rfind("\n", 0, brace) + 1 : brace].split()
    words = [word for word in line if not word.startswith("@")][:2]
    return f"'{' '.join(words).split('(')[0].rstrip(': ')}'" if words else "this block"


VALUE_EXPLANATIONS: tuple[Explanation, ...] = (
    _equals,
    _no_condition,
    _missing_brace,
    _chain,
    _brace,
    _bracket,
    _missing_value,
    _comma,
)
