"""Mistakes to plant in a flow that acts: people, dangerous tools, policies, triggers, a profile, a test."""

from tests.check.plants import OWN, Plant

_ALL = "agent: skip, tool: skip, network: skip, permission: skip, validation: skip, timeout: skip, resource: skip"
_KEEN = 'agent keen: openai { model: "k"  tools: [purge] }'

CASES = """\
leadflow 1

type Case { id: string  text: string  tier: "free" | "pro" }

policy net { @retry(3, backoff: 1s, max: 10s, jitter: "none") @timeout(30s, attempt: 10s, idle: 5s) }

@net
@limit(60 per minute, tokens: 100_000 per minute, concurrent: 10)
agent fast: openai { model: "small"  max_tokens: 500  tools: [look, lines] }
agent strong: openai { model: "large"  max_tokens: 500 }
@net
agent crm: http { url: "https://crm.example.com"  auth: bearer(secret("TOKEN"))  dangerous: ["delete"] }
agent mirror: http { url: "https://mirror.example.com" }
agent desk: human { assignee: "ops" }
@read tool look(query: string) -> list[string] = python("tools.py:look")
@dangerous tool purge(case_id: string, why: string) -> bool = python("tools.py:purge")

@budget($1) @timeout(10m)
flow handle(item: Case, notes: list[string]) -> { reply: string  purged: bool } {
  @hedge(after: 2s)
  step seen: string = mirror.get("/cases/${item.id}")
  step first = race {
    step a = strong.ask("Reply to ${item.text}")
    step b = strong.ask("Answer ${seen}")
  }
  @concurrency(5)
  step short = for note in notes at most 200 {
    @fallback(fast)
    step line = strong.ask("One line: ${note}", max_tokens: 50) catch e => e.message
    yield line
  }
  @idempotent(key: item.id) @retry(2)
  step filed: { id: string } = crm.post("/cases", json: item) undo mirror.delete("/cases/${filed.id}")
  @retry(none)
  step told: { ok: bool } = crm.post("/told", json: { id: filed.id, short: short }) undo none
  if not told.ok { fail "not told" }
  step ok = desk.approve("Purge it?", show: { case_id: item.id, why: item.text })
  step purged = purge(case_id: item.id, why: item.text) undo none
  step reply = repeat text = first at most 4 {
    step better = strong.ask("Better: ${text}")
    yield better
  } until len(better) < 500 else text
  return { reply: reply, purged: purged }
}

flow lines(text: string) -> list[string] {
  step found = look(query: text)
  return found
}

flow ask(question: string) -> string {
  step reply = fast.ask(question)
  return reply
}

flow nightly(day: time) -> string {
  @timeout(1m)
  step page: string = mirror.get("/days/${day}")
  return page
}

on cron("0 2 * * 1-5", zone: "Europe/Paris") run nightly(day: slot)
on webhook("/hooks/ask", verify: hmac(secret("HOOK"))) run ask(question: id)
on webhook("/hooks/lines", verify: hmac(secret("HOOK"))) run lines(text: query["text"] ?? "")

profile local { agent strong { model: "tiny" } }

test "an answer" {
  mock ask.reply => "hello"
  run r = ask(question: "well?")
  expect r.value == "hello"
}
"""

CASES_PLANTS = (
    Plant(
        "dangerous call without approval or ungranted tool",
        "danger without approval",
        '  step ok = desk.approve("Purge it?", show: { case_id: item.id, why: item.text })\n',
        "",
        "FLOW417",
        "purge",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "approval on one path only",
        '  step ok = desk.approve("Purge it?", show: { case_id: item.id, why: item.text })\n',
        '  if told.ok { step ok = desk.approve("Purge it?", show: { case_id: item.id, why: item.text }) }\n',
        "FLOW417",
        "purge",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "approval that is absorbed",
        "  step ok = desk.approve(",
        "  @optional\n  step ok = desk.approve(",
        "FLOW417",
        "purge",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "approval that is caught",
        "why: item.text })\n  step purged",
        "why: item.text }) catch e => false\n  step purged",
        "FLOW417",
        "purge",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "approval that shows too little",
        ", why: item.text })\n  step purged",
        " })\n  step purged",
        "FLOW418",
        "item.text",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "a question instead of an approval",
        "desk.approve(",
        "desk.ask(",
        "FLOW417",
        "purge",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "dangerous action of an agent",
        'undo mirror.delete("/cases',
        'undo crm.delete("/cases',
        "FLOW417",
        "crm.delete",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "dangerous tool of a model",
        "flow ask(question: string) -> string {\n  step reply = fast.ask(question)",
        _KEEN + "\nflow ask(question: string) -> string {\n  step reply = keen.ask(question)",
        "FLOW417",
        "keen.ask",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "unknown tool granted",
        "tools: [look, lines]",
        "tools: [look, lines, serach]",
        "FLOW201",
        "serach",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "unknown action granted",
        "tools: [look, lines]",
        "tools: [look, lines, mirror.gte]",
        "FLOW207",
        "gte",
    ),
    Plant(
        "dangerous call without approval or ungranted tool",
        "tool granted twice",
        "tools: [look, lines]",
        "tools: [look, lines, look]",
        "FLOW509",
        "look",
    ),
    Plant(
        "cycle or unbounded loop",
        "granted flow that calls the agent",
        "tools: [look, lines]",
        "tools: [look, lines, ask]",
        "FLOW415",
        "ask",
    ),
    Plant(
        "cycle or unbounded loop", "loop without measure", "at most 200", "at most 1_000_000", "FLOW515", "1_000_000"
    ),
    Plant("cycle or unbounded loop", "loop without a limit under a budget", " at most 200", "", "FLOW518", "notes"),
    Plant("cycle or unbounded loop", "a loop limit of nothing", "at most 4", "at most 0", "FLOW416", "0"),
    Plant(
        OWN,
        "write in a race",
        'step b = strong.ask("Answer ${seen}")',
        'step b: string = mirror.post("/x")',
        "FLOW410",
        "b",
    ),
    Plant(
        OWN,
        "hedge of a write",
        'mirror.get("/cases/${item.id}")',
        'mirror.post("/cases/${item.id}")',
        "FLOW437",
        "@hedge(after: 2s)",
    ),
    Plant(
        OWN,
        "retry of a write without a key",
        "@idempotent(key: item.id) @retry(2)",
        "@retry(2)",
        "FLOW437",
        "@retry(2)",
    ),
    Plant(OWN, "write without undo in a saga", " undo none\n  if", "\n  if", "FLOW507", "told"),
    Plant(
        OWN,
        "budget over answers of any length",
        'model: "large"  max_tokens: 500',
        'model: "large"',
        "FLOW516",
        'strong.ask("Reply to ${item.text}")',
    ),
    Plant(
        OWN,
        "timeout shorter than its back-off",
        "@timeout(30s, attempt: 10s, idle: 5s)",
        "@timeout(1s)",
        "FLOW511",
        "@timeout(1s)",
    ),
    Plant(
        OWN,
        "attempt longer than the total",
        "attempt: 10s",
        "attempt: 40s",
        "FLOW434",
        "@timeout(30s, attempt: 40s, idle: 5s)",
    ),
    Plant(
        OWN,
        "idle longer than the attempt",
        "idle: 5s",
        "idle: 15s",
        "FLOW434",
        "@timeout(30s, attempt: 10s, idle: 15s)",
    ),
    Plant(
        OWN,
        "backoff longer than its maximum",
        "backoff: 1s, max: 10s",
        "backoff: 20s, max: 10s",
        "FLOW434",
        '@retry(3, backoff: 20s, max: 10s, jitter: "none")',
    ),
    Plant(OWN, "bundle with one annotation twice", "idle: 5s) }", "idle: 5s) @retry(5) }", "FLOW431", "@retry(5)"),
    Plant(
        OWN,
        "bundle that nothing takes",
        "policy net",
        "policy spare { @limit(5 per minute) @optional }\npolicy net",
        "FLOW434",
        "@optional",
    ),
    Plant(
        OWN,
        "deadline beyond its flow's",
        "  @concurrency(5)",
        "  @concurrency(5) @timeout(20m)",
        "FLOW512",
        "@timeout(20m)",
    ),
    Plant(OWN, "fallback to itself", "@fallback(fast)", "@fallback(strong)", "FLOW436", "@fallback(strong)"),
    Plant(OWN, "fallback asked twice", "@fallback(fast)", "@fallback(fast, fast)", "FLOW509", "fast"),
    Plant(
        OWN,
        "fallback that never runs",
        "  @fallback(fast)",
        f"  @fallback(fast) @on_error({_ALL}, system: skip)",
        "FLOW513",
        "@fallback(fast)",
    ),
    Plant(OWN, "fallback that does more harm", "@fallback(fast)", "@fallback(crm)", "FLOW436", "@fallback(crm)"),
    Plant(OWN, "secret in a message", 'fail "not told"', 'fail secret("TOKEN")', "FLOW340", 'secret("TOKEN")'),
    Plant(
        OWN,
        "secret in a body",
        "json: item)",
        'json: { item: item, key: secret("TOKEN") })',
        "FLOW340",
        'secret("TOKEN")',
    ),
    Plant(
        OWN,
        "secret in a value",
        "  if not told",
        '  let key = secret("TOKEN")\n  if not told',
        "FLOW340",
        'secret("TOKEN")',
    ),
    Plant(OWN, "secret in a setting", 'model: "small"', 'model: secret("TOKEN")', "FLOW340", 'secret("TOKEN")'),
    Plant(
        OWN,
        "secret to a trigger's flow",
        "run ask(question: id)",
        'run ask(question: secret("TOKEN"))',
        "FLOW340",
        'secret("TOKEN")',
    ),
    Plant(OWN, "name that hides another", "  if not told", "  let look = 1\n  if not told", "FLOW203", "look"),
    Plant(
        OWN,
        "unused agent",
        "agent desk:",
        'agent spare: http { url: "https://spare.example.com" }\nagent desk:',
        "FLOW502",
        "spare",
    ),
    Plant(OWN, "unused type", "policy net", "type Spare { a: int }\npolicy net", "FLOW502", "Spare"),
    Plant(OWN, "unused policy", "policy net", "policy spare { @timeout(1s) }\npolicy net", "FLOW502", "spare"),
    Plant(OWN, "unused constant", "policy net", "const spare = 1\npolicy net", "FLOW502", "spare"),
    Plant(
        OWN,
        "unused parameter",
        "flow lines(text: string)",
        "flow lines(text: string, spare: int = 1)",
        "FLOW502",
        "spare",
    ),
    Plant(OWN, "unused item", "One line: ${note}", "One line: ${item.text}", "FLOW502", "note"),
    Plant(
        OWN,
        "webhook that anyone may call",
        'on webhook("/hooks/ask", verify: hmac(secret("HOOK")))',
        'on webhook("/hooks/ask")',
        "FLOW442",
        "webhook",
    ),
    Plant(OWN, "two webhooks on one path", '"/hooks/lines"', '"/hooks/ask"', "FLOW450", '"/hooks/ask"'),
    Plant(OWN, "body read beyond its type", "run ask(question: id)", "run ask(question: body.text)", "FLOW308", "body"),
    Plant(OWN, "schedule that cannot be read", "0 2 * * 1-5", "0 26 * * 1-5", "FLOW442", "26"),
    Plant(OWN, "schedule that never comes", "0 2 * * 1-5", "0 2 30 2 *", "FLOW442", '"0 2 30 2 *"'),
    Plant(OWN, "unknown zone", "Europe/Paris", "Europe/Pari", "FLOW449", '"Europe/Pari"'),
    Plant(OWN, "profile of an unknown agent", "{ agent strong", "{ agent stong", "FLOW201", "stong"),
    Plant(OWN, "profile that changes a type", 'model: "tiny"', "model: 5", "FLOW301", "5"),
    Plant(OWN, "test that expects nothing", '  expect r.value == "hello"\n', "", "FLOW520", '"an answer"'),
    Plant(OWN, "mock of an unknown step", "mock ask.reply", "mock ask.relpy", "FLOW443", "relpy"),
    Plant(
        OWN,
        "limit that is never reached",
        "@limit(60 per minute,",
        "@limit(60 per minute, 100 per second,",
        "FLOW512",
        "@limit(60 per minute, 100 per second, tokens: 100_000 per minute, concurrent: 10)",
    ),
    Plant(
        "cycle or unbounded loop",
        "fallback that leads back",
        "  step found = look(query: text)\n  return found",
        "  @fallback(fast)\n  step found: list[string] = strong.ask(text)\n  return found",
        "FLOW415",
        "lines",
    ),
    Plant(
        OWN,
        "retries that multiply",
        "  step reply = fast.ask(question)",
        "  @retry(2)\n  step reply = do { step inner = fast.ask(question) yield inner }",
        "FLOW510",
        "@retry(2)",
    ),
    Plant(
        "unreachable or unused step",
        "condition with one answer",
        '  if not told.ok { fail "not told" }',
        '  if not told.ok { fail "not told" }\n  if true { let x = 1 step more = clock.sleep(1s * x) }',
        "FLOW517",
        "true",
    ),
)
