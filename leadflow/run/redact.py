"""What may be said of a failure: one line, not too long, without the secrets of the run."""

from collections.abc import Iterable

LONGEST = 500
"""Most characters of a message."""
SHORTEST = 4
"""A secret shorter than this cannot be told from other text, and blotting it out would blot out everything."""


def one_line(text: str, secrets: Iterable[str] = (), most: int = LONGEST) -> str:
    """The text on one line, its control characters gone, each secret replaced by `***`, its end cut off."""
    for secret in secrets:
        if len(secret) >= SHORTEST:
            text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * most]).split())
    return line if len(line) <= most else line[: most - 1] + "…"
