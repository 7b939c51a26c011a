"""A cut of the damaged journals, and that they would find what they look for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from leadflow.events.codec import NotAnEvent, read_event
from leadflow.events.model import Entry
from leadflow.run.store import Corrupt
from leadflow.stores import sqlite_file
from tests.durable.cuts import trial


def test_no_wrong_value_is_used(tmp_path: Path) -> None:
    """Cases D2, D11: whatever became of the log or the file, what is read was committed, and nothing whole is lost."""
    seen, wrong = trial(60, 60, 2, tmp_path)
    assert [] == wrong
    assert {"cut: prefix", "page: prefix", "flip: refused"} <= set(seen)


def test_rows_that_nobody_looks_at_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a store did not hold rows against their hashes, the trial would say so."""

    def trusting(run: str, rows: Sequence[tuple[int, float, str, bytes]], **told: object) -> list[Entry]:
        try:
            return [Entry(seq, at, read_event(text)) for seq, at, text, _ in rows]
        except NotAnEvent as problem:
            raise Corrupt(str(problem)) from None

    monkeypatch.setattr(sqlite_file, "checked", trusting)
    _, wrong = trial(0, 150, 2, tmp_path)
    assert any("not what was committed" in text for text in wrong)
