"""One mistake at a time, planted in a correct flow: each is found, alone, at exactly the text that is wrong."""

import pytest

from leadflow.pipeline import check_source

CORRECT = """\
leadflow 1

use std.patterns (majority)

type Tier = "free" | "pro" | "team"
type Ticket { id: string  body: string  tier: Tier  tags: list[string] }
type Verdict { urgent: bool  topic: "bug" | "billing" }

const most = 50
policy net { @retry(3, backoff: 1s, max: 10s) @timeout(30s) }

@net
agent fast: openai { model: "small"  key: secret("KEY")  temperature: 0.2 }
agent crm: http { url: "https://crm.example.com" }

flow triage(ticket: Ticket, others: list[Ticket]) -> { reply: string  id: string } {
  step verdict: Verdict = fast.ask("Classify ${ticket.body}", temperature: 0)
  step similar = for other in others at most most {
    step line = fast.ask("One line: ${other.body}")
    yield line
  }
  step common = majority(votes: similar)
  @idempotent(key: ticket.id)
  step filed: { id: string } = crm.post("/tickets/${ticket.id}", json: ticket)
  if verdict.urgent and ticket.tier != "free" {
    step reply = fast.ask("Reply to ${ticket.body}, like ${common ?? "nobody"}")
    return { reply: reply, id: filed.id }
  }
  let days = match ticket.tier { "free" then 5, "pro" then 2, "team" then 1 }
  match verdict.topic {
    "bug" => { step note = fast.ask("A note on a bug, within ${days} days") }
    "billing" => { step note = fast.ask("A note on a bill, like ${common ?? "nobody"}") }
  }
  return { reply: upper(note), id: filed.id }
}
"""

PLANTS = [
    ("misspelt property", "temperature: 0.2", "temprature: 0.2", "FLOW208", "temprature"),
    ("misspelt property inside a policy", "backoff: 1s", "backof: 1s", "FLOW210", "backof"),
    ("misspelt argument", "temperature: 0)", "temprature: 0)", "FLOW210", "temprature"),
    ("misspelt annotation", "@timeout(30s)", "@timeuot(30s)", "FLOW209", "timeuot"),
    ("unknown step", "filed.id }\n  }", "fild.id }\n  }", "FLOW201", "fild"),
    ("unknown field of a declared output", "verdict.urgent", "verdict.urgnt", "FLOW205", "urgnt"),
    ("unknown field of an input", "${other.body}", "${other.bdy}", "FLOW205", "bdy"),
    ("wrong type in a condition", "if verdict.urgent and", "if verdict.topic and", "FLOW302", "verdict.topic"),
    ("wrong type in an argument", "votes: similar", "votes: ticket.id", "FLOW301", "ticket.id"),
    ("wrong type in a setting", 'model: "small"', "model: 5", "FLOW301", "5"),
    ("missing argument", "majority(votes: similar)", "majority()", "FLOW330", "majority()"),
    ("value outside a union in a comparison", '!= "free"', '!= "fre"', "FLOW303", '"fre"'),
    ("value outside a union in an arm", '"team" then 1', '"teem" then 1', "FLOW303", '"teem"'),
    ("uncovered branch of a value", ', "team" then 1', "", "FLOW312", "ticket.tier"),
    (
        "uncovered branch of a statement",
        '    "billing" => { step note = fast.ask("A note on a bill, like ${common ?? "nobody"}") }\n',
        "",
        "FLOW312",
        "verdict.topic",
    ),
    ("unknown agent", "crm.post", "crn.post", "FLOW201", "crn"),
    ("unknown action", "crm.post", "crm.pots", "FLOW207", "pots"),
    ("unknown kind", "agent crm: http", "agent crm: htpp", "FLOW206", "htpp"),
    ("unknown function", "upper(note)", "uppper(note)", "FLOW211", "uppper"),
    ("unknown type", "verdict: Verdict", "verdict: Verdct", "FLOW204", "Verdct"),
    ("unknown flow", "majority(votes", "majorty(votes", "FLOW201", "majorty"),
    ("unknown import", "(majority)", "(majority, minority)", "FLOW213", "minority"),
    ("cycle", "Classify ${ticket.body}", "Classify ${note}", "FLOW215", "note"),
    ("used above its line", "One line: ${other.body}", "One line: ${filed.id} ${other.body}", "FLOW214", "filed"),
    (
        "unreachable step",
        "    return { reply: reply, id: filed.id }\n",
        '    return { reply: reply, id: filed.id }\n    step late = fast.ask("x")\n',
        "FLOW404",
        'step late = fast.ask("x")',
    ),
    ("unused step", "  let days", '  step unused = fast.ask("x")\n  let days', "FLOW501", "unused"),
    ("unused value", "  match verdict", "  let unused = days + 1\n  match verdict", "FLOW502", "unused"),
    ("unknown variable in a prompt", "Reply to ${ticket.body}", "Reply to ${tickt.body}", "FLOW201", "tickt"),
    ("read of a step that may not have run", "upper(note)", "upper(reply)", "FLOW216", "reply"),
    ("read of a step of one arm", '"billing" => { step note', '"billing" => { step other', "FLOW306", "note"),
    ("bare name as a pattern", '"free" then 5', "free then 5", "FLOW314", "free"),
    ("call inside an expression", "upper(note)", 'fast.ask("x")', "FLOW402", 'fast.ask("x")'),
    ("value that may be none", "upper(note)", "upper(common)", "FLOW306", "common"),
    (
        "wrong type of a result",
        "{ reply: upper(note), id: filed.id }",
        "{ reply: days, id: filed.id }",
        "FLOW301",
        "days",
    ),
    (
        "missing field",
        "{ reply: upper(note), id: filed.id }",
        "{ reply: upper(note) }",
        "FLOW309",
        "{ reply: upper(note) }",
    ),
    (
        "annotation that may not stand there",
        "  @idempotent",
        "  @limit(5 per minute) @idempotent",
        "FLOW430",
        "@limit(5 per minute)",
    ),
    ("retry of a write without a key", "@idempotent(key: ticket.id)", "@retry(3)", "FLOW437", "@retry(3)"),
    ("value out of range", "@retry(3,", "@retry(0,", "FLOW433", "0"),
    ("secret in a prompt", "Reply to ${ticket.body}", 'Reply to ${secret("KEY")}', "FLOW340", 'secret("KEY")'),
    ("record in a path", "/tickets/${ticket.id}", "/tickets/${ticket}", "FLOW337", "ticket"),
    ("loop without a constant bound", "at most most", "at most len(others)", "FLOW335", "len(others)"),
    ("a path without a result", "  return { reply: upper(note), id: filed.id }\n", "", "FLOW403", "triage"),
    ("broken expression", "then 5,", "then 5 *,", "FLOW142", ""),
    ("trailing annotation", "json: ticket)", "json: ticket) @timeout(5s)", "FLOW136", "@timeout(5s)"),
]


def test_the_flow_is_correct() -> None:
    """Without a plant nothing is found."""
    _, report = check_source("main.flow", CORRECT)
    assert [] == [diagnostic.message for diagnostic in report]


@pytest.mark.parametrize(("old", "new", "code", "at"), [plant[1:] for plant in PLANTS], ids=[p[0] for p in PLANTS])
def test_a_planted_mistake_is_found(old: str, new: str, code: str, at: str) -> None:
    """The mistake gives its code at the text that is wrong, and no other error."""
    assert CORRECT.count(old) >= 1
    text = CORRECT.replace(old, new, 1)
    checked, report = check_source("main.flow", text)
    assert checked is not None
    found = [(d.code, checked.main.source.at(d.span)) for d in report]
    errors = [(d.code, checked.main.source.at(d.span)) for d in report if d.severity == "error"]
    assert (code, at) in found
    assert len(errors) <= 1
