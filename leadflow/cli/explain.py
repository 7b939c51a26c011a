"""`leadflow explain CODE`: the page of a diagnostic code."""

import click

import leadflow.pipeline  # noqa: F401  (its phases register their codes)
from leadflow.cli.refused import Refused
from leadflow.cli.views import human
from leadflow.diagnostics import page, pages


@click.command()
@click.argument("code", required=False)
def command(code: str | None) -> None:
    """Tell what CODE means, why it is a mistake, and how it is mended. Without CODE, list all codes."""
    if code is None:
        human.code_list(pages())
        return
    found = page(f"FLOW{code}" if code.isdigit() else code)
    if found is None:
        raise Refused(f"there is no code {code}{_hint(code) or '; `leadflow explain` lists them all'}")
    human.explain_page(found)


def _hint(code: str) -> str:
    """The code with the same number, as `FLW-201` means it; numbers that differ are not alike."""
    meant = f"FLOW{''.join(char for char in code if char.isdigit())}"
    return f"; did you mean {meant}?" if page(meant) else ""
