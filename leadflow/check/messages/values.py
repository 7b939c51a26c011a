"""FLOW3xx, second half: arguments, texts with holes, constants and secrets."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code


@code("FLOW330", "Argument missing")
def missing_argument(span: Span, names: Sequence[str], *, owner: str, labels: tuple[Label, ...] = ()) -> Draft:
    """What is called cannot do without this argument.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(text, "a")
    }
    ```

    Give it, in its place or by its name:

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(text, "a", new: "b")
    }
    ```
    """
    listed = ", ".join(f"'{name}'" for name in names)
    return Draft(span, f"{owner} needs {'arguments' if len(names) > 1 else 'the argument'} {listed}", labels)


@code("FLOW331", "Too many arguments")
def too_many_arguments(span: Span, *, owner: str, most: int, named: Sequence[str] = ()) -> Draft:
    """More values are given than what is called takes in order.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return upper(text, "en")
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return upper(text)
    }
    ```
    """
    many = {0: "no arguments in order", 1: "one argument in order"}.get(most, f"at most {most} arguments in order")
    notes = (f"by name it takes {', '.join(named)}",) if named else ()
    return Draft(span, f"{owner} takes {many}", notes=notes)


@code("FLOW332", "Unnamed after named")
def positional_after_named(span: Span) -> Draft:
    """Arguments in order stand first, named ones after them; otherwise it is hard to see which is which.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(old: "a", text, "b")
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(text, old: "a", new: "b")
    }
    ```
    """
    return Draft(span, "an argument without a name stands after one with a name; put it first, or name it")


@code("FLOW333", "Argument given twice")
def argument_twice(span: Span, name: str, *, first: Span) -> Draft:
    """One value per argument.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(text, "a", "b", old: "c")
    }
    ```

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return replace(text, old: "a", new: "b")
    }
    ```
    """
    return Draft(span, f"the argument '{name}' is given twice", (Label(first, "given here already"),))


@code("FLOW334", "The name of a field is needed")
def field_name_needed(span: Span, name: str, *, owner: str, fix: Fix | None = None) -> Draft:
    """The function works on one field of each record; which one is written as a text, so that it can be checked.

    ```flow
    leadflow 1
    type Ticket { id: string  topic: string }
    flow main(tickets: list[Ticket], by: string) -> map[int] {
      return count_by(tickets, by)
    }
    ```

    ```flow
    leadflow 1
    type Ticket { id: string  topic: string }
    flow main(tickets: list[Ticket]) -> map[int] {
      return count_by(tickets, "topic")
    }
    ```
    """
    return Draft(span, f"the argument '{name}' of {owner} is the name of a field, written as a text", fix=fix)


@code("FLOW335", "Must be known beforehand")
def constant_needed(span: Span, *, where: str, reason: str, labels: tuple[Label, ...] = ()) -> Draft:
    """Settings, limits of loops, defaults and arguments of annotations are known before anything runs: literals,
    constants, and what can be computed from them.

    ```flow
    leadflow 1
    flow main(words: list[string], most: int) -> list[string] {
      step all = for word in words at most most {
        yield upper(word)
      }
      return all
    }
    ```

    Use a literal or a constant:

    ```flow
    leadflow 1
    const most = 100
    flow main(words: list[string]) -> list[string] {
      step all = for word in words at most most {
        yield upper(word)
      }
      return all
    }
    ```
    """
    return Draft(span, f"{where} must be known before the run, but {reason}", labels)


@code("FLOW336", "Constant cannot be computed")
def bad_constant(span: Span, *, why: str) -> Draft:
    """Computing the constant fails, and would fail in every run.

    ```flow
    leadflow 1
    const share = 10 / 0
    ```

    ```flow
    leadflow 1
    const share = 10 / 4
    ```
    """
    return Draft(span, f"this cannot be computed: {why}")


@code("FLOW337", "Cannot stand in a text")
def bad_hole(span: Span, *, given: str, hint: str, labels: tuple[Label, ...] = ()) -> Draft:
    """What is put into a path or a header is a text, a number, `true` or `false`, a duration, a time: something that
    is written in one way only.

    ```flow
    leadflow 1
    type Ticket { id: string }
    agent web: http { url: "https://example.com" }
    flow main(ticket: Ticket) -> string {
      step page: string = web.get("/cases/${ticket}")
      return page
    }
    ```

    ```flow
    leadflow 1
    type Ticket { id: string }
    agent web: http { url: "https://example.com" }
    flow main(ticket: Ticket) -> string {
      step page: string = web.get("/cases/${ticket.id}")
      return page
    }
    ```
    """
    return Draft(span, f"{given} cannot stand here; {hint}", labels)


@code("FLOW338", "Built elsewhere")
def built_elsewhere(span: Span, *, slot: str, example: str, fix: Fix | None) -> Draft:
    """Paths and headers are written where they are used, so that each value put into them can be escaped: a text
    that arrives ready-made could be the address of something else.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> string {
      let path = "/cases/${id}"
      step page: string = web.get(path)
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> string {
      step page: string = web.get("/cases/${id}")
      return page
    }
    ```
    """
    return Draft(
        span, f"a {slot} is written here as a text, {example}, so that what is put into it can be escaped", fix=fix
    )


@code("FLOW339", "The address is not fixed")
def open_address(span: Span, *, hint: str) -> Draft:
    """No value of a run may decide where a request goes: a hole may stand after the first `/` of the path only.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(host: string) -> string {
      step page: string = web.get("https://${host}/cases")
      return page
    }
    ```

    Declare an agent for each address:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(id: string) -> string {
      step page: string = web.get("/cases/${id}")
      return page
    }
    ```
    """
    return Draft(span, hint)


@code("FLOW340", "A secret out of place")
def misplaced_secret(span: Span, *, where: str) -> Draft:
    """Secrets go from the environment into the settings that are made for them: keys, `auth`, header values, an
    agent's `url`, `verify`. They cannot get into prompts, values, records or comparisons, and so not into logs.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/login", query: { token: secret("TOKEN") })
      return page
    }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com"  auth: bearer(secret("TOKEN")) }
    flow main() -> string {
      step page: string = web.get("/login")
      return page
    }
    ```
    """
    return Draft(span, f"a secret stands only in settings made for secrets, not in {where}")


@code("FLOW341", "A secret is named by a text")
def secret_literal(span: Span, *, hint: str, fix: Fix | None = None) -> Draft:
    """`secret("NAME")` names a variable of the environment, as a plain text: which secrets a flow uses can be read
    from the file.

    ```flow
    leadflow 1
    const name = "TOKEN"
    agent web: http { url: "https://example.com"  auth: bearer(secret(name)) }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com"  auth: bearer(secret("TOKEN")) }
    ```
    """
    return Draft(span, hint, fix=fix)


@code("FLOW342", "A secret is needed")
def secret_needed(span: Span, name: str, *, fix: Fix | None = None) -> Draft:
    """Keys and passwords do not stand in files, where others read them; they are named here and come from the
    environment.

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  key: "sk-123" }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m"  key: secret("OPENAI_API_KEY") }
    ```
    """
    return Draft(
        span, f"'{name}' is a secret: write secret(\"NAME\") with the name of a variable of the environment", fix=fix
    )


@code("FLOW344", "No address of a server")
def no_address(span: Span, *, where: str, fix: Fix | None = None) -> Draft:
    """The address of a server says how it is spoken to: it begins with `https://`, or with `http://`.

    ```flow
    leadflow 1
    agent crm: http { url: "crm.example.com" }
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://crm.example.com" }
    ```
    """
    return Draft(span, f"{where} does not begin with http:// or https://", fix=fix)


@code("FLOW343", "A file is named by a text")
def file_literal(span: Span, *, hint: str, fix: Fix | None = None) -> Draft:
    """`file("notes/a.txt")` is a file of the project, by its path from the folder of the flow that says it. The path is
    a plain text that leads nowhere above that folder: which files a flow names can be read from it, and no answer of a
    model becomes the name of one. A file that is known only in a run comes in as a parameter.

    ```flow
    leadflow 1
    agent fast: openai { model: "m" }
    flow main(name: string) -> string {
      step text = fast.ask("What is on this picture?", files: [file("pictures/${name}.png")])
      return text
    }
    ```

    ```flow
    leadflow 1
    agent fast: openai { model: "m" }
    flow main(picture: file = file("pictures/cat.png")) -> string {
      step text = fast.ask("What is on this picture?", files: [picture])
      return text
    }
    ```
    """
    return Draft(span, hint, fix=fix)


def in_quotes(span: Span, text: str) -> Fix:
    """The fix that makes a text of a bare word."""
    return Fix("put it in quotes", (Edit(span, f'"{text}"'),))
