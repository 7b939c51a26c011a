"""What a case of the catalogue of bad inputs is, and the texts it is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bad_inputs.codes import MEANINGS


@dataclass(frozen=True, slots=True)
class Case:
    """One bad input and its outcome."""

    number: int
    """In the catalogue."""
    name: str
    main: bytes | Callable[[Path], object]
    """The text of `main.flow`, or what makes it."""
    meaning: str | None
    """A key of `codes.py`, or a code; None: it is accepted."""
    other: str | None = None
    """A second meaning that is as good."""
    beside: Mapping[str, bytes] = field(default_factory=dict)
    """Further files by name."""
    says: str = ""
    """A part of what is printed."""
    words: Sequence[str] = ()
    """The command line; without it `check main.flow`."""
    result: str | None = None
    """What a run prints, as JSON, or what one of the fields is that it prints."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Any of these is right; empty for what is told in words."""
        meanings = [meaning for meaning in (self.meaning, self.other) if meaning is not None]
        return tuple(code for meaning in meanings for code in MEANINGS.get(meaning, (meaning,)))

    def write(self, folder: Path) -> None:
        """Lay the files out."""
        for name, data in self.beside.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        main = folder / "main.flow"
        if isinstance(self.main, bytes):
            main.write_bytes(self.main)
        else:
            self.main(main)


def parameters(cases: Sequence[Case]) -> list[object]:
    """The cases as parameters of a test, named by their numbers."""
    return [pytest.param(case, id=f"{case.number:03}-{case.name}") for case in cases]


def text(body: str) -> bytes:
    """A flow's file."""
    return f"leadflow 1\n{body}".encode("utf-8", "surrogatepass")


def flow(body: str, head: str = "") -> bytes:
    """A file with a flow `main` that gives a whole number."""
    return text(f"{head}flow main() -> int {{\n{body}\n}}\n")
