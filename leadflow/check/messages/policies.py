"""FLOW4xx, second half: what the checker says about annotations, agents, triggers and tests."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Label, Span, code, did_you_mean
from leadflow.record import record


@code("FLOW430", "Annotation on the wrong thing")
def wrong_target(span: Span, name: str, *, target: str, places: Sequence[str], hint: str = "") -> Draft:
    """An annotation governs exactly what it stands on, and not everything can be governed so: limits are shared by
    all calls of an agent, strategies belong to blocks and flows.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @limit(60 per minute)
      step page: string = web.get("/page")
      return page
    }
    ```

    ```flow
    leadflow 1
    @limit(60 per minute)
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    where = " or ".join(filter(None, (", ".join(places[:-1]), places[-1]))) if places else "nothing"
    return Draft(span, f"'@{name}' stands on {where}, not on {target}{'; ' + hint if hint else ''}")


@code("FLOW431", "Annotation given twice")
def policy_twice(span: Span, name: str, *, first: Span, how: str = "") -> Draft:
    """Two annotations of one name would contradict each other. What stands directly on a thing beats what comes from
    a policy; two policies with the same annotation are a mistake, too.

    ```flow
    leadflow 1
    @retry(3)
    @retry(5)
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @retry(5)
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, f"'@{name}' is given twice{how}", (Label(first, "given here already"),))


@code("FLOW432", "Nothing to annotate")
def no_annotation(span: Span, names: Sequence[str], *, on: str) -> Draft:
    """Annotations stand on agents, tools, flows and steps, and `@range` and `@length` behind the types of fields and
    parameters.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      @timeout(5s)
      let short = slice(text, 0, 10)
      return short
    }
    ```

    ```flow
    leadflow 1
    @timeout(5s)
    flow main(text: string) -> string {
      let short = slice(text, 0, 10)
      return short
    }
    ```
    """
    what = ", ".join(f"'@{name}'" for name in names)
    has = "has" if len(names) == 1 else "have"
    return Draft(span, f"{what} {has} no meaning on {on}; annotations stand above agents, tools, flows and steps")


@code("FLOW433", "Value out of range")
def out_of_range(span: Span, *, where: str, low: str | None, high: str | None) -> Draft:
    """The value is smaller or larger than what makes sense here.

    ```flow
    leadflow 1
    @retry(0)
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @retry(1)
    agent web: http { url: "https://example.com" }
    ```
    """
    if low is not None and high is not None:
        bounds = f"from {low} to {high}"
    else:
        bounds = f"at least {low}" if low is not None else f"at most {high}"
    return Draft(span, f"{where} is {bounds}")


@code("FLOW434", "Arguments contradict each other")
def contradiction(span: Span, *, why: str, labels: tuple[Label, ...] = ()) -> Draft:
    """Each value is possible, but not both together, or together they say nothing.

    ```flow
    leadflow 1
    @retry(3, backoff: 10s, max: 1s)
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @retry(3, backoff: 1s, max: 10s)
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, why, labels)


@code("FLOW435", "Agent is not complete")
def abstract_agent(span: Span, name: str, *, missing: Sequence[str], declared: Span | None) -> Draft:
    """An agent without one of its kind's required settings is a template: others can be made from it, but it cannot
    be called.

    ```flow
    leadflow 1
    agent web: http { }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    listed = ", ".join(f"'{setting}'" for setting in missing)
    what = "settings" if len(missing) > 1 else "the setting"
    labels = (Label(declared, "declared here"),) if declared is not None else ()
    return Draft(span, f"agent '{name}' cannot be called: it lacks {what} {listed}", labels)


@code("FLOW436", "Fallback cannot take over")
def bad_fallback(span: Span, name: str, *, why: str) -> Draft:
    """A fallback is an agent that does the same with the same arguments, and does no more harm. (A value to go on
    with is not a fallback: write `@optional` and `??`.)

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    agent fast: openai { model: "m" }
    flow main() -> string {
      @fallback(fast)
      step page: string = web.get("/page")
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    agent mirror: http { url: "https://mirror.example.com" }
    flow main() -> string {
      @fallback(mirror)
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    what = f"'{name}'" if name else "this"
    return Draft(span, f"{what} cannot take over: {why}")


@record
class Repeated:
    """A write that may not be repeated."""

    what: str
    on: str = ""
    """Where its mark is written; empty: beside the policy."""
    mark: str = "@idempotent(key: …)"
    labels: tuple[Label, ...] = ()


@code("FLOW437", "Repeating a write")
def repeats_write(
    span: Span, policy: str, write: Repeated, *, source: Span | None, inherited: bool,
    reads: tuple[str, str] | None = None,
) -> Draft:  # fmt: skip
    """A write that may have arrived must not be sent again: it would happen twice. It may when it is idempotent, or
    carries a key by which the other side recognises it. What a model does is what its tools do: mark those that write.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> { id: string } {
      @retry(3)
      step order: { id: string } = web.post("/orders/${id}")
      return order
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> { id: string } {
      @retry(3) @idempotent(key: id)
      step order: { id: string } = web.post("/orders/${id}")
      return order
    }
    ```
    """
    on = write.on or ("" if inherited else "beside it")
    way = f"write '{write.mark}'{on and ' '}{on}"
    hint = f"{way}, or '@{policy}(none)'" if inherited else f"take it away, or {way}"
    labels = write.labels
    if inherited and source is not None:
        labels = (Label(source, f"'@{policy}' comes from here"), *labels)
    message = f"'@{policy}' could send {write.what} twice; {hint}"
    if reads is not None:
        action, agent = reads
        message += f"; or, if '{action}' changes nothing outside, list it in 'reads' of agent '{agent}'"
    return Draft(span, message, labels)


@code("FLOW438", "Remembering a write")
def caches_write(span: Span, *, what: str, inherited: bool = False) -> Draft:
    """A cached call is not made again. That is right for reading, but a write that is left out does not happen.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { id: string } {
      @cache(1h)
      step order: { id: string } = web.post("/orders")
      return order
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { id: string } {
      @cache(1h)
      step order: { id: string } = web.get("/orders/last")
      return order
    }
    ```
    """
    hint = "; write '@cache(none)' on this step" if inherited else ""
    return Draft(span, f"'@cache' would leave out {what}; only what is pure or read can be cached{hint}")


@code("FLOW451", "Remembering chance or time")
def caches_chance(span: Span, call: str, *, is_inside: bool = False) -> Draft:
    """A cached call, or block, gives what it gave before. Time, chance and people are asked because they give something
    else each time; a run records what they gave, so nothing is gained by remembering it, and a yes is a yes only once.

    ```flow
    leadflow 1
    flow main() -> string {
      @cache(1h)
      step ticket = random.uuid()
      return ticket
    }
    ```

    ```flow
    leadflow 1
    flow main() -> string {
      step ticket = random.uuid()
      return ticket
    }
    ```
    """
    where = " inside" if is_inside else ""
    return Draft(span, f"'@cache' would give the same again, and '{call}'{where} is to give something else each time")


@code("FLOW452", "Argument for calls only")
def for_calls(span: Span, name: str, args: Sequence[str], *, on: str) -> Draft:
    """Some arguments say something of one request to one agent: how long it may take, or be silent, and what is sent
    with it. A block, a flow or the call of a flow makes none itself, so there they would say nothing.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @timeout(1m, attempt: 10s)
      step page = do {
        step text: string = web.get("/page")
        yield text
      }
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @timeout(1m)
      step page = do {
        @timeout(attempt: 10s)
        step text: string = web.get("/page")
        yield text
      }
      return page
    }
    ```
    """
    listed = " and ".join(f"'{arg}'" for arg in args)
    why = f"{listed} of '@{name}' {'say' if len(args) > 1 else 'says'} nothing on {on}, which makes no request itself"
    return Draft(span, f"{why}; put it on the calls inside")


@code("FLOW439", "Policy within a policy")
def nested_policy(span: Span, name: str) -> Draft:
    """A policy holds annotations. It does not hold other policies, so that what is in force can be seen at a glance.

    ```flow
    leadflow 1
    policy quick { @timeout(5s) }
    policy net { @quick @retry(3) }
    @net
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    policy quick { @timeout(5s) }
    policy net { @retry(3) }
    @quick @net
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, f"'@{name}' is a policy; a policy holds annotations, not other policies")


@code("FLOW440", "Not a tool")
def bad_tool(span: Span, *, hint: str) -> Draft:
    """A tool is a function of a file, `python("file:function")`, or one call of an agent, written out over the tool's
    parameters. The effect of a function is `write`, unless `@read`, `@pure` or `@dangerous` says otherwise; that of a
    call is the action's. `@category("search")` says where it belongs in `leadflow tools ls`.

    ```flow
    leadflow 1
    @read tool search(query: string) -> list[string] = python("search")
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    @read tool search(query: string) -> list[string] = python("tools.py:search")
    tool customer(id: string) -> { name: string } = crm.get("/customers/${id}")
    ```
    """
    return Draft(span, hint)


@code("FLOW441", "Not an agent or tool")
def bad_reference(span: Span, *, hint: str) -> Draft:
    """The setting names agents, or what a model may call: tools, flows, actions of agents, or all tools of another
    agent.

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  tools: ["search"] }
    ```

    ```flow
    leadflow 1
    @read tool search(query: string) -> list[string] = python("tools.py:search")
    agent fast: openai { model: "m"  tools: [search] }
    ```
    """
    return Draft(span, hint)


@code("FLOW442", "Trigger is not complete")
def bad_trigger(span: Span, *, hint: str) -> Draft:
    """A trigger starts a flow: `cron` with five fields at points in time, `webhook` for requests to a path. Who may
    call a webhook is said by `verify:`, and `verify: none` if anyone may.

    ```flow
    leadflow 1
    on webhook("/hooks/new") run main()
    flow main() -> string { return "hello" }
    ```

    ```flow
    leadflow 1
    on webhook("/hooks/new", verify: hmac(secret("HOOK_KEY"))) run main()
    flow main() -> string { return "hello" }
    ```
    """
    return Draft(span, hint)


@code("FLOW443", "Nothing to stand in for")
def bad_mock(span: Span, name: str, *, why: str, known: Sequence[str] = ()) -> Draft:
    """A mock stands in for a step (`flow.step`), for an action of an agent (`agent.action`), or for a tool.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    test "a page" {
      mock main.pgae => "hello"
      run r = main()
      expect r.value == "hello"
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    test "a page" {
      mock main.page => "hello"
      run r = main()
      expect r.value == "hello"
    }
    ```
    """
    return Draft(span, f"{why}{did_you_mean(name, known)}")


@code("FLOW444", "A test runs flows")
def bad_run(span: Span, *, hint: str) -> Draft:
    """`run r = flow(…)` in a test runs a flow of this file or an imported one; the run can then be looked at.

    ```flow
    leadflow 1
    flow main() -> string { return "hello" }
    test "says hello" {
      run r = main
      expect r.value == "hello"
    }
    ```

    ```flow
    leadflow 1
    flow main() -> string { return "hello" }
    test "says hello" {
      run r = main()
      expect r.value == "hello"
    }
    ```
    """
    return Draft(span, hint)


@code("FLOW445", "Two effects")
def two_effects(span: Span, name: str, *, first: Span, other: str) -> Draft:
    """A function has one effect: `pure`, `read`, `write` or `dangerous`.

    ```flow
    leadflow 1
    @read @write
    tool search(query: string) -> string = python("tools.py:search")
    ```

    ```flow
    leadflow 1
    @write
    tool search(query: string) -> string = python("tools.py:search")
    ```
    """
    return Draft(span, f"'{name}' is said to be {other} already", (Label(first, "said here"),))


@code("FLOW446", "A profile cannot change this")
def bad_override(span: Span, name: str, *, why: str) -> Draft:
    """A profile changes settings, annotations and the kind of agents that are declared, and values of constants.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    const place = "here"
    profile local { agent place { url: "http://localhost" } }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    profile local { agent web { url: "http://localhost" } }
    ```
    """
    return Draft(span, f"a profile cannot change '{name}': {why}")


@code("FLOW448", "What a policy does on an error")
def bad_on_error(span: Span, *, hint: str) -> Draft:
    """`@on_error` says for each class of failure what follows: `retry(n)` tries n times in all, `reset` makes the agent
    anew and tries again, `fallback(agent)` asks that agent next and `escalate(agent)` as the last resort, `skip` gives
    none, and `terminate` ends the whole run.

    ```flow
    leadflow 1
    @on_error(timeout: again)
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @on_error(timeout: retry(5), validation: skip, network: reset, permission: terminate)
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, hint)
