"""FLOW2xx: what the checker says about names, and where it looked for them."""

from collections.abc import Iterable, Sequence

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code, did_you_mean, nearest


def _meant(name: str, known: Iterable[str], meant: str | None) -> str:
    """`; did you mean 'x'?`: what is known to be meant, else the nearest known name."""
    return did_you_mean(name, known) if meant is None else f"; did you mean '{meant}'?"


def _write(
    span: Span, name: str, known: Iterable[str], *, quoted: bool = False, meant: str | None = None
) -> Fix | None:
    """The fix that writes what is meant, else the nearest known name; in quotes where a text stands."""
    found = meant or nearest(name, known)
    if found is None:
        return None
    text = f'"{found}"' if quoted else found
    return Fix(f"write `{text}`", (Edit(span, text),))


@code("FLOW201", "Unknown name")
def unknown_name(
    span: Span,
    name: str,
    *,
    what: str = "name",
    known: Sequence[str] = (),
    likely: bool = False,
    quotes: Fix | None = None,
    hint: str = "",
) -> Draft:
    """Nothing of this name can be seen here: it is declared nowhere, or misspelt.

    ```flow
    leadflow 1
    const most = 5
    const more = moost + 1
    ```

    Write the name as it is declared:

    ```flow
    leadflow 1
    const most = 5
    const more = most + 1
    ```
    """
    if likely:  # there is one candidate, however it is spelt
        fix = Fix(f"write `{known[0]}`", (Edit(span, known[0]),))
        return Draft(span, f"unknown {what} '{name}'; did you mean '{known[0]}'?", fix=fix)
    if quotes is not None:  # a text is wanted, and nothing is near
        return Draft(span, f"unknown {what} '{name}'; a text stands in quotes: \"{name}\"", fix=quotes)
    meant = did_you_mean(name, known)
    instead = f"; {hint}" if hint and not meant else ""
    return Draft(span, f"unknown {what} '{name}'{meant}{instead}", fix=_write(span, name, known))


@code("FLOW202", "Declared twice")
def duplicate(span: Span, name: str, *, what: str, first: Span) -> Draft:
    """Two things of one kind have the same name, so nobody could tell which is meant.

    ```flow
    leadflow 1
    const most = 5
    const most = 6
    ```

    Give each its own name:

    ```flow
    leadflow 1
    const most = 5
    const more = 6
    ```
    """
    notes = ("one of them gets another name with 'as'",) if what == "import" else ()
    return Draft(span, f"{what} '{name}' is declared twice", (Label(first, "first declared here"),), notes)


@code("FLOW203", "A name hides another")
def shadowing(span: Span, name: str, *, what: str, outer: str, first: Span | None) -> Draft:
    """Agents, flows, tools, constants, imports, parameters, steps and values share one space of names, so that a
    name means one thing wherever it is read. A name may be used again only in blocks that stand beside each other.

    ```flow
    leadflow 1
    const most = 5
    flow main(most: int) -> int {
      return most
    }
    ```

    Choose another name:

    ```flow
    leadflow 1
    const most = 5
    flow main(wanted: int) -> int {
      return min(wanted, most)
    }
    ```
    """
    message = f"{what} '{name}' has the name of {outer}; names do not hide each other"
    labels = (Label(first, f"{outer} is declared here"),) if first is not None else ()
    return Draft(span, message, labels)


@code("FLOW204", "Unknown type")
def unknown_type(
    span: Span, name: str, *, known: Sequence[str], ours: str | None = None, note: str | None = None,
    whole: Span | None = None, is_word: bool = False,
) -> Draft:  # fmt: skip
    """No type of this name is built in, declared in this file or imported.

    ```flow
    leadflow 1
    flow main(text: strng) -> string {
      return text
    }
    ```

    The built-in types are `string int float bool duration money time file json`, `list[T]`, `map[T]` and `T?`:

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return text
    }
    ```
    """
    notes = (note,) if note else ()
    if is_word:
        quoted = Fix("put it in quotes", (Edit(span, f'"{name}"'),))
        return Draft(span, f"unknown type '{name}'; a word of a choice stands in quotes: \"{name}\"", (), notes, quoted)
    if ours is None:
        return Draft(span, f"unknown type '{name}'{did_you_mean(name, known)}", (), notes, _write(span, name, known))
    fix = None if whole is None and set(ours) & set(" ?[") else Fix(f"write `{ours}`", (Edit(whole or span, ours),))
    said = " or ".join(f"'{word}'" for word in ours.split(" or "))
    return Draft(span, f"unknown type '{name}'; it is called {said} here", (), notes, fix)


@code("FLOW205", "Unknown field")
def unknown_field(span: Span, name: str, *, owner: str, known: Sequence[str], quoted: bool = False) -> Draft:
    """The record has no field of this name.

    ```flow
    leadflow 1
    type Ticket { id: string  body: string }
    flow main(ticket: Ticket) -> string {
      return ticket.bdy
    }
    ```

    Read a field that its type declares:

    ```flow
    leadflow 1
    type Ticket { id: string  body: string }
    flow main(ticket: Ticket) -> string {
      return ticket.body
    }
    ```
    """
    notes = (f"its fields are {', '.join(known)}",) if 0 < len(known) <= 12 else ()
    message = f"{owner} has no field '{name}'{did_you_mean(name, known)}"
    return Draft(span, message, (), notes, _write(span, name, known, quoted=quoted))


@code("FLOW206", "Unknown kind of agent")
def unknown_kind(span: Span, name: str, *, known: Sequence[str], meant: str | None = None) -> Draft:
    """After the colon stands what does the agent's work: a kind, or an agent that serves as a template.

    ```flow
    leadflow 1
    agent web: htp { url: "https://example.com" }
    ```

    Write a kind that is installed:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    ```
    """
    notes = (f"the kinds are {', '.join(known)}",) if known else ()
    hint = f"; did you mean '{meant}'?" if meant else did_you_mean(name, known)
    return Draft(span, f"unknown kind of agent '{name}'{hint}", (), notes, _write(span, name, known, meant=meant))


@code("FLOW207", "Unknown action")
def unknown_action(
    span: Span, name: str, *, agent: str, kind: str, known: Sequence[str], quoted: bool = False
) -> Draft:
    """An agent does what its kind can do, and this is not among it.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.fetch("/")
      return page
    }
    ```

    Call an action of the agent's kind:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/")
      return page
    }
    ```
    """
    notes = (f"an agent of kind {kind} can {', '.join(known)}",) if known else ()
    message = f"agent '{agent}' has no action '{name}'{did_you_mean(name, known)}"
    return Draft(span, message, (), notes, _write(span, name, known, quoted=quoted))


@code("FLOW208", "Unknown setting")
def unknown_setting(
    span: Span, name: str, *, owner: str, known: Sequence[str], note: str | None = None, meant: str | None = None
) -> Draft:
    """The agent's kind has no setting of this name. It would do nothing, so it is refused.

    ```flow
    leadflow 1
    agent web: http { ulr: "https://example.com" }
    ```

    Write the setting's name as the kind has it:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    ```
    """
    notes = (f"its settings are {', '.join(known)}",) if known else (f"{owner} has no settings",)
    if note is not None:
        return Draft(span, f"{owner} has no setting '{name}'", (), (note, *notes))
    hint = f"; did you mean '{meant}'?" if meant else did_you_mean(name, known)
    return Draft(span, f"{owner} has no setting '{name}'{hint}", (), notes, _write(span, name, known, meant=meant))


@code("FLOW209", "Unknown annotation")
def unknown_annotation(
    span: Span, name: str, *, known: Sequence[str], meant: str | None = None, way: str = ""
) -> Draft:
    """No annotation is called so, and no `policy` either.

    ```flow
    leadflow 1
    @retyr(3)
    agent web: http { url: "https://example.com" }
    ```

    Write its name as it is:

    ```flow
    leadflow 1
    @retry(3)
    agent web: http { url: "https://example.com" }
    ```
    """
    if way:
        return Draft(span, f"unknown annotation '@{name}'; {way}")
    message = f"unknown annotation '@{name}'{_meant(name, known, meant)}"
    return Draft(span, message, fix=_write(span, name, known, meant=meant))


@code("FLOW210", "Unknown argument")
def unknown_argument(
    span: Span, name: str, *, owner: str, known: Sequence[str], meant: str | None = None, note: str | None = None
) -> Draft:
    """What is called takes no argument of this name.

    ```flow
    leadflow 1
    @retry(3, backof: 1s)
    agent web: http { url: "https://example.com" }
    ```

    Write the argument's name as it is declared:

    ```flow
    leadflow 1
    @retry(3, backoff: 1s)
    agent web: http { url: "https://example.com" }
    ```
    """
    takes = f"it takes {', '.join(known)}" if known else f"{owner} takes no arguments"
    message = f"{owner} takes no argument '{name}'{_meant(name, () if note else known, meant)}"
    fix = None if note else _write(span, name, known, meant=meant)
    return Draft(span, message, (), (note, takes) if note else (takes,), fix)


@code("FLOW211", "Unknown function")
def unknown_function(
    span: Span,
    name: str,
    *,
    known: Sequence[str],
    note: str | None = None,
    fix: Fix | None = None,
    meant: str | None = None,
) -> Draft:
    """Expressions call built-in functions only; there is none of this name. Work of your own is done by an agent,
    in a step.

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return uppercase(text)
    }
    ```

    Call a function that exists:

    ```flow
    leadflow 1
    flow main(text: string) -> string {
      return upper(text)
    }
    ```
    """
    notes = (note,) if note else ()
    message = f"unknown function '{name}'{_meant(name, known, meant)}"
    return Draft(span, message, (), notes, fix or _write(span, name, known, meant=meant))


@code("FLOW212", "Imported file not found")
def unknown_module(
    span: Span, path: str, *, known: Sequence[str] = (), note: str | None = None, fix: Fix | None = None
) -> Draft:
    """There is no such file under the project's root, or no such module of the standard library.

    ```flow
    leadflow 1
    use std.agentz (reviewer)
    ```

    Dotted names are folders and files from the project's root; `std.` is the standard library:

    ```flow
    leadflow 1
    use std.agents (reviewer)
    agent lead: reviewer { model: "m" }
    ```
    """
    message = f"there is no file for '{path}'{did_you_mean(path, known)}"
    return Draft(span, message, (), (note,) if note else (), fix or _write(span, path, known))


@code("FLOW213", "Not in that file")
def not_in_module(span: Span, name: str, *, module: str, known: Sequence[str]) -> Draft:
    """The imported file declares nothing of this name. What it imports itself is not passed on.

    ```flow
    leadflow 1
    use std.agents (revewer)
    ```

    Import what is declared there:

    ```flow
    leadflow 1
    use std.agents (reviewer)
    agent lead: reviewer { model: "m" }
    ```
    """
    notes = (f"it declares {', '.join(known)}",) if 0 < len(known) <= 20 else ()
    message = f"'{module}' declares no '{name}'{did_you_mean(name, known)}"
    return Draft(span, message, (), notes, _write(span, name, known))


@code("FLOW214", "Used above its declaration")
def used_too_early(span: Span, name: str, *, user: str, bound: Span, what: str) -> Draft:
    """A flow reads from top to bottom: what a line uses stands above it.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/${word}")
      step word: string = web.get("/word")
      return page
    }
    ```

    Move the line up:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step word: string = web.get("/word")
      step page: string = web.get("/${word}")
      return page
    }
    ```
    """
    message = f"{what} '{name}' is used above its line; move its line above {user}"
    return Draft(span, message, (Label(bound, f"'{name}' is bound here"),))


@code("FLOW215", "Steps need each other")
def needs_itself(span: Span, loop: Sequence[str], *, bound: Span) -> Draft:
    """Each of these waits for the next, and the last for the first: none could ever start.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step a: string = web.get("/${b}")
      step b: string = web.get("/${a}")
      return b
    }
    ```

    Break the loop: let one of them do without the other, or use `repeat` to go round on purpose:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step a: string = web.get("/start")
      step b: string = web.get("/${a}")
      return b
    }
    ```
    """
    message = (
        f"step '{loop[0]}' needs itself"
        if len(loop) == 2
        else f"these need each other, so none can start: {' → '.join(loop)}"
    )
    return Draft(span, message, (Label(bound, f"'{loop[-2]}' is bound here"),))


@code("FLOW216", "Only visible in its block")
def out_of_block(span: Span, name: str, *, what: str, block: str, bound: Span, end: str = "") -> Draft:
    """Names bound inside `for`, `repeat`, `do`, `parallel` and `race` are not seen outside: there may be many of
    them, or none. What leaves the block is its value. What an arm of `if` or `match` binds is seen below the statement
    if the arm gets there, but not in another arm, and not when the arm ends in `return`, `yield` or `fail`.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(words: list[string]) -> string {
      step pages = for word in words {
        step page: string = web.get("/${word}")
        yield page
      }
      return page
    }
    ```

    Read the value of the block:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(words: list[string]) -> list[string] {
      step pages = for word in words {
        step page: string = web.get("/${word}")
        yield page
      }
      return pages
    }
    ```
    """
    message = f"{what} '{name}' is seen only inside the {block} that binds it"
    ways = {
        "for": "what 'yield' gives in each iteration is an item of the step's list",
        "repeat": "what the last 'yield' gives is the step's value",
        "do": "what 'yield' gives is the step's value",
        "parallel": f"the step is a record of its members; read '.{name}' of it",
        "race": "the step's value is that of the member that won",
        "arm": f"bind '{name}' above the 'if' or 'match' to read it here, too",
    }
    if block == "arm" and end:
        ways["arm"] = f"that arm ends in '{end}' and never gets here; {ways['arm']}"
    return Draft(span, message, (Label(bound, f"'{name}' is bound here"),), (ways[block],) if block in ways else ())


@code("FLOW217", "Bound in two places")
def bound_twice(span: Span, name: str, *, first: Span, second: Span) -> Draft:
    """The name is bound in arms of two separate `if` or `match` statements, so a reader below cannot know which one
    is meant. Within the arms of one statement it may be bound in each.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(kind: "a" | "b") -> string {
      if kind == "a" { step page: string = web.get("/a") }
      if kind == "b" { step page: string = web.get("/b") }
      return page ?? ""
    }
    ```

    Bind it in the arms of one statement:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main(kind: "a" | "b") -> string {
      match kind {
        "a" => { step page: string = web.get("/a") }
        "b" => { step page: string = web.get("/b") }
      }
      return page
    }
    ```
    """
    return Draft(
        span,
        f"'{name}' is bound in two statements above, so it is not clear which one this reads",
        (Label(first, "bound here"), Label(second, "and here")),
    )


@code("FLOW218", "Not a value")
def not_a_value(span: Span, name: str, *, what: str, hint: str) -> Draft:
    """Agents, flows, tools, functions and imported files are not values: they are called, or named where an agent
    or a tool is asked for.

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      return "asked ${web}"
    }
    ```

    Call it in a step and use the step's value:

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    flow main() -> string {
      step page: string = web.get("/")
      return "asked ${page}"
    }
    ```
    """
    return Draft(span, f"'{name}' is {what}, not a value; {hint}")


@code("FLOW219", "Declared in terms of itself")
def endless(span: Span, loop: Sequence[str], *, what: str) -> Draft:
    """To know what this is, one would have to know it already. Types, constants and agents are finite.

    ```flow
    leadflow 1
    type Tree { name: string  children: list[Tree] }
    ```

    Say the depth that is needed, or use `json` for a part of any shape:

    ```flow
    leadflow 1
    type Leaf { name: string }
    type Tree { name: string  children: list[Leaf] }
    ```
    """
    return Draft(span, f"{what} '{loop[0]}' is declared in terms of itself: {' → '.join(loop)}")


@code("FLOW220", "Files import each other")
def import_loop(span: Span, loop: Sequence[str], *, rest: Sequence[Span]) -> Draft:
    """Each of these files imports the next, and the last the first; or a file imports itself.

    ```flow
    leadflow 1
    use "main.flow" as self
    const again = self.again
    ```

    Move what several files need into a file of its own:

    ```flow
    leadflow 1
    use std.patterns (best)
    flow help() -> string {
      step winner = best(candidates: [])
      return winner?.text ?? "ask"
    }
    ```
    """
    message = f"these files import each other: {' → '.join(loop)}"
    if len(loop) == 2:
        message = f"{loop[0]} imports itself"
    labels = tuple(Label(place, f"imports {after}") for place, after in zip(rest, loop[2:], strict=True))
    notes = ("move what several of them need into a file of its own",) if rest else ()
    return Draft(span, message, labels, notes)


@code("FLOW221", "Import outside the project")
def import_denied(span: Span, path: str, *, why: str, fix: Fix | None = None) -> Draft:
    """A flow imports files under its project's root only, whatever links lead out of it: that is what makes it safe
    to check a flow of a stranger. The root is the folder of the main file, or the nearest one above it that holds
    a `leadflow.toml`.

    ```flow
    leadflow 1
    use "../secrets.flow" (all)
    ```

    Copy the file into the project:

    ```flow
    leadflow 1
    use std.agents (reviewer)
    agent lead: reviewer { model: "m" }
    ```
    """
    return Draft(span, f"'{path}' may not be imported: {why}", fix=fix)


@code("FLOW222", "Imported file cannot be read")
def import_unreadable(span: Span, path: str, *, why: str) -> Draft:
    """The file is there, but it is no text file that may be read.

    ```flow
    leadflow 1
    use "folder.flow" (all)
    ```

    Import a text file in UTF-8, of at most 1 MiB, that you may read:

    ```flow
    leadflow 1
    use std.agents (reviewer)
    agent lead: reviewer { model: "m" }
    ```
    """
    return Draft(span, f"'{path}' cannot be read: {why}")


@code("FLOW223", "Too many files")
def too_many_imports(span: Span, *, most: int) -> Draft:
    """A program has at most 1,000 files, counting what its imports import.

    ```flow
    leadflow 1
    use "chain/f1.flow" (x)
    ```

    Put what belongs together into one file:

    ```flow
    leadflow 1
    use std.agents (reviewer)
    agent lead: reviewer { model: "m" }
    ```
    """
    return Draft(span, f"the imports of this program lead to more than {most:,} files")


@code("FLOW224", "One file under two spellings")
def import_case(span: Span, path: str, *, real: str) -> Draft:
    """The path differs from the file's name in capitals. It may be found on one computer and not on another.

    ```flow
    leadflow 1
    use "Shared.flow" (x)
    ```

    Write the path exactly as the file is called:

    ```flow
    leadflow 1
    use "shared.flow" (x)
    const y = x
    ```
    """
    return Draft(span, f"'{path}' is called '{real}'; write it with the same capitals")


@code("FLOW225", "Unknown trigger")
def unknown_trigger(span: Span, name: str, *, known: Sequence[str]) -> Draft:
    """After `on` stands what starts a flow by itself.

    ```flow
    leadflow 1
    on crom("0 9 * * *") run main()
    flow main() -> string { return "good morning" }
    ```

    There are `cron` and `webhook`:

    ```flow
    leadflow 1
    on cron("0 9 * * *") run main()
    flow main() -> string { return "good morning" }
    ```
    """
    return Draft(
        span, f"unknown trigger '{name}'{did_you_mean(name, known)}", (), (f"triggers: {', '.join(known)}",),
        _write(span, name, known),
    )  # fmt: skip


@code("FLOW226", "Import with a list and a name")
def list_and_name(span: Span, name: str) -> Draft:
    """Behind a list of names `as` does nothing: either some names of the file are taken, or the file as a whole.

    ```flow
    leadflow 1
    use std.patterns (majority) as patterns
    flow main(votes: list[string]) -> string? {
      step winner = majority(votes: votes)
      return winner
    }
    ```

    ```flow
    leadflow 1
    use std.patterns (majority as most)
    flow main(votes: list[string]) -> string? {
      step winner = most(votes: votes)
      return winner
    }
    ```
    """
    message = f"'as {name}' does nothing behind a list; give the file a name or list its names"
    return Draft(span, message, (), (f"one name of the list gets another by '(name as {name})'",))
