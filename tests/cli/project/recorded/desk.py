"""Functions of the recorded session: the first attempt fails."""

from leadflow import Transient

TRIED: list[str] = []


def greet(name: str) -> str:
    """A greeting, at the second attempt."""
    TRIED.append(name)
    if len(TRIED) == 1:
        raise Transient("the desk is closed")
    return f"Hello, {name}!"


def count(text: str) -> int:
    """Letters of a text."""
    return len(text)
