"""FLOW4xx, first half: what may stand where in a flow. Texts about policies, agents, triggers and tests stand in
`policies`."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Fix, Label, Span, code


@code("FLOW401", "A step without an action")
def no_action(span: Span, *, what: str, way: str = "write 'let' for a value", fix: Fix | None = None) -> Draft:
    """A step does something: it calls an agent, a tool or a flow, or it is a block. A value that is only computed is
    a `let`, also when it is computed from what a step gives.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      step short = slice(text, 0, 10)
      return short
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
    return Draft(span, f"a step calls something, but this is {what}; {way}", fix=fix)


@code("FLOW402", "A call inside an expression")
def action_in_expression(span: Span, name: str) -> Draft:
    """Whatever acts outside is a step with a name of its own, so that it can be seen, retried and watched.
    Expressions only compute.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      let page = web.get("/page")
      return page
    }
    ```

    Make it a step, and use the step's name:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    return Draft(span, f"'{name}' is called inside an expression; make it a step: 'step … = {name}(…)'")


@code("FLOW403", "A path without a result")
def no_return(span: Span, *, owner: str, result: str, where: Span | None = None) -> Draft:
    """A flow that has a result gives it on every path, or fails.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      if text != "" {
        return text
      }
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      if text != "" {
        return text
      }
      fail "there is no text"
    }
    ```
    """
    labels = (Label(where, "nothing is returned where this ends"),) if where else ()
    return Draft(span, f"{owner} has a result ({result}), but not every path ends in 'return' or 'fail'", labels)


@code("FLOW460", "Leaves above what it reads")
def leaves_too_early(span: Span, word: str, names: Sequence[tuple[str, Span]], *, fix: Fix | None) -> Draft:
    """`return`, `yield` and `fail` end what they stand in, so they stand below the steps that they read.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      return page
      step page: string = web.get("/page")
    }
    ```

    Move it below them:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page")
      return page
    }
    ```
    """
    labels = tuple(Label(place, f"'{name}' is bound here") for name, place in names)
    read = ", ".join(f"'{name}'" for name, _ in names)
    return Draft(span, f"'{word}' stands above {read}, which it reads; move it below", labels, fix=fix)


@code("FLOW404", "Never reached")
def unreachable(span: Span, *, after: str, leaves: Span) -> Draft:
    """What stands below is never done, because every path has left above.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return text
      return slice(text, 0, 10)
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
    return Draft(span, f"this is never reached: every path ends in {after} above", (Label(leaves, "ends here"),))


@code("FLOW405", "No place for return")
def misplaced_return(span: Span, *, hint: str) -> Draft:
    """`return` gives the result of a flow that declares one. A step block gives its value with `yield`: many of its
    rounds or members may be under way at once, and none of them can end the flow.

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in words {
        return [word]
      }
      return all
    }
    ```

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in words {
        yield upper(word)
      }
      return all
    }
    ```
    """
    return Draft(span, hint)


@code("FLOW406", "No place for yield")
def misplaced_yield(span: Span, *, hint: str) -> Draft:
    """`yield` gives the value of a `for`, `repeat` or `do`. A flow gives its result with `return`; `parallel` and
    `race` take the values of their members.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      yield text
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return text
    }
    ```
    """
    return Draft(span, hint)


@code("FLOW407", "A path without a value")
def no_yield(span: Span, *, block: str, some: bool) -> Draft:
    """Every path through the block ends in one `yield`, so that there is a value for every round. (A `for` or `do`
    may do without any; its values are none.)

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in words {
        if word != "" { yield upper(word) }
      }
      return all
    }
    ```

    Say what the other paths give, or filter the list beforehand:

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in [w for w in words if w != ""] {
        yield upper(word)
      }
      return all
    }
    ```
    """
    what = "some paths through it end without one" if some else "this one has none"
    return Draft(span, f"every path through a '{block}' ends in 'yield', but {what}")


@code("FLOW408", "Only steps are members")
def members_only(span: Span, *, block: str, what: str) -> Draft:
    """The members of `parallel` and `race` are steps, all of them under way at once. Several steps make one member
    with `do`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> { page: string } {
      step all = parallel {
        let short = slice(id, 0, 8)
        step page: string = web.get("/${short}")
      }
      return all
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> { page: string } {
      let short = slice(id, 0, 8)
      step all = parallel {
        step page: string = web.get("/${short}")
      }
      return all
    }
    ```
    """
    return Draft(span, f"the members of '{block}' are steps, but this is {what}; put it above, or use 'do'")


@code("FLOW409", "Members do not read each other")
def reads_member(span: Span, name: str, *, block: str, bound: Span) -> Draft:
    """The members of `parallel` and `race` run at the same time, so none can wait for another.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { a: string  b: string } {
      step both = parallel {
        step a: string = web.get("/a")
        step b: string = web.get("/b/${a}")
      }
      return both
    }
    ```

    Put the two into one `do`, or the first above the block:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { b: string } {
      step a: string = web.get("/a")
      step both = parallel {
        step b: string = web.get("/b/${a}")
      }
      return both
    }
    ```
    """
    message = f"'{name}' is another member of this '{block}', and they run at the same time"
    return Draft(span, message, (Label(bound, f"'{name}' is bound here"),))


@code("FLOW410", "Racing writes")
def race_writes(span: Span, name: str, *, effect: str) -> Draft:
    """The losers of a race have already done what they do: two orders, two mails. So its members only read; the
    write stands below and uses the winner. A key makes the same call safe twice, not two different ones.

    ```flow
    leadflow 1
    agent near: http { url: "https://near.example.com" }
    agent far: http { url: "https://far.example.com" }
    flow main() -> { id: string } {
      step order: { id: string } = race {
        step a: { id: string } = near.post("/orders")
        step b: { id: string } = far.post("/orders")
      }
      return order
    }
    ```

    ```flow
    leadflow 1
    agent near: http { url: "https://near.example.com" }
    agent far: http { url: "https://far.example.com" }
    flow main() -> { id: string } {
      step offer: { id: string } = race {
        step a: { id: string } = near.get("/offer")
        step b: { id: string } = far.get("/offer")
      }
      step order: { id: string } = near.post("/orders/${offer.id}")
      return order
    }
    ```
    """
    does = "is dangerous" if effect == "dangerous" else "writes"
    return Draft(span, f"step '{name}' {does}, and a member of a race may only read: the losers' writes would stay")


@code("FLOW411", "Block takes other arguments")
def bad_block_argument(span: Span, *, hint: str) -> Draft:
    """`parallel` takes `need:`, how many of its members must succeed; `race` takes nothing.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { a: string? } {
      step some = parallel(need: 2) {
        step a: string = web.get("/a")
      }
      return some
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> { a: string?  b: string? } {
      step some = parallel(need: 1) {
        step a: string = web.get("/a")
        step b: string = web.get("/b")
      }
      return some
    }
    ```
    """
    return Draft(span, hint)


@code("FLOW412", "Written twice")
def clause_twice(span: Span, word: str, *, first: Span) -> Draft:
    """A step has at most one `undo`, one `after` and one `catch`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page") catch e => "" catch e => e.message
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/page") catch e => e.message
      return page
    }
    ```
    """
    hint = "; name all steps in one: 'after a, b'" if word == "after" else ""
    return Draft(span, f"this step has '{word}' twice{hint}", (Label(first, "the first"),))


@code("FLOW413", "Cannot be undone so")
def bad_undo(span: Span, *, hint: str) -> Draft:
    """`undo` names the call that takes back what the step wrote, or `none`. It stands on calls, not on blocks.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step room: { id: string } = web.post("/rooms") undo room.id
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
    return Draft(span, hint)


@code("FLOW414", "After what is no step")
def bad_after(span: Span, name: str, *, why: str, labels: tuple[Label, ...] = ()) -> Draft:
    """`after` names steps that stand above, in the same block or one around it.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> string {
      step page: string = web.get("/page") after id
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> string {
      step seen: bool = web.post("/seen/${id}") undo none
      step page: string = web.get("/page") after seen
      return if seen then page else ""
    }
    ```
    """
    return Draft(span, f"'after' names steps above, but '{name}' is {why}", labels)


@code("FLOW415", "Flows call each other")
def call_loop(span: Span, loop: Sequence[str]) -> Draft:
    """A flow that leads back to itself would never end, and its plan would be endless. Tools of models, fallbacks
    and undos count as calls.

    ```flow
    leadflow 1
    flow ping() -> string {
      step answer = pong()
      return answer
    }
    flow pong() -> string {
      step answer = ping()
      return answer
    }
    ```

    ```flow
    leadflow 1
    flow ping() -> string {
      step answer = pong()
      return answer
    }
    flow pong() -> string {
      return "pong"
    }
    ```
    """
    return Draft(span, f"these call each other without end: {' → '.join(loop)}")


@code("FLOW416", "Loop limit out of range")
def bad_limit(span: Span, *, most: int) -> Draft:
    """`at most` says how often a loop goes round, from 1 to 1,000,000.

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in words at most 0 {
        yield upper(word)
      }
      return all
    }
    ```

    ```flow
    leadflow 1
    flow main(words: list[string]) -> list[string] {
      step all = for word in words at most 100 {
        yield upper(word)
      }
      return all
    }
    ```
    """
    return Draft(span, f"'at most' takes a number from 1 to {most:,}")
