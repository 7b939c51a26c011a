"""One mistake, one message: planted slips in a correct file, many errors in one file, and what stays in the tree."""

from itertools import pairwise
from typing import get_args

import pytest

from leadflow.syntax import tree
from leadflow.syntax.walk import walk
from tests.syntax.reading import codes, good, read
from tests.syntax.sources import EVERYTHING

SLIPS = [
    # names, keywords, marks
    ("step a: Ticket = fast", "step a Ticket = fast"),
    ("step a: Ticket = fast", "step: Ticket = fast"),
    ("step a: Ticket = fast", "step a: = fast"),
    ("step told = fast", "step told fast"),
    ("step told = fast", "stp told = fast"),
    ("step told = fast", "step told := fast"),
    ("step told = fast", "step if = fast"),
    ("step told = fast.tell", "fast.tell"),
    ("let words = match", "let words match"),
    ("let words = match", "words = match"),
    ("flow triage(ticket", "flow (ticket"),
    ("flow triage(ticket", "flow triage ticket"),
    ("flow triage(ticket", "def triage(ticket"),
    ("ticket: Ticket, deep", "ticket: Ticket deep"),
    ("ticket: Ticket, deep", "ticket Ticket, deep"),
    ("ticket: Ticket, deep", "ticket: , deep"),
    (") -> { reply", ") => { reply"),
    ("agent fast: openai {", "agent fast openai {"),
    ("agent fast: openai {", "agent fast: {"),
    ("agent fast: openai {", "agents fast: openai {"),
    ('model: "gpt", ', 'model = "gpt", '),
    ('model: "gpt", ', 'model "gpt", '),
    ("type Tier =", "type Tier"),
    ('"free" | "pro"\n', '"free" "pro"\n'),
    ('"free" | "pro"\n', '"free" | \n'),
    ("id: string\n", "id string\n"),
    ("id: string\n", "id: string;\n"),
    ("id: string\n", "id: string || int\n"),
    ("list[string]? = none", "list[string? = none"),
    ("list[string]? = none", "list string]? = none"),
    ("const wait: duration = 1h30m", "const wait: duration = "),
    ("const wait: duration = 1h30m", "const wait: duration = 90min"),
    ("const wait: duration = 1h30m", "const wait: duration 1h30m"),
    ("const wait: duration = 1h30m", "wait: duration = 1h30m"),
    # expressions
    ("if not deep and x", "if !deep and x"),
    ("if not deep and x", "if not deep && x"),
    ("if not deep and x", "if not deep and and x"),
    ("if not deep and x", "if (not deep and x"),
    ("if not deep and x", "if not deep and) x"),
    ("x not in [1, 2]", "x not [1, 2]"),
    ("x not in [1, 2]", "x not in [1 2]"),
    ("x not in [1, 2]", "x not in [1, 2"),
    ("x == 1 then", "x = 1 then"),
    ("x == 1 then", "x == 1 == 2 then"),
    ("then 2 else 3 }", "then 2 }"),
    ("?? 3 * 2 + 1", "?? 3 * 2 +"),
    ("?? 3 * 2 + 1", "?? 3 * * 2"),
    ("lines[0]", "lines[0"),
    ("lines[0]", "lines[]"),
    ("(x % 2) / 4", "(x % 2 / 4"),
    ("[l.name for l in lines if", "[l.name for l on lines if"),
    ("[l.name for l in lines if", "[l.name for in lines if"),
    # strings
    ('fast.tell("x")', 'fast.tell("x)'),
    ('fast.tell("x")', "fast.tell('x')"),
    ('fast.tell("x")', 'fast.tell(x")'),
    ('"no ${x}"', '"no ${x"'),
    ('"no ${x}"', '"no ${x + }"'),
    ('"no ${x}"', '"no \\d"'),
    ('how are "you"?\n\n    """', 'how are "you"?\n\n'),
    ("Hello ${ticket.id},", "Hello ${ticket.id,"),
    # statements and clauses
    ("undo none catch _ => none", "undo catch _ => none"),
    ("undo none catch _ => none", "undo none catch => none"),
    ("undo none catch _ => none", "undo none catch _ -> none"),
    ("undo none catch _ => none", "undo none @optional"),
    ("after b, c catch", "after b c catch"),
    ('{ fail "no', '{ fial "no'),
    ("} else if deep {", "} elif deep {"),
    ("} else if deep {", "} else if {"),
    ("} else { }\n", "} else: { }\n"),
    ("} else { }\n", "} els { }\n"),
    ("match ticket.tier {", "match {"),
    ("match ticket.tier {", "switch ticket.tier {"),
    ('"free" | "pro" => { }', '"free" | "pro" -> { }'),
    ('"free" | "pro" => { }', '"free", "pro" => { }'),
    ("true then 200", "true => 200"),
    ("true then 200, _", "true then 200 _"),
    ("for line, i in ticket.tags", "for line, i on ticket.tags"),
    ("for line, i in ticket.tags", "for line, in ticket.tags"),
    ("at most 500 {", "at 500 {"),
    ("until s >= 3 else", "else"),
    ("n = 0 at most 4 {", "n at most 4 {"),
    ("parallel(need: 1) {", "parallel(need 1) {"),
    ("step first = race {", "race {"),
    ("return item", "return"),
    ("return item", "return item item"),
    # braces
    ("step group = do { yield", "step group = do yield"),
    ("  return item\n}\n", "  return item\n"),
    ("  return item\n}\n", "  return item\n}\n}\n"),
    ("  both: (string | int)?\n  nothing: none\n}", "  both: (string | int)?\n  nothing: none\n"),
    # policies, triggers, profiles, tests
    ("@retry(3, backoff: 1s) @timeout(30s) }", "@retry(3, backoff 1s) @timeout(30s) }"),
    ("@retry(3, backoff: 1s) @timeout(30s) }", "retry(3) }"),
    ("@net\n@limit(60 per minute)\nagent", "agent"),
    ("@limit(60 per minute)\nagent", "@limit(60 per minuet)\nagent"),
    ("@optional\n  step a", "@\n  step a"),
    ("run triage(ticket: slot)", "triage(ticket: slot)"),
    ("on idle() run", "on idle run"),
    ('agent fast { model: "gpt-5" }', 'agent fast: { model: "gpt-5" }'),
    ('mock triage.a => fail "timeout"', 'mock triage.a = fail "timeout"'),
    ("mock fast.ask(", "mck fast.ask("),
    ("run r = triage", "run r triage"),
    ("expect r.value", "expect = r.value"),
    ("use std.agents (reviewer", "use std.agents reviewer"),
    ("use std.agents (reviewer", "import std.agents (reviewer"),
    ("use shared.types as t", "use shared.types at t"),
]
"""A piece of the source of every construct -> what a slip makes of it."""


@pytest.mark.parametrize(("right", "wrong"), SLIPS)
def test_one_slip_has_one_message(right: str, wrong: str) -> None:
    """A slip in a correct file is reported once, on its line or the next, and nothing else is."""
    assert right in EVERYTHING
    at = EVERYTHING.index(right)
    _, found = read(EVERYTHING[:at] + wrong + EVERYTHING[at + len(right) :])
    if (right, wrong) == ("@net\n@limit(60 per minute)\nagent", "agent"):
        assert [] == found  # no slip: the test can tell
        return
    assert 1 == len(found), [(one.code, one.message, one.span) for one in found]


def test_slips_far_from_each_other_are_all_reported() -> None:
    """A file with a slip in each of its declarations has a message for each."""
    text = EVERYTHING
    for right, wrong in [
        ("id: string\n", "id string\n"),
        ("const wait: duration = 1h30m", "const wait: duration = "),
        ("agent fast: openai {", "agent fast openai {"),
        ("if not deep and x", "if not deep && x"),
        ("for line, i in ticket.tags", "for line, i on ticket.tags"),
        ("return item", "return item item"),
        ("run triage(ticket: slot)", "triage(ticket: slot)"),
        ("run r = triage", "run r triage"),
    ]:
        text = text.replace(right, wrong, 1)
    _, found = read(text)
    assert 8 == len(found), [one.message for one in found]
    assert all(one.span.start < other.span.start for one, other in pairwise(found))


def test_what_is_whole_stays_in_the_tree() -> None:
    """A broken statement takes nothing else with it: the declarations and the other statements are there."""
    whole, _ = read(EVERYTHING)
    broken, _ = read(
        EVERYTHING.replace("step told = fast.tell", "step told = fast..tell").replace("const wait", "cnst wait")
    )
    assert len(whole.items) == len(broken.items)
    names = [[step.name.text for step in walk(file) if isinstance(step, tree.Step)] for file in (whole, broken)]
    assert names[0] == names[1]


def test_messages_end() -> None:
    """A file of nothing but mistakes has about a hundred messages, not one for each."""
    _, found = read("leadflow 1\nflow f() {\n" + "  x.y()\n" * 5_000 + "}\n")
    assert {"FLOW155"} == {one.code for one in found}
    assert 100 == len(found)


def test_words_of_other_languages_may_be_names() -> None:
    """A file that names something `null` may use it; in one that does not, `null` is `none`."""
    good("leadflow 1\nconst null = 1\nconst x = [null]\n")
    assert ["FLOW133"] == codes("leadflow 1\nconst x = [null]\n")


def test_messages_stand_on_one_line() -> None:
    """Whatever was written, a message is one line of bearable length, with its place in the text."""
    for _, wrong in SLIPS:
        for text in (wrong, wrong * 50, wrong + "\n" * 3 + '"' + "x" * 3_000):
            source = f"leadflow 1\n{text}\n"
            for one in read(source)[1]:
                assert "\n" not in one.message and len(one.message) < 250, one.message
                assert 0 <= one.span.start <= one.span.end <= len(source)


@pytest.mark.parametrize("operator", ["=", ":=", "===", "!==", "<>", "&&", "||", "**"])
def test_the_tree_has_operators_of_the_language_only(operator: str) -> None:
    """An operator of another language is reported, and stands in the tree as what it was meant to be."""
    file, found = read(f"leadflow 1\nconst x = [a {operator} b]\n")
    assert 1 == len(found)
    assert [True] == [node.op in get_args(tree.BinaryOp) for node in walk(file) if isinstance(node, tree.Binary)]


def test_a_repeat_without_its_end_is_reported_and_left() -> None:
    """A block whose statement needs more after its brace does not hold recovery up."""
    assert ["FLOW150"] == codes("leadflow 1\nflow f() {\n  step r = repeat s = 1 at most 4 {\n")


@pytest.mark.parametrize("value", ["if a { 1 } else { 2 }", 'match a { "x" => { b.c() } _ => { d.e() } }'])
def test_a_value_in_blocks_may_also_lack_its_word(value: str) -> None:
    """Two slips in one statement are two messages."""
    assert "FLOW155" in codes(f"leadflow 1\nflow f() {{\n  s = {value}\n}}\n")
