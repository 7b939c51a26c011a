"""FLOW100-FLOW129: what is said about a file as a whole, and about characters, strings and numbers.

The other codes of the parser stand in `messages`. What an example of a page cannot show as text (an encoding, a huge
file) is shown by the text nearest to it that raises the same code.
"""

from collections.abc import Iterable

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code


def short(text: str) -> str:
    """What an author wrote, short enough for a message: one line, at most 40 characters."""
    line = text.split("\n", 1)[0]
    return text if line == text and len(text) <= 40 else f"{line[:39]}…"


# --- the file -------------------------------------------------------------------------------------------------------


@code("FLOW100", "Nothing in the file")
def empty(span: Span) -> Draft:
    """A `.flow` file begins with its edition line and has at least one declaration.

    ```flow
    # only a comment
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    fix = Fix("write the edition line", (Edit(Span(span.file, 0, 0), "leadflow 1\n"),))
    return Draft(span, "the file is empty; it begins with 'leadflow 1' and declarations follow", fix=fix)


@code("FLOW102", "Not UTF-8 text")
def encoding(span: Span, what: str) -> Draft:
    """A `.flow` file is text in UTF-8, without NUL characters. Save it again as UTF-8.

    ```flow
    leadflow 1
    const name = "a\0b"
    ```

    ```flow
    leadflow 1
    const name = "a b"
    ```
    """
    return Draft(span, f"the file is not UTF-8 text: {what}")


@code("FLOW103", "Too large or too deep")
def too_large(span: Span, what: str, *, limit: str) -> Draft:
    """A file has limits, so that checking it always ends in time: 1 MiB of text, 300,000 words and marks, 20,000
    declarations, 10,000 steps, brackets in brackets 64 deep, and 100 operators, members and `else if` inside each
    other. Give parts of an expression names with `let`, and parts of a file files of their own (`use`).

    ```flow
    leadflow 1
    const deep = [
      [[[[[[[[[[
      [[[[[[[[[[
      [[[[[[[[[[
      [[[[[[[[[[
      [[[[[[[[[[
      [[[[[[[[[[
      [[[[[[[[[[
      1
      ]]]]]]]]]]
      ]]]]]]]]]]
      ]]]]]]]]]]
      ]]]]]]]]]]
      ]]]]]]]]]]
      ]]]]]]]]]]
      ]]]]]]]]]]
    ]
    ```

    ```flow
    leadflow 1
    const deep = [[1]]
    ```
    """
    return Draft(span, f"{what}; the limit is {limit}")


@code("FLOW104", "No edition line")
def no_edition(span: Span, *, word: bool) -> Draft:
    """The first line says which edition of the language the file is written in, so that later editions can change
    the language without changing what the file means.

    ```flow
    const greeting = "hello"
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    edit = Edit(span, "leadflow 1") if word else Edit(Span(span.file, span.start, span.start), "leadflow 1\n\n")
    fix = Fix("write 'leadflow 1' first", (edit,), safe=True)
    return Draft(span, "a file begins with the line 'leadflow 1'", fix=fix)


@code("FLOW105", "Unknown edition")
def unknown_edition(span: Span, written: str) -> Draft:
    """This leadflow knows edition 1. A newer leadflow may know more.

    ```flow
    leadflow 2
    const greeting = "hello"
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    return Draft(
        span,
        f"unknown edition {short(written)}; this leadflow knows edition 1",
        fix=Fix("write edition 1", (Edit(span, "1"),)),
    )


@code("FLOW109", "Text around the file")
def surroundings(span: Span, parts: Iterable[Span], *, safe: bool) -> Draft:
    """A file holds leadflow and comments, nothing else: neither the fences of the page that it was copied from, nor
    words before the edition line.

    ```flow
    Here is the flow:

    leadflow 1
    const greeting = "hello"
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    fix = Fix("remove it", tuple(Edit(part, "") for part in parts), safe)
    return Draft(span, "this is no part of the flow: a file begins with the line 'leadflow 1', without fences", fix=fix)


# --- characters -----------------------------------------------------------------------------------------------------


@code("FLOW106", "Invisible character")
def invisible(span: Span, name: str, *, space: bool) -> Draft:
    """Characters that cannot be seen, or that change the direction of the text, make a program look like another one.
    They are refused everywhere, also in strings and comments. In a string write `\\u{…}`.

    ```flow
    leadflow 1
    const greeting = "hel\u200blo"
    ```

    ```flow
    leadflow 1
    const greeting = "hel\\u{200B}lo"
    ```
    """
    fix = Fix("write a space" if space else "remove it", (Edit(span, " " if space else ""),))
    return Draft(span, f"{name} cannot be seen here", fix=fix)


@code("FLOW107", "Letter that is not ASCII in a name")
def foreign_letter(span: Span, word: str, *, letter: str) -> Draft:
    """Names are written with `a`-`z`, `A`-`Z`, `0`-`9` and `_`, because letters of other alphabets look like these and
    are not. Any text may stand in strings, and a string may name a field.

    ```flow
    leadflow 1
    const größe = 3
    ```

    ```flow
    leadflow 1
    const size = 3
    ```
    """
    return Draft(span, f"'{short(word)}' has the letter {letter}; names have only a-z, A-Z, 0-9 and _")


@code("FLOW108", "Character without a meaning")
def unknown_character(span: Span, char: str) -> Draft:
    """The character means nothing in leadflow, outside strings and comments.

    ```flow
    leadflow 1
    const price = 3 ^ 2
    ```

    ```flow
    leadflow 1
    const price = 3 * 3
    ```
    """
    return Draft(span, f"'{char}' means nothing here")


# --- strings --------------------------------------------------------------------------------------------------------


@code("FLOW110", "String without an end")
def open_string(span: Span, *, closers: int = 0) -> Draft:
    """A string ends with `"` on the line where it begins. Text of several lines stands in triple quotes.

    ```flow
    leadflow 1
    const greeting = "hello
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    const lines = \"\"\"
      hello
      world
      \"\"\"
    ```
    """
    end = Span(span.file, span.end - closers, span.end - closers)
    title = 'write " before what closes' if closers else 'write " at the end'
    return Draft(
        span,
        "the string does not end on its line",
        notes=('text of several lines begins with """ at the end of a line and ends with """ on a line of its own',),
        fix=Fix(title, (Edit(end, '"'),)),
    )


@code("FLOW111", "Block of text without an end")
def open_block(span: Span, *, line: Span | None) -> Draft:
    """A block of text begins with three quotes at the end of a line and ends with three quotes alone at the begin of a
    line, indented no more than the text between them.

    ```flow
    leadflow 1
    const a = \"\"\"
      hello
    const b = \"\"\"
      world
      \"\"\"
    ```

    ```flow
    leadflow 1
    const a = \"\"\"
      hello
      \"\"\"
    const b = \"\"\"
      world
      \"\"\"
    ```
    """
    labels = (Label(line, "the text seems to end before this line"),) if line else ()
    return Draft(span, 'this """ has no closing """ on a line of its own', labels)


@code("FLOW112", "Text beside the quotes of a block")
def beside_quotes(span: Span, *, closing: bool) -> Draft:
    """A block of text of several lines has its text on the lines between its quotes: nothing follows the opening quotes
    on their line, and nothing stands before the closing ones on theirs.

    ```flow
    leadflow 1
    const a = \"\"\"hello
      world
      \"\"\"
    ```

    ```flow
    leadflow 1
    const a = \"\"\"
      hello
      world
      \"\"\"
    ```
    """
    text = 'the closing """ stands on a line of its own' if closing else 'the text begins on the line after """'
    return Draft(span, text)


@code("FLOW113", "Line of a block indented less than its end")
def less_indented(span: Span, *, close: Span) -> Draft:
    """The indent of the closing quotes is removed from every line of a block of text, so every line that is not blank
    has at least that indent.

    ```flow
    leadflow 1
    const a = \"\"\"
      hello
     world
      \"\"\"
    ```

    ```flow
    leadflow 1
    const a = \"\"\"
      hello
      world
      \"\"\"
    ```
    """
    return Draft(
        span,
        'this line of the text is indented less than its closing """',
        (Label(close, "the indent of this line is removed from the text"),),
    )


@code("FLOW114", "Unknown escape")
def bad_escape(span: Span, written: str) -> Draft:
    """A backslash in a string begins one of the escapes `\\n`, `\\t`, `\\"`, `\\\\` and `\\u{1F600}` (a Unicode number
    up to `10FFFF` that is no surrogate). A backslash that means itself is written twice.

    ```flow
    leadflow 1
    const folder = "C:\\data"
    ```

    ```flow
    leadflow 1
    const folder = "C:\\\\data"
    ```
    """
    notes = (r"the escapes are \n \t \" \\ and \u{…}",)
    doubled = Fix("write the backslash twice", (Edit(Span(span.file, span.start, span.start), "\\"),))
    return Draft(span, f"'{short(written)}' is no escape; a backslash is written '\\\\'", notes=notes, fix=doubled)


@code("FLOW115", "Hole that cannot be read")
def bad_hole(span: Span, why: str) -> Draft:
    """A hole `${…}` in a string holds one expression, on one line, without braces and comments; it may hold plain
    strings. Bigger things get a name with `let`. The characters `${` themselves are written `$${`.

    ```flow
    leadflow 1
    flow f(name: string) -> string {
      return "hello ${name"
    }
    ```

    ```flow
    leadflow 1
    flow f(name: string) -> string {
      return "hello ${name}"
    }
    ```
    """
    return Draft(span, why, notes=("for the characters '${' themselves write '$${'",))


@code("FLOW116", "Quotes of another language")
def foreign_quotes(span: Span, quote: str, *, inside: str | None) -> Draft:
    """Strings stand in double quotes.

    ```flow
    leadflow 1
    const greeting = 'hello'
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    fix = None
    if inside is not None:
        text = inside.replace("\\'", "'").replace('"', '\\"')
        fix = Fix("write double quotes", (Edit(span, f'"{text}"'),), safe="${" not in inside and "\\" not in inside)
    return Draft(span, f"a string stands in double quotes, not in {quote}", fix=fix)


@code("FLOW117", "Hole where the text must be plain")
def hole_in_plain(span: Span, where: str) -> Draft:
    """Names of fields, literal types, patterns, names of tests and paths of imports are fixed text.

    ```flow
    leadflow 1
    const plan = "a"
    type Plan = "${plan}" | "b"
    ```

    ```flow
    leadflow 1
    type Plan = "a" | "b"
    ```
    """
    return Draft(span, f"{where} is plain text; it cannot have a hole")


@code("FLOW118", "Letter before a string")
def string_prefix(span: Span, prefix: str) -> Draft:
    """Every string can have holes `${…}`; no letter stands before the quotes.

    ```flow
    leadflow 1
    flow f(name: string) -> string {
      return f"hello ${name}"
    }
    ```

    ```flow
    leadflow 1
    flow f(name: string) -> string {
      return "hello ${name}"
    }
    ```
    """
    fix = Fix(f"remove '{prefix}'", (Edit(span, ""),), safe=prefix.lower() == "f")
    return Draft(span, f"no letter stands before a string; remove '{prefix}'", fix=fix)


# --- numbers --------------------------------------------------------------------------------------------------------

_UNITS = ("durations: ms s m h d (1h30m); sizes: KB MB GB; rates: 60 per minute; money: $0.50",)


@code("FLOW120", "Unknown unit")
def unknown_unit(span: Span, unit: str, *, fix: str | None, safe: bool = False) -> Draft:
    """A letter that touches a number is a unit: `ms s m h d` for durations, `KB MB GB` for sizes. Rates are written
    `60 per minute`, with `second`, `minute`, `hour`, `day` or a duration; what is counted is not named. There are no
    units for thousands and millions: tokens are `20_000`.

    ```flow
    leadflow 1
    const wait = 5min
    ```

    ```flow
    leadflow 1
    const wait = 5m
    ```
    """
    edit = None if fix is None else Fix(f"write '{fix}'", (Edit(span, fix),), safe)
    hint = f"; did you mean '{short(fix)}'?" if fix else ""
    return Draft(span, f"unknown unit '{short(unit)}'{hint}", notes=_UNITS, fix=edit)


@code("FLOW121", "Number that cannot be read")
def bad_number(span: Span, why: str, *, fix: str | None = None, safe: bool = False) -> Draft:
    """Numbers are `100_000`, `0.25`, durations `1h30m`, sizes `10MB` and US dollars `$0.50` with up to 6 decimals.
    There are no exponents, no other bases, no leading zeros, no other currencies and no percent.

    ```flow
    leadflow 1
    const code = 007
    ```

    ```flow
    leadflow 1
    const code = 7
    ```
    """
    edit = None if fix is None else Fix(f"write '{fix}'", (Edit(span, fix),), safe)
    return Draft(span, why, notes=_UNITS, fix=edit)
