"""The bound of a flow, by hand: how attempts, fallbacks, arms, blocks, flows, budgets and queues add up."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from leadflow.bound.asks import Known
from leadflow.bound.figures import Figure
from leadflow.bound.report import Bound, bound_of
from leadflow.pipeline import compile_source
from leadflow.plan.kinds import BUILT_IN, LATER, PREDECLARED
from leadflow.plan.plan import Plan
from leadflow.plan.types import Value
from tests.bound.spending import PRICES, plain

HEAD = """leadflow 1
agent m: openai { model: "x"  max_tokens: 10  max_input_tokens: 80  price: { input: $1, output: $2 } }
agent dear: openai { model: "x"  max_tokens: 10  max_input_tokens: 80  price: { input: $10, output: $20 } }
agent f: python { module: "f.py"  reads: ["look"] } agent desk: human { expires: 5d }
@limit(60 per minute) agent slow: python { module: "s.py"  reads: ["look"] }
@limit(60 per minute) agent far: openai { model: "x"  max_tokens: 10 }
@limit(tokens: 9 per minute) agent counted: python { module: "s.py"  reads: ["look"] }
"""
"""An attempt with `m` costs 100 millionths of a dollar, one with `dear` ten times that."""

KNOWN = Known({**LATER, **BUILT_IN, **PREDECLARED}, PRICES, {}, 500)


def compiled(text: str, head: str = HEAD) -> Plan:
    """The plan of flows below the head."""
    plan, report = compile_source("test.flow", head + text)
    assert plan is not None, [f"{one.span} {one.message}" for one in report if one.severity == "error"]
    return plan


def bound(text: str, inputs: Mapping[str, Value] | None = None, known: Known = KNOWN) -> Bound:
    """The bound of the flow `main`."""
    return bound_of(compiled(text), "main", known, inputs or {})


def body(text: str, *, over: str = "", params: str = "") -> str:
    """A flow `main` of these statements; `over` stands above it."""
    return f"{over}\nflow main({params}) {{\n{text}\n}}\n"


def seconds(figure: Figure) -> float:
    """A plain figure of time."""
    return round(plain(figure) / 1_000_000, 3)


# --- money and calls ----------------------------------------------------------------------------------------------

CALL = 'step a = m.ask("x")'
COSTS = {
    "a call": (CALL, 1, 100),
    "three attempts": (f"@retry(3)\n{CALL}", 3, 300),
    "a fallback adds to what failed": (f"@fallback(dear)\n{CALL}", 2, 1100),
    "each fallback has all attempts": (f"@retry(2) @fallback(dear)\n{CALL}", 4, 2 * (100 + 1000)),
    "a second attempt beside the first": (f"@retry(3) @hedge(after: 1s)\n{CALL}", 6, 600),
    "what is done may be undone": ("step a = f.put() undo f.unput()", 2, 0),
    "an undo for every time that a step is done": (
        "@retry(2)\nstep r = for x in [1, 2, 3] { @idempotent step a = f.put() undo f.unput() }",
        12,
        0,
    ),
    "an undo that asks a model": ('step a = f.put() undo m.ask("x")', 2, 100),
    "no budget is for undos": ("@budget(calls: 1)\nstep r = do { step a = f.put() undo f.unput() }", 2, 0),
    "a function costs calls only": ("@retry(2)\nstep a = f.look()", 2, 0),
    "two steps": (f'{CALL}\nstep b = dear.ask("y")', 2, 1100),
    "a for over a constant": ("step r = for x in [1, 2, 3] { " + CALL + " yield a }", 3, 300),
    "at most cuts a list": ("step r = for x in xs at most 4 { " + CALL + " yield a }", 4, 400),
    "rounds": ('step r = repeat v = "" at most 5 { step a: string = m.ask("x") yield a } until v == "" else v', 5, 500),
    "members": (f'step r = parallel {{ {CALL} step b = m.ask("y") }}', 2, 200),
    "rivals": (f'step r = race {{ {CALL} step b = m.ask("y") }}', 2, 200),
    "a block that is retried": (f"@retry(3)\nstep r = do {{ {CALL} yield a }}", 3, 300),
    "nested": (
        "@retry(2)\nstep r = for x in [1, 2] { step s = for y in [1, 2, 3] { @retry(2)\n"
        + CALL
        + " yield a } yield s }",
        24,
        24 * 100,
    ),
    "the dearer arm": (f'if c {{ {CALL} }} else {{ step b = dear.ask("y") }}', 1, 1000),
    "a match": (
        'match t { "a" => { step b = m.ask("1") step d = m.ask("2") } _ => { step e = dear.ask("3") } }',
        2,
        1000,
    ),
    "what follows an arm that leaves": (f'if c {{ {CALL} fail "x" }}\nstep b = dear.ask("y")', 1, 1000),
    "what follows an if is added": (f'if c {{ {CALL} }}\nstep b = dear.ask("y")', 2, 1100),
    "a called flow": ("step r = other()\nstep s = other()", 6, 600),
    "a called flow that is tried again": ("@retry(4)\nstep r = other()", 4, 400),
}
OTHER = '\n@retry(3)\nflow other() -> string { step a = m.ask("x") return a }\n'


@pytest.mark.parametrize("case", COSTS)
def test_what_it_costs(case: str) -> None:
    """Calls and money of small flows, in millionths of a dollar."""
    text, calls, money = COSTS[case]
    found = bound(body(text, params='c: bool, t: "a" | "b", xs: list[int]') + OTHER)
    assert (calls, money) == (plain(found.calls), plain(found.money))


@pytest.mark.parametrize("items", ['values(index_by(xs, "k"))', 'flatten(values(group_by(xs, "k")))', "xs"])
def test_a_list_of_which_nothing_is_known_is_as_long_as_it_may_be(items: str) -> None:
    """What is not known is no reason to count no round: `at most` holds."""
    loop = f"step all = for x in {items} at most 7 {{ {CALL} yield a }}"
    assert 7 == plain(bound(body(loop, params="xs: list[{ k: string }]")).calls)


def test_b2_a_list_of_unknown_length_is_bounded_for_each_item() -> None:
    """Rule B2: so much x len(xs), with the line that makes it so; an input says how many there are."""
    text = body('step first = m.ask("1")\nstep r = for x in xs { ' + CALL + " yield a }", params="xs: list[int]")
    found = bound(text)
    assert (100, ((100, "len(xs)"),)) == (found.money.known, found.money.per)
    assert (1, ((1, "len(xs)"),)) == (found.calls.known, found.calls.per)
    (cause,) = found.calls.causes
    assert ("test.flow", 11) == cause.place[:2]
    assert "`r` takes as many as there are in xs" == cause.what
    assert "write `at most …` behind the list, or `@length(…)` behind its type, or give xs with --input" == cause.mend
    assert 300 == plain(bound(text, {"xs": (1, 2)}).money)
    assert 8 * 100 == plain(bound(text.replace("list[int]", "list[int] @length(0, 7)")).money)


@pytest.mark.parametrize(
    ("text", "calls", "tokens", "money"),
    [
        (f"@budget($0.00005)\n{CALL}", 1, 90, 50),
        (f"@budget($1)\n{CALL}", 1, 90, 100),
        (f"@budget(calls: 2)\n@retry(9)\n{CALL}", 2, 180, 200),
        (f"@budget(tokens: 150)\n@retry(9)\n{CALL}", 9, 150, 900),
        ("@budget(calls: 3)\nstep r = for x in xs { " + CALL + " yield a }", 3, 270, 300),
        ("@budget($0.01)\nstep r = do { @retry(500)\n" + CALL + " yield a }", 500, 45_000, 10_000),
    ],
)
def test_a_budget_cuts_what_it_stands_on(text: str, calls: int, tokens: int, money: int) -> None:
    """Money, tokens or calls of a step or a block as a whole; of so many calls each may be the dearest."""
    found = bound(body(text, params="xs: list[int]"))
    assert calls == plain(found.calls)
    assert tokens == (plain(found.tokens))
    assert money == plain(found.money)


def test_a_budget_of_an_agent_is_for_each_of_its_calls() -> None:
    """What stands on an agent is a default of each call; what stands on the flow is for all."""
    head = HEAD.replace("agent m:", "@budget($0.00005)\nagent m:")
    plan = compiled(body(f'{CALL}\nstep b = m.ask("y")'), head)
    assert 100 == plain(bound_of(plan, "main", KNOWN, {}).money)
    plan = compiled(body(f'{CALL}\nstep b = m.ask("y")', over="@budget($0.00007)"), head)
    assert 70 == plain(bound_of(plan, "main", KNOWN, {}).money)


# --- tokens and prices --------------------------------------------------------------------------------------------


def of_agent(settings: str, *, prompt: str = '"x"', known: Known = KNOWN, declared: str = "") -> Bound:
    """The bound of one question to an agent with these settings."""
    head = f"leadflow 1\nagent a: openai {{ {settings} }}\n"
    text = f"flow main(q: string, n: int) {{\n step s{declared} = a.ask({prompt})\n}}\n"
    return bound_of(compiled(text, head), "main", known, {})


def test_what_is_read_is_counted_as_bytes() -> None:
    """The request, its messages, the schema of the answer and the hint of a further attempt are all in it."""
    plain_one = of_agent('model: "gpt-5-mini"  max_tokens: 1')
    assert 64 + 16 + 1 + 1 == plain(plain_one.tokens)
    assert 2 == plain(of_agent('model: "gpt-5-mini"  max_tokens: 1', prompt='"xé"').tokens) - 82 == 2
    assert 16 + 8 == plain(of_agent('model: "gpt-5-mini"  max_tokens: 1  system: "Be good."').tokens) - 82
    assert plain(of_agent('model: "gpt-5-mini"  max_tokens: 1', declared=": bool").tokens) > 82 + 60
    assert 21 == plain(of_agent('model: "gpt-5-mini"  max_tokens: 1  max_input_tokens: 20').tokens)
    assert 64 == plain(of_agent('model: "gpt-5-mini"  max_tokens: 1', prompt='"${n}"').tokens) - 81


def test_the_price_of_a_model() -> None:
    """The agent's own, else the operator's, else the published one; rounded up to a millionth."""
    published = of_agent('model: "gpt-5-mini"  max_tokens: 1000')
    assert -(-(81 * 250_000 + 1000 * 2_000_000) // 10**6) == plain(published.money)
    own = Known(KNOWN.catalogue, PRICES, {"gpt-5-mini": (Decimal("1"), Decimal("0.5"))}, None)
    assert 81 + 500 == plain(of_agent('model: "gpt-5-mini"  max_tokens: 1000', known=own).money)
    said = 'model: "gpt-5-mini"  max_tokens: 1000  price: { input: $0, output: $3 }'
    assert 3000 == plain(of_agent(said, known=own).money)
    assert ["agent a"] == [one.found.origin for one in of_agent(said).priced if one.found]


_NO_PRICE = "the price of model '{}' of agent 'a' is not known"


@pytest.mark.parametrize(
    ("settings", "what", "mend"),
    [
        ('model: "none-such"  max_tokens: 1', _NO_PRICE.format("none-such"),
         'write `price: { input: $…, output: $… }` on it, or [prices."none-such"] in leadflow.toml'),
        ('model: "gpt-5"  base_url: "http://localhost:1"  max_tokens: 1', _NO_PRICE.format("gpt-5"), None),
        ('model: "gpt-5"  base_url: secret("URL")  max_tokens: 1', _NO_PRICE.format("gpt-5"), None),
        ('model: "text-embedding-3-small"  max_tokens: 1', _NO_PRICE.format("text-embedding-3-small"), None),
        ('model: "gpt-5"', "agent 'a' may answer at any length", "write `max_tokens: …` in its settings"),
        ('model: "gpt-5"  tools: [t]', "agent 'a' may answer at any length", "write `max_tokens: …` in its settings"),
    ],
)  # fmt: skip
def test_money_without_a_bound_says_why(settings: str, what: str, mend: str | None) -> None:
    """An unknown price is never 0: it is said, with the line that it stands on."""
    head = f'leadflow 1\n@read tool t() -> int = python("t:t")\nagent a: openai {{ {settings} }}\n'
    plan = compiled('flow main() {\n step s = a.ask("x")\n}\n', head)
    found = bound_of(plan, "main", KNOWN, {}).money
    assert found.is_endless
    (cause,) = found.causes
    assert (("test.flow", 3), what) == (cause.place[:2], cause.what)
    assert mend in (None, cause.mend)


def test_nobody_can_count_a_picture() -> None:
    """Files have no bound; under max_input_tokens only those of text are sent, and count among the rest."""
    text = 'flow main(photo: file) {\n step s = m.ask("x", files: [photo])\n}\n'
    head = 'leadflow 1\nagent m: openai { model: "gpt-5-mini"  max_tokens: 1 }\n'
    (cause,) = bound_of(compiled(text, head), "main", KNOWN, {}).tokens.causes
    assert "step 's' sends files, of any length, to m" == cause.what
    assert cause.mend.endswith("under which files of text go and pictures do not: nobody can count these")
    assert 81 == plain(bound_of(compiled(text), "main", KNOWN, {}).tokens) - 9


def test_a_text_of_any_length_is_named() -> None:
    """The step that sends it, what it is, and three ways to bound it."""
    found = of_agent('model: "gpt-5-mini"  max_tokens: 1', prompt='"Say ${q}"')
    (cause,) = found.money.causes
    assert ("step 's' sends q, of any length, to a", 4) == (cause.what, cause.place.line)
    assert cause.mend == (
        "write `max_input_tokens: …` on agent 'a' (test.flow:2:7), "
        "or `@length(…)` behind the type of q, or give q with --input"
    )


def test_what_a_model_said_is_bounded_by_its_max_tokens() -> None:
    """A token is at most 128 bytes, whether the answer is read from its step, a list, or the round before."""
    head = 'leadflow 1\nagent a: openai { model: "gpt-5-mini"  max_tokens: 2 }\n'
    text = """flow main() {
      step one = a.ask("x")
      step all = for x in [1, 2, 3] { step t = a.ask("y") yield t }
      step r = repeat v = "" at most 2 { step n: string = a.ask("${v}") yield n } until v != "" else v
      step last = a.ask("${one}${join(all)}${r}")
    }
    """
    found = bound_of(compiled(text, head), "main", KNOWN, {})
    said = 2 * 128
    requests = 7 * 80 + 1 + 3 + 2 * said + said + 3 * said + said
    assert requests + 7 * 2 == plain(found.tokens)


# --- time ---------------------------------------------------------------------------------------------------------

LIMITED = "@timeout(attempt: 10s)\n" + CALL
TIMES = {
    "an attempt and its clean-up": (LIMITED, 15),
    "a total time": (f"@timeout(4s)\n{CALL}", 9),
    "the shorter of both": (f"@timeout(4s, attempt: 3s)\n{CALL}", 8),
    "attempts and pauses": (f'@retry(3, backoff: 1s, jitter: "none", max_retry_after: 1ms)\n{LIMITED}', 3 * 15 + 1 + 2),
    "what a server asks": (f"@retry(2, max_retry_after: 20s)\n{LIMITED}", 30 + 22),
    "a total bounds attempts and pauses": (f"@retry(9)\n@timeout(60s)\n{CALL}", 65),
    "a fallback has its time anew": (f"@fallback(dear)\n{LIMITED}", 30),
    "side by side": (f"{LIMITED}\n@timeout(20s)\nstep b = m.ask(\"y\")", 25),
    "in a row": (f"{LIMITED}\n@timeout(20s)\nstep b = m.ask(\"${{a}}\")", 40),
    "ten at once": ("step r = for x in xs at most 25 { " + LIMITED + " yield a }", 45),
    "two at once": ("@concurrency(2)\nstep r = for x in xs at most 5 { " + LIMITED + " yield a }", 45),
    "a block with a time": ("@timeout(20s)\nstep r = for x in xs { " + CALL + " yield a }", 25),
    "rounds": (
        'step r = repeat v = "" at most 3 { @timeout(5s)\nstep a: string = m.ask("x") yield a } until v == "" else v',
        30,
    ),
    "sleep": ("step a = clock.sleep(90s)", 90),
    "a person's time": ('step a: string = desk.ask("x")', 5 * 86_400),
    "a person's time for this question": ('step a = desk.approve("x", expires: 1m)', 60),
    "the larger arm": (f"if c {{ {LIMITED} }} else {{ @timeout(1s)\nstep b = m.ask(\"y\") }}", 15),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMES)
def test_how_long_it_takes(case: str) -> None:
    """Seconds of small flows, the grace of 5 s after each timeout included."""
    text, wanted = TIMES[case]
    found = bound(body(text, params="c: bool, xs: list[int]"))
    assert abs(wanted - seconds(found.time)) < 0.001


def test_queues_take_time() -> None:
    """Where more can be under way than a gate lets through, the work behind it is divided by its places."""
    many = "step r = for x in xs at most 40 { " + LIMITED + " yield a }"
    text = body("@concurrency(40)\n" + many, params="xs: list[int]")
    assert 15 == seconds(bound(text).time)
    narrow = Known(KNOWN.catalogue, PRICES, {}, 4)
    assert 15 + 40 * 15 / 4 == seconds(bound(text, known=narrow).time)
    gated = body("@concurrency(40)\n" + many, over="@concurrency(8)", params="xs: list[int]")
    assert 15 + 40 * 15 / 8 == seconds(bound(gated).time)
    slots = compiled(text, HEAD.replace("agent m:", "@concurrency(5)\nagent m:"))
    assert 15 + 40 * 15 / 5 == seconds(bound_of(slots, "main", KNOWN, {}).time)


def many(items: int, *, limit: str = "60 per minute", timeout: str = "attempt: 1s") -> float:
    """Seconds of a loop over so many items, all at once, with an agent that may be called so often."""
    each = f"@timeout({timeout})\nstep a = slow.look() yield a"
    text = body(f"@concurrency(200)\nstep r = for x in xs at most {items} {{ {each} }}", params="xs: list[int]")
    plan = compiled(text, HEAD.replace("@limit(60 per minute) agent slow", f"@limit({limit}) agent slow"))
    return seconds(bound_of(plan, "main", KNOWN, {}).time)


def test_rates_take_time() -> None:
    """Each start holds one of sixty places for a minute and a little; as many as there are places wait for nobody."""
    assert 6 == many(60)
    assert 6 + 61 * 61.201 / 60 == pytest.approx(many(61), abs=0.01)
    assert 6 + 120 * 61.201 / 60 == pytest.approx(many(120), abs=0.01)
    assert 6 + 120 * (61.201 + 2.041) / 60 == pytest.approx(many(120, limit="60 per minute, 60 per 2s"), abs=0.01)
    assert 6 + 120 * 61.201 / 60 + 120 * 1.021 == pytest.approx(many(120, limit="60 per minute, burst: 2"), abs=0.01)
    assert 6 + 3 * 25 * 3600 / 2 == pytest.approx(many(3, limit="2 per day"), abs=0.1)
    assert 6 + 120 * 6 / 3 == many(120, limit="200 per minute, concurrent: 3")


def test_a_total_bounds_the_wait_for_a_rate() -> None:
    """Whoever waits that long has failed; those without a total wait for all starts."""
    assert 15 == many(120, timeout="10s")
    chain = "@timeout(10s)\nstep a = slow.look()\n@timeout(attempt: 1s)\nstep b = slow.look(a)"
    slow = HEAD.replace("@limit(60 per minute) agent slow", "@limit(1 per minute) agent slow")
    assert 15 + 6 + 2 * 61.201 == pytest.approx(seconds(bound_of(compiled(body(chain), slow), "main", KNOWN, {}).time))


def test_an_undo_waits_until_the_oldest_start_is_forgotten() -> None:
    """Nothing else is under way: each of its attempts waits for a place at most as long as a start holds one."""
    text = body('@timeout(attempt: 1s)\nstep a = puts.put() undo puts.unput()\nfail "x"')
    head = HEAD + '@limit(5 per minute) @timeout(attempt: 1s) agent puts: python { module: "p.py" }\n'
    assert 6 + 6 + 61.201 == pytest.approx(seconds(bound_of(compiled(text, head), "main", KNOWN, {}).time))


def test_an_undo_waits_for_an_open_breaker() -> None:
    """Twice its longest open time, for each attempt."""
    text = body('@timeout(attempt: 1s)\nstep a = puts.put() undo puts.unput()\nfail "x"')
    over = "@breaker(failures: 3, recovery: 10s, max_recovery: 30s) @timeout(attempt: 1s)"
    head = HEAD + over + ' agent puts: python { module: "p.py" }\n'
    assert 6 + 6 + 60 == seconds(bound_of(compiled(text, head), "main", KNOWN, {}).time)


@pytest.mark.parametrize(
    ("text", "what", "mend"),
    [
        (CALL, "step 'a' (m.ask) has no timeout", "write `@timeout(…)` on it or on agent 'm'"),
        (f"@timeout(idle: 1s)\n{CALL}", "step 'a' (m.ask) has no timeout", None),
        (f"@retry(2)\n{LIMITED}", "between two attempts step 'a' waits as long as a server asks it to",
         "write `max_retry_after: …` in its @retry, or a total `@timeout(…)`"),
        ("@timeout(attempt: 1s)\nstep a = far.ask(\"x\")",
         "a server may ask all calls of agent 'far' to wait, step 'a' too, as long as it likes",
         "write a total `@timeout(…)` on the step"),
        ("@timeout(attempt: 1s)\nstep a = counted.look()",
         "how long step 'a' waits for tokens in the @limit of agent 'counted' shows in a run only", None),
        ("step a = clock.sleep(d)", "step 'a' sleeps as long as a value of the run says", None),
        ('step a: string = desk.ask("x", expires: d)', "step 'a' (desk.ask) waits for a person as long as it takes",
         "write `expires:` there or on agent 'desk', or `@timeout(…)`"),
    ],
)  # fmt: skip
def test_time_without_a_bound_says_why(text: str, what: str, mend: str | None) -> None:
    """Which step, and what would bound it; a time of the flow does."""
    found = bound(body(text, params="d: duration")).time
    (cause,) = found.causes
    assert (True, what) == (found.is_endless, cause.what)
    assert mend in (None, cause.mend)
    assert 65 == seconds(bound(body(text, over="@timeout(1m)", params="d: duration")).time)


UNDO = """
@timeout(2s) tool place() = python("tools:place")
tool lazy() = python("tools:lazy")
"""


def test_undos_take_their_time_after_all_else() -> None:
    """Rule C7: one after the other, each within the time of its own agent; no deadline of the flow is for them."""
    text = body("step r = for x in [1, 2, 3] { step a = place() undo place() yield a }", over=UNDO + "@timeout(1s)")
    assert (1 + 5) + 3 * (2 + 5) == seconds(bound(text).time)


def test_an_undo_without_a_timeout_says_so() -> None:
    """What makes the time endless is the undo, and only its agent can have a timeout."""
    found = bound(body("step a = place() undo lazy()", over=UNDO + "@timeout(3s)")).time
    (cause,) = found.causes
    assert ("step 'a~undo' (lazy.lazy) has no timeout", "write `@timeout(…)` on agent 'lazy'") == (
        cause.what, cause.mend,
    )  # fmt: skip
