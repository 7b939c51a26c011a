"""What is wrong with a number and the word behind it: units of other tools, words for what is counted, percents."""

from decimal import Decimal

from leadflow.diagnostics import Diagnostic
from leadflow.syntax import messages_habits, messages_source
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Insert, Instead, Skip
from leadflow.syntax.trouble import Trouble, edits
from leadflow.syntax.units import OWN_UNITS, counts_tokens, per, with_unit

_ARGUMENTS = {"calls", "tokens", "concurrent"}
"""Arguments of annotations that read as units."""

_TIMES = {"time", "times", "attempt", "attempts", "try", "tries", "round", "rounds", "item", "items"}
"""What is counted where nothing else could be: the number alone says it."""

_COUNTED = {
    *_ARGUMENTS, *_TIMES, "call", "token", "request", "requests", "req", "reqs", "query", "queries", "message",
    "messages", "retry", "retries",
}  # fmt: skip

_UNKNOWN = {"month", "months", "year", "years", "EUR", "eur", "euro", "euros", "percent", "bytes"}
"""Units for which nothing is written that means the same."""


def _follows_number(trouble: Trouble) -> bool:
    """Whether a word stands behind a number, on its line."""
    is_word = trouble.is_word and trouble.kind != "KEY" and not trouble.tokens.begins_line(trouble.token)
    return is_word and trouble.kind_before in {"INT", "FLOAT", "MONEY"}


def _counted(trouble: Trouble, braces: Braces) -> Finding | None:
    """`60 requests per minute`, `60 requests/min`, `3 times`, `@budget(40 calls)`."""
    word, following = trouble.written, trouble.token + 1
    if not _follows_number(trouble) or word not in _COUNTED:
        return None
    tokens, number = trouble.tokens, trouble.tokens.written(trouble.before)
    span = tokens.span(trouble.before).to(trouble.span)
    named = trouble.kind_at(trouble.before - 1) == "COLON"
    mark, time = (tokens.written(n) if n < tokens.count else "" for n in (following, following + 1))
    rate = mark == "per" or (mark == "/" and time.isidentifier())
    if word in _ARGUMENTS and trouble.place == "arguments" and not named and (word == "tokens" or not rate):
        return Finding(_turned_around(trouble, number), Skip(following))
    if rate:
        right = f"{number} per {per(time) if mark == '/' else time}"
        found = messages_source.unknown_unit(span.to(tokens.span(following + 1)), word, fix=right, safe=True)
        return Finding(found, Skip(following) if mark == "per" else Instead(trouble.before, ("BROKEN",), following + 2))
    fix = number if named or word in _TIMES else None
    return Finding(messages_source.unknown_unit(span, word, fix=fix, safe=trouble.place != "list"), Skip(following))


def _turned_around(trouble: Trouble, number: str) -> Diagnostic:
    """`@budget(40 calls)`: an argument's name behind its value."""
    word, span = trouble.written, trouble.tokens.span(trouble.before).to(trouble.span)
    way = f"an argument's name stands before it: '{word}: {number}'"
    fix = edits(f"write '{word}: {number}'", (span, f"{word}: {number}"))
    return messages_habits.foreign_expression(span, f"{number} {word}", way=way, fix=fix)


def _apart(trouble: Trouble, braces: Braces) -> Finding | None:
    """`3 seconds`, `3 s`, `60 rpm`, `1 USD`."""
    if not _follows_number(trouble):
        return None
    tokens, number, unit = trouble.tokens, trouble.tokens.written(trouble.before), trouble.written
    right = with_unit(number, unit, of_tokens=counts_tokens(tokens.text, tokens.starts[trouble.before]))
    if right is None and unit not in _UNKNOWN and not _ends_number(trouble):
        return None
    span, safe = tokens.span(trouble.before).to(trouble.span), trouble.place != "list"  # a comma may be missing there
    if unit in OWN_UNITS:
        found = messages_source.bad_number(span, f"a unit touches its number: '{right}'", fix=right, safe=safe)
    else:
        found = messages_source.unknown_unit(span, unit, fix=right, safe=safe and len(unit) > 1)
    return Finding(found, Instead(trouble.before, ("BROKEN",), trouble.token + 1))


def _ends_number(trouble: Trouble) -> bool:
    """Whether a word is the last of what is between the commas of an annotation: `@timeout(2 fortnights)`. Nothing that
    an annotation takes is a bare word behind a number."""
    is_annotation = trouble.symbols[max(0, trouble.opener - 2) : trouble.opener][:1] == ["ABOVE"]
    return is_annotation and trouble.kind_at(trouble.token + 1) in {"RPAR", "COMMA"}


def _bad_rate(trouble: Trouble, braces: Braces) -> Finding | None:
    """`20k per minute`, of which the number was said to be none."""
    if trouble.kind != "PER" or trouble.kind_before != "BROKEN":
        return None
    return Finding(None, Skip(trouble.token + 2))


def _percent(trouble: Trouble, braces: Braces) -> Finding | None:
    """`80%`."""
    before, tokens = trouble.before, trouble.tokens
    if before < 1 or tokens.written(before) != "%" or tokens.kinds[before - 1] not in {"INT", "FLOAT"}:
        return None
    if not trouble.wants_value or not trouble.takes("BROKEN", trouble.kind):
        return None
    number = tokens.written(before - 1)
    part = (Decimal(number.replace("_", "")) / 100).normalize()
    right = f"{part:f}" if part % 1 else f"{part:.1f}"
    span = tokens.span(before - 1).to(tokens.span(before))
    fix = edits(f"write '{right}'", (span, right))
    found = messages_habits.foreign_expression(span, f"{number}%", way=f"a part is a number: '{right}'", fix=fix)
    return Finding(found, Insert(("BROKEN",)))


UNIT_EXPLANATIONS: tuple[Explanation, ...] = (
    _counted,
    _apart,
    _bad_rate,
    _percent,
)
