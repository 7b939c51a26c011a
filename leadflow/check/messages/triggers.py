"""FLOW449 and FLOW450: what the checker says about when and where triggers listen (rule E6)."""

from collections.abc import Sequence

from leadflow.diagnostics import Draft, Edit, Fix, Label, Span, code, did_you_mean, nearest


@code("FLOW449", "Unknown time zone")
def unknown_zone(span: Span, name: str, *, known: Sequence[str], alone: bool = True) -> Draft:
    """A zone is named as the IANA database has it: `Europe/Paris`, `America/New_York`, `UTC`. The names are part of
    leadflow, so that they are the same on every machine.

    ```flow
    leadflow 1
    on cron("0 9 * * 1-5", zone: "Europe/Pari") run main()
    flow main() -> string { return "hello" }
    ```

    ```flow
    leadflow 1
    on cron("0 9 * * 1-5", zone: "Europe/Paris") run main()
    flow main() -> string { return "hello" }
    ```
    """
    near = nearest(name, known)
    fix = Fix(f"write '{near}'", (Edit(span, f'"{near}"'),)) if near is not None and alone else None
    return Draft(span, f"there is no time zone '{name}'{did_you_mean(name, known)}", fix=fix)


@code("FLOW450", "Path that is taken")
def path_taken(span: Span, path: str, *, first: Span) -> Draft:
    """Two webhooks listen on one path, so nobody can say which flow a request starts.

    ```flow
    leadflow 1
    on webhook("/hooks/new", verify: none) run main()
    on webhook("/hooks/new", verify: none) run other()
    flow main() -> string { return "hello" }
    flow other() -> string { return "good day" }
    ```

    ```flow
    leadflow 1
    on webhook("/hooks/new", verify: none) run main()
    on webhook("/hooks/other", verify: none) run other()
    flow main() -> string { return "hello" }
    flow other() -> string { return "good day" }
    ```
    """
    return Draft(span, f"another webhook listens on '{path}' already", (Label(first, "this one"),))
