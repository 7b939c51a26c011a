"""The collector is told about big runs, and only about those."""

import gc
from collections.abc import Iterator

import pytest

from leadflow.run.heap import FEW, RARELY, Heap, uncollected


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Nothing is frozen or tuned before or after."""
    usual = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*usual)


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


def test_cycles_are_looked_for_rarely_during_a_run() -> None:
    """While a run is under way the collector starts later; behind it stands what stood there before."""
    heap = Heap()
    heap.begin()
    assert (RARELY, 10, 10) == gc.get_threshold()
    heap.give_back()
    assert (700, 10, 10) == gc.get_threshold()


def test_a_run_inside_another_changes_nothing() -> None:
    """Only who changed the collector's thresholds gives them back."""
    outer, inner = Heap(), Heap()
    outer.begin()
    inner.begin()
    inner.give_back()
    assert (RARELY, 10, 10) == gc.get_threshold()
    outer.give_back()
    assert (700, 10, 10) == gc.get_threshold()


@pytest.mark.parametrize("tuned", [(0, 10, 10), (10_000, 20, 20)])
def test_a_tuned_collector_stays_as_it_is(tuned: tuple[int, int, int]) -> None:
    """Thresholds that are not Python's own have their reason."""
    gc.set_threshold(*tuned)
    heap = Heap()
    heap.begin()
    assert tuned == gc.get_threshold()
    heap.give_back()
    assert tuned == gc.get_threshold()


def test_the_collector_comes_back_on() -> None:
    """It is off inside and on behind, also after an error."""
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
