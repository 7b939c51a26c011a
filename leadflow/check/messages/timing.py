"""FLOW511 to FLOW514, FLOW522, FLOW523: warnings about policies that leave each other, or all calls, nothing to do."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Fix, Label, Span, code


@code("FLOW511", "Too late to start", severity="warning")
def too_late(span: Span, why: str, *, labels: tuple[Label, ...]) -> Draft:
    """A pause, or a wait, is as long as all the time there is: what should follow it never starts.

    ```flow
    leadflow 1
    @retry(3, backoff: 30s, max: 60s, jitter: "none") @timeout(20s)
    agent web: http { url: "https://example.com" }
    ```

    `total` counts pauses and all attempts; to bound one attempt, write `attempt`:

    ```flow
    leadflow 1
    @retry(3, backoff: 30s, max: 60s, jitter: "none") @timeout(3m, attempt: 20s)
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, why, labels)


@code("FLOW512", "Limit that is never reached", severity="warning")
def never_reached(span: Span, why: str) -> Draft:
    """Another limit on the same thing, or around it, is always reached first, so this one does nothing.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    @timeout(10s)
    flow main() -> string {
      @timeout(1m)
      step page: string = web.get("/page")
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    @timeout(2m)
    flow main() -> string {
      @timeout(1m)
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    return Draft(span, why)


@code("FLOW513", "Way out that is never taken", severity="warning")
def never_comes(span: Span, why: str, *, labels: tuple[Label, ...], fix: Fix | None = None) -> Draft:
    """Something is said for the case of a failure, and no failure ever comes so far: something else takes it before.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @optional
      step page: string = web.get("/page") catch e => "nothing"
      return page ?? ""
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page") catch e => "nothing"
      return page
    }
    ```
    """
    return Draft(span, why, labels, fix=fix)


@code("FLOW514", "Argument without effect", severity="warning")
def argument_without_effect(span: Span, names: Sequence[str], *, why: str) -> Draft:
    """The argument can be given, but beside the others it changes nothing.

    ```flow
    leadflow 1
    @retry(1, backoff: 5s)
    agent web: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @retry(2, backoff: 5s)
    agent web: http { url: "https://example.com" }
    ```
    """
    listed = ", ".join(f"'{name}'" for name in names)
    return Draft(span, f"{listed} {'has' if len(names) == 1 else 'have'} no effect: {why}")


@code("FLOW522", "Asked beside the limit", severity="warning")
def beside_the_limit(span: Span, name: str, *, other: str, policies: Sequence[str], declared: Span | None) -> Draft:
    """Two agents ask one model with one credential, and only one of them says how much that takes. The provider counts
    the calls of both, those of the other pass by the limit, and so it is not kept.

    ```flow
    leadflow 1
    @limit(60 per minute)
    agent writer: openai { model: "gpt-5-mini"  temperature: 0.9 }
    agent judge: openai { model: "gpt-5-mini"  temperature: 0.0 }
    ```

    Agents that say the same share one line; here the second is made from the first:

    ```flow
    leadflow 1
    @limit(60 per minute)
    agent writer: openai { model: "gpt-5-mini"  temperature: 0.9 }
    agent judge: writer { temperature: 0.0 }
    ```
    """
    said = " and ".join(f"@{policy}" for policy in policies)
    return Draft(
        span,
        f"'{name}' asks the model of '{other}' with the same credential, and passes by its {said}",
        (Label(declared, f"its {said} holds here only"),) if declared is not None else (),
        (f"write the same {said} on both, or `agent {name}: {other} {{ … }}`: then they share one line",),
    )


@code("FLOW523", "Limit that no answer fits", severity="warning")
def no_answer_fits(span: Span, name: str, *, most: int, limit: str) -> Draft:
    """An attempt reserves what it may take: the tokens of the request, and `max_tokens` for the answer. Where that is
    more than all that the limit of the agent allows, the agent is never asked: each call fails with
    `resource.too_large`, or all of them go to the fallback.

    ```flow
    leadflow 1
    @limit(tokens: 200 per minute)
    agent writer: openai { model: "gpt-5-mini"  max_tokens: 300 }
    ```

    Write a limit that has room for several requests, or a smaller `max_tokens`; a call may have one of its own.

    ```flow
    leadflow 1
    @limit(tokens: 20_000 per minute)
    agent writer: openai { model: "gpt-5-mini"  max_tokens: 300 }
    ```
    """
    return Draft(
        span,
        f"'{name}' is never asked: an answer may take {most:,} tokens, and its @limit allows {limit} for all",
        notes=(
            "raise 'tokens' of its @limit, or lower 'max_tokens': an attempt begins when all that it may take fits",
        ),
    )
