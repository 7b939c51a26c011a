"""FLOW3xx, on constraints (`@range`, `@length`, `@pattern`), the values that they keep out, and types from schemas."""

from leadflow.diagnostics import Draft, Fix, Label, Span, code


@code("FLOW322", "A limit that does not apply")
def bad_constraint(span: Span, name: str, *, hint: str) -> Draft:
    """`@range` limits numbers, `@length` texts and lists, `@pattern` texts. They take constants, the lower end first,
    and leave something over.

    ```flow
    leadflow 1
    type Review { notes: string @range(0, 1) }
    ```

    ```flow
    leadflow 1
    type Review { notes: string @length(0, 100)  score: float @range(0, 1) }
    ```
    """
    return Draft(span, f"'@{name}' {hint}")


@code("FLOW326", "Outside of its limits")
def outside_limits(span: Span, *, where: str, given: str, limit: str, labels: tuple[Label, ...] = ()) -> Draft:
    """A value that is known before the run is not one that the field or parameter takes.

    ```flow
    leadflow 1
    type Review { score: float @range(0, 1) }
    flow main() -> Review {
      return { score: 7 }
    }
    ```

    Give a value within the limits, or widen them where they are declared:

    ```flow
    leadflow 1
    type Review { score: float @range(0, 10) }
    flow main() -> Review {
      return { score: 7 }
    }
    ```
    """
    return Draft(span, f"{where} is limited by {limit}, and {given} is outside of it", labels)


@code("FLOW327", "Not a pattern")
def bad_pattern(span: Span, *, why: str, fix: Fix | None = None) -> Draft:
    """A pattern says what a whole text looks like: characters, `.` for any, sets `[a-z0-9]`, `\\\\d \\\\w \\\\s` (each
    backslash twice, since a string has its own), groups `(…)`, `|`, and the repeats `* + ? {2} {2,} {2,5}`. There is
    nothing in it that could take long: no looking around, and no referring back to what was matched.

    ```flow
    leadflow 1
    type Ticket { id: string @pattern("^T-[0-9]+$") }
    ```

    The whole text is matched always, so there is nothing to anchor:

    ```flow
    leadflow 1
    type Ticket { id: string @pattern("T-[0-9]+") }
    ```
    """
    return Draft(span, f"this is no pattern: {why}", fix=fix)


@code("FLOW328", "No type says that")
def no_type_says(span: Span, file: str, pointer: str, *, why: str) -> Draft:
    """A JSON Schema is imported as types, and the one that is asked for says something that no type can. It is not left
    out, because the type would take what the schema refuses. The message gives the place as a JSON pointer.

    ```flow
    leadflow 1
    use "ticket.schema.json" (Order)
    flow main(order: Order) -> json { return order }
    ```

    Change the schema, import another of its types, or write the type:

    ```flow
    leadflow 1
    use "ticket.schema.json" (Ticket)
    flow main(ticket: Ticket) -> json { return ticket }
    ```
    """
    return Draft(span, f"in '{file}'{f' at {pointer}' if pointer else ''}: {why}")


@code("FLOW329", "Not with this type")
def bad_with_type(span: Span, name: str, *, why: str, place: Span) -> Draft:
    """A type with parameters is written out for the types that are given for them; for this one it would be no type.

    ```flow
    leadflow 1
    type Limited[T] { value: T @range(0, 1) }
    flow main(given: Limited[string]) -> string { return given.value }
    ```

    Give a type that it works for, or take back what it asks for:

    ```flow
    leadflow 1
    type Limited[T] { value: T @range(0, 1) }
    flow main(given: Limited[float]) -> float { return given.value }
    ```
    """
    return Draft(span, f"{name} is no type: {why}", (Label(place, "this does not hold for it"),))
