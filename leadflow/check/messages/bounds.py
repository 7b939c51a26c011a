"""FLOW515, FLOW516, FLOW518 and FLOW519: warnings about what a flow may do without measure."""

from leadflow.diagnostics import Draft, Fix, Label, Span, code


@code("FLOW515", "Loop without measure", severity="warning")
def absurd_loop(span: Span, name: str, *, calls: int, in_turn: bool, labels: tuple[Label, ...]) -> Draft:
    """Limits of loops within loops multiply. Each may look small, and the product is what one run may do, and cost.

    ```flow
    leadflow 1
    agent fast: openai { model: "m" }
    flow main(books: list[list[string]]) -> list[list[string]] {
      step all = for book in books at most 10_000 {
        step lines = for page in book at most 10_000 {
          step line = fast.ask("One line: ${page}")
          yield line
        }
        yield lines
      }
      return all
    }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m" }
    flow main(books: list[list[string]]) -> list[list[string]] {
      step all = for book in books at most 50 {
        step lines = for page in book at most 500 {
          step line = fast.ask("One line: ${page}")
          yield line
        }
        yield lines
      }
      return all
    }
    ```
    """
    if in_turn:
        return Draft(
            span, f"up to {calls:,} rounds, one after the other, each with '{name}': set a limit that is meant"
        )
    message = f"one run may call '{name}' up to {calls:,} times; set limits whose product is meant"
    return Draft(span, message, labels)


@code("FLOW516", "Budget without a bound", severity="warning")
def open_budget(span: Span, agent: str, *, what: str, labels: tuple[Label, ...], fix: Fix | None) -> Draft:
    """A budget is kept by setting aside, before each call, the most that it can cost. When nothing says how long an
    answer may be, or how often a loop goes round, there is no such most.

    ```flow
    leadflow 1
    agent fast: openai { model: "m" }
    @budget($1)
    flow main(text: string) -> string {
      step reply = fast.ask(text)
      return reply
    }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  max_tokens: 800 }
    @budget($1)
    flow main(text: string) -> string {
      step reply = fast.ask(text)
      return reply
    }
    ```
    """
    message = (
        f"the budget of {what} cannot be held: agent '{agent}' has no 'max_tokens', so one answer may cost any sum"
    )
    return Draft(span, message, labels, fix=fix)


@code("FLOW518", "Loop without a limit under a budget", severity="warning")
def open_loop(span: Span, loop: str, *, what: str, model: str) -> Draft:
    """Each item of the list costs something, and nothing says how many there may be: the budget is used up somewhere
    in the middle. `at most` says how many it is meant for, and a longer list fails before anything is paid.

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  max_tokens: 100 }
    @budget($1)
    flow main(texts: list[string]) -> list[string] {
      step lines = for text in texts {
        step line = fast.ask("One line: ${text}")
        yield line
      }
      return lines
    }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  max_tokens: 100 }
    @budget($1)
    flow main(texts: list[string]) -> list[string] {
      step lines = for text in texts at most 200 {
        step line = fast.ask("One line: ${text}")
        yield line
      }
      return lines
    }
    ```
    """
    message = f"the {loop} calls '{model}' for each item, without 'at most', under the budget of {what}"
    return Draft(span, f"{message}: a long list uses it up half-way")


@code("FLOW519", "Too many at once", severity="warning")
def many_at_once(span: Span, name: str, *, at_once: int, agent: str, labels: tuple[Label, ...]) -> Draft:
    """What blocks within blocks may do at once multiplies, and the agent that is called sets no limit.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(sites: list[list[string]]) -> list[list[string]] {
      @concurrency(100)
      step all = for site in sites {
        @concurrency(100)
        step pages = for path in site {
          step page: string = web.get("/${path}")
          yield page
        }
        yield pages
      }
      return all
    }
    ```

    ```flow
    leadflow 1
    @limit(concurrent: 50)
    agent web: http { url: "https://example.com" }
    flow main(sites: list[list[string]]) -> list[list[string]] {
      @concurrency(100)
      step all = for site in sites {
        @concurrency(100)
        step pages = for path in site {
          step page: string = web.get("/${path}")
          yield page
        }
        yield pages
      }
      return all
    }
    ```
    """
    hint = f"put '@limit(concurrent: …)' on agent '{agent}'"
    return Draft(span, f"up to {at_once:,} calls of '{name}' may be under way at once; {hint}", labels)
