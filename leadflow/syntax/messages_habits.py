"""FLOW161-FLOW169: whole forms that other languages write another way: types, conditions, blocks, loops, imports."""

from leadflow.diagnostics import Draft, Edit, Fix, Span, code


@code("FLOW161", "Type of another language")
def foreign_type(span: Span, *, right: str, fix: Fix | None = None) -> Draft:
    """A list is `list[T]`, a map with texts as keys `map[T]`, and what may be none `T?`; a field that may be left out
    has a type that may be none.

    ```flow
    leadflow 1
    flow main(names: string[]) -> string { return join(names, ", ") }
    ```

    ```flow
    leadflow 1
    flow main(names: list[string]) -> string { return join(names, ", ") }
    ```
    """
    return Draft(span, f"this type is written '{right}'", fix=fix)


@code("FLOW162", "Choice of another language")
def foreign_choice(span: Span, *, right: str, fix: Fix | None = None) -> Draft:
    """One of two values is chosen by `if … then … else …`; the condition comes first.

    ```flow
    leadflow 1
    flow main(n: int) -> string { return n > 3 ? "many" : "few" }
    ```

    ```flow
    leadflow 1
    flow main(n: int) -> string { return if n > 3 then "many" else "few" }
    ```
    """
    return Draft(span, f"a value by condition is written '{right}'", fix=fix)


@code("FLOW163", "Block without braces")
def no_braces(span: Span, *, after: str, fix: Fix | None = None) -> Draft:
    """A block stands in braces, also when it is one statement. Indents and line ends mean nothing.

    ```flow
    leadflow 1
    flow main(n: int) -> string {
      if n > 3:
        return "many"
      return "few"
    }
    ```

    ```flow
    leadflow 1
    flow main(n: int) -> string {
      if n > 3 {
        return "many"
      }
      return "few"
    }
    ```
    """
    return Draft(span, f"the block after {after} stands in braces: '{{ … }}'", fix=fix)


@code("FLOW164", "Loop of another language")
def foreign_loop(span: Span, written: str, *, way: str = "", fix: Fix | None = None) -> Draft:
    """A loop is a step. `for` goes over a list; `repeat` hands a value from round to round, at most so many times,
    until a condition holds. Without a bound nobody could say what a run costs.

    ```flow
    leadflow 1
    flow main(n: int) -> int {
      step last = while n < 10 { yield n + 1 }
      return last
    }
    ```

    ```flow
    leadflow 1
    flow main(n: int) -> int {
      step last = repeat i = n at most 10 {
        yield i + 1
      } until i >= 9 else i
      return last
    }
    ```
    """
    right = way or "repeat value = start at most 5 { … } until condition"
    return Draft(span, f"a loop is written '{right}', not with '{written}'", fix=fix)


@code("FLOW159", "Loop without a bound")
def unbounded(span: Span) -> Draft:
    """A `repeat` says how many rounds there are at most. Without that nobody could say what a run can cost, or that it
    ends.

    ```flow
    leadflow 1
    flow main(n: int) -> int {
      step last = repeat i = n { yield i + 1 } until i >= 9 else i
      return last
    }
    ```

    ```flow
    leadflow 1
    flow main(n: int) -> int {
      step last = repeat i = n at most 10 { yield i + 1 } until i >= 9 else i
      return last
    }
    ```
    """
    ahead = span._replace(end=span.start)
    fix = Fix("write 'at most 10'", (Edit(ahead, "at most 10 "),))
    return Draft(span, "a 'repeat' has a bound; write 'at most N' before its '{', as in 'at most 10 {'", fix=fix)


@code("FLOW165", "Import of another language")
def foreign_import(span: Span, *, why: str) -> Draft:
    """A file is imported by its dotted name from the project's root, or by its path in quotes; names that are taken
    from it stand in brackets behind it.

    ```flow
    leadflow 1
    use { majority } from std.patterns
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
    return Draft(span, f"an import is written 'use path (name)': {why}")


@code("FLOW166", "Declaration of another form")
def foreign_declaration(span: Span, what: str, *, way: str, why: str = "", fix: Fix | None = None) -> Draft:
    """Agents, flows and parameters are each declared in one form: `agent name: kind { setting: value }`,
    `flow name(param: type) -> type { … }`.

    ```flow
    leadflow 1
    agent web = http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    ```
    """
    return Draft(span, f"{what} is written '{way}'{'; ' + why if why else ''}", fix=fix)


@code("FLOW167", "Expression of another language")
def foreign_expression(span: Span, written: str, *, way: str, fix: Fix | None = None) -> Draft:
    """Expressions have names, calls of built-in functions, lists, records and operators. There are no functions as
    values, no slices, no pipes, and no copies with changes.

    ```flow
    leadflow 1
    flow main(names: list[string]) -> list[string] { return names[1:3] }
    ```

    ```flow
    leadflow 1
    flow main(names: list[string]) -> list[string] { return slice(names, 1, 3) }
    ```
    """
    return Draft(span, f"'{written}' means nothing here; {way}", fix=fix)


@code("FLOW168", "Several names for one value")
def several_names(span: Span, word: str, *, way: str) -> Draft:
    """A `let` or a step gives one name to one value. Its parts are read from it: a field by `.name`, an item by
    `[0]`, which may be none.

    ```flow
    leadflow 1
    type Point { x: int  y: int }
    flow main(point: Point) -> int {
      let { x, y } = point
      return x + y
    }
    ```

    ```flow
    leadflow 1
    type Point { x: int  y: int }
    flow main(point: Point) -> int {
      let x = point.x
      let y = point.y
      return x + y
    }
    ```
    """
    return Draft(span, f"a '{word}' binds one name, and the parts are read from it: '{way}'")


@code("FLOW169", "Default behind a constraint")
def default_behind(span: Span, written: str, *, what: str, fix: Fix) -> Draft:
    """Behind the name of a field or parameter stand its type, its default and its constraints, in this order.

    ```flow
    leadflow 1
    flow main(share: float @range(0, 1) = 0.5) -> float {
      return share
    }
    ```

    ```flow
    leadflow 1
    flow main(share: float = 0.5 @range(0, 1)) -> float {
      return share
    }
    ```
    """
    return Draft(span, f"the default of a {what} stands before its constraints: '{written}'", fix=fix)
