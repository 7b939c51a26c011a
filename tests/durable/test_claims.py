"""A cut of the claims, that they would find what they look for, and how a claim is held."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from leadflow.keeping import held
from leadflow.run.adapters import SystemClock
from leadflow.run.store import HeldJournal, JournalProblem, Store
from leadflow.stores import sqlite_file
from leadflow.stores.rows import Rows
from leadflow.testing import run_virtual
from tests.durable.claims import trial


def test_no_two_workers_are_believed(tmp_path: Path) -> None:
    """Cases D12 to D14: who was stopped for longer than his lease is refused what he appends."""
    seen, wrong = trial(200, 4, 1, tmp_path)
    assert [] == wrong
    assert 200 == seen["claimed"]


def test_a_store_without_fencing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a store took in what comes from an older epoch, the trial would say so, sooner or later."""
    append = sqlite_file._append

    def trusting(cursor: Any, rows: Rows) -> JournalProblem | None:
        epoch = cursor.execute("SELECT epoch FROM lf_run WHERE id = ?", (rows.run,)).fetchone()[0]
        return append(cursor, replace(rows, epoch=epoch))

    monkeypatch.setattr(sqlite_file, "_append", trusting)
    for seed in range(20):
        folder = tmp_path / str(seed)
        folder.mkdir()
        if trial(200, 4, seed, folder)[1]:
            return
    raise AssertionError("nobody noticed")


class Busy:
    """A store whose second renewal fails."""

    def __init__(self) -> None:
        self.renewals = 0

    async def renew(self, run: str, epoch: int) -> bool:
        """Hold the run longer, or not."""
        self.renewals += 1
        if self.renewals == 2:
            raise JournalProblem("the journal is locked")
        return True

    async def release(self, run: str, epoch: int, *, went_well: bool = True) -> None:
        """Give it back."""


class Run:
    """A run that is held."""

    run, epoch = "r", 1


def test_a_renewal_that_fails_is_not_the_last() -> None:
    """Case D13: a claim is renewed again after a moment in which the store could not be written."""
    store, clock = Busy(), SystemClock()

    async def main() -> None:
        async with held(cast(Store, store), cast(HeldJournal, Run()), clock):
            await clock.sleep(timedelta(seconds=20))

    run_virtual(main())
    assert store.renewals > 5
