"""Sources for the tests of the parser: one of every construct, and all good ones of the repository."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

EVERYTHING = '''\
## One of every construct.
leadflow 1

use std.agents (reviewer, helper as aide)
use shared.types as t
use "lib/net.flow" (a as b)

## A tier.
type Tier = "free" | "pro"
type Ticket {
  ## The number.
  id: string
  "x-id": string?
  tags: list[string]? = none
  score: float = 0.5 @range(0, 1)
  type: { step: int, if: map[t.Thing] }
  both: (string | int)?
  nothing: none
}

policy net { @retry(3, backoff: 1s) @timeout(30s) }
const wait: duration = 1h30m
const rates = [60 per minute, 100 per 30s, $0.50, 10MB, 100_000, 0.25, -1]

@net
@limit(60 per minute)
agent fast: openai { model: "gpt", "max-tokens": 600 }
agent lead: mcp.filesystem
@read tool search(query: string, limit: int = 5 @range(1, 9)) -> list[string] = python("mytools:search")

## Triage.
@budget($0.50) @timeout(5m)
flow triage(ticket: Ticket, deep: bool) -> { reply: string?, case: string? } {
  let x: int? = ticket.tags?.size ?? 3 * 2 + 1
  ## Asks.
  @optional
  step a: Ticket = fast.ask("""
    Hello ${ticket.id},
      how are "you"?

    """, temperature: 0.2) undo fast.drop(a.id) after b, c catch e => { id: e.message }
  step told = fast.tell("x") undo none catch _ => none
  if not deep and x not in [1, 2] or x in rates { fail "no ${x}" } else if deep { return none } else { }
  match ticket.tier { "free" | "pro" => { } 1 | -2 | true | false | none => { } other => { } _ => { } }
  step lines = for line, i in ticket.tags at most 500 { yield """one ${line}""" }
  step done = repeat s: int, n = 0 at most 4 { yield s + 1 } until s >= 3 else -s
  step both = parallel(need: 1) { step p = fast.ask("p") }
  step first = race { step q = search(query: "q") }
  step group = do { yield [l.name for l in lines if l.ok != none] }
  let words = match deep { true then 200, _ then if x == 1 then 2 else 3 }
  let item = { e: true, "a b": lines[0], c: (x % 2) / 4 - 1, d: join(lines, "\\n\\u{1F600}$${") }
  return item
}

on cron("0 9 * * 1-5", zone: "Europe/Paris") run triage(ticket: slot)
on idle() run triage()

profile production {
  @limit(600 per minute) agent fast { model: "gpt-5" }
  agent lead: openai { }
  const wait = 2h
}

## A test.
test "a quiet ticket is filed" {
  mock triage.a => fail "timeout" then { id: "T-1" } after 1s
  mock fast.ask("x", temperature: 1) => 3
  replay "quiet.jsonl"
  let t = 1
  run r = triage(ticket: t)
  expect r.value?.case == "T-1" and r.calls.a == 2
}
'''


def good_sources() -> list[object]:
    """Sources without mistakes, as arguments of `pytest.mark.parametrize`."""
    files = [*ROOT.glob("examples/**/*.flow"), *ROOT.glob("stdlib/**/*.flow")]
    found = [(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in sorted(files)]
    return [pytest.param(text, id=name) for name, text in [("everything", EVERYTHING), *found]]
