"""What a model and its tools have said to each other in one call: kept beside its attempts, which come and go."""

from leadflow.events.model import Usage
from leadflow.run.toolbox import Exchange


class Talk:
    """What a model and its tools have said to each other in one call, and what that took."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        """When its time is over (monotonic seconds)."""
        self.exchanges: list[Exchange] = []
        self.turns = 0
        self.calls = 0
        """Uses that were run or refused."""
        self.tokens = 0
        """That all turns took."""
        self.usage: Usage | None = None
        """The same as the models say it, so far as they do."""
        self.money = 0
        """The same in millionths of a dollar."""
        self.further = 0
        """Most tokens of what was said, in each request from now on."""
        self.same: dict[tuple[str, str], int] = {}
        """How often a tool was asked for with the same arguments."""
        self.written: list[str] = []
        """Tools that may have changed something, once for each use."""
        self.is_in_doubt = False
        """Nobody knows whether one of them has."""
