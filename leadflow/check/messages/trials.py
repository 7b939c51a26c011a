"""What is said of tests (FLOW48x)."""

from collections.abc import Sequence

from leadflow.diagnostics import Edit, Fix, Span, did_you_mean
from leadflow.diagnostics.codes import Draft, code

_PASSING = frozenset({"flaky", "temporary", "unstable", "intermittent"})
"""What others call a failure that a second attempt may not meet."""
_CLASSES = 7
"""Of the known words the first are the classes."""


@code("FLOW480", "Unknown failure")
def unknown_failure(span: Span, name: str, *, known: Sequence[str]) -> Draft:
    """An answer `fail "…"` of a mock names a failure: one of the classes `agent tool network permission validation
    timeout resource`, or one failure of them: `agent.server resource.overloaded agent.bad_response agent.rejected
    agent.declined agent.incomplete agent.filtered network.connect network.lost resource.rate resource.quota
    resource.budget validation.answer timeout.attempt timeout.idle timeout.total permission.auth permission.denied
    permission.refused tool.raised tool.process flow.failed flow.exhausted`, and whatever `r.failure?.error` can be.
    The last word is enough where it names one: `rate`. What follows a colon is the message: `fail "rate: come back
    tomorrow"`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    test "a slow page" {
      mock main.page => fail "slow"
      run r = main()
      expect r.failure?.class == "timeout"
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    test "a slow page" {
      mock main.page => fail "timeout: slow"
      run r = main()
      expect r.failure?.class == "timeout"
    }
    ```
    """
    hint = "; did you mean 'transient'?" if name in _PASSING else did_you_mean(name, known)
    hint = hint or f"; there are {', '.join(known[:_CLASSES])}, and what `leadflow explain FLOW480` lists"
    return Draft(span, f"there is no failure '{name}'{hint}")


@code("FLOW481", "A no is a failure")
def no_is_failure(span: Span) -> Draft:
    """`approve` returns on a yes only: a no, like a yes that comes too late, is the failure `permission.refused`. A
    test in which `approve` gives false tries what cannot happen.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    agent desk: human { }
    flow main(text: string) -> string {
      step ok = desk.approve("Send it?", show: text)
      step sent: string = web.post("/letters", json: text) after ok
      return sent
    }
    test "a no sends nothing" {
      mock desk.approve => false
      mock main.sent => "sent"
      run r = main(text: "hello")
      expect r.calls.sent == 0
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    agent desk: human { }
    flow main(text: string) -> string {
      step ok = desk.approve("Send it?", show: text)
      step sent: string = web.post("/letters", json: text) after ok
      return sent
    }
    test "a no sends nothing" {
      mock desk.approve => fail "refused"
      mock main.sent => "sent"
      run r = main(text: "hello")
      expect r.calls.sent == 0 and r.failure?.error == "permission.refused"
    }
    ```
    """
    right = 'fail "refused"'
    fix = Fix(f"write '{right}'", (Edit(span, right),))
    return Draft(span, "'approve' gives no false: a person's no is a failure", fix=fix)
