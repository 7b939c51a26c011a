"""Loops over lists as other languages write them."""

from leadflow.diagnostics import Diagnostic, Edit, Fix, Span
from leadflow.syntax import messages_habits
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Instead, Replace, Reread, Search, Skip
from leadflow.syntax.trouble import Trouble

_WORDS = {"foreach", "forEach", "for_each", "each", "loop", "iterate"}
"""Other words for `for`."""

_BINDERS = {"let", "const", "var", "val", "each"}
"""Words before the name of an item."""


def _of(trouble: Trouble, braces: Braces) -> Finding | None:
    """`for x of xs`."""
    if trouble.written != "of" or not trouble.takes("IN", "NAME") or trouble.takes("PLUS"):
        return None
    found = _loop(trouble, trouble.span, "of", trouble.before, (trouble.span, "in"))
    was_said = trouble.tokens.begins_line(trouble.before - 1)  # a loop that is no step, and how it is written
    return Finding(None if was_said else found, Replace(("IN",)))


def _word(trouble: Trouble, braces: Braces) -> Finding | None:
    """`foreach x in xs`, `for each x in xs`."""
    tokens, before, ahead = trouble.tokens, trouble.before, trouble.kind_at(trouble.before - 1)
    if trouble.kind != "NAME" or before < 1 or not _goes_over(trouble, trouble.token):
        return None
    word, span = tokens.written(before), tokens.span(before)
    if word in _WORDS and ahead == "EQUAL":
        return Finding(_loop(trouble, span, word, trouble.token, (span, "for")), Reread(before, ("FOR",)))
    if word in _BINDERS and ahead == "FOR":
        gap = Span(span.file, span.start, trouble.span.start)
        found = _loop(trouble, span, f"for {word}", trouble.token, (gap, ""))
        return Finding(found, Instead(before, (), trouble.token))
    return None


def _brackets(trouble: Trouble, braces: Braces) -> Finding | None:
    """`for (x in xs)`, `for (const x of xs)`; the closing bracket is passed over when it comes."""
    tokens = trouble.tokens
    if trouble.kind == "RPAR" and trouble.kind_at(braces.opener(trouble.token) - 1) == "FOR":
        return Finding(None, Skip(trouble.token + 1))
    if trouble.kind == "LBRACE" and trouble.kind_before == "RPAR":
        return _called(trouble, braces.opener(trouble.before))
    if trouble.kind != "LPAR" or trouble.kind_before != "FOR":
        return None
    name = trouble.token + 1 + (tokens.written(trouble.token + 1) in _BINDERS)
    if trouble.kind_at(name) != "NAME" or not _goes_over(trouble, name):
        return Finding(messages_habits.foreign_loop(trouble.span, "(", way="for item in items { … }"))
    close = next((n for n in range(name, tokens.count) if braces.opener(n) == trouble.token), None)
    changes = [(Span(tokens.file, trouble.span.start, tokens.starts[name]), ""), (tokens.span(name + 1), "in")]
    if close is not None:
        changes.append((tokens.span(close), ""))
    return Finding(_loop(trouble, trouble.span, "(", name, *changes), Skip(name))


def _goes_over(trouble: Trouble, name: int) -> bool:
    """Whether a list follows a name: `x in`, `x of`."""
    return trouble.kind_at(name + 1) == "IN" or trouble.tokens.written(name + 1) == "of"


def _called(trouble: Trouble, opener: int) -> Finding | None:
    """`foreach (x in xs) {`, which begins as a call does."""
    word = trouble.tokens.written(opener - 1) if opener > 1 else ""
    if word not in _WORDS or trouble.kind_at(opener - 2) != "EQUAL":
        return None
    span = trouble.tokens.span(opener - 1)
    found = messages_habits.foreign_loop(span, word, way="for item in items { … }")
    return Finding(found, Reread(opener - 1, ("FOR",)))


def _loop(trouble: Trouble, span: Span, written: str, name: int, *changes: tuple[Span, str]) -> Diagnostic:
    """What to say: the loop with the names that are there."""
    tokens = trouble.tokens
    items = tokens.written(name + 2) if trouble.kind_at(name + 2) == "NAME" else "items"
    right = f"for {tokens.written(name)} in {items}"
    way = f"[… {right}]" if trouble.place == "list" else f"{right} {{ … }}"
    fix = Fix(f"write '{right}'", tuple(Edit(*change) for change in changes))
    return messages_habits.foreign_loop(span, written, way=way, fix=fix)


def _most(trouble: Trouble, braces: Braces) -> Finding | None:
    """`for x in xs limit 5 {`."""
    is_most = trouble.written in {"limit", "max", "take", "first"} and trouble.takes("AT", "MOST")
    if not is_most or trouble.kind_at(trouble.token + 1) != "INT":
        return None
    number = trouble.tokens.written(trouble.token + 1)
    fix = Fix("write 'at most'", (Edit(trouble.span, "at most"),))
    way = f"for item in items at most {number} {{ … }}"
    return Finding(
        messages_habits.foreign_loop(trouble.span, trouble.written, way=way, fix=fix), Search(trouble.token + 2)
    )


LOOP_EXPLANATIONS: tuple[Explanation, ...] = (_of, _word, _brackets, _most)
