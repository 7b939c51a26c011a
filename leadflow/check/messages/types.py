"""FLOW3xx, first half: what the checker says about types and values. Texts of calls, templates and constants stand in
`values`."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code, did_you_mean, nearest


@code("FLOW301", "Wrong type")
def wrong_type(
    span: Span, *, where: str, wanted: str, given: str, labels: tuple[Label, ...] = (), note: str | None = None,
    fix: Fix | None = None,
) -> Draft:  # fmt: skip
    """A value of one type stands where another is asked for. Nothing is converted silently, but for `int` to `float`.

    ```flow
    leadflow 1
    flow main(count: int) -> string {
      return count
    }
    ```

    Convert it, or declare the type that it has:

    ```flow
    leadflow 1
    flow main(count: int) -> string {
      return string(count)
    }
    ```
    """
    return Draft(span, f"{where} is {wanted}, but this is {given}", labels, (note,) if note else (), fix)


@code("FLOW302", "Condition is not true or false")
def not_a_condition(span: Span, *, given: str, hint: str, fix: Fix | None = None) -> Draft:
    """A condition is a `bool`. Texts, numbers and lists are not taken for true or false, because everyone expects
    something else of them.

    ```flow
    leadflow 1
    flow main(words: list[string]) -> string {
      return if words then "some" else "none"
    }
    ```

    Say what is meant:

    ```flow
    leadflow 1
    flow main(words: list[string]) -> string {
      return if len(words) > 0 then "some" else "none"
    }
    ```
    """
    return Draft(span, f"a condition is true or false, but this is {given}; {hint}", fix=fix)


@code("FLOW303", "Not one of the allowed texts")
def outside_union(span: Span, value: str, *, words: Sequence[str], fixable: bool = True) -> Draft:
    """The type allows a few texts only, and this is none of them.

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> bool {
      return tier == "por"
    }
    ```

    Write one of them:

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> bool {
      return tier == "pro"
    }
    ```
    """
    allowed = " | ".join(f'"{word}"' for word in words[:12]) + (" | …" if len(words) > 12 else "")
    found = nearest(value, words) if fixable else None
    fix = Fix(f'write "{found}"', (Edit(span, f'"{found}"'),)) if found else None
    return Draft(span, f'"{value}" is not one of {allowed}{did_you_mean(value, words)}', fix=fix)


@code("FLOW304", "Never equal")
def never_equal(span: Span, *, left: str, right: str) -> Draft:
    """Values of these two types are never equal, so the comparison always gives the same.

    ```flow
    leadflow 1
    flow main(count: int) -> bool {
      return count == "three"
    }
    ```

    Compare values of one type:

    ```flow
    leadflow 1
    flow main(count: int) -> bool {
      return count == 3
    }
    ```
    """
    return Draft(span, f"{left} and {right} are never equal")


@code("FLOW305", "Operator does not fit")
def bad_operator(
    span: Span, operator: str, *, left: str, right: str | None, hint: str = "", fix: Fix | None = None
) -> Draft:
    """The operator does not work on values of these types.

    ```flow
    leadflow 1
    flow main(name: string) -> string {
      return "Dear " + name
    }
    ```

    `+ - * / %` take numbers, durations and amounts of money, `<` what has a size, and texts are put together with
    `${…}`:

    ```flow
    leadflow 1
    flow main(name: string) -> string {
      return "Dear ${name}"
    }
    ```
    """
    between = f"{left}" if right is None else f"{left} and {right}"
    return Draft(span, f"'{operator}' does not work on {between}{'; ' + hint if hint else ''}", fix=fix)


@code("FLOW306", "May be none")
def may_be_none(span: Span, *, what: str, given: str, hint: str, fix: Fix | None = None) -> Draft:
    """The value may be missing: it is optional, was bound in one arm only, or comes from an index or a step that may
    fail. Say what holds then.

    ```flow
    leadflow 1
    flow main(words: list[string]) -> string {
      return words[0]
    }
    ```

    Give another value with `??`, ask with `!= none`, or read on with `?.`:

    ```flow
    leadflow 1
    flow main(words: list[string]) -> string {
      return words[0] ?? "nothing"
    }
    ```
    """
    if given == "none":
        return Draft(span, f"{what} is always none; {hint}", fix=fix)
    return Draft(span, f"{what} may be none ({given}); {hint}", fix=fix)


@code("FLOW307", "A dot after a question mark")
def no_short_circuit(span: Span, *, name: str, fix: Fix) -> Draft:
    """`a?.b` may be none, and so the next step needs its own `?.`: nothing is skipped to the end of the line.

    ```flow
    leadflow 1
    type Name { first: string }
    type Person { name: Name }
    flow main(person: Person?) -> string {
      return person?.name.first ?? "nobody"
    }
    ```

    Write `?.` for each part that may be missing:

    ```flow
    leadflow 1
    type Name { first: string }
    type Person { name: Name }
    flow main(person: Person?) -> string {
      return person?.name?.first ?? "nobody"
    }
    ```
    """
    return Draft(
        span, f"what stands before '.{name}' may be none because of the '?.' before it; write '?.{name}'", fix=fix
    )


@code("FLOW308", "Its shape is not known")
def json_leak(span: Span, *, what: str, hint: str, labels: tuple[Label, ...] = (), fix: Fix | None = None) -> Draft:
    """A value of type `json` may have any shape, so nothing can be read from it. It becomes a type, and is validated,
    where it comes in: at a step that declares its type, at a parameter of a started flow, or with `let x: T? = …`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step found = web.get("/case")
      return found.id
    }
    ```

    Declare the type of the step:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step found: { id: string } = web.get("/case")
      return found.id
    }
    ```
    """
    return Draft(span, f"{what} is json, whose shape is not known; {hint}", labels, (), fix)


@code("FLOW309", "A field is missing")
def missing_field(span: Span, names: Sequence[str], *, owner: str, note: str | None = None) -> Draft:
    """The record lacks a field that its type asks for.

    ```flow
    leadflow 1
    type Ticket { id: string  body: string }
    flow main() -> Ticket {
      return { id: "1" }
    }
    ```

    Give every field that is not optional and has no default:

    ```flow
    leadflow 1
    type Ticket { id: string  body: string }
    flow main() -> Ticket {
      return { id: "1", body: "hello" }
    }
    ```
    """
    listed = ", ".join(f"'{name}'" for name in names)
    plural = "the fields" if len(names) > 1 else "the field"
    return Draft(span, f"{owner} needs {plural} {listed}", notes=(note,) if note else ())


@code("FLOW310", "No fields to read")
def no_fields(span: Span, name: str, *, given: str, hint: str = "", fix: Fix | None = None) -> Draft:
    """Only records have fields. There are no methods and no attributes: work is done by functions.

    ```flow
    leadflow 1
    flow main(text: string) -> int {
      return text.length
    }
    ```

    Call the function:

    ```flow
    leadflow 1
    flow main(text: string) -> int {
      return len(text)
    }
    ```
    """
    return Draft(span, f"{given} has no fields, so there is no '.{name}'{'; ' + hint if hint else ''}", fix=fix)


@code("FLOW311", "Cannot be indexed")
def bad_index(span: Span, *, given: str, index: str, hint: str) -> Draft:
    """Lists are indexed by whole numbers, maps by texts; the result may be none.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return text[0] ?? ""
    }
    ```

    Use a function for a part of a text:

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return slice(text, 0, 1)
    }
    ```
    """
    return Draft(span, f"{given} cannot be indexed with {index}; {hint}")


@code("FLOW312", "A case is not covered")
def not_covered(span: Span, missing: Sequence[str], *, open_ended: bool = False) -> Draft:
    """`match` has an arm for every value that its subject can have, so that none falls through unseen.

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { "pro" then 5 }
    }
    ```

    Add the arm, or `_` for all the rest:

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { "pro" then 5, "free" then 1 }
    }
    ```
    """
    if open_ended:
        return Draft(span, "this match covers some of many values; add a last arm '_' for the rest")
    return Draft(span, f"this match does not cover {', '.join(missing)}")


@code("FLOW313", "An arm that is never taken")
def dead_arm(span: Span, *, why: str, labels: tuple[Label, ...] = ()) -> Draft:
    """Every value that this arm is for has been taken by the arms above it.

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { "pro" then 5, "free" then 1, "pro" then 6 }
    }
    ```

    Remove one of the two:

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { "pro" then 5, "free" then 1 }
    }
    ```
    """
    return Draft(span, f"this arm is never taken: {why}", labels)


@code("FLOW314", "A bare name as a pattern")
def name_pattern(span: Span, name: str, *, known: Sequence[str]) -> Draft:
    """Patterns are texts, whole numbers, `true`, `false`, `none`, or `_` for all the rest. In some languages a bare
    name would match everything, here it is a mistake.

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { free then 1, "pro" then 5 }
    }
    ```

    Put the text in quotes:

    ```flow
    leadflow 1
    flow main(tier: "free" | "pro") -> int {
      return match tier { "free" then 1, "pro" then 5 }
    }
    ```
    """
    hint = f'did you mean "{name}"?' if name in known else "write a text in quotes, or '_' for all the rest"
    return Draft(
        span, f"'{name}' is a name, not a pattern; {hint}", fix=Fix("put it in quotes", (Edit(span, f'"{name}"'),))
    )


@code("FLOW315", "A pattern of another type")
def wrong_pattern(span: Span, pattern: str, *, subject: str) -> Draft:
    """The value that is matched can never be this.

    ```flow
    leadflow 1
    flow main(count: int) -> string {
      return match count { "one" then "a", _ then "b" }
    }
    ```

    Match it with values of its own type:

    ```flow
    leadflow 1
    flow main(count: int) -> string {
      return match count { 1 then "a", _ then "b" }
    }
    ```
    """
    return Draft(span, f"{pattern} never matches: the value is {subject}")


@code("FLOW316", "Different types in one place")
def no_common_type(span: Span, *, what: str, left: str, right: str, first: Span | None = None) -> Draft:
    """The values that may stand here have no type in common.

    ```flow
    leadflow 1
    flow main(short: bool) -> string {
      let size = if short then "one" else 2
      return "${size}"
    }
    ```

    Give each of them the same type:

    ```flow
    leadflow 1
    flow main(short: bool) -> string {
      let size = if short then "one" else "two"
      return "${size}"
    }
    ```
    """
    labels = (Label(first, f"this is {left}"),) if first else ()
    return Draft(span, f"{what} must have one type, but one is {left} and this is {right}", labels)


@code("FLOW317", "Arms give a name different types")
def arms_disagree(span: Span, name: str, *, left: str, right: str, first: Span) -> Draft:
    """A name that several arms bind has one type in all of them, since what follows reads it without knowing which
    arm was taken.

    ```flow
    leadflow 1
    flow main(short: bool) -> string {
      if short { let size = 1 } else { let size = "large" }
      return "${size}"
    }
    ```

    Bind values of one type, or use two names:

    ```flow
    leadflow 1
    flow main(short: bool) -> string {
      if short { let size = "small" } else { let size = "large" }
      return "${size}"
    }
    ```
    """
    return Draft(
        span,
        f"'{name}' is {left} in one arm and {right} in this one",
        (Label(first, f"here it is {left}"),),
        (f"write the type in both: '{name}: …'",),
    )


@code("FLOW318", "Not a list")
def not_a_list(span: Span, *, given: str, hint: str = "") -> Draft:
    """`for` and list comprehensions go over lists.

    ```flow
    leadflow 1
    flow main(counts: map[int]) -> list[int] {
      return [n + 1 for n in counts]
    }
    ```

    Make a list of it:

    ```flow
    leadflow 1
    flow main(counts: map[int]) -> list[int] {
      return [n + 1 for n in values(counts)]
    }
    ```
    """
    return Draft(span, f"this goes over a list, but it is given {given}{'; ' + hint if hint else ''}")


@code("FLOW319", "Type parameters do not fit")
def bad_type_args(span: Span, *, name: str, hint: str) -> Draft:
    """`list[T]` and `map[T]` take one type, the type of their values; a type that is declared with parameters, `type
    Page[T]`, takes one for each of them; no other type takes any.

    ```flow
    leadflow 1
    flow main(counts: map[string, int]) -> list[string] {
      return keys(counts)
    }
    ```

    The keys of a map are texts always:

    ```flow
    leadflow 1
    flow main(counts: map[int]) -> list[string] {
      return keys(counts)
    }
    ```
    """
    return Draft(span, f"'{name}' {hint}")


@code("FLOW320", "None is written with a question mark")
def none_in_union(span: Span, *, hint: str, fix: Fix | None = None) -> Draft:
    """A type that may be none is written `T?`.

    ```flow
    leadflow 1
    type Note = string | none
    ```

    ```flow
    leadflow 1
    type Note = string?
    ```
    """
    return Draft(span, hint, fix=fix)


@code("FLOW321", "These cannot be told apart")
def bad_union(span: Span, *, why: str) -> Draft:
    """A union is one of several texts, or of several records with a common field that has a different text in each.
    Otherwise nobody could tell which of its members a value is.

    ```flow
    leadflow 1
    type Done { text: string }
    type Failed { reason: string }
    type Result = Done | Failed
    ```

    Give each record a field that names it:

    ```flow
    leadflow 1
    type Done { kind: "done"  text: string }
    type Failed { kind: "failed"  reason: string }
    type Result = Done | Failed
    ```
    """
    return Draft(span, f"the members of this union cannot be told apart: {why}")


@code("FLOW323", "Type too large")
def type_too_large(span: Span, name: str, *, most: int, deepest: int) -> Draft:
    """Written out in full, the type would have more than 10,000 parts, or be nested deeper than 32 levels.

    ```flow
    leadflow 1
    type A { a: list[list[list[list[list[list[list[list[string]]]]]]]] }
    type B { a: list[list[list[list[list[list[list[list[A]]]]]]]] }
    type C { a: list[list[list[list[list[list[list[list[B]]]]]]]] }
    type D { a: list[list[list[list[list[list[list[list[C]]]]]]]] }
    ```

    Use `json` for parts that the flow does not read:

    ```flow
    leadflow 1
    type A { a: json }
    ```
    """
    return Draft(span, f"type '{name}' is too large: at most {most:,} parts, at most {deepest} deep")


@code("FLOW324", "A field that only some have")
def partly_there(span: Span, name: str, *, owner: str, tell: str | None) -> Draft:
    """The value is one of several records, and not all of them have this field.

    ```flow
    leadflow 1
    type Done { kind: "done"  text: string }
    type Failed { kind: "failed"  reason: string }
    flow main(result: Done | Failed) -> string {
      return result.text
    }
    ```

    Ask first which one it is:

    ```flow
    leadflow 1
    type Done { kind: "done"  text: string }
    type Failed { kind: "failed"  reason: string }
    flow main(result: Done | Failed) -> string {
      return if result.kind == "done" then result.text else "sorry"
    }
    ```
    """
    hint = f"; ask first with 'match' or 'if' on '.{tell}'" if tell else ""
    return Draft(span, f"only some of {owner} have the field '{name}'{hint}")


@code("FLOW325", "Nothing to tell the type by")
def type_unclear(span: Span, name: str, *, given: str) -> Draft:
    """The value that enters the first round says too little: `[]` could hold anything, `none` could be anything.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> list[string] {
      step all = repeat found = [] at most 3 {
        step page: string = web.get("/")
        yield flatten([found, [page]])
      } until len(found) > 1 else found
      return all
    }
    ```

    Write the type:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> list[string] {
      step all = repeat found: list[string] = [] at most 3 {
        step page: string = web.get("/")
        yield flatten([found, [page]])
      } until len(found) > 1 else found
      return all
    }
    ```
    """
    return Draft(span, f"the type of '{name}' is not clear from {given}; write it: '{name}: T = …'")
