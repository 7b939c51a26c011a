"""FLOW161-FLOW167: whole forms that other languages write another way: types, conditions, blocks, loops, imports."""

from leadflow.diagnostics import Draft, Fix, Span, code


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
def no_braces(span: Span, *, after: str) -> Draft:
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
    return Draft(span, f"the block after {after} stands in braces: '{{ … }}'")


@code("FLOW164", "Loop of another language")
def foreign_loop(span: Span, written: str, *, way: str = "") -> Draft:
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
    return Draft(span, f"a loop is written '{right}', not with '{written}'")


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
def foreign_declaration(span: Span, what: str, *, way: str, fix: Fix | None = None) -> Draft:
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
    return Draft(span, f"{what} is written '{way}'", fix=fix)


@code("FLOW167", "Expression of another language")
def foreign_expression(span: Span, written: str, *, way: str) -> Draft:
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
    return Draft(span, f"'{written}' means nothing here; {way}")
