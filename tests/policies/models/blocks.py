"""What `@cache` on blocks is to do, moment by moment: who runs, who waits, who is told what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Told: TypeAlias = tuple[str, float]
"""How a run ended, and when."""


@dataclass(frozen=True)
class Run:
    """What a run is about to do."""

    number: int
    """Its value, too."""
    key: str
    begins: float
    seconds: float
    """How long its block takes where it is run."""
    end: str
    """What its block does then: `answers`, `degraded` (answers with less), `fails`."""
    stopped: float | None
    """When somebody stops the run, if it is under way."""


@dataclass
class Model:
    """Equal blocks of one process."""

    ttl: float
    answers: list[tuple[float, str, int]] = field(default_factory=list)
    """When, of which key, which: those worth to be remembered, all there ever were."""

    def kept(self, key: str, now: float) -> int | None:
        """What is remembered."""
        found = [number for when, at, number in self.answers if at == key and when <= now < when + self.ttl]
        return found[-1] if found else None

    def together(self, runs: Sequence[Run]) -> tuple[dict[int, Told], list[tuple[float, int]]]:
        """Runs that begin shortly after each other: how each ends, and when which block was run."""
        told, begun, groups = dict[int, Told](), list[tuple[float, int]](), dict[str, list[Run]]()
        """Of the groups, the first one runs."""
        ends: dict[int, float] = {}
        while len(told) < len(runs):
            left = [run for run in runs if run.number not in told]
            under_way = [run for group in groups.values() for run in group]
            moments = [(run.begins, "begins", run) for run in left if run not in under_way]
            moments += [(ends[run.number], run.end, run) for run in under_way if run.number in ends]
            moments += [(run.stopped, "stopped", run) for run in under_way if run.stopped is not None]
            now, what, run = min(moments, key=lambda moment: moment[0])
            group = groups.setdefault(run.key, [])
            if what == "begins" and (known := self.kept(run.key, now)) is not None:
                told[run.number] = (f"has {known}", now)
            elif what == "begins":
                group.append(run)
            elif what == "answers":
                self.answers.append((now, run.key, run.number))
                told |= {other.number: (f"has {run.number}", now) for other in group}
                group.clear()
            else:
                told[run.number] = (f"has {run.number}" if what == "degraded" else what, now)
                group.remove(run)
            if group and group[0].number not in ends:  # one after the other, never all at once
                begun.append((now, group[0].number))
                ends[group[0].number] = now + group[0].seconds
        return told, begun
