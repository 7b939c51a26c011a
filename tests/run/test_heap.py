"""The collector is told about big runs, and only about those."""

import gc
from collections.abc import Iterator

import pytest

from leadflow.run.heap import FEW, Heap, uncollected


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Nothing is frozen before or after."""
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_a_small_run_freezes_nothing() -> None:
    """Below the bound the collector is left alone."""
    Heap().grown_to(FEW - 1)
    assert 0 == gc.get_freeze_count()


def test_a_big_run_freezes_and_gives_back() -> None:
    """What is set aside while a run grows is handed back at its end."""
    heap = Heap()
    heap.grown_to(FEW)
    assert gc.get_freeze_count() > 0
    heap.give_back()
    assert 0 == gc.get_freeze_count()


def test_what_others_froze_stays_frozen() -> None:
    """A process that froze its heap for its own reasons finds it as it was."""
    gc.freeze()
    count = gc.get_freeze_count()
    heap = Heap()
    heap.grown_to(FEW)
    heap.give_back()
    assert abs(count - gc.get_freeze_count()) < 100


def test_the_collector_comes_back_on() -> None:
    """It is off inside and on behind, also after an error."""
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
