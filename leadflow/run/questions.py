"""Questions to people: asked once, waited for, and heard from wherever the answers are kept.

A question is an event of its run, so that it outlasts the process: a step that is called again finds its question, and
perhaps its answer, in the log. Answers come from an inbox, because whoever answers does not hold the run. Knows who
waits for a person and nothing else; that a run may pause when all of it does is the driver's to see.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from leadflow.events.model import (
    AttemptFailed,
    Entry,
    Event,
    NodeCancelled,
    NodeDone,
    NodeFailed,
    QuestionAnswered,
    QuestionAsked,
)
from leadflow.run.ports import Clock, Question

_log = logging.getLogger("leadflow")

Inbox: TypeAlias = Callable[[], Awaitable[Sequence[QuestionAnswered]]]
"""All answers to the questions of a run that anybody has given so far."""

LOOKS = timedelta(seconds=1)
"""How often the inbox is looked into while something else of the run is under way."""


class Asked:
    """What a log says of the questions of each step: the last one, unless its step went on behind it."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.open: dict[str, QuestionAsked] = {}
        """Answered or not, by path."""
        self.answers: dict[str, QuestionAnswered] = {}
        """Of those, the ones that are in the log."""
        self.numbers: dict[str, int] = {}
        """How many questions each step has asked."""
        for entry in entries:
            self.add(entry.event)

    def add(self, event: Event) -> None:
        """One more event of the log."""
        match event:
            case QuestionAsked(path=path, number=number):
                self.open[path], self.numbers[path] = event, number
                self.answers.pop(path, None)
            case QuestionAnswered(path=path, number=number):
                if self.fits(event):
                    self.answers[path] = event
            case AttemptFailed(path=path) | NodeDone(path=path) | NodeFailed(path=path) | NodeCancelled(path=path):
                if path in self.open:
                    self.close(path)
            case _:
                pass

    def fits(self, answer: QuestionAnswered) -> bool:
        """Whether it answers the question that is open at its step, in time."""
        asked = self.open.get(answer.path)
        if asked is None or asked.number != answer.number or answer.path in self.answers:
            return False
        return asked.expires is None or answer.at < asked.expires

    def close(self, path: str) -> None:
        """The step goes on: it has heard the answer, or hears no more."""
        self.open.pop(path, None)
        self.answers.pop(path, None)

    @property
    def unanswered(self) -> tuple[QuestionAsked, ...]:
        """Those that nobody has answered, in the order in which they were asked."""
        return tuple(asked for path, asked in self.open.items() if path not in self.answers)


class Questions:
    """The port `People` of one run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inbox: Inbox = _empty
        self._asked = Asked()
        self._waiting: dict[str, list[asyncio.Future[QuestionAnswered | None]]] = {}
        self._post: Callable[[Event], None] = lambda event: None
        self._wake: Callable[[], None] = lambda: None
        self._spawn: Callable[[Coroutine[Any, Any, None]], object] = lambda work: None
        self._is_looking = False

    def listen(self, inbox: Inbox) -> None:
        """Say where answers come from."""
        self._inbox = inbox

    async def take_up(self, entries: Sequence[Entry]) -> Sequence[QuestionAnswered]:
        """The run goes on behind these entries: what people have answered in the meantime.

        Raises:
            OSError: the inbox cannot be read.
        """
        self._asked = Asked(entries)
        if not self._asked.open:
            return ()
        answers = [answer for answer in await self._inbox() if self._asked.fits(answer)]
        for answer in answers:
            self._asked.add(answer)
        return answers

    def begin(
        self,
        *,
        post: Callable[[Event], None],
        wake: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """Calls begin.

        Args:
            post: logs an event.
            wake: is called when a step has begun to wait.
            spawn: begins something that ends with the run.
        """
        self._post, self._wake, self._spawn = post, wake, spawn

    @property
    def waiting(self) -> tuple[QuestionAsked, ...]:
        """The questions that steps wait for, in the order in which they were asked."""
        return tuple(asked for asked in self._asked.unanswered if self.is_waiting(asked.path))

    @property
    def is_anybody_waiting(self) -> bool:
        """Whether some step waits for a person."""
        return bool(self._waiting)

    def is_waiting(self, path: str) -> bool:
        """Whether the call of that path waits for a person, and has not been told anything."""
        return any(not future.done() for future in self._waiting.get(path, ()))

    async def ask(self, question: Question) -> QuestionAnswered | None:
        """The answer; None: the question has expired."""
        path = question.path
        asked = self._asked.open.get(path)
        if asked is None or (asked.agent, asked.question) != (question.agent, question.text):
            asked = self._new(question)
            self._asked.add(asked)
            self._post(asked)
        try:
            return self._asked.answers.get(path) or await self._answer_to(path)
        finally:
            if path not in self._waiting:  # nobody else waits for it
                self._asked.close(path)

    def _new(self, question: Question) -> QuestionAsked:
        expires = question.expires
        return QuestionAsked(
            question.path,
            self._asked.numbers.get(question.path, 0) + 1,
            question.agent,
            question.text,
            question.show,
            question.assignee,
            None if expires is None else self._clock.timestamp() + expires.total_seconds(),
            question.is_approval,
        )

    async def _answer_to(self, path: str) -> QuestionAnswered | None:
        future: asyncio.Future[QuestionAnswered | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(path, []).append(future)
        if not self._is_looking:
            self._is_looking = True
            self._spawn(self._look_again_and_again())
        self._wake()
        try:
            return await future
        finally:
            self._waiting[path].remove(future)
            if not self._waiting[path]:
                del self._waiting[path]

    # --- the inbox ------------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Hand out the answers that have come, and the ends of questions that have expired.

        Raises:
            OSError: the inbox cannot be read.
        """
        answers = [answer for answer in await self._inbox() if self._asked.fits(answer)] if self._waiting else []
        for answer in answers:
            self._asked.add(answer)
            self._post(answer)
            self._tell(answer.path, answer)
        now = self._clock.timestamp()
        for asked in self.waiting:
            if asked.expires is not None and asked.expires <= now:
                self._tell(asked.path, None)

    def _tell(self, path: str, answer: QuestionAnswered | None) -> None:
        for future in self._waiting.get(path, ()):
            if not future.done():
                future.set_result(answer)

    async def _look_again_and_again(self) -> None:
        """Until nobody waits any more."""
        try:
            while self._waiting:
                try:
                    await self.look()
                except OSError as problem:  # an end that has passed meanwhile is no reason to look again at once
                    _log.warning("nobody can look for answers now: %s", problem)
                    rest = LOOKS
                else:
                    ends = [asked.expires for asked in self.waiting if asked.expires is not None]
                    rest = until_next_look(self._clock.timestamp(), ends)
                await self._clock.sleep(rest)
        finally:
            self._is_looking = False


def until_next_look(now: float, ends: Iterable[float]) -> timedelta:
    """How long whoever waits for people rests: no longer than to the next end, and not less.

    A duration is a number of microseconds, and a clock knows finer ones: rounded down, whoever waits for an end would
    wake in front of it, and then wait for nothing, again and again.

    Args:
        now: seconds since the epoch.
        ends: the same, of the questions.
    """
    return min([LOOKS, *(timedelta(seconds=end - now) + timedelta.resolution for end in ends)])


async def _empty() -> Sequence[QuestionAnswered]:
    """An inbox that nobody writes to."""
    return ()
