"""What a model's tokens cost to the millionth of a dollar, once it is known how many there were. Pure whole numbers.

A bound needs the dearest price that can apply; what was spent needs the one that did: of long prompts, of what came out
of the provider's cache and of what went into it.
"""

from typing import NamedTuple

from leadflow.record import record

_MILLION = 1_000_000


class Rate(NamedTuple):
    """Prices in millionths of a dollar, for a million tokens each."""

    above: int
    """They hold for requests that read more tokens than that."""
    input: int
    output: int
    cached: int
    """Of what is read from the provider's cache."""
    stored: int
    """Of what is read and put into it."""


@record
class Rates:
    """What a model charges."""

    rows: tuple[Rate, ...]
    """Those for longer requests behind; the first holds for all that no other does."""
    request: int = 0
    """For a thousand requests."""

    def cost(self, read: int, written: int, cached: int = 0, stored: int = 0) -> int:
        """The price of one request, rounded up.

        Args:
            read: all tokens that it reads, those of the cache included.
            written: all tokens of the answer.
            cached: of those read, how many came out of the cache; more than were read are not believed.
            stored: of those read, how many went into it.
        """
        cached = min(cached, read)
        stored = min(stored, read - cached)
        rate = next((row for row in reversed(self.rows) if read > row.above), self.rows[0])
        fresh = (read - cached - stored) * rate.input
        tokens = fresh + cached * rate.cached + stored * rate.stored + written * rate.output
        return -(-tokens // _MILLION) - (-self.request // 1000)


def flat(input_: int, output: int, request: int = 0) -> Rates:
    """One price for all that is read, and one for all that is written."""
    return Rates((Rate(0, input_, output, input_, input_),), request)
