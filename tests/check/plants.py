"""Mistakes to plant: two correct flows, and one change for each mistake, with what must be said of it and where.

The rows are those of a comparison of twelve checkers for workflows: each row is a kind of mistake that some of them
let through.
"""

from leadflow.record import record


@record
class Plant:
    """One mistake."""

    row: str
    """The row of the comparison; `OWN` for what it has no row for."""
    name: str
    old: str
    """What stands in the correct flow."""
    new: str
    """What is written there instead."""
    code: str
    at: str
    """The text that is wrong, exactly."""


ROWS = (
    "misspelt property",
    "unknown step in data",
    "unknown field of a declared output",
    "type mismatch in a condition or argument",
    "missing required argument",
    "value outside a declared enum",
    "branch not covered or dead end",
    "unknown model, client, agent or function",
    "cycle or unbounded loop",
    "unreachable or unused step",
    "unknown variable in a prompt",
    "reads a step that may not have run",
    "broken expression syntax",
    "dangerous call without approval or ungranted tool",
)
OWN = "no row"

TRIAGE = """\
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

TRIAGE_PLANTS = (
    Plant("misspelt property", "misspelt property", "temperature: 0.2", "temprature: 0.2", "FLOW208", "temprature"),
    Plant("misspelt property", "misspelt property inside a policy", "backoff: 1s", "backof: 1s", "FLOW210", "backof"),
    Plant("misspelt property", "misspelt argument", "temperature: 0)", "temprature: 0)", "FLOW210", "temprature"),
    Plant("misspelt property", "misspelt annotation", "@timeout(30s)", "@timeuot(30s)", "FLOW209", "timeuot"),
    Plant("unknown step in data", "unknown step", "filed.id }\n  }", "fild.id }\n  }", "FLOW201", "fild"),
    Plant(
        "unknown field of a declared output",
        "unknown field of a declared output",
        "verdict.urgent",
        "verdict.urgnt",
        "FLOW205",
        "urgnt",
    ),
    Plant(
        "unknown field of a declared output",
        "unknown field of an input",
        "${other.body}",
        "${other.bdy}",
        "FLOW205",
        "bdy",
    ),
    Plant(
        "type mismatch in a condition or argument",
        "wrong type in a condition",
        "if verdict.urgent and",
        "if verdict.topic and",
        "FLOW302",
        "verdict.topic",
    ),
    Plant(
        "type mismatch in a condition or argument",
        "wrong type in an argument",
        "votes: similar",
        "votes: ticket.id",
        "FLOW301",
        "ticket.id",
    ),
    Plant(
        "type mismatch in a condition or argument",
        "wrong type in a setting",
        'model: "small"',
        "model: 5",
        "FLOW301",
        "5",
    ),
    Plant(
        "missing required argument",
        "missing argument",
        "majority(votes: similar)",
        "majority()",
        "FLOW330",
        "majority()",
    ),
    Plant(
        "value outside a declared enum",
        "value outside a union in a comparison",
        '!= "free"',
        '!= "fre"',
        "FLOW303",
        '"fre"',
    ),
    Plant(
        "value outside a declared enum",
        "value outside a union in an arm",
        '"team" then 1',
        '"teem" then 1',
        "FLOW303",
        '"teem"',
    ),
    Plant(
        "branch not covered or dead end", "uncovered branch of a value", ', "team" then 1', "", "FLOW312", "ticket.tier"
    ),
    Plant(
        "branch not covered or dead end",
        "uncovered branch of a statement",
        '    "billing" => { step note = fast.ask("A note on a bill, like ${common ?? "nobody"}") }\n',
        "",
        "FLOW312",
        "verdict.topic",
    ),
    Plant("unknown model, client, agent or function", "unknown agent", "crm.post", "crn.post", "FLOW201", "crn"),
    Plant("unknown model, client, agent or function", "unknown action", "crm.post", "crm.pots", "FLOW207", "pots"),
    Plant(
        "unknown model, client, agent or function",
        "unknown kind",
        "agent crm: http",
        "agent crm: htpp",
        "FLOW206",
        "htpp",
    ),
    Plant(
        "unknown model, client, agent or function",
        "unknown function",
        "upper(note)",
        "uppper(note)",
        "FLOW211",
        "uppper",
    ),
    Plant(
        "unknown model, client, agent or function",
        "unknown type",
        "verdict: Verdict",
        "verdict: Verdct",
        "FLOW204",
        "Verdct",
    ),
    Plant(
        "unknown model, client, agent or function",
        "unknown flow",
        "majority(votes",
        "majorty(votes",
        "FLOW201",
        "majorty",
    ),
    Plant(
        "unknown model, client, agent or function",
        "unknown import",
        "(majority)",
        "(majority, minority)",
        "FLOW213",
        "minority",
    ),
    Plant("cycle or unbounded loop", "cycle", "Classify ${ticket.body}", "Classify ${note}", "FLOW215", "note"),
    Plant(
        "cycle or unbounded loop",
        "used above its line",
        "One line: ${other.body}",
        "One line: ${filed.id} ${other.body}",
        "FLOW214",
        "filed",
    ),
    Plant(
        "unreachable or unused step",
        "unreachable step",
        "    return { reply: reply, id: filed.id }\n",
        '    return { reply: reply, id: filed.id }\n    step late = fast.ask("x")\n',
        "FLOW404",
        'step late = fast.ask("x")',
    ),
    Plant(
        "unreachable or unused step",
        "unused step",
        "  let days",
        '  step unused = fast.ask("x")\n  let days',
        "FLOW501",
        "unused",
    ),
    Plant(
        "unreachable or unused step",
        "unused value",
        "  match verdict",
        "  let unused = days + 1\n  match verdict",
        "FLOW502",
        "unused",
    ),
    Plant(
        "unknown variable in a prompt",
        "unknown variable in a prompt",
        "Reply to ${ticket.body}",
        "Reply to ${tickt.body}",
        "FLOW201",
        "tickt",
    ),
    Plant(
        "reads a step that may not have run",
        "read of a step that may not have run",
        "upper(note)",
        "upper(reply)",
        "FLOW216",
        "reply",
    ),
    Plant(
        "reads a step that may not have run",
        "read of a step of one arm",
        '"billing" => { step note',
        '"billing" => { step other',
        "FLOW306",
        "note",
    ),
    Plant("broken expression syntax", "bare name as a pattern", '"free" then 5', "free then 5", "FLOW314", "free"),
    Plant(
        "broken expression syntax",
        "call inside an expression",
        "upper(note)",
        'fast.ask("x")',
        "FLOW402",
        'fast.ask("x")',
    ),
    Plant(
        "reads a step that may not have run",
        "value that may be none",
        "upper(note)",
        "upper(common)",
        "FLOW306",
        "common",
    ),
    Plant(
        OWN,
        "wrong type of a result",
        "{ reply: upper(note), id: filed.id }",
        "{ reply: days, id: filed.id }",
        "FLOW301",
        "days",
    ),
    Plant(
        "missing required argument",
        "missing field",
        "{ reply: upper(note), id: filed.id }",
        "{ reply: upper(note) }",
        "FLOW309",
        "{ reply: upper(note) }",
    ),
    Plant(
        OWN,
        "annotation that may not stand there",
        "  @idempotent",
        "  @limit(5 per minute) @idempotent",
        "FLOW430",
        "@limit(5 per minute)",
    ),
    Plant(OWN, "retry of a write without a key", "@idempotent(key: ticket.id)", "@retry(3)", "FLOW437", "@retry(3)"),
    Plant(OWN, "value out of range", "@retry(3,", "@retry(0,", "FLOW433", "0"),
    Plant(
        OWN, "secret in a prompt", "Reply to ${ticket.body}", 'Reply to ${secret("KEY")}', "FLOW340", 'secret("KEY")'
    ),
    Plant(OWN, "record in a path", "/tickets/${ticket.id}", "/tickets/${ticket}", "FLOW337", "ticket"),
    Plant(
        "cycle or unbounded loop",
        "loop without a constant bound",
        "at most most",
        "at most len(others)",
        "FLOW335",
        "len(others)",
    ),
    Plant(
        "branch not covered or dead end",
        "a path without a result",
        "  return { reply: upper(note), id: filed.id }\n",
        "",
        "FLOW403",
        "triage",
    ),
    Plant("broken expression syntax", "broken expression", "then 5,", "then 5 *,", "FLOW142", ""),
    Plant(OWN, "trailing annotation", "json: ticket)", "json: ticket) @timeout(5s)", "FLOW136", "@timeout(5s)"),
)
