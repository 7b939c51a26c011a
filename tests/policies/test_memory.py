"""What `@cache` remembers, beside the model: how much room it takes, and what a clock that goes back does to it."""

from leadflow.policies.memory import MOST, Kept, Memory
from leadflow.run.errors import Permanent

ONE = Kept(b"1")
EACH = 512
"""Bytes beside an answer."""


def test_an_entry_takes_its_answer_and_a_little() -> None:
    """What is kept is counted in bytes: an answer, a message of a failure."""
    assert (EACH, EACH + 3) == (Kept(b"").size, Kept(b"abc").size)
    assert EACH + len("no such page") == Kept(b"", error=Permanent("no such page")).size


def test_a_process_keeps_64_mib() -> None:
    """What takes just that much is kept; a byte more, and it is not: nothing else makes room for it."""
    memory = Memory()
    memory.keep(b"k", Kept(bytes(64 * 2**20 - EACH)), seconds=10, now=0.0)
    assert 64 * 2**20 == MOST == memory.size
    memory.keep(b"other", Kept(bytes(64 * 2**20 - EACH + 1)), seconds=10, now=0.0)
    assert (None, False) == (memory.find(b"other", 1.0), memory.find(b"k", 1.0) is None)


def test_what_is_over_takes_no_room() -> None:
    """An end that is over goes although nobody asks for it."""
    memory = Memory()
    memory.keep(b"k", ONE, seconds=10, now=0.0)
    assert (None, ONE.size) == (memory.find(b"other", 9.5), memory.size)
    assert (None, 0) == (memory.find(b"other", 10.5), memory.size)


def test_a_clock_a_little_behind_is_another_threads() -> None:
    """A second back changes nothing; more than that, and all is forgotten."""
    memory = Memory()
    memory.keep(b"k", ONE, seconds=100, now=50.0)
    assert ONE == memory.find(b"k", 49.0)
    assert memory.find(b"k", 48.5) is None
    assert memory.find(b"k", 50.0) is None


def test_after_a_clock_went_back_it_remembers_again() -> None:
    """What is kept then is found then, for as long as it says."""
    memory = Memory()
    memory.keep(b"k", ONE, seconds=100, now=1_000.0)
    memory.keep(b"k", ONE, seconds=10, now=5.0)
    assert ONE == memory.find(b"k", 14.0)
    assert memory.find(b"k", 15.5) is None
