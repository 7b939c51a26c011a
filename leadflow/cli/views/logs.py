"""What a run logs, for people. Apart from the other views because only a run needs `logging`."""

import logging
from collections.abc import Callable

from leadflow.cli.views.human import one_line


class OneLine(logging.Handler):
    """Hands on what is logged as a line for people: the message and what was raised, without the way there."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one record."""
        raised = record.exc_info[1] if record.exc_info else None
        what = f": {type(raised).__name__}: {raised}" if raised is not None else ""
        self._say(one_line(record.getMessage() + what))
