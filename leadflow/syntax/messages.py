"""FLOW101 and FLOW130-FLOW169: what the parser says about how things follow each other.

The codes between stand in `messages_source`. Every message says the leadflow way, not only that something is wrong.
"""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code
from leadflow.syntax.messages_source import short


def _replace(title: str, span: Span, text: str, *, safe: bool = False) -> Fix:
    return Fix(title, (Edit(span, text),), safe)


def _insert(title: str, at: int, span: Span, text: str, *, safe: bool = False) -> Fix:
    return Fix(title, (Edit(Span(span.file, at, at), text),), safe)


@code("FLOW101", "Unexpected text")
def unexpected(span: Span, found: str, *, expected: Sequence[str] = ()) -> Draft:
    """Something stands where it cannot stand. The message lists what could stand there.

    ```flow
    leadflow 1
    const a = * 2
    ```

    ```flow
    leadflow 1
    const a = 2
    ```
    """
    *most, last = expected or ("",)
    wanted = f"{', '.join(most)} or {last}" if most else last
    return Draft(span, f"unexpected {found}" + (f"; here {wanted} can stand" if wanted else ""))


# --- marks and words of other languages -----------------------------------------------------------------------------


@code("FLOW130", "Operator of another language")
def foreign_operator(span: Span, written: str, *, right: str, safe: bool = True) -> Draft:
    """The operators are `and or not`, `== != < <= > >= in`, `+ - * / %` and `??`.

    ```flow
    leadflow 1
    flow f(a: bool, b: bool) -> bool { return a && !b }
    ```

    ```flow
    leadflow 1
    flow f(a: bool, b: bool) -> bool { return a and not b }
    ```
    """
    fix = _replace(f"write '{right.strip()}'", span, right, safe=safe)
    return Draft(span, f"'{written}' is written '{right.strip()}'", fix=fix)


@code("FLOW131", "Mark of another language")
def foreign_mark(span: Span, written: str, *, why: str, right: str | None) -> Draft:
    """Statements and declarations need nothing between them: no `;`, no `,`.

    ```flow
    leadflow 1
    const a = 1;
    const b = 2;
    ```

    ```flow
    leadflow 1
    const a = 1
    const b = 2
    ```
    """
    title = f"write '{right}'" if right else f"remove '{written}'"
    fix = None if right is None else _replace(title, span, right, safe=not right)
    return Draft(span, f"'{written}' is not used in leadflow; {why}", fix=fix)


@code("FLOW132", "Comment of another language")
def foreign_comment(span: Span, written: str, *, right: str | None) -> Draft:
    """A comment begins with `#` and goes to the end of its line; `##` lines document what follows them.

    ```flow
    leadflow 1
    // The greeting.
    const greeting = "hello"
    ```

    ```flow
    leadflow 1
    # The greeting.
    const greeting = "hello"
    ```
    """
    fix = (
        None if right is None else _replace("write '#'", Span(span.file, span.start, span.start + 2), right, safe=True)
    )
    return Draft(span, f"a comment begins with '#', not with '{written}'", fix=fix)


@code("FLOW119", "Address without quotes")
def bare_address(span: Span, *, is_value: bool) -> Draft:
    """An address is a text, and stands in quotes. Where it has some, another text on its line has lost one of its own.

    ```flow
    leadflow 1
    agent web: http { url: https://example.com }
    ```

    ```flow
    leadflow 1
    agent web: http { url: "https://example.com" }
    ```
    """
    if is_value:
        ends = (Edit(span._replace(end=span.start), '"'), Edit(span._replace(start=span.end), '"'))
        return Draft(span, "an address is a text and stands in quotes", fix=Fix("put it in quotes", ends, safe=True))
    return Draft(span, "an address begins right behind a quote: a text before it on this line lacks its closing one")


@code("FLOW133", "Word of another language")
def foreign_word(span: Span, word: str, *, way: str, right: str | None = None) -> Draft:
    """A word that other languages use where leadflow has another one: the message says which.

    ```flow
    leadflow 1
    flow f(ready: bool) -> bool { return ready == True }
    ```

    ```flow
    leadflow 1
    flow f(ready: bool) -> bool { return ready == true }
    ```
    """
    title = f"write '{right}'" if right else f"remove '{word}'"
    fix = None if right is None else _replace(title, span, right)
    return Draft(span, f"'{word}' is not a word of leadflow; {way}", fix=fix)


@code("FLOW134", "Colon after a keyword")
def colon_after_keyword(span: Span, word: str, *, way: str, colon: Span | None) -> Draft:
    """Blocks stand in braces and statements begin with their word alone. A word followed by `:` is the name of a field.

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready { return 1 } else: { return 2 }
    }
    ```

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready { return 1 } else { return 2 }
    }
    ```
    """
    fix = None if colon is None else _replace("remove ':'", colon, "")
    return Draft(span, f"after '{word}' stands no ':'; {way}", fix=fix)


# --- names ----------------------------------------------------------------------------------------------------------


@code("FLOW135", "Keyword used as a name")
def reserved(span: Span, word: str, *, free: str, later: bool) -> Draft:
    """Words that begin or join statements and expressions cannot name values: `step let if then else match return yield
    fail for in repeat parallel race do and or not true false none`, and, kept for later, `try catch fn await case when
    with`. They may name fields.

    ```flow
    leadflow 1
    const match = 3
    ```

    ```flow
    leadflow 1
    const game = 3
    ```
    """
    kept = " (kept for later)" if later else ""
    fix = _replace(f"name it '{free}'", span, free)
    return Draft(span, f"'{word}' is a keyword{kept} and cannot be a name here", fix=fix)


# --- annotations ----------------------------------------------------------------------------------------------------


@code("FLOW136", "Annotation behind what it belongs to")
def trailing_annotation(span: Span, written: str, *, owner: str, move: Fix | None) -> Draft:
    """An annotation stands above what it governs, or before it on the same line. Behind it, it would silently belong to
    what comes next; so this is the one place where lines count: an annotation is the first thing on its line, or
    follows `{` or another annotation. Constraints of fields and parameters alone stand behind their type.

    ```flow
    leadflow 1
    agent a: http { url: "https://example.com" } @timeout(30s)
    agent b: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    @timeout(30s)
    agent a: http { url: "https://example.com" }
    agent b: http { url: "https://example.com" }
    ```
    """
    return Draft(
        span, f"'{written}' stands behind {short(owner)}; an annotation stands above what it governs", fix=move
    )


@code("FLOW139", "Constraint of what is no field")
def constraint_of_no_field(span: Span, written: str, *, owner: str) -> Draft:
    """A constraint belongs to one place where values come in, a field or a parameter. A named type has none: it would
    hold wherever the name is used, and nobody would see it there. Neither has a step: what it has to be in every
    detail is said by the fields of its type, as in `step note: { text: string @length(1, 80) } = …`.

    ```flow
    leadflow 1
    type Name = string @length(1, 80)
    flow main(name: Name) -> string {
      return name
    }
    ```

    ```flow
    leadflow 1
    flow main(name: string @length(1, 80)) -> string {
      return name
    }
    ```
    """
    return Draft(
        span,
        f"'{written}' stands behind {short(owner)}; a constraint stands behind the type of a field or a parameter",
        notes=() if owner.startswith("'type ") else (f"write a record whose field has it: `{{ value: … {written} }}`",),
    )


@code("FLOW137", "Constraint before its field")
def leading_constraint(span: Span, written: str, *, what: str, move: Fix | None) -> Draft:
    """A constraint of a field or parameter follows the type, on its line.

    ```flow
    leadflow 1
    type Verdict {
      @range(0, 1)
      confidence: float
    }
    ```

    ```flow
    leadflow 1
    type Verdict {
      confidence: float @range(0, 1)
    }
    ```
    """
    return Draft(span, f"'{written}' stands before its {what}; a constraint follows the type on its line", fix=move)


@code("FLOW138", "Annotation of nothing")
def lone_annotation(span: Span, written: str) -> Draft:
    """An annotation stands above a declaration or a statement; nothing follows this one.

    ```flow
    leadflow 1
    const a = 1
    @timeout(30s)
    ```

    ```flow
    leadflow 1
    const a = 1
    @timeout(30s)
    agent crm: http { url: "https://example.com" }
    ```
    """
    return Draft(span, f"'{written}' stands above nothing", fix=_replace("remove it", span, ""))


# --- expressions ----------------------------------------------------------------------------------------------------


@code("FLOW140", "Comparisons in a chain")
def chained_comparison(span: Span, *, fix: Fix | None) -> Draft:
    """A comparison gives a bool, so comparing its result with something else is hardly ever meant. Join two comparisons
    with `and`.

    ```flow
    leadflow 1
    flow f(x: int) -> bool { return 0 < x < 9 }
    ```

    ```flow
    leadflow 1
    flow f(x: int) -> bool { return 0 < x and x < 9 }
    ```
    """
    return Draft(span, "comparisons do not chain; join two of them with 'and'", fix=fix)


@code("FLOW141", "Single equals sign in an expression")
def single_equals(span: Span, *, key: str | None, what: str = "an argument is passed as") -> Draft:
    """`==` compares, `=` gives a value to a name, and `name: value` passes an argument.

    ```flow
    leadflow 1
    flow f(x: int) -> bool { return x = 1 }
    ```

    ```flow
    leadflow 1
    flow f(x: int) -> bool { return x == 1 }
    ```
    """
    if key is not None:
        fix = _replace("write ':'", span, ":")
        return Draft(span, f"{what} '{short(key)}: value', not with '='", fix=fix)
    return Draft(span, "'=' gives a value to a name; '==' compares", fix=_replace("write '=='", span, "=="))


@code("FLOW142", "Value missing")
def missing_value(span: Span, *, after: str, found: str) -> Draft:
    """An expression is missing: a value, a name, a call.

    ```flow
    leadflow 1
    const a =
    const b = 2
    ```

    ```flow
    leadflow 1
    const a = 1
    const b = 2
    ```
    """
    return Draft(span, f"a value is missing after {short(after)}, before {found}")


@code("FLOW143", "Missing comma")
def missing_comma(span: Span, *, before: str, twice: bool) -> Draft:
    """Arguments, items of lists and entries of records are separated by commas.

    ```flow
    leadflow 1
    const a = [1 2]
    ```

    ```flow
    leadflow 1
    const a = [1, 2]
    ```
    """
    if twice:
        return Draft(span, f"{before} stands here twice, or a comma is missing between")
    return Draft(
        span, f"a comma is missing before {before}", fix=_insert("write ','", span.start, span, ",", safe=True)
    )


@code("FLOW144", "Bracket without an end")
def open_bracket(span: Span, bracket: str, *, at: Span, close: str) -> Draft:
    """What `(`, `[` or `{` begins in an expression has to end before the next statement does begin.

    ```flow
    leadflow 1
    const a = [1, 2
    const b = 2
    ```

    ```flow
    leadflow 1
    const a = [1, 2]
    const b = 2
    ```
    """
    fix = _insert(f"write '{close}'", at.start, at, close)
    return Draft(span, f"'{bracket}' is not closed", (Label(at, f"'{close}' is missing here"),), fix=fix)


@code("FLOW145", "Bracket without a begin")
def extra_bracket(span: Span, bracket: str) -> Draft:
    """A closing bracket has to have an opening one.

    ```flow
    leadflow 1
    const a = [1, 2]]
    ```

    ```flow
    leadflow 1
    const a = [1, 2]
    ```
    """
    return Draft(span, f"'{bracket}' closes nothing", fix=_replace(f"remove '{bracket}'", span, ""))


# --- statements -----------------------------------------------------------------------------------------------------


@code("FLOW150", "Brace without an end")
def open_brace(span: Span, *, what: str, at: Span | None) -> Draft:
    """A `{` has no `}`. The place is the one whose `}` does not stand where its line begins, which need not be the
    place where the end of the file was reached.

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready {
        return 1
      return 2
    }
    ```

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready {
        return 1
      }
      return 2
    }
    ```
    """
    labels = (Label(at, "it should be closed before this"),) if at else ()
    return Draft(span, f"the '{{' of {short(what)} is not closed", labels)


@code("FLOW151", "Brace without a begin")
def extra_brace(span: Span, *, closes: Span | None) -> Draft:
    """A `}` closes nothing, or something else than its indent says.

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready {
        return 1
      }
      }
      return 2
    }
    ```

    ```flow
    leadflow 1
    flow f(ready: bool) -> int {
      if ready {
        return 1
      }
      return 2
    }
    ```
    """
    labels = (Label(closes, "it closes this, whose line is indented differently"),) if closes else ()
    return Draft(span, "one '}' too many", labels, fix=_replace("remove '}'", span, ""))


@code("FLOW152", "Value written as blocks")
def blocks_as_value(span: Span, *, word: str, name: str, statement: str, rewrite: Fix | None) -> Draft:
    """`if` and `match` with braces are statements. A step that differs by case stands in each block under the same
    name, and can be read below. Values that differ by case are written `if c then a else b` and
    `match e { "x" then 1, _ then 2 }`.

    ```flow
    leadflow 1
    agent crm: http { url: "https://example.com" }
    flow f(known: bool) -> json {
      step a = if known { crm.get("/a") } else { crm.get("/b") }
      return a
    }
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://example.com" }
    flow f(known: bool) -> json {
      if known { step a = crm.get("/a") } else { step a = crm.get("/b") }
      return a
    }
    ```
    """
    way = f"'{word}' with braces gives no value"
    if statement == "step":
        return Draft(span, f"{way}; write the '{word}' around, and 'step {short(name)} = …' in each block", fix=rewrite)
    example = "if c then a else b" if word == "if" else 'match e { "x" then 1, _ then 2 }'
    return Draft(span, f"{way}; write '{example}'", fix=rewrite)


@code("FLOW153", "Arm of the other form of match")
def wrong_arm(span: Span, *, value: bool) -> Draft:
    """The arms of a `match` that gives a value are written `"x" then 1`, with commas; those of the statement
    `"x" => { … }`.

    ```flow
    leadflow 1
    flow f(x: string) -> int {
      let n = match x { "a" => 1, _ => 2 }
      return n
    }
    ```

    ```flow
    leadflow 1
    flow f(x: string) -> int {
      let n = match x { "a" then 1, _ then 2 }
      return n
    }
    ```
    """
    if value:
        return Draft(
            span,
            "an arm that gives a value is written 'pattern then value'",
            fix=_replace("write 'then'", span, "then"),
        )
    return Draft(span, "an arm of statements is written 'pattern => { … }'", fix=_replace("write '=>'", span, "=>"))


@code("FLOW154", "Equals sign missing")
def missing_equals(span: Span, *, after: str) -> Draft:
    """Between a name and its value stands `=`.

    ```flow
    leadflow 1
    const limit 5
    ```

    ```flow
    leadflow 1
    const limit = 5
    ```
    """
    end = Span(span.file, span.start, span.start)
    return Draft(
        span, f"'=' is missing after '{short(after)}'", fix=_insert("write '='", end.start, end, "= ", safe=True)
    )


@code("FLOW155", "Statement without its word")
def bare_statement(span: Span, *, written: str, way: str, fix: Fix | None) -> Draft:
    """Every statement begins with a word: `step` for what has an effect, `let` for a value, `if match return yield
    fail`. Steps have names, because their names are the paths of a run.

    ```flow
    leadflow 1
    agent crm: http { url: "https://example.com" }
    flow f() {
      crm.post("/seen")
    }
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://example.com" }
    flow f() {
      step seen = crm.post("/seen")
    }
    ```
    """
    return Draft(span, f"no statement begins with '{written}'; {way}", fix=fix)


@code("FLOW156", "Not in this place")
def misplaced(span: Span, word: str, *, where: str, way: str) -> Draft:
    """Declarations stand at the top of a file, statements in flows and blocks, and each kind of braces has its own
    contents.

    ```flow
    leadflow 1
    let greeting = "hello"
    ```

    ```flow
    leadflow 1
    const greeting = "hello"
    ```
    """
    return Draft(span, f"'{short(word)}' cannot stand {where}; {way}")


@code("FLOW157", "Unknown declaration")
def unknown_declaration(span: Span, word: str, *, way: str, fix: Fix | None) -> Draft:
    """A file holds declarations: `use type agent tool policy const flow on profile test`.

    ```flow
    leadflow 1
    agnet crm: http { url: "https://example.com" }
    ```

    ```flow
    leadflow 1
    agent crm: http { url: "https://example.com" }
    ```
    """
    return Draft(span, f"no declaration begins with '{word}'; {way}", fix=fix)


# --- doc comments ---------------------------------------------------------------------------------------------------


@code("FLOW160", "Doc comment of nothing", severity="warning")
def lone_doc(span: Span) -> Draft:
    """`##` lines document the declaration, field, setting or step that follows on the next line; before `leadflow 1`
    they document the file. Elsewhere they document nothing; write `#`.

    ```flow
    leadflow 1
    type Ticket {
      id: string ## the number
    }
    ```

    ```flow
    leadflow 1
    type Ticket {
      ## The number.
      id: string
    }
    ```
    """
    start = Span(span.file, span.start, span.start + 2)
    return Draft(
        span,
        "'##' documents what follows on the next line; nothing follows that can be documented",
        fix=_replace("write '#'", start, "#", safe=True),
    )
