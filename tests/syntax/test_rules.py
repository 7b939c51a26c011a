"""Rules D1 to D12 (SPEC.md), one by one: the trap each closes, its message, and that its fix mends it."""

import re

import pytest

from leadflow.syntax import tree
from tests.syntax.reading import codes, fixed, good, read, said


def flow(body: str) -> tree.Block:
    """The body of a flow about which nothing is said."""
    (found,) = good(f"leadflow 1\nflow f() {{\n{body}\n}}\n").items
    assert isinstance(found, tree.FlowDecl)
    return found.body


MENDED = {
    "D1 step": (
        'flow f() {\n  step a = x.ask("x") @timeout(30s)\n  step b = x.ask("y")\n}',
        'flow f() {\n  @timeout(30s)\n  step a = x.ask("x")\n  step b = x.ask("y")\n}',
    ),
    "D1 two behind": (
        'flow f() {\n  @cache(1h)\n  step a = x.ask("x") @retry(3)   @timeout(30s)\n}',
        'flow f() {\n  @retry(3)   @timeout(30s)\n  @cache(1h)\n  step a = x.ask("x")\n}',
    ),
    "D1 flow": ("flow f() { }\n@net flow g() { } @budget($1)", "flow f() { }\n@budget($1)\n@net flow g() { }"),
    "D1 one line": ("flow f() { step a = x.y() @optional }", "flow f() { @optional step a = x.y() }"),
    "D1 field": (
        "type V {\n  @range(0, 1)\n  score: float\n}",
        "type V {\n  score: float @range(0, 1)\n}",
    ),
    "D4 name": ("const match = 1", "const match_ = 1"),
    "D6 and": ("const x = a && !b || c", "const x = a and not b or c"),
    "D6 semicolon": ("const a = 1; const b = 2;", "const a = 1 const b = 2"),
    "D6 comment": ("const a = 1 // one", "const a = 1 # one"),
    "D8 if": (
        "flow f() {\n  step a: T = if b { x.y() } else if c { x.z() } else { x.w() }\n}",
        "flow f() {\n  if b { step a: T = x.y() } else if c { step a: T = x.z() } else { step a: T = x.w() }\n}",
    ),
    "D8 value": ('const a = match t { "x" => 1, _ => 2 }', 'const a = match t { "x" then 1, _ then 2 }'),
    "D8 arm": ('flow f() { match t { "x" then { } } }', 'flow f() { match t { "x" => { } } }'),
    "D9": ("type T { a: int ## one\n}", "type T { a: int # one\n}"),
    "chain": ("const x = 0 < a < 9", "const x = 0 < a and a < 9"),
    "equals": ("const x = a = 9", "const x = a == 9"),
    "colon": ("const x = f(a = 9)", "const x = f(a : 9)"),
    "missing equals": ("const x 9", "const x = 9"),
    "assignment": ("flow f() { x = 9 }", "flow f() { let x = 9 }"),
    "call": ("flow f() { x.y() }", "flow f() { step done = x.y() }"),
    "typo": ("flow f() { retrun 1 }", "flow f() { return 1 }"),
    "declaration": ("agnet a: b", "agent a: b"),
    "comma": ("const x = [1 2]", "const x = [1, 2]"),
    "true": ("const x = [True, null]", "const x = [true, none]"),
    "elif": ("flow f() { if a { } elif b { } }", "flow f() { if a { } else if b { } }"),
    "else colon": ("flow f() { if a { } else: { } }", "flow f() { if a { } else { } }"),
    "bracket": ("const x = [1, 2\nconst y = 1", "const x = [1, 2]\nconst y = 1"),
    "extra bracket": ("const x = [1]]\nconst y = 1", "const x = [1]\nconst y = 1"),
    "extra brace": ("flow f() { }\n}\nconst y = 1", "flow f() { }\n\nconst y = 1"),
    "def": ("def f(x: int) -> int { return x }", "flow f(x: int) -> int { return x }"),
}
"""What is wrong -> what its fixes make of it."""


@pytest.mark.parametrize("name", MENDED)
def test_fixes_mend(name: str) -> None:
    """The fixes of all messages, made together, leave a text about which nothing is said."""
    wrong, right = (f"leadflow 1\n{text}\n" for text in MENDED[name])
    _, found = read(wrong)
    assert (right, []) == (fixed(wrong, found).replace(", ]", "]"), codes(right))


def test_d1_every_annotation_is_above_or_said() -> None:
    """D1: at the begin of a line, after `{` and after another annotation it stands above; a field's stands behind."""
    body = flow("@a @b(1)\n@c step x = y { }".replace("y { }", "y.z()") + "\n  if q { @d step e = y.z() }")
    step = body.statements[0]
    assert isinstance(step, tree.Step)
    assert ["a", "b", "c"] == [note.path[0].text for note in step.annotations]
    assert ["FLOW136"] == codes("leadflow 1\nflow f() {\n  step x = y.z() @a\n  step w = y.z()\n}\n")


def test_d1_a_misplaced_annotation_binds_to_nothing() -> None:
    """D1: the annotation behind `a` is not taken for one of `b`."""
    file, _ = read("leadflow 1\nflow f() {\n  step a = x.y() @optional\n  step b = x.y()\n}\n")
    (found,) = file.items
    assert isinstance(found, tree.FlowDecl)
    assert [(), ()] == [step.annotations for step in found.body.statements]


def test_d2_default_binds_tighter_than_times() -> None:
    """D2: `a ?? b and c` is `(a ?? b) and c`, and `a ?? b * c` is `(a ?? b) * c`; `??` joins to the left."""
    assert flow("let x = a ?? b and c == d") == flow("let x = (a ?? b) and (c == d)")
    assert flow("let x = a ?? b * c") == flow("let x = (a ?? b) * c")
    assert flow("let x = a ?? b ?? c") == flow("let x = (a ?? b) ?? c")


@pytest.mark.parametrize(
    ("loose", "tight"),
    [
        ("a or b and c", "a or (b and c)"),
        ("a and not b", "a and (not b)"),
        ("not a == b", "not (a == b)"),
        ("not a in b", "not (a in b)"),
        ("a not in b or c", "(a not in b) or c"),
        ("a == b + c", "a == (b + c)"),
        ("a + b * c - d", "(a + (b * c)) - d"),
        ("a - b - c", "(a - b) - c"),
        ("a / b % c", "(a / b) % c"),
        ("-a * b", "(-a) * b"),
        ("-a.b", "-(a.b)"),
        ("a.b[c](d)?.e", "(((a.b)[c])(d))?.e"),
        ("if a then b else if c then d else e or f", "if a then b else (if c then d else (e or f))"),
    ],
)
def test_precedence(loose: str, tight: str) -> None:
    """Operators from the loosest: or, and, not, comparison, + -, * / %, ??, sign, member and call."""
    assert flow(f"let x = {loose}") == flow(f"let x = {tight}")


def test_d3_a_bare_name_is_kept_as_a_pattern() -> None:
    """D3: a bare name where a pattern must stand is in the tree, for the checker to say what it may mean."""
    (match,) = flow("match x { bug => { } _ => { } }").statements
    assert isinstance(match, tree.Match)
    ((name,), (rest,)) = (arm.patterns for arm in match.arms)
    assert (tree.NamePattern, tree.WildcardPattern) == (type(name), type(rest))


KEYWORDS = re.split(
    r"\s+",
    """step let if then else match return yield fail for in repeat parallel race do and or not true false none
    try catch fn await case when with""",
)
FREE = re.split(
    r"\s+",
    """leadflow use as type agent tool policy const flow on run profile test mock replay expect at most until undo
    after per""",
)


@pytest.mark.parametrize("word", [*KEYWORDS, *FREE])
def test_d4_any_word_names_a_field(word: str) -> None:
    """D4: a word before `:` and a word after `.` are names, in types, records, settings and arguments."""
    good(
        f"leadflow 1\ntype T {{ x: int  {word}: int = 1  {word}: int }}\nagent a: b {{ x: 1 {word}: 2 }}\n"
        f"const r = {{ {word}: 1, x: a.{word}, y: a?.{word} }}\nconst c = f({word}: 1).{word}(2)\n"
    )


@pytest.mark.parametrize("word", KEYWORDS)
def test_d4_no_keyword_names_a_value(word: str) -> None:
    """D4: a keyword in place of a value's name is said once, with and without a type."""
    assert [("FLOW135", word)] == said(f"leadflow 1\nconst {word} = 1\n")
    assert [("FLOW135", word)] == said(f"leadflow 1\nflow f({word}: int) {{ }}\n")


@pytest.mark.parametrize(("other", "free"), [("x", "match_"), ("match_", "match__")])
def test_d4_a_name_that_is_free_is_offered(other: str, free: str) -> None:
    """D4: in place of a keyword, and of no word that stands in the file."""
    text = f"leadflow 1\nflow f({{}}: int, {other}: int) -> int {{{{ return {other} }}}}\n"
    wrong = text.format("match")
    assert text.format(free) == fixed(wrong, read(wrong)[1])


@pytest.mark.parametrize("word", FREE)
def test_d4_all_other_words_are_free(word: str) -> None:
    """D4: words that are keywords in one place only name values everywhere."""
    body = f"let x = {word} + f({word}) step {word} = {word}.y()"
    good(f"leadflow 1\nconst {word} = 1\nflow {word}({word}: int) {{ {body} }}\n")


def test_d6_a_rate_is_not_two_fields() -> None:
    """D4: `n: 60  per: 5` is two settings, `n: 60 per minute` one."""
    file = good("leadflow 1\nagent a: b { n: 60  per: 5 }\nagent c: b { n: 60 per minute }\n")
    assert [2, 1] == [len(item.settings) for item in file.items if isinstance(item, tree.AgentDecl)]


def test_d8_the_value_form_of_match() -> None:
    """D8: `match e { "a" then 1, _ then 2 }` is a value; the braces of the statement hold statements."""
    (let,) = flow('let x = match t { "a" | "b" then 1, _ then 2, }').statements
    assert isinstance(let, tree.Let) and isinstance(let.value, tree.MatchValue)
    assert [2, 1] == [len(arm.patterns) for arm in let.value.arms]


def test_d8_the_step_is_known_below() -> None:
    """D8: a step whose value could not be read is in the tree, so that nobody says its name is unknown."""
    file, _ = read("leadflow 1\nflow f() {\n  step a = if b { x.y() } else { x.z() }\n  return a\n}\n")
    (found,) = file.items
    assert isinstance(found, tree.FlowDecl)
    step, last = found.body.statements
    assert isinstance(step, tree.Step) and isinstance(step.action, tree.BadExpr) and isinstance(last, tree.Return)


def test_d9_doc_comments_attach_to_what_follows() -> None:
    """D9: the file, a declaration with annotations, a field, a setting and a step keep the `##` lines above them."""
    file = good(
        "## F.\n\n## G.\nleadflow 1\n## One.\n##   two\n@a\nagent x: y {\n  ## S.\n  k: 1\n}\n"
        "type T {\n  ## Q.\n  a: int\n}\nflow f() {\n  ## P.\n  @b step s = x.y()\n}\n"
    )
    agent, record, found = file.items
    assert (
        isinstance(agent, tree.AgentDecl) and isinstance(record, tree.RecordDecl) and isinstance(found, tree.FlowDecl)
    )
    step = found.body.statements[0]
    assert isinstance(step, tree.Step)
    docs = [file.doc, agent.doc, agent.settings[0].doc, record.fields[0].doc, found.doc, step.doc]
    assert ["F.\nG.", "One.\n  two", "S.", "Q.", None, "P."] == docs


def test_d10_truth_and_none_are_values() -> None:
    """D10: `true`, `false` and `none` are in the tree; `undo none` is a clause without a call."""
    step, let = flow("step a = x.y(true, false, none) undo none\nlet b = none").statements
    assert isinstance(step, tree.Step) and isinstance(step.action, tree.Call) and isinstance(let, tree.Let)
    kinds = [type(arg.value) for arg in step.action.args]
    assert ([tree.Bool, tree.Bool, tree.NoneLit], tree.NoneLit) == (kinds, type(let.value))
    assert [None] == [clause.call for clause in step.clauses if isinstance(clause, tree.Undo)]


def test_d11_the_next_declaration_is_not_lost() -> None:
    """D11: a declaration at the begin of a line closes all blocks; it and the one before are in the tree."""
    file, (found,) = read("leadflow 1\nflow f() {\n  if x {\n    step d = e.f()\nflow g() { }\n")
    assert ("FLOW150", 2) == (found.code, len(file.items))


def test_d12_names_may_be_taken_under_others() -> None:
    """D12: `use m (a as b)`; `map[K, V]` parses; profiles hold annotations; types that are none parse."""
    file = good("leadflow 1\nuse m (a as b)\ntype T = map[string, int] | none\nprofile p { @limit(1) agent a { } }\n")
    assert [tree.Use, tree.AliasDecl, tree.ProfileDecl] == [type(item) for item in file.items]
