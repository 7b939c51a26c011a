"""A model's words on their way to who listens: with their step and attempt, and without the secrets of the run."""

from collections.abc import Callable

from leadflow.events.words import Words
from leadflow.run.redact import Veil


class Voice:
    """Of one attempt."""

    __slots__ = ("_agent", "_attempt", "_hear", "_is_first", "_path", "_veil")

    def __init__(
        self, hear: Callable[[Words], None], path: str, attempt: int, *, agent: str, secrets: tuple[str, ...]
    ) -> None:
        self._hear, self._path, self._attempt, self._agent = hear, path, attempt, agent
        self._veil = Veil(secrets)
        self._is_first = True

    def say(self, text: str) -> None:
        """More words."""
        self._tell(self._veil.feed(text))

    def end(self) -> None:
        """There are no more: what was held back cannot become a secret any more."""
        self._tell(self._veil.end())

    def _tell(self, text: str) -> None:
        if text:
            self._hear(Words(self._path, self._attempt, self._agent, text, self._is_first))
            self._is_first = False
