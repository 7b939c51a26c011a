"""What became of the things tried, added up over processes: the numbers and the findings that every such program has.

A program's own tally adds its own numbers as fields; whole numbers are summed, and the slowest stays the slowest.
"""

from dataclasses import dataclass, field, fields
from typing import Self

KEPT = 20
"""Findings that are printed."""


@dataclass(slots=True)
class Tally:
    """What every program counts."""

    uncaught: int = 0
    """Exceptions where a value or a finding was due."""
    slow: int = 0
    """What took longer than it may."""
    slowest: float = 0.0
    """Seconds of the slowest."""
    findings: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How much is wrong."""
        return self.uncaught + self.slow

    def add(self, other: Self) -> None:
        """Count what another process found."""
        for each in fields(self):
            if each.type in (int, "int"):
                setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        self.slowest = max(self.slowest, other.slowest)
        self.findings = (self.findings + other.findings)[:KEPT]
