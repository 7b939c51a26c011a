"""`leadflow explain CODE`: the page of a diagnostic code."""

import click

import leadflow.pipeline  # noqa: F401  (its phases register their codes)
from leadflow.cli.views import human
from leadflow.diagnostics import nearest, page, pages


@click.command()
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Tell what CODE means, why it is a mistake, and how it is mended. Without CODE, list all codes."""
    if code is None:
        human.code_list(pages())
        return
    found = page(code)
    if found is None:
        hint = nearest(code.upper(), pages())
        raise click.UsageError(f"there is no code {code}" + (f"; did you mean {hint}?" if hint else ""))
    human.explain_page(found)
