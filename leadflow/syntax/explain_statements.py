"""What is wrong with the begin or the form of a statement or declaration: words of other languages, names, arms."""

from leadflow.diagnostics import Fix, Span, nearest
from leadflow.syntax import messages, messages_habits
from leadflow.syntax.braces import Braces
from leadflow.syntax.repair import Explanation, Finding, Insert, Instead, Replace, Search, Skip
from leadflow.syntax.trouble import (
    DECLARATIONS,
    STATEMENTS,
    VALUES,
    Trouble,
    at,
    behind,
    edits,
    is_hard,
    starts_declaration,
    starts_statement,
)

_PLACES = {
    "file": "at the top of a file",
    "block": "in a block",
    "test": "in a test",
    "profile": "in a profile",
    "policy": "in a policy",
    "settings": "among the settings of an agent",
    "fields": "among fields",
    "match": "among the arms of a match",
}

# --- names ----------------------------------------------------------------------------------------------------------


def _reserved(trouble: Trouble, braces: Braces) -> Finding | None:
    """A keyword where a name must stand."""
    if not is_hard(trouble.kind) or not trouble.takes("NAME") or trouble.wants_value:
        return None
    if (
        trouble.place in {"match", "match value"}
        or trouble.takes("NAME", trouble.kind)
        or starts_declaration(trouble.tokens, trouble.token)
    ):
        return None
    if starts_statement(trouble.tokens, trouble.token) and trouble.tokens.begins_line(trouble.token):
        return None
    found = trouble.machine.maker.reserved(trouble.span, trouble.written, later=trouble.kind == "RESERVED")
    return Finding(found, Replace(("NAME",)))


def _named_so(trouble: Trouble, braces: Braces) -> Finding | None:
    """A keyword that names something, which was said where it does."""
    if not trouble.names_value or not trouble.wants_value:
        return None
    return Finding(None, Replace(("NAME",)))


_FOREIGN: dict[str, tuple[str, str | None]] = {
    "elif": ("write 'else if'", "else if"),
    "elsif": ("write 'else if'", "else if"),
    "elseif": ("write 'else if'", "else if"),
    "def": ("a flow is declared as 'flow name(param: type) -> type { … }'", "flow"),
    "function": ("a flow is declared as 'flow name(param: type) -> type { … }'", "flow"),
    "func": ("a flow is declared as 'flow name(param: type) -> type { … }'", "flow"),
    "workflow": ("a flow is declared as 'flow name(param: type) -> type { … }'", "flow"),
    "fn": ("a flow is declared as 'flow name(param: type) -> type { … }'", "flow"),
    "class": ("a record is declared as 'type Name { field: type }'", "type"),
    "struct": ("a record is declared as 'type Name { field: type }'", "type"),
    "interface": ("a record is declared as 'type Name { field: type }'", "type"),
    "enum": ('a choice is declared as \'type Name = "a" | "b"\'', None),
    "import": ("write 'use path (name)'", "use"),
    "from": ("write 'use path (name)'", None),
    "include": ("write 'use \"file.flow\"'", "use"),
    "var": ("a value is named with 'let name = …' in a flow, with 'const name = …' at the top of a file", None),
    "val": ("a value is named with 'let name = …' in a flow, with 'const name = …' at the top of a file", None),
    "variable": ("values come in as parameters of a flow, or are named with 'const name = …'", "const"),
    "resource": ("write 'agent name: kind { … }'", None),
    "provider": ("write 'agent name: kind { … }'", None),
    "output": ("a flow gives its result with 'return'", None),
    "while": ("write 'step x = repeat v = start at most 5 { … } until condition'", None),
    "loop": ("write 'step x = repeat v = start at most 5 { … } until condition'", None),
    "foreach": ("write 'step x = for item in items { … }'", None),
    "switch": ("write 'match value { \"a\" => { … } }'", "match"),
    "case": ("an arm of a match is written '\"a\" => { … }'", None),
    "when": ("an arm of a match is written '\"a\" => { … }'", None),
    "await": ("a step waits for what it reads; leave 'await' out", ""),
    "async": ("steps overlap as far as they can; leave 'async' out", ""),
    "new": ("leave 'new' out", ""),
    "try": ("write 'catch e => value' behind the step that may fail", None),
    "except": ("write 'catch e => value' behind the step that may fail", None),
    "finally": ("steps below run after those above that they read", None),
    "raise": ("write 'fail \"why\"'", "fail"),
    "throw": ("write 'fail \"why\"'", "fail"),
    "with": ("a step that needs its own limits is written 'step x = do { … }' with annotations above", None),
    **dict.fromkeys(("wait", "sleep", "delay", "pause"), ("a pause is a step: 'step pause = clock.sleep(5s)'", None)),
    **dict.fromkeys(("goto", "jump"), ("rounds are 'step x = repeat v = start at most 5 { … } until condition'", None)),
    **dict.fromkeys(
        ("break", "continue"), ("a round ends in its 'yield', and a 'repeat' when its 'until' holds", None)
    ),
    "pass": ("an empty block is '{ }'", ""),
    "assert": ("a test says what it expects with 'expect condition'", "expect"),
    "print": ("a step with an effect is written 'step name = agent.action(…)'", None),
}
"""Words that other languages begin statements with -> what to write, and the word that takes its place if one does."""


def _foreign_word(trouble: Trouble, braces: Braces) -> Finding | None:
    """A word that other languages use here."""
    word = trouble.tokens.written(trouble.token) if trouble.is_word else ""
    if word not in _FOREIGN or trouble.kind not in {"NAME", "RESERVED", "KEY"}:
        return None
    if trouble.kind_before in {"FOR", "CATCH", *DECLARATIONS} and trouble.takes("NAME"):
        return None
    if trouble.kind_at(trouble.token + 1) == "EQUAL" or (trouble.kind == "KEY" and trouble.place != "block"):
        return None
    if trouble.place not in {"file", "block"} and trouble.kind != "RESERVED" and word != "assert":
        return None
    way, right = _FOREIGN[word]
    found = messages.foreign_word(trouble.span, word, way=way, right=right)
    if right == "":
        return Finding(found, Skip(trouble.token + 1))
    if right and right.upper() in DECLARATIONS | STATEMENTS | {"EXPECT"} and trouble.takes(right.upper()):
        return Finding(found, Replace((right.upper(),)))
    return Finding(found, Search(trouble.token + 1))


def _thrown(trouble: Trouble, braces: Braces) -> Finding | None:
    """`throw new Error("why")`, `raise ValueError("why")`: what is thrown has no class."""
    tokens, word = trouble.tokens, trouble.token
    if trouble.written not in {"throw", "raise"} or not trouble.takes("FAIL"):
        return None
    name = word + 1 + (tokens.written(word + 1) == "new")
    if trouble.kind_at(name) != "NAME" or trouble.kind_at(name + 1) != "LPAR":
        return None
    span = trouble.span.to(tokens.span(name))
    found = messages.foreign_word(span, tokens.text[span.start : span.end], way="write 'fail \"why\"'", right="fail")
    return Finding(found, Instead(word, ("FAIL",), name + 1))


def _colon_keyword(trouble: Trouble, braces: Braces) -> Finding | None:
    """`else:`, `step: x`, `agents:`: habits from Python and YAML."""
    if trouble.kind != "KEY" or trouble.place not in {"file", "block", "test"}:
        return None
    word = trouble.written
    colon = trouble.tokens.span(trouble.token + 1)
    single = word[:-1] if word.endswith("s") else word
    ways = {
        "else": "the block stands in braces: 'else { … }'",
        "step": "a step is written 'step name = agent.action(…)'",
        "let": "a value is named with 'let name = …'",
        "return": "a result is given with 'return value'",
        **{kind.lower(): f"declarations stand one by one: '{kind.lower()} name …'" for kind in DECLARATIONS},
        "agent": "an agent is declared as 'agent name: kind { … }'",
        "flow": "a flow is declared as 'flow name(param: type) -> type { … }'",
        "leadflow": "the first line is 'leadflow 1'",
        "default": "the last arm of a match is written '_ => { … }'",
    }
    way = ways.get(word) or ways.get(single)
    if word in {"after", "catch", "undo"} and trouble.place == "block":
        way = f"behind a call is written '{word} …'"
    if way is None:
        return _bare_key(trouble) if trouble.place == "block" else None
    brace = trouble.kind_at(trouble.token + 2) == "LBRACE"
    removable = colon if word == "else" and brace else None
    found = messages.colon_after_keyword(trouble.span, word, way=way, colon=removable)
    return Finding(found, Search(trouble.token + 1))


def _bare_key(trouble: Trouble) -> Finding:
    """`reply: string = fast.ask(…)` and `total: 3`, without their first word."""
    tokens, name = trouble.tokens, trouble.written
    line = range(trouble.token + 2, tokens.count)
    end = next((n for n in line if tokens.begins_line(n)), tokens.count - 1)
    equals = next((n for n in range(trouble.token + 2, end) if tokens.kinds[n] == "EQUAL"), None)
    value = trouble.token + 2 if equals is None else equals + 1
    called = [trouble.kind_at(n) for n in range(value, value + 3)] == ["NAME", "MEMBER", "LPAR"]
    word = "step" if called or trouble.kind_at(value) in _BLOCKS else "let"
    if equals is None:
        written = f"{word} {name} ="
        colon = tokens.span(trouble.token + 1)
        fix = edits(f"write '{written} …'", (Span(colon.file, trouble.span.start, colon.end), written))
        found = messages.bare_statement(trouble.span, written=f"{name}:", way=f"write '{written} …'", fix=fix)
        return Finding(found, Search(value))
    type_ = tokens.text[tokens.ends[trouble.token + 1] : tokens.starts[equals]].strip()
    fix = edits(f"write '{word}' before it", (at(trouble.span), f"{word} "))
    way = f"write '{word} {name}: {type_} = …'"
    return Finding(messages.bare_statement(trouble.span, written=f"{name}:", way=way, fix=fix), Insert((word.upper(),)))


_BLOCKS = {"FOR", "REPEAT", "PARALLEL", "RACE", "DO"}
"""What begins the block of a step."""


# --- statements and declarations ------------------------------------------------------------------------------------


_ADDING = frozenset({".append", ".push", ".add", ".extend"})
"""How others put an item into a list."""

_EACH = frozenset({".forEach", ".each", ".map", ".foreach"})
"""How others go over a list."""


def _parallel_for(trouble: Trouble, braces: Braces) -> Finding | None:
    """`step xs = parallel for …`: the rounds of a `for` overlap anyway."""
    if trouble.kind == "FOR" and trouble.kind_before == "PARALLEL":
        first, right = trouble.before, "for"
    elif trouble.kind == "PARALLEL" and trouble.kind_at(trouble.token + 1) == "FOR" and trouble.place == "block":
        first, right = trouble.token, "step all = for"
    else:
        return None
    span = trouble.tokens.span(first).to(trouble.tokens.span(first + 1))
    way = "the rounds of a 'for' overlap by themselves: 'step xs = for item in items at most 10 { … }'"
    return Finding(messages.foreign_word(span, "parallel for", way=way, right=right), Search(first + 2))


def _bare_statement(trouble: Trouble, braces: Braces) -> Finding | None:
    """A name at the begin of a statement: a call without `step`, a value without `let`, a misspelt word."""
    if trouble.place != "block" or not trouble.begins_value or not trouble.takes("STEP"):
        return None
    if not trouble.tokens.begins_line(trouble.token) and trouble.kind_before not in {"LBRACE", "RBRACE"}:
        return None
    word, following = trouble.written, trouble.kind_at(trouble.token + 1)
    known = [kind.lower() for kind in STATEMENTS]
    if trouble.kind == "NAME" and following in VALUES | {"KEY"} and (meant := nearest(word, known)):
        fix = edits(f"write '{meant}'", (trouble.span, meant))
        found = messages.bare_statement(trouble.span, written=word, way=f"did you mean '{meant}'?", fix=fix)
        return Finding(found, Replace((meant.upper(),)))
    if trouble.kind in DECLARATIONS and following in {"NAME", "KEY", "STRING"}:
        return None
    called = [trouble.kind_at(trouble.token + n) for n in (2, 3, 4)] == ["NAME", "MEMBER", "LPAR"]
    if following == "EQUAL" and (called or trouble.kind_at(trouble.token + 2) in _BLOCKS):
        fix = edits("write 'step' before it", (at(trouble.span), "step "))
        found = messages.bare_statement(trouble.span, written=word, way=f"write 'step {word} = …'", fix=fix)
        return Finding(found, Insert(("STEP",)))
    if following == "EQUAL":
        fix = edits("write 'let' before it", (at(trouble.span), "let "))
        found = messages.bare_statement(trouble.span, written=word, way=f"write 'let {word} = …' or 'step'", fix=fix)
        return Finding(found, Insert(("LET",)))
    if following == "MEMBER" and trouble.tokens.written(trouble.token + 1) in _ADDING:
        way = "lists do not change: a 'for' gives the list of what its rounds yield, 'yield value'"
        return Finding(messages.bare_statement(trouble.span, written=word, way=way, fix=None))
    if following == "MEMBER" and trouble.tokens.written(trouble.token + 1) in _EACH:
        way = f"rounds over a list are a step: 'step all = for item in {word} {{ … }}'"
        return Finding(messages.bare_statement(trouble.span, written=word, way=way, fix=None))
    assigned = trouble.kind_at(trouble.token + 2) == "EQUAL"
    if following in {"PLUS", "SIGN", "TIMES"} and assigned:
        way = "a name is bound once: a total is 'sum([… for item in items])', and a 'repeat' carries a value on"
        return Finding(messages.bare_statement(trouble.span, written=word, way=way, fix=None))
    if following == "MEMBER" and assigned:
        way = f"values do not change: a record with changes is 'let other = merge({word}, {{ … }})'"
        return Finding(messages.bare_statement(trouble.span, written=word, way=way, fix=None))
    if following in {"MEMBER", "LPAR"}:
        fix = edits("write 'step' and a name before it", (at(trouble.span), "step done = "))
        found = messages.bare_statement(trouble.span, written=word, way=f"write 'step name = {word}…'", fix=fix)
        return Finding(found)
    way = "a statement begins with step, let, if, match, return, yield or fail"
    if following == "RBRACE":
        way = f"a block gives its value with 'yield {word}', a flow with 'return {word}'"
    return Finding(messages.bare_statement(trouble.span, written=word, way=way, fix=None))


def _unknown_declaration(trouble: Trouble, braces: Braces) -> Finding | None:
    """A word at the begin of a declaration that begins none."""
    if (
        trouble.place != "file"
        or not trouble.takes("FLOW")
        or not trouble.is_word
        or trouble.kind not in {"NAME", "KEY"}
    ):
        return None
    word = trouble.written
    meant = nearest(word, sorted(kind.lower() for kind in DECLARATIONS))
    if trouble.kind_at(trouble.token + 1) == "EQUAL":
        fix = edits("write 'const' before it", (at(trouble.span), "const "))
        found = messages.unknown_declaration(trouble.span, word, way=f"write 'const {word} = …'", fix=fix)
        return Finding(found, Insert(("CONST",)))
    if meant:
        fix = edits(f"write '{meant}'", (trouble.span, meant))
        found = messages.unknown_declaration(trouble.span, word, way=f"did you mean '{meant}'?", fix=fix)
        return Finding(found, Replace((meant.upper(),)))
    way = "the declarations are use, type, agent, tool, policy, const, flow, on, profile and test"
    return Finding(messages.unknown_declaration(trouble.span, word, way=way, fix=None))


def _misplaced(trouble: Trouble, braces: Braces) -> Finding | None:
    """A statement at the top of a file, a declaration in a block, a `yield` among fields …"""
    if trouble.place not in _PLACES or not trouble.is_word:
        return None
    word, where = trouble.written, _PLACES[trouble.place]
    if trouble.kind in STATEMENTS and trouble.place == "file" and trouble.takes("FLOW") and braces.fault is None:
        way = "write 'const' for a value" if word == "let" else "statements stand in a flow"
        return Finding(messages.misplaced(trouble.span, word, where=where, way=way))
    follows = trouble.kind_at(trouble.token + 1)
    declares = trouble.kind in DECLARATIONS and follows in {"NAME", "KEY", "STRING"}
    if declares and trouble.place == "block" and trouble.takes("STEP") and not _begins(trouble):
        way = "declarations stand at the top of a file"
        return Finding(messages.misplaced(trouble.span, word, where=where, way=way))
    if trouble.kind in _BLOCKS and trouble.takes("STEP"):
        tokens, name = trouble.tokens, trouble.token + 1
        is_loop = trouble.kind == "FOR" and trouble.kind_at(name) == "NAME" and trouble.kind_at(name + 2) == "NAME"
        goes_on = f"{tokens.written(name)} in {tokens.written(name + 2)} {{ … }}" if is_loop else "…"
        way = f"it is what a step does: 'step name = {word} {goes_on}'"
        fix_found = messages.misplaced(trouble.span, word, where=f"{where} as a statement", way=way)
        return Finding(fix_found, Insert(("STEP", "NAME", "EQUAL")))
    if trouble.kind == "ELSE" and trouble.place == "block":
        return Finding(messages.misplaced(trouble.span, word, where=where, way="it follows the block of an 'if'"))
    return None


_CHANGING = frozenset({"mut", "const", "var", "val", "mutable", "final"})
"""What others write behind `let`."""


def _mutable(trouble: Trouble, braces: Braces) -> Finding | None:
    """`let mut x = 1`."""
    word = trouble.tokens.written(trouble.before) if trouble.token else ""
    if word not in _CHANGING or trouble.kind_at(trouble.before - 1) != "LET" or trouble.kind not in {"NAME", "KEY"}:
        return None
    gap = Span(trouble.span.file, trouble.tokens.starts[trouble.before], trouble.span.start)
    found = messages.foreign_word(gap, word, way=f"values do not change; leave '{word}' out", right="")
    return Finding(found, Instead(trouble.before, (), trouble.token))


_USING = frozenset({"uses", "using", "calls", "runs", "via", "is", "from", "with"})
"""What others write between a step and what it calls."""


def _uses(trouble: Trouble, braces: Braces) -> Finding | None:
    """`step x uses a.b()`, `step x: uses a.b()`."""
    tokens, word = trouble.tokens, trouble.token
    if trouble.kind == "NAME" and tokens.written(word) not in _USING:
        word = trouble.before
    typed = trouble.kind_at(word - 1) == "COLON"
    name = word - 1 - typed
    if (
        word < 2
        or tokens.written(word) not in _USING
        or trouble.kind_at(name - 1) != "STEP"
        or word != trouble.token - typed
    ):
        return None
    span = tokens.span(word)._replace(start=tokens.ends[name])
    way = f"step {tokens.written(name)} = agent.action(…)"
    fix = edits("write '='", (span, " ="))
    found = messages_habits.foreign_declaration(tokens.span(word), "a step", way=way, fix=fix)
    return Finding(found, Instead(name, ("NAME", "EQUAL"), word + 1))


def _missing_equals(trouble: Trouble, braces: Braces) -> Finding | None:
    """A name and its value with nothing between."""
    if (
        not trouble.takes("EQUAL")
        or trouble.kind_before not in VALUES | {"NAME", "QMARK", "RSQB"}
        or trouble.kind == "KEY"
    ):
        return None
    starts = trouble.item
    if not {"STEP", "LET", "CONST"} & set(starts) or _begins(trouble):
        return None
    if not trouble.takes("EQUAL", trouble.kind):
        return None
    name = trouble.tokens.written(trouble.before)
    if trouble.kind == "LBRACE" and "STEP" in starts and trouble.kind_at(trouble.token + 1) == "KEY":
        found = messages_habits.foreign_declaration(trouble.span, "a step", way=f"step {name} = agent.action(…)")
        return Finding(found, Search(braces.past(trouble.token) or trouble.token + 1))
    found = messages.missing_equals(trouble.span, after=name)
    return Finding(found, Insert(("EQUAL",)))


def _begins(trouble: Trouble) -> bool:
    if trouble.kind in {"IF", "MATCH"}:
        return trouble.tokens.begins_line(trouble.token)
    return starts_statement(trouble.tokens, trouble.token) or starts_declaration(trouble.tokens, trouble.token)


# --- values by case (rule D8) ---------------------------------------------------------------------------------------


def _blocks_as_value(trouble: Trouble, braces: Braces) -> Finding | None:
    """`step a = if b { … } else { … }`, `let a = match b { "x" => { … } }`."""
    tokens, symbols, word = trouble.tokens, trouble.symbols, trouble.token
    if trouble.kind in {"IF", "MATCH"} and trouble.kind_before == "EQUAL" and trouble.takes("REPEAT"):
        opening = _next_brace(trouble, word)
    elif trouble.kind == "LBRACE" and trouble.takes("THEN") and "EQUAL" in trouble.item:
        word, opening = trouble.machine.values[_last(symbols, "IF")], trouble.token
    elif trouble.kind == "GIVES" and trouble.place == "match value" and trouble.kind_at(trouble.token + 1) == "LBRACE":
        height = _last(symbols[: trouble.opener], "MATCH")
        word, opening = trouble.machine.values[height], trouble.machine.values[trouble.opener]
        symbols = symbols[:height]
    else:
        return None
    start = _last(symbols, "STEP", "LET", "CONST")
    if start < 0 or trouble.machine.values[start] > word:  # a word that recovery put in stands behind all others
        return None
    first, kind = trouble.machine.values[start], tokens.kinds[word]
    past = braces.past(opening) if opening is not None else None
    rewrite = None
    if kind == "IF" and opening is not None:
        rewrite, past = _rewrite(trouble, braces, first, opening)
    found = messages.blocks_as_value(
        tokens.span(word),
        word=kind.lower(),
        name=tokens.written(first + 1),
        statement=symbols[start].lower(),
        rewrite=rewrite,
    )
    return Finding(found, Search(past) if past is not None else None)


def _next_brace(trouble: Trouble, token: int) -> int | None:
    """The next `{` at the begin of a block; None when a statement begins before it."""
    for found in range(token + 1, min(token + 200, trouble.tokens.count)):
        if trouble.tokens.kinds[found] == "LBRACE":
            return found
        if trouble.tokens.kinds[found] in STATEMENTS | {"THEN"}:
            return None
    return None


def _rewrite(trouble: Trouble, braces: Braces, first: int, opening: int) -> tuple[Fix | None, int | None]:
    """Put the begin of a step into each block of the `if` that stands behind it; and the token after the blocks."""
    tokens = trouble.tokens
    begin = tokens.starts[first]
    word = next(n for n in range(first, opening) if tokens.kinds[n] == "IF")
    head = tokens.text[begin : tokens.starts[word]].rstrip()
    changes = [(Span(tokens.file, begin, tokens.starts[word]), "")]
    opener: int | None = opening
    past: int | None = None
    while opener is not None:
        changes.append((behind(tokens.span(opener)), f" {head}"))
        past = braces.past(opener)
        opener = None
        if past is not None and trouble.kind_at(past) == "ELSE":
            opener = next((n for n in range(past, min(past + 200, tokens.count)) if tokens.kinds[n] == "LBRACE"), None)
    fix = (
        edits(f"write '{head} …' in each block", *changes)
        if past is not None and tokens.kinds[first] == "STEP"
        else None
    )
    return fix, past


def _last(symbols: list[str], *wanted: str) -> int:
    """The last place of one of some symbols; -1 for none."""
    return max((n for n, symbol in enumerate(symbols) if symbol in wanted), default=-1)


def _colon_arm(trouble: Trouble, braces: Braces) -> Finding | None:
    """`"a": return "1"` and `_: return "2"` in a match."""
    tokens, colon = trouble.tokens, trouble.token + (trouble.kind != "COLON")
    if trouble.place not in {"match", "match value"} or trouble.kind_at(colon) != "COLON":
        return None
    if trouble.kind == "COLON" and not (trouble.takes("GIVES") or trouble.takes("THEN")):
        return None
    first = colon - 1
    pattern, rest = tokens.written(first), range(colon + 1, tokens.count)
    last = next((n for n in rest if tokens.begins_line(n) or tokens.kinds[n] == "RBRACE"), colon + 1) - 1
    body = tokens.text[tokens.ends[colon] : tokens.ends[last]].strip() if last > colon else "…"
    body = body if len(body) <= _SHOWN and not body.startswith("{") else "…"
    way = f"{pattern} then {body}" if trouble.place == "match value" else f"{pattern} => {{ {body} }}"
    found = messages_habits.foreign_declaration(tokens.span(colon), "an arm of a 'match'", way=way)
    past = braces.past(trouble.machine.values[trouble.opener])
    return Finding(found, Search(past - 1 if past is not None else colon + 1))


_SHOWN = 40
"""Characters of an arm that a message shows."""


def _wrong_arm(trouble: Trouble, braces: Braces) -> Finding | None:
    """`=>` in a match that gives a value, `then` in one of statements, `else` for the last arm."""
    if trouble.kind == "ELSE" and trouble.place in {"match", "match value"} and trouble.takes("UNDERSCORE"):
        way = "the arm for all the rest begins with '_'"
        found = messages.misplaced(trouble.span, "else", where="among the arms of a match", way=way)
        return Finding(found, Replace(("UNDERSCORE",)))
    if trouble.kind == "GIVES" and trouble.takes("THEN") and trouble.place == "match value":
        return Finding(messages.wrong_arm(trouble.span, value=True), Replace(("THEN",)))
    if trouble.kind == "THEN" and trouble.takes("GIVES") and trouble.place == "match":
        return Finding(messages.wrong_arm(trouble.span, value=False), Replace(("GIVES",)))
    return None


def _comma(trouble: Trouble, braces: Braces) -> Finding | None:
    """A comma where nothing stands between things."""
    if trouble.kind != "COMMA" or trouble.place not in {"block", "file", "match", "policy", "test", "profile"}:
        return None
    why = "nothing stands between statements, declarations and arms"
    if {"RETURN", "YIELD"} & set(trouble.item):
        why = "one value is given: several are a record, '{ a: …, b: … }', or a list"
        return Finding(messages.foreign_mark(trouble.span, ",", why=why, right=None), Search(trouble.token + 1))
    return Finding(messages.foreign_mark(trouble.span, ",", why=why, right=""), Skip(trouble.token + 1))


STATEMENT_EXPLANATIONS: tuple[Explanation, ...] = (
    _comma,
    _blocks_as_value,
    _colon_arm,
    _wrong_arm,
    _named_so,
    _thrown,
    _foreign_word,
    _parallel_for,
    _mutable,
    _colon_keyword,
    _uses,
    _missing_equals,
    _reserved,
    _misplaced,
    _bare_statement,
    _unknown_declaration,
)
