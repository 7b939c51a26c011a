"""What users see, kept in plain files beside the tests; `pytest --update` writes them anew, then one reads the diff."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

Golden: TypeAlias = Callable[[Path, str], None]
"""Compares a text with a file; the fixture `golden`."""


def add_option(parser: pytest.Parser) -> None:
    """The option `--update`."""
    parser.addoption("--update", action="store_true", help="write the golden files anew; read the diff afterwards")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with a file of the repository, or writes it under `--update`."""
    update = bool(request.config.getoption("--update"))

    def compare(file: Path, text: str) -> None:
        if update:
            file.write_text(text, encoding="utf-8", newline="\n")
        assert file.exists(), f"{file.name} is not there; `pytest --update` writes it"
        assert file.read_text("utf-8") == text

    return compare
