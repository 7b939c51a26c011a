"""FLOW1xx: everything the parser says, one function per code."""

from leadflow.diagnostics import Draft, Span, code


@code("FLOW101", "Unexpected text")
def unexpected(span: Span, found: str) -> Draft:
    """Something stands where it cannot stand.

    ```flow
    leadflow 1
    const a = = 1
    ```

    ```flow
    leadflow 1
    const a = 1
    ```
    """
    return Draft(span, f"unexpected '{found}'")
