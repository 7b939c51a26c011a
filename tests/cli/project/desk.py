"""What the flows of this folder call."""

import leadflow


def greet(name: str) -> str:
    """A greeting."""
    return f"Hello, {name}"


def chat() -> int:
    """Prints what is not the result."""
    print("the desk prints this")
    return 1


def double(n: int) -> int:
    """Twice as much."""
    return n + n


def busy() -> int:
    """Never succeeds, and asks to be tried again."""
    raise leadflow.Transient("the line is busy")


def gone(n: int) -> int:
    """Breaks, with a text of two lines."""
    raise LookupError(f"there is no number {n}\n\x1b[31mlook elsewhere")


def text() -> str:
    """Not what the flow declares."""
    return "seven"
