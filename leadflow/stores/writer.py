"""The thread that has a journal's file, and the way to it and back.

While a link of a chain is committed nothing else of its run can happen, so that what a commit takes beside the disk is
this way. Orders go through a queue on which the thread sleeps. What came of them is told through a pipe that the loop
watches: the futures of an executor, and `call_soon_threadsafe`, which reads its socket until that refuses, take more
than twice as long (`tests/benchmarks/README.md`). Knows nothing of journals.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, TypeAlias, TypeVar, cast

T = TypeVar("T")
Item = TypeVar("Item")
Made = TypeVar("Made")

Work: TypeAlias = Callable[[], T]
Then: TypeAlias = Callable[[T | None, BaseException | None], None]
"""Takes what was made, or what was raised instead, in the loop."""

_MOST = 4096
"""Bytes read from the pipe at once: one for each order that is done."""


class Writer:
    """Does what it is given, one after the other, in a thread. Serves one event loop."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[tuple[Work[Any], Then[Any]] | None] = SimpleQueue()
        self._made: deque[tuple[Then[Any], Any, BaseException | None]] = deque()
        self._owed = 0
        self._thread: Thread | None = None
        self._ear = self._bell = -1

    @property
    def is_busy(self) -> bool:
        """Whether there is work of which the loop has not heard yet."""
        return self._owed > 0

    @property
    def is_serving(self) -> bool:
        """Whether orders are done: between the start and the stop."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to serve the loop that runs now.

        Raises:
            OSError: this process has too many files open.
        """
        self._ear, self._bell = os.pipe()
        os.set_blocking(self._ear, False)
        asyncio.get_running_loop().add_reader(self._ear, self._hear)
        # A daemon: a process that ends in the middle of a commit need not wait, that is what journals are for.
        self._thread = Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Serve no more; what is under way is done first, and nobody hears of it."""
        if self._thread is None:
            return
        self._orders.put(None)
        self._thread.join()
        self._thread = None
        asyncio.get_running_loop().remove_reader(self._ear)
        os.close(self._ear)
        os.close(self._bell)

    def begin(self, work: Work[T], then: Then[T]) -> None:
        """Do some work, and say in the loop what came of it."""
        self._owed += 1
        self._orders.put((work, then))

    def do(self, work: Work[T]) -> "asyncio.Future[T]":
        """What some work gives. Whoever does not wait for it any more has not called it off (case X3)."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.begin(work, lambda made, problem: _settle(done, made, problem))
        return done

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            work, then = order
            self._made.append((then, *outcome(work)))
            os.write(self._bell, b"!")

    def _hear(self) -> None:
        os.read(self._ear, _MOST)
        while self._made:
            then, made, problem = self._made.popleft()
            self._owed -= 1
            then(made, problem)


class Together(Generic[Item, Made]):
    """Work of which all that comes while some is under way is done behind it, together."""

    def __init__(self, writer: Writer, work: Callable[[Sequence[Item]], Sequence[Made]]) -> None:
        """`work` does that of some items, and makes something of each."""
        self._writer = writer
        self._work = work
        self._pending: list[tuple[Item, asyncio.Future[Made]]] = []
        self._is_busy = False

    def do(self, item: Item) -> "asyncio.Future[Made]":
        """What is made of an item. Whoever does not wait for it any more has not called it off (case X3)."""
        done: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self._pending.append((item, done))
        if not self._is_busy:
            self._begin()
        return done

    def _begin(self) -> None:
        batch, self._pending = self._pending, []
        self._is_busy = True
        items = [item for item, _ in batch]
        self._writer.begin(lambda: self._work(items), lambda made, problem: self._end(batch, made, problem))

    def _end(
        self,
        batch: Sequence[tuple[Item, "asyncio.Future[Made]"]],
        made: Sequence[Made] | None,
        problem: BaseException | None,
    ) -> None:
        self._is_busy = False
        if self._pending:  # the thread goes on while this one tells
            self._begin()
        for number, (_, done) in enumerate(batch):
            _settle(done, None if made is None else made[number], problem)


def outcome(work: Work[T]) -> tuple[T | None, BaseException | None]:
    """What some work gives, or what it raises instead."""
    try:
        return work(), None
    except BaseException as problem:  # raised again by whoever waits for it
        return None, problem


def _settle(waiting: "asyncio.Future[T]", made: T | None, problem: BaseException | None) -> None:
    if waiting.done():
        return  # nobody waits any more
    if problem is None:
        waiting.set_result(cast(T, made))
    else:
        waiting.set_exception(problem)
