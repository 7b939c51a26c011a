"""What `@hedge` is to do, as a list of everything that happened, read from the start for every question."""

from dataclasses import dataclass, field


@dataclass
class Model:
    """Two attempts: 0 is the first, which has begun; 1 may begin later."""

    happened: list[tuple[str, int]] = field(default_factory=lambda: [("begins", 0)])
    """What, and which one: `begins`, `fits`, `fails`."""

    def running(self) -> list[int]:
        """Those that began and have not ended."""
        ended = [who for what, who in self.happened if what != "begins"]
        return [who for what, who in self.happened if what == "begins" and who not in ended]

    def comes_to(self) -> str:
        """`won` as soon as one fits; `lost` when none is left that could; else `wait`."""
        if "fits" in [what for what, _ in self.happened]:
            return "won"
        return "wait" if self.running() else "lost"


def outcome(after: float, first: tuple[float, bool], second: tuple[float, bool]) -> tuple[bool, float, int]:
    """Whether the call succeeds, when it ends, and how many requests are made, by comparing times.

    Args:
        first: how long the first attempt takes, and whether it fits; the second likewise.
    """
    if first[0] < after:
        return first[1], first[0], 1
    ends = [(first[0], first[1]), (after + second[0], second[1])]
    good = [when for when, fits in ends if fits]
    return (True, min(good), 2) if good else (False, max(when for when, _ in ends), 2)
