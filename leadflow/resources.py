"""Where the grammar and the standard library lie (prices with it): in the wheel, or beside the package in a checkout.

The only module of the front that opens a file. It knows folders, not what the texts in them mean.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name


GRAMMAR = _folder("grammar")
STDLIB = _folder("stdlib")


def grammar_text() -> str:
    """The text of `flow.lark`."""
    return (GRAMMAR / "flow.lark").read_text("utf-8")


def grammar_tables() -> str:
    """The text of `flow.tables.json`, which `leadflow.syntax.generate` makes from the grammar."""
    return (GRAMMAR / "flow.tables.json").read_text("utf-8")


def prices_text() -> str:
    """The text of `prices.json`: what models cost, with its source, date and licence."""
    return (STDLIB / "prices.json").read_text("utf-8")


def stdlib_modules() -> tuple[str, ...]:
    """The names after `std.` that can be imported, sorted."""
    files = (path.relative_to(STDLIB).with_suffix("") for path in STDLIB.rglob("*.flow"))
    return tuple(sorted(".".join(file.parts) for file in files))


def stdlib_text(module: str) -> str | None:
    """The source of `std.<module>`; None when there is no such module."""
    if module not in stdlib_modules():
        return None
    return STDLIB.joinpath(*module.split(".")).with_suffix(".flow").read_text("utf-8")
