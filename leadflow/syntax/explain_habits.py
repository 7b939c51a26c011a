"""Whole forms of other languages: what a token that cannot follow shows to have been meant."""

from leadflow.diagnostics import Diagnostic, Fix, Span
from leadflow.syntax import messages, messages_habits
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Insert, Replace, Reread, Search, Skip
from leadflow.syntax.trouble import CLOSERS, OPENERS, STATEMENTS, VALUES, Trouble, at, behind, edits

_FAR = 60
"""Tokens that are looked at to find where a form ends."""


# --- types ----------------------------------------------------------------------------------------------------------


def _wants_type(trouble: Trouble) -> bool:
    return trouble.takes("NONE") and trouble.takes("LBRACE") and trouble.takes("NAME") and not trouble.takes("FLOAT")


def _bracketed_type(trouble: Trouble, braces: Braces) -> Finding | None:
    """`[T]` and `T[]`."""
    if not _wants_type(trouble):
        return None
    tokens = trouble.tokens
    if trouble.kind == "LSQB":
        close = _closing(trouble, trouble.token)
        if close is None:
            return None
        span = trouble.span.to(tokens.span(close))
        right = f"list[{tokens.text[trouble.span.end : tokens.starts[close]].strip()}]"
        return Finding(_type(span, right), Insert(("NAME",)))
    if trouble.kind == "RSQB" and trouble.kind_before == "LSQB":
        span = tokens.span(trouble.token - 2).to(trouble.span)
        right = f"list[{tokens.written(trouble.token - 2)}]"
        return Finding(_type(span, right), Insert(("NAME",)))
    return None


def _angled_type(trouble: Trouble, braces: Braces) -> Finding | None:
    """`list<T>`."""
    if trouble.written != "<" or not (trouble.takes("LSQB") and trouble.takes("QMARK")):
        return None
    tokens = trouble.tokens
    last = range(trouble.token + 1, min(trouble.token + _FAR, tokens.count))
    close = next((token for token in last if tokens.written(token).startswith(">")), None)
    if close is None:
        return None
    name = tokens.written(trouble.before)
    inside = [part.strip() for part in tokens.text[trouble.span.end : tokens.starts[close]].split(",")]
    ours = {"array": "list", "set": "list", "dict": "map", "record": "map"}.get(name.casefold(), name.casefold())
    span = tokens.span(trouble.before).to(tokens.span(close))
    right = f"{inside[-1]}?" if ours == "optional" else f"{ours}[{inside[-1] if ours == 'map' else ', '.join(inside)}]"
    return Finding(_type(span, right), Skip(close + 1))


def _optional_name(trouble: Trouble, braces: Braces) -> Finding | None:
    """`name?: T`."""
    if trouble.place not in {"fields", "parameters"} or trouble.kind_at(trouble.token + 1) != "QMARK":
        return None
    if trouble.kind_at(trouble.token + 2) != "COLON":
        return None
    tokens = trouble.tokens
    mark, after = tokens.span(trouble.token + 1), trouble.kind_at(trouble.token + 4)
    fix = None
    if trouble.kind_at(trouble.token + 3) == "NAME" and after not in {"LSQB", "MEMBER", "QMARK"}:
        behind = tokens.span(trouble.token + 3)
        fix = edits("move the '?' behind the type", (mark, ""), (behind._replace(start=behind.end), "?"))
    span = trouble.span.to(mark)
    return Finding(messages_habits.foreign_type(span, right=f"{trouble.written}: T?", fix=fix))


def _type(span: Span, right: str) -> Diagnostic:
    return messages_habits.foreign_type(span, right=right, fix=edits(f"write '{right}'", (span, right)))


# --- conditions, blocks, loops --------------------------------------------------------------------------------------


def _question_mark(trouble: Trouble, braces: Braces) -> Finding | None:
    """`c ? a : b`."""
    if trouble.kind != "QMARK" or not trouble.takes("PLUS"):
        return None
    right = "if condition then one else other"
    fix, end = _chosen(trouble)
    return Finding(messages_habits.foreign_choice(trouble.span, right=right, fix=fix), Search(end))


def _chosen(trouble: Trouble) -> tuple[Fix | None, int]:
    """The fix for a choice that stands on one line behind `=` or `return`; and the token after it."""
    tokens = trouble.tokens
    end = next(
        (n for n in range(trouble.token + 1, tokens.count) if tokens.begins_line(n) or n > trouble.token + _FAR),
        tokens.count - 1,
    )
    first = trouble.token
    while first > 0 and trouble.kind_at(first - 1) not in {"EQUAL", "RETURN", "YIELD"}:
        if tokens.begins_line(first):
            return None, end
        first -= 1
    colon = next((n for n in range(trouble.token, end) if tokens.written(n + 1) == ":"), None)
    if colon is None or first == trouble.token:
        return None, end
    condition = tokens.text[tokens.starts[first] : tokens.ends[trouble.before]]
    one = tokens.text[trouble.span.end : tokens.ends[colon]].strip()
    other = tokens.text[tokens.ends[colon + 1] : tokens.ends[end - 1]].strip()
    span = Span(tokens.file, tokens.starts[first], tokens.ends[end - 1])
    return edits("write it so", (span, f"if {condition} then {one} else {other}")), end


def _condition_behind(trouble: Trouble, braces: Braces) -> Finding | None:
    """`a if c else b`."""
    if trouble.kind != "ELSE" or not trouble.takes("LBRACE") or "IF" not in trouble.item:
        return None
    tokens = trouble.tokens
    back = range(trouble.token - 1, max(0, trouble.token - _FAR), -1)
    word = next((n for n in back if tokens.kinds[n] == "IF"), None)
    if word is None or tokens.begins_line(word):
        return None
    right = "if condition then one else other"
    return Finding(messages_habits.foreign_choice(tokens.span(word), right=right), Search(trouble.token + 1))


def _colon_block(trouble: Trouble, braces: Braces) -> Finding | None:
    """`if c:`, and `for x in xs:` where the last word and its colon look like a name's."""
    tokens = trouble.tokens
    if trouble.kind == "COLON" and trouble.takes("LBRACE") and trouble.takes("PLUS"):
        return Finding(messages_habits.no_braces(trouble.span, after=_line_word(trouble)))
    if trouble.kind != "KEY" or not trouble.wants_value or not tokens.begins_line(trouble.token + 2):
        return None
    if not {"IF", "IN", "MATCH"} & set(trouble.item):
        return None
    colon = tokens.span(trouble.token + 1)
    return Finding(messages_habits.no_braces(colon, after=_line_word(trouble)), Search(trouble.token + 2))


def _line_word(trouble: Trouble) -> str:
    """The word that a block belongs to."""
    words = {"IF": "'if'", "FOR": "'for'", "MATCH": "'match'", "ELSE": "'else'", "REPEAT": "'repeat'"}
    found = [words[symbol] for symbol in trouble.item if symbol in words]
    return found[-1] if found else "this"


def _then_block(trouble: Trouble, braces: Braces) -> Finding | None:
    """`if c then return x`, `if c then { … }`."""
    if trouble.kind != "THEN" or "IF" not in trouble.item or not trouble.takes("LBRACE"):
        return None
    tokens, behind_it = trouble.tokens, trouble.token + 1
    if trouble.kind_at(behind_it) == "LBRACE":
        gap = Span(tokens.file, trouble.span.start, tokens.starts[behind_it])
        found = messages_habits.no_braces(trouble.span, after="'if'", fix=edits("leave 'then' out", (gap, "")))
        return Finding(found, Skip(behind_it))
    if trouble.kind_at(behind_it) not in STATEMENTS:
        return None
    return Finding(messages_habits.no_braces(trouble.span, after="'if'", fix=_braced(trouble)), Search(behind_it + 1))


def _braced(trouble: Trouble) -> Fix | None:
    """The fix that puts what stands behind `then` on its line into braces; None where it goes on below."""
    tokens = trouble.tokens
    last = next((n for n in range(trouble.token + 1, tokens.count) if tokens.begins_line(n)), tokens.count) - 1
    kinds = tokens.kinds[trouble.token : last + 1]
    depth = sum((kind in OPENERS) - (kind in CLOSERS) for kind in kinds)
    if depth or last - trouble.token > _FAR or "ELSE" in kinds or "THEN" in kinds[1:]:
        return None
    return edits("put it into braces", (trouble.span, "{"), (behind(tokens.span(last)), " }"))


def _bare_block(trouble: Trouble, braces: Braces) -> Finding | None:
    """One statement behind a condition, without braces."""
    if trouble.kind not in STATEMENTS - {"IF", "MATCH"} or not trouble.takes("LBRACE", trouble.kind):
        return None
    if braces.fault is not None:
        return None
    return Finding(messages_habits.no_braces(trouble.span, after=_line_word(trouble)), Search(trouble.token))


def _loop(trouble: Trouble, braces: Braces) -> Finding | None:
    """`repeat 3 {`, `repeat at most 3 {`, `while c {`."""
    before = trouble.tokens.written(trouble.before) if trouble.token else ""
    if before == "repeat" and trouble.kind in {"INT", "LBRACE"}:
        span = trouble.tokens.span(trouble.before)
        return Finding(messages_habits.foreign_loop(span, f"repeat {trouble.written}"))
    if trouble.written == "most" and before == "at" and trouble.kind_at(trouble.token - 2) == "REPEAT":
        return Finding(messages_habits.foreign_loop(trouble.tokens.span(trouble.token - 2), "repeat at most"))
    if trouble.written == "until" and trouble.takes("LBRACE"):
        way = "repeat value = start at most 5 { … } until condition"
        found = messages_habits.foreign_loop(trouble.span, "until before the block", way=way)
        reach = range(trouble.token, min(trouble.token + _FAR, trouble.tokens.count))
        opening = next((n for n in reach if trouble.kind_at(n) == "LBRACE"), trouble.token)
        return Finding(found, Search(braces.past(opening) or trouble.token + 1))
    if before in {"while", "loop", "until", "foreach", "each"} and trouble.kind_at(trouble.token - 2) == "EQUAL":
        way = "for item in items { … }" if before in {"foreach", "each"} else ""
        return Finding(messages_habits.foreign_loop(trouble.tokens.span(trouble.before), before, way=way))
    return None


def _unbounded(trouble: Trouble, braces: Braces) -> Finding | None:
    """`repeat v = start {`: only a `repeat` needs an `at most` before its block."""
    if trouble.kind != "LBRACE" or not trouble.takes("AT", "MOST"):
        return None
    return Finding(messages_habits.unbounded(trouble.span), Insert(("AT", "MOST", "BROKEN")))


def _let_block(trouble: Trouble, braces: Braces) -> Finding | None:
    """`let x = for …`."""
    blocks = {"FOR", "REPEAT", "PARALLEL", "RACE", "DO"}
    if trouble.kind not in blocks or trouble.kind_before != "EQUAL" or "LET" not in trouble.item:
        return None
    height = max(height for height, symbol in enumerate(trouble.symbols) if symbol == "LET")
    first: int = trouble.machine.values[height]
    if first > trouble.token or trouble.kind_at(first + 2) != "EQUAL":  # a word that recovery put in stands behind all
        return None
    name = trouble.tokens.written(first + 1)
    found = messages.misplaced(
        trouble.tokens.span(first), "let", where=f"before '{trouble.written}'", way=f"write 'step {name} = …'"
    )
    return Finding(found, Reread(first, ("STEP",)))


def _several_names(trouble: Trouble, braces: Braces) -> Finding | None:
    """`let { a, b } = r`, `let [a, b] = xs`, `let a, b = xs`."""
    tokens, before, words = trouble.tokens, trouble.kind_before, {"LET", "STEP", "CONST"}
    if trouble.kind in {"LBRACE", "LSQB", "LPAR"} and before in words:
        first, names = trouble.before, trouble.token
    elif trouble.kind == "COMMA" and before == "NAME" and trouble.kind_at(trouble.token - 2) in words:
        first, names = trouble.token - 2, trouble.before
    else:
        return None
    reach = range(names, min(names + _FAR, tokens.count))
    equals = next((n for n in reach if tokens.kinds[n] == "EQUAL"), None)
    if equals is None or any(tokens.begins_line(n) for n in range(names + 1, equals)):
        return None
    one = next((tokens.written(n) for n in range(names, equals) if tokens.kinds[n] in {"NAME", "KEY"}), "a")
    is_name = trouble.kind_at(equals + 1) == "NAME" and trouble.kind_at(equals + 2) not in {"LPAR", "MEMBER", "LSQB"}
    whole = tokens.written(equals + 1) if is_name else "whole"
    way = f"let {one} = {whole}{f'.{one}' if tokens.kinds[names] == 'LBRACE' else '[0]'}"
    span = tokens.span(names).to(tokens.span(equals - 1))
    return Finding(messages_habits.several_names(span, tokens.written(first), way=way), Search(equals + 1))


def _colon_before_value(trouble: Trouble, braces: Braces) -> Finding | None:
    """`step a: x.y()`, `let n: 3`."""
    starts = [n for n, symbol in enumerate(trouble.symbols) if symbol in {"STEP", "LET", "CONST"}]
    if not starts or starts[-1] < trouble.opener or trouble.machine.values[starts[-1]] > trouble.token:
        return None
    first: int = trouble.machine.values[starts[-1]]
    if trouble.kind_at(first + 1) != "KEY" or trouble.token - first > _FAR or "EQUAL" in trouble.symbols[starts[-1] :]:
        return None
    blocks = {"FOR", "REPEAT", "PARALLEL", "RACE", "DO"}
    is_call = trouble.kind == "LPAR" and trouble.kind_before in {"NAME", "MEMBER"} and trouble.takes("EQUAL")
    is_value = trouble.token == first + 3 and trouble.kind in VALUES | blocks
    if not (is_call or is_value):
        return None
    word, name = trouble.tokens.written(first), trouble.tokens.written(first + 1)
    colon = trouble.tokens.span(first + 2)
    fix = edits("write '='", (Span(colon.file, trouble.tokens.ends[first + 1], colon.end), " ="))
    found = messages_habits.foreign_declaration(
        colon, f"a {'constant' if word == 'const' else word}", way=f"{word} {name} = …",
        why="behind ':' stands its type", fix=fix,
    )  # fmt: skip
    return Finding(found, Reread(first + 1, ("NAME", "EQUAL")))


# --- imports, declarations ------------------------------------------------------------------------------------------


def _import(trouble: Trouble, braces: Braces) -> Finding | None:
    """`use { a } from b`, `use a (*)`, `use a/b`."""
    if "USE" not in trouble.item and trouble.place != "imports":
        return None
    why = None
    if trouble.kind == "LBRACE" and trouble.kind_before == "USE":
        why = "the path comes first, and the names behind it in '( )'"
    elif trouble.written == "*":
        why = "each name stands in the list; without a list the file comes as a whole"
    elif trouble.written == "/":
        why = "a path with '/' stands in quotes and ends in '.flow'"
    return None if why is None else Finding(messages_habits.foreign_import(trouble.span, why=why))


def _agent(trouble: Trouble, braces: Braces) -> Finding | None:
    """`agent a = kind { … }`, `agent a { kind: … }`, `agent a: kind(…)`."""
    if "AGENT" not in trouble.item:
        return None
    if trouble.kind == "NAME" and trouble.kind_before == "AGENT":
        way, after = f"agent {trouble.written}: kind {{ … }}", trouble.kind_at(trouble.token + 1)
        if after == "EQUAL" and trouble.kind_at(trouble.token + 3) == "LPAR":
            kind, span = trouble.tokens.written(trouble.token + 2), trouble.tokens.span(trouble.token + 1)
            way = f"agent {trouble.written}: {kind} {{ setting: value }}"
            past = braces.past(trouble.token + 3) or trouble.token + 4
            return Finding(messages_habits.foreign_declaration(span, "an agent", way=way), Search(past))
        if after == "EQUAL":
            mark = trouble.tokens.span(trouble.token + 1)
            gap = Span(mark.file, trouble.span.end, mark.end)
            found = messages_habits.foreign_declaration(mark, "an agent", way=way, fix=edits("write ':'", (gap, ":")))
            return Finding(found, Replace(("KEY", "COLON")))
        return Finding(messages_habits.foreign_declaration(trouble.span, "an agent", way=way))
    if trouble.kind == "KEY" and trouble.kind_before == "COLON" and trouble.kind_at(trouble.token - 3) == "AGENT":
        return _yaml_agent(trouble)
    if trouble.kind == "LPAR" and trouble.takes("LBRACE"):
        way = f"agent name: {trouble.tokens.written(trouble.before)} {{ setting: value }}"
        return Finding(messages_habits.foreign_declaration(trouble.span, "an agent", way=way))
    return None


def _yaml_agent(trouble: Trouble) -> Finding:
    """`agent fast:` with its kind and its settings on the lines below."""
    tokens, name = trouble.tokens, trouble.tokens.written(trouble.token - 2)
    is_kind = trouble.written in {"kind", "type", "provider"} and trouble.kind_at(trouble.token + 2) == "NAME"
    kind = tokens.written(trouble.token + 2) if is_kind else "kind"
    settings = 'model: "…"' if kind in {"openai", "anthropic"} else 'url: "…"' if kind == "http" else "setting: value"
    way = f"agent {name}: {kind} {{ {settings} }}"
    span = tokens.span(trouble.token - 3).to(tokens.span(trouble.before))
    return Finding(messages_habits.foreign_declaration(span, "an agent", way=way), Search(_next_top(trouble)))


def _next_top(trouble: Trouble) -> int:
    """The next token at the very begin of a line."""
    tokens, rest = trouble.tokens, range(trouble.token + 1, trouble.tokens.count)
    return next((n for n in rest if tokens.text[tokens.starts[n] - 1] == "\n"), tokens.count - 1)


def _extended(trouble: Trouble, braces: Braces) -> Finding | None:
    """`type A extends B {`, `type A(B) {`, `type A: B {`."""
    is_head = trouble.kind == "KEY" and trouble.kind_before == "TYPE"
    is_behind = trouble.kind_before == "NAME" and trouble.kind_at(trouble.token - 2) == "TYPE"
    if not is_head and not (is_behind and (trouble.kind == "LPAR" or trouble.written in _EXTENDS)):
        return None
    tokens = trouble.tokens
    reach = range(trouble.token + 1, min(trouble.token + _FAR, tokens.count))
    opening = next((n for n in reach if tokens.kinds[n] == "LBRACE" or tokens.begins_line(n)), None)
    name = trouble.written if is_head else tokens.written(trouble.before)
    if opening is None or tokens.kinds[opening] != "LBRACE":
        return None
    is_bare = is_head and opening == trouble.token + 2
    why = "" if is_bare else "it takes no fields over from another; write them again, or hold the other in a field"
    found = messages_habits.foreign_declaration(trouble.span, "a record", way=f"type {name} {{ field: type }}", why=why)
    return Finding(found, Replace(("NAME",)) if is_head else Skip(opening))


def _tool(trouble: Trouble, braces: Braces) -> Finding | None:
    """`tool search { description: "…"  parameters: { … } }`."""
    if trouble.kind not in {"LBRACE", "EQUAL", "COLON"} or "TOOL" not in trouble.item or not trouble.takes("LPAR"):
        return None
    name = trouble.tokens.written(trouble.before)
    way = f'tool {name}(query: string) -> string = python("tools:{name}")'
    found = messages_habits.foreign_declaration(trouble.span, "a tool", way=way, why="'##' lines above it describe it")
    return Finding(found, Search(braces.past(trouble.token) or trouble.token + 1))


_EXTENDS = {"extends", "implements", "inherits", "with"}
"""What other languages write between a type and the one it is made from."""


_TYPES = {"string", "int", "float", "bool", "duration", "money", "time", "file", "json"}


def _labelled(trouble: Trouble, braces: Braces) -> Finding | None:
    """`f(a, b)`, `f(int a)`, `f(a int)`, and fields and settings without their `:`."""
    words = {"parameters": "a parameter", "fields": "a field", "settings": "a setting"}
    if trouble.place not in words or trouble.kind != "NAME" or not trouble.takes("KEY"):
        return None
    what, following = words[trouble.place], trouble.kind_at(trouble.token + 1)
    if trouble.place == "parameters" and following in {"COMMA", "RPAR"}:
        return Finding(messages_habits.foreign_declaration(trouble.span, what, way=f"{trouble.written}: type"))
    if following not in VALUES:
        return None
    name, type_ = trouble.written, trouble.tokens.written(trouble.token + 1)
    if trouble.place != "settings" and (name in _TYPES or (name[:1].isupper() and type_[:1].islower())):
        name, type_ = type_, name
    span, way = trouble.span.to(trouble.tokens.span(trouble.token + 1)), f"{name}: {type_}"
    fix = edits(f"write '{way}'", (span, way))
    return Finding(messages_habits.foreign_declaration(span, what, way=way, fix=fix))


def _flow(trouble: Trouble, braces: Braces) -> Finding | None:
    """`flow f(…): T {`, `flow f(…) = e`, `flow f:`."""
    if "FLOW" not in trouble.item:
        return None
    way = "flow name(param: type) -> type { … }"
    tokens, colon = trouble.tokens, trouble.token + (trouble.kind == "KEY")
    typed = trouble.kind == "KEY" and trouble.kind_before == "RESULT"
    if (typed or (trouble.kind == "COLON" and trouble.takes("LBRACE"))) and tokens.begins_line(colon + 1):
        return Finding(
            messages_habits.no_braces(tokens.span(colon), after="the head of a flow"), Search(_next_top(trouble))
        )
    if trouble.kind == "COLON" and trouble.takes("RESULT"):
        found = messages_habits.foreign_declaration(
            trouble.span, "the type of a result", way="-> type", fix=edits("write '->'", (trouble.span, " ->"))
        )
        return Finding(found, Replace(("RESULT",)))
    is_head = trouble.kind == "KEY" and trouble.kind_before == "FLOW"
    if is_head or (trouble.kind == "EQUAL" and trouble.takes("LBRACE")):
        return Finding(messages_habits.foreign_declaration(trouble.span, "a flow", way=way))
    return None


# --- expressions ----------------------------------------------------------------------------------------------------


def _or_type(trouble: Trouble, braces: Braces) -> Finding | None:
    """`"a" or "b"` as a type."""
    if trouble.kind != "OR" or not trouble.takes("VBAR") or trouble.takes("PLUS"):
        return None
    return Finding(messages.foreign_operator(trouble.span, "or", right="|"), Replace(("VBAR",)))


def _in_test(trouble: Trouble, braces: Braces) -> Finding | None:
    """`mock a.b = v` and `run main(…)`."""
    if trouble.kind == "EQUAL" and trouble.takes("GIVES") and "MOCK" in trouble.item:
        return Finding(messages.foreign_operator(trouble.span, "=", right="=>"), Replace(("GIVES",)))
    if trouble.kind == "NAME" and trouble.kind_at(trouble.token + 1) == "EQUAL" and trouble.takes("RUN"):
        fix = edits("write 'run' before it", (at(trouble.span), "run "))
        callee = trouble.tokens.written(trouble.token + 2)
        way = f"run {trouble.written} = {callee if callee.isidentifier() else 'flow'}(…)"
        found = messages_habits.foreign_declaration(trouble.span, "a run of a test", way=way, fix=fix)
        return Finding(found, Insert(("RUN",)))
    if trouble.kind == "LPAR" and trouble.kind_at(trouble.token - 2) == "RUN" and trouble.takes("EQUAL"):
        name = trouble.tokens.written(trouble.before)
        span = trouble.tokens.span(trouble.before)
        found = messages_habits.foreign_declaration(span, "a run of a test", way=f"run r = {name}(…)")
        return Finding(found, Reread(trouble.before, ("NAME",)))
    return None


_POLICY_WORDS = {"on_error", "on_failure", "onError", "retry", "timeout", "fallback", "optional"}


def _behind_call(trouble: Trouble, braces: Braces) -> Finding | None:
    """`undo { … }`, and policies behind a call."""
    if trouble.kind_before == "LBRACE" and trouble.kind_at(trouble.token - 2) == "UNDO":
        opening = trouble.before
        way = "an undo is one call: 'undo agent.action(…)'"
        found = messages_habits.foreign_expression(trouble.tokens.span(opening), "{", way=way)
        return Finding(found, Search(braces.past(opening) or trouble.token + 1))
    if trouble.kind_before == "CATCH" and trouble.kind in VALUES - {"NAME"}:
        fix = edits("write 'e =>' before it", (at(trouble.span), "e => "))
        way = f"what holds after a failure is written 'catch e => {trouble.written}'"
        found = messages_habits.foreign_expression(trouble.span, f"catch {trouble.written}", way=way, fix=fix)
        return Finding(found, Insert(("NAME", "GIVES")))
    if trouble.written in _POLICY_WORDS and trouble.kind == "NAME" and trouble.takes("CATCH"):
        above = f"'@{trouble.written}(…)' stands above the step"
        way = f"{above}, and 'catch e => value' behind it gives a value for a failure"
        return Finding(messages_habits.foreign_expression(trouble.span, trouble.written, way=way))
    elsewhere = _ELSEWHERE.get(trouble.written)
    if elsewhere is None or trouble.tokens.begins_line(trouble.token) or not trouble.takes("CATCH"):
        return None
    found = messages_habits.foreign_expression(trouble.span, trouble.written, way=elsewhere)
    return Finding(found, Search(trouble.token + 1))


_ELSEWHERE = {
    **dict.fromkeys(("depends_on", "needs", "requires"), "what a step waits for is written 'after other'"),
    **dict.fromkeys(("when", "unless", "only_if"), "a step that is not always done stands in 'if condition { … }'"),
    "->": "the type of a step stands behind its name: 'step name: Type = …'",
}
"""What others write behind a call -> where it stands here."""


def _is(trouble: Trouble, braces: Braces) -> Finding | None:
    """`x is none`."""
    if trouble.written != "is" or trouble.kind != "NAME" or not trouble.takes("COMPARE"):
        return None
    following = trouble.token + 1
    if trouble.kind_at(following) == "NOT":
        span = trouble.span.to(trouble.tokens.span(following))
        return Finding(messages.foreign_operator(span, "is not", right="!="), Replace(("COMPARE",)))
    return Finding(messages.foreign_operator(trouble.span, "is", right="=="), Replace(("COMPARE",)))


def _thin_arrow(trouble: Trouble, braces: Braces) -> Finding | None:
    """`"a" -> { … }`, `step a -> x.y()`."""
    if trouble.kind != "RESULT":
        return None
    if trouble.takes("EQUAL") and {"STEP", "LET", "CONST"} & set(trouble.item):
        return Finding(messages.foreign_operator(trouble.span, "->", right="="), Replace(("EQUAL",)))
    for kind, right in (("GIVES", "=>"), ("THEN", "then")):
        if trouble.takes(kind):
            return Finding(messages.foreign_operator(trouble.span, "->", right=right), Replace((kind,)))
    return None


_LIST_MADE = "a list is made by '[… for item in items]'"


def _expression(trouble: Trouble, braces: Braces) -> Finding | None:
    """Lambdas, slices, pipes, handlers without a name, lists of calls."""
    way = None
    if trouble.kind == "GIVES" and trouble.takes("PLUS") and not trouble.place.startswith("match"):
        is_block = trouble.kind_at(trouble.token + 1) == "LBRACE"
        made = "rounds over a list are 'step all = for item in items { … }'" if is_block else _LIST_MADE
        way = f"there are no functions as values; {made}"
    elif trouble.kind == "COLON" and trouble.takes("RSQB") and trouble.takes("PLUS"):
        way = "a part of a list or text is 'slice(items, from, to)'"
    elif trouble.written == "|" and trouble.takes("PLUS"):
        way = "a function is called: 'upper(text)'"
    elif trouble.kind == "LBRACE" and trouble.kind_before == "CATCH":
        way = "what holds after a failure is written 'catch e => value'"
    elif trouble.kind in {"OR", "DEFAULT"} and "STEP" in trouble.item and trouble.takes("CATCH"):
        way = "what holds when the step fails is written 'catch e => value'"
    elif trouble.kind == "LSQB" and trouble.kind_before in {"PARALLEL", "RACE"}:
        way = f"its members are steps: '{trouble.tokens.written(trouble.before)} {{ step a = … }}'"
    if way is None:
        return None
    return Finding(messages_habits.foreign_expression(trouble.span, trouble.written, way=way))


def _sampled(trouble: Trouble, braces: Braces) -> Finding | None:
    """`test "a" runs: 5, pass: 80% {`, and the same at the begin of a line."""
    word = trouble.written
    if word not in {"runs", "pass", "sample", "samples"} or trouble.place != "file":
        return None
    if trouble.symbols[-2:-1] != ["TEST"] and not trouble.takes("TEST"):
        return None
    way, why = "@sample(runs: 5, pass: 0.8)", "it stands above the test"
    found = messages_habits.foreign_declaration(trouble.span, f"'{word}' of a test", way=way, why=why)
    return Finding(found, Search(trouble.token + 1))


def _trial(trouble: Trouble, braces: Braces) -> Finding | None:
    """`mock a.b => throw "x"`, and `mock a.b => use other("x")`."""
    tokens, before = trouble.tokens, trouble.before
    word = tokens.written(before) if before > 0 else ""
    behind_arrow = before > 0 and tokens.kinds[before - 1] in {"GIVES", "THEN"}
    if word in {"throw", "raise", "error", "throws", "fails"} and behind_arrow and trouble.kind == "STRING":
        fix = edits("write 'fail'", (tokens.span(before), "fail"))
        way = f"a failure is written 'fail {trouble.written}'"
        found = messages_habits.foreign_expression(tokens.span(before), word, way=way, fix=fix)
        return Finding(found, Skip(trouble.token + 1))
    if word in {"use", "call", "run", "do", "flow", "tool", "agent"} and behind_arrow and trouble.kind == "NAME":
        way = "a mock answers with a value or with 'fail \"reason\"', either one 'after 2s' too, and 'then' the next"
        return Finding(messages_habits.foreign_expression(tokens.span(before), word, way=way), Skip(trouble.token + 1))
    return None


def _closing(trouble: Trouble, opener: int) -> int | None:
    """The bracket that closes one."""
    depth = 0
    for token in range(opener, min(opener + _FAR, trouble.tokens.count)):
        kind = trouble.tokens.kinds[token]
        depth += (kind in OPENERS) - (kind in CLOSERS)
        if depth == 0:
            return token
    return None


HABIT_EXPLANATIONS: tuple[Explanation, ...] = (
    _bracketed_type,
    _angled_type,
    _optional_name,
    _question_mark,
    _condition_behind,
    _colon_block,
    _then_block,
    _bare_block,
    _loop,
    _unbounded,
    _let_block,
    _several_names,
    _colon_before_value,
    _extended,
    _import,
    _agent,
    _tool,
    _labelled,
    _flow,
    _or_type,
    _in_test,
    _behind_call,
    _is,
    _thin_arrow,
    _expression,
    _sampled,
    _trial,
)
