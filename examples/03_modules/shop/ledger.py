"""The books of one night, kept in this process: lines are booked, the night is closed, sums are compared."""

import threading

_lock = threading.Lock()
_lines: dict[str, int] = {}
_closed: list[int] = []


def book(order: str, *, cents: int) -> bool:
    """Books an order's amount, in place of what was booked for it before."""
    with _lock:
        _lines[order] = cents
    return True


def close(total: int) -> bool:
    """Closes the night with the sum the flow worked out."""
    with _lock:
        _closed.append(total)
    return True


def balanced(total: int) -> bool:
    """Whether the books were closed with this sum, and the lines add up to it."""
    with _lock:
        return bool(_closed) and _closed[-1] == total == sum(_lines.values())
