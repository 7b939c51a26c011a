"""FLOW5xx: warnings. The flow can run, but something in it does nothing, or not what it seems to."""

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code


@code("FLOW501", "Result that nobody reads", severity="warning")
def unused_result(span: Span, name: str, *, effect: str) -> Draft:
    """The step asks for something, waits for it, perhaps pays for it, and nobody looks at the answer.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step news: string = web.get("/news")
      step page: string = web.get("/page")
      return page
    }
    ```

    Read it, or leave the step out:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    return Draft(span, f"step '{name}' only {effect}, and nobody reads its result")


@code("FLOW502", "Name that nobody reads", severity="warning")
def unused_name(span: Span, name: str, *, what: str) -> Draft:
    """It is declared and never used: left over, or misspelt where it should be used.

    ```flow
    leadflow 1
    flow main(text: string, tone: string) -> string {
      let short = slice(text, 0, 10)
      return text
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      let short = slice(text, 0, 10)
      return short
    }
    ```
    """
    notes = (
        ("a name that begins with '_' may be left unused",) if what in ("parameter", "value", "item", "index") else ()
    )
    return Draft(span, f"{what} '{name}' is never used", (), notes)


@code("FLOW503", "Import that nobody uses", severity="warning")
def unused_import(span: Span, name: str) -> Draft:
    """The file imports a name and does not use it.

    ```flow
    leadflow 1
    use std.patterns (best, majority)
    flow main(votes: list[string]) -> string? {
      step winner = majority(votes: votes)
      return winner
    }
    ```

    ```flow
    leadflow 1
    use std.patterns (majority)
    flow main(votes: list[string]) -> string? {
      step winner = majority(votes: votes)
      return winner
    }
    ```
    """
    return Draft(span, f"import '{name}' is never used")


@code("FLOW504", "Step that only one arm needs", severity="warning")
def read_in_one_arm(span: Span, name: str, *, arm: Span, fix: Fix | None) -> Draft:
    """The step runs always, but its result is read in one arm only: where another arm is taken, it was waited and
    paid for in vain.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(long: bool) -> string {
      step page: string = web.get("/page")
      if long {
        return page
      }
      return "short"
    }
    ```

    Move it into the arm:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(long: bool) -> string {
      if long {
        step page: string = web.get("/page")
        return page
      }
      return "short"
    }
    ```
    """
    message = f"step '{name}' is read in one arm only; move it into that arm"
    return Draft(span, message, (Label(arm, "only this arm reads it"),), (), fix)


@code("FLOW505", "Judged before the change", severity="warning")
def judged_too_early(span: Span, *, value: str) -> Draft:
    """The condition after `until` looks only at what the round's result was made from, so the result itself is never
    looked at: the last change goes out unseen.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(text: string) -> string {
      step done = repeat draft = text at most 3 {
        step score: float = web.get("/score", query: { text: draft })
        step better: string = web.get("/better", query: { text: draft, score: score })
        yield better
      } until score > 0.9 else draft
      return done
    }
    ```

    Change first, then judge what was changed:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(text: string) -> string {
      step done = repeat draft = text at most 3 {
        step better: string = web.get("/better", query: { text: draft })
        step score: float = web.get("/score", query: { text: better })
        yield better
      } until score > 0.9 else draft
      return done
    }
    ```
    """
    return Draft(span, f"this judges the value before this round's change: nothing here reads {value}")


@code("FLOW506", "Never none", severity="warning")
def never_none(span: Span, *, given: str, fix: Fix | None = None) -> Draft:
    """The value is always there, so asking whether it is missing has one answer.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return text ?? "nothing"
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string?) -> string {
      return text ?? "nothing"
    }
    ```
    """
    return Draft(span, f"this is {given}, which is never none", fix=fix)


@code("FLOW507", "Write that is not undone", severity="warning")
def write_without_undo(span: Span, name: str, *, other: Span, inside: tuple[str, Span] | None) -> Draft:
    """Other writes of this flow say how they are undone when the flow fails. This one does not, and stays.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step room: { id: string } = web.post("/rooms") undo web.delete("/rooms/${room.id}")
      step seat: { id: string } = web.post("/seats")
      return seat.id
    }
    ```

    Say how, or say that there is nothing to undo:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step room: { id: string } = web.post("/rooms") undo web.delete("/rooms/${room.id}")
      step seat: { id: string } = web.post("/seats") undo none
      return seat.id
    }
    ```
    """
    first = Label(other, "this one says how it is undone")
    message = f"step '{name}' writes and says no 'undo'; if there is nothing to undo, write 'undo none'"
    if inside is None:
        return Draft(span, message, (first,))
    message = f"step '{name}' calls a flow whose write '{inside[0]}' says no 'undo'; say it there, or here"
    return Draft(span, message, (first, Label(inside[1], "this write stays")))


@code("FLOW521", "Undo that only reads", severity="warning")
def undo_only_reads(span: Span, name: str) -> Draft:
    """`undo` takes back what its step wrote. A call that only reads takes nothing back; where there is nothing to
    take back, write `undo none`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step room: { id: string } = web.post("/rooms") undo web.get("/rooms/${room.id}")
      return room.id
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step room: { id: string } = web.post("/rooms") undo web.delete("/rooms/${room.id}")
      return room.id
    }
    ```
    """
    return Draft(span, f"this only reads, so it takes back nothing of step '{name}'")


@code("FLOW508", "Nothing to remove", severity="warning")
def nothing_to_remove(span: Span, name: str) -> Draft:
    """`@x(none)` takes away what an agent or its template says; here nothing says it.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @retry(none)
      step page: string = web.get("/page")
      return page
    }
    ```

    ```flow
    leadflow 1
    @retry(3)
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @retry(none)
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    return Draft(span, f"there is no '@{name}' here that could be removed")


@code("FLOW509", "Already of that value", severity="warning")
def listed_twice(span: Span, name: str, *, first: Span) -> Draft:
    """The same thing stands in a list twice.

    ```flow
    leadflow 1
    agent desk: python { module: "desk.py"  reads: ["rows", "rows"] }
    ```

    ```flow
    leadflow 1
    agent desk: python { module: "desk.py"  reads: ["rows"] }
    ```
    """
    return Draft(span, f"'{name}' stands here twice", (Label(first, "here already"),))


@code("FLOW510", "Retries multiply", severity="warning")
def retries_multiply(span: Span, *, outer: int, inner: int) -> Draft:
    """A retry stands around calls that are retried themselves, so a call that keeps failing is made many times: the
    product of both.

    ```flow
    leadflow 1
    @retry(5)
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      @retry(4)
      step page = do {
        step found: string = web.get("/page")
        yield found
      }
      return page
    }
    ```

    Retry in one place, the calls themselves:

    ```flow
    leadflow 1
    @retry(5)
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page = do {
        step found: string = web.get("/page")
        yield found
      }
      return page
    }
    ```
    """
    return Draft(
        span,
        f"this repeats calls that are retried themselves: up to {outer} times {inner}, so {outer * inner} attempts",
    )


@code("FLOW540", "A question mark for nothing", severity="warning")
def needless_optional(span: Span, *, what: str, type_: str) -> Draft:
    """The flow says that its result, or a field or an item of it, may be none, and no path gives none. Whoever calls it
    has to say what holds without a value that is always there.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow page(name: string) -> string? {
      step text: string = web.get("/${name}")
      return text
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow page(name: string) -> string {
      step text: string = web.get("/${name}")
      return text
    }
    ```

    A result that is to stay open for later is a named type: `type Page { text: string? }`.
    """
    return Draft(span, f"{what} is never none; write '{type_}'", fix=Fix(f"write `{type_}`", (Edit(span, type_),)))


@code("FLOW530", "Hole without its dollar sign", severity="warning")
def braces_without_dollar(span: Span, written: str, *, path: str) -> Draft:
    """The text names a value as other languages do. Here it stands for itself: the model, or whoever gets the text,
    reads the name and not the value.

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  key: secret("KEY") }
    flow main(letter: string) -> string {
      step answer = fast.ask("Answer this letter: {letter}")
      return answer
    }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  key: secret("KEY") }
    flow main(letter: string) -> string {
      step answer = fast.ask("Answer this letter: ${letter}")
      return answer
    }
    ```

    A text that is to name it so can stand in a `const`, where no value is meant.
    """
    hole = f"${{{path}}}"
    fix = Fix(f"write '{hole}'", (Edit(span, hole),))
    return Draft(span, f"'{written}' stands in the text as it is; the value is put in by '{hole}'", fix=fix)


@code("FLOW541", "Checked, not run", severity="warning")
def not_run(span: Span, why: str) -> Draft:
    """It is right, and can be checked, planned and tested with mocks; `leadflow run` of this version refuses it. Models
    cannot ask people as a tool, because an answer can take days; a step can wait for it.

    ```flow
    leadflow 1
    agent desk: human
    agent fast: openai { model: "gpt-5-mini"  max_tokens: 500  tools: [ask_desk] }
    tool ask_desk(question: string) -> string = desk.ask(question)
    flow main(text: string) -> string {
      step reply = fast.ask("Answer ${text}; ask the desk what you do not know.")
      return reply
    }
    ```

    ```flow
    leadflow 1
    agent desk: human
    agent fast: openai { model: "gpt-5-mini"  max_tokens: 500 }
    flow main(text: string) -> string {
      step unknown = fast.ask("What would you have to ask the desk to answer ${text}?")
      step told = desk.ask(unknown)
      step reply = fast.ask("Answer ${text}. The desk says: ${told}")
      return reply
    }
    ```
    """
    return Draft(span, why)
