"""FLOW524 and FLOW525: warnings about keys that are the same for calls which are not."""

from leadflow.diagnostics import Draft, Fix, Label, Span, code

_SO = {
    "once": "the first one makes the call, and all others have its value",
    "idempotent": "for the server all of them are one request",
    "cache": "all of them have the answer to the first one",
}
"""What follows where rounds have one key, by policy."""


@code("FLOW524", "Key that is the same in each round", severity="warning")
def key_without_round(span: Span, policy: str, *, labels: tuple[Label, ...]) -> Draft:
    """A key says which calls are one and the same. In a loop a key that reads nothing of the round says so of all
    rounds, although each of them sends something else: all but the first are lost.

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    flow main(day: string, ids: list[string]) -> list[string] {
      step all = for id in ids {
        @once(key: day)
        step made: { id: string } = crm.post("/items", json: { id: id, day: day })
        yield made.id
      }
      return all
    }
    ```

    Put what tells the rounds apart into the key:

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    flow main(day: string, ids: list[string]) -> list[string] {
      step all = for id in ids {
        @once(key: "${day}/${id}")
        step made: { id: string } = crm.post("/items", json: { id: id, day: day })
        yield made.id
      }
      return all
    }
    ```
    """
    return Draft(span, f"the key of '@{policy}' is the same in each round: {_SO[policy]}", labels)


@code("FLOW525", "Key in quotes", severity="warning")
def key_in_quotes(span: Span, text: str, *, policy: str, fix: Fix | None) -> Draft:
    """A key is an expression. In quotes it is a text, the same for every call, and not the value of that name.

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    flow main(event: { id: string }) -> string {
      @idempotent(key: "event.id")
      step made: { id: string } = crm.post("/items", json: event)
      return made.id
    }
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    flow main(event: { id: string }) -> string {
      @idempotent(key: event.id)
      step made: { id: string } = crm.post("/items", json: event)
      return made.id
    }
    ```
    """
    message = f"the key of '@{policy}' is the text \"{text}\" for every call; the value of '{text}' has no quotes"
    return Draft(span, message, fix=fix)
