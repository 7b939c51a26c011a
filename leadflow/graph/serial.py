"""The serial reading (rule A1): which nodes a write, a read or a `fail` has to wait for without reading them.

A region is a stretch of statements that run or are skipped together: the body of a scope, an arm, a member of a
`parallel`. Its frontier holds the nodes above that nothing later in it waits for already, so that a chain of n writes
costs n edges and not n². Nodes of an arm may be skipped before what they need has settled; so behind the arm they
stand beside what they waited for, and do not replace it.

Knows nodes by their ids and what they need; not what they do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from leadflow.plan.expr import Guard

CROWD = 8
"""From so many nodes on, those inside a block or an arm wait for a join of what stands outside."""


@dataclass(slots=True, eq=False)
class Region:
    """Statements that run or are skipped together, and all of what stands above in them."""

    outer: "Region | None"
    """The region that this one stands in."""
    scope: int
    guard: Guard | None
    """Under what the next statement stands."""
    passed: int = 0
    """The last write (its id + 1) that has settled when this region begins."""
    frontier: dict[int, None] = field(default_factory=dict)
    """Nodes above, without those that others of them wait for."""
    writers: dict[str, dict[int, None]] = field(default_factory=dict)
    """By agent: writes through it above, without those that later ones wait for."""
    met: set[int] = field(default_factory=set)
    """Nodes outside that a node in here waits for."""
    sealed: set[str] = field(default_factory=set)
    """Agents of which a write in here has waited for all writes outside."""
    lets: list[int] = field(default_factory=list)
    """Ids of the `let`s bound in here."""
    has_written: bool = False
    """A write in here has waited for all that stands outside."""
    is_open: bool = True


@dataclass(slots=True, eq=False)
class Serial:
    """The serial reading of one flow."""

    join: Callable[[Region, list[int]], int]
    """Makes a node that waits for these, in a region."""
    passed: dict[int, int] = field(default_factory=dict)
    """Of a node: the last write (its id + 1) that has settled when the node has; missing is none."""
    home: dict[int, Region] = field(default_factory=dict)

    def begin(self, region: Region, needs: Iterable[int]) -> int:
        """A node or a block is about to wait for these: what that makes needless to wait for. Gives `passed`."""
        frontier, met = region.frontier, region.met if region.outer is not None else None
        passed = region.passed
        for need in needs:
            if need in frontier:
                del frontier[need]
            elif met is not None:
                met.add(need)
            if (known := self.passed.get(need, 0)) > passed and self.home[need].is_open:
                passed = known
        return passed

    def add(self, region: Region, node: int, passed: int) -> None:
        """A node, or a block with all of its body, now stands above."""
        region.frontier[node] = None
        self.home[node] = region
        if passed:
            self.passed[node] = passed

    def written(self, region: Region, node: int, agents: Iterable[str], *, surely: bool) -> None:
        """A node above writes through these agents.

        Args:
            surely: it is one call, which waited for all above; not a block, in which anything may be skipped.
        """
        if surely:
            self.passed[node] = node + 1
            region.has_written = True
        for agent in agents:
            if surely:
                region.writers[agent] = {node: None}
                region.sealed.add(agent)
            else:
                region.writers.setdefault(agent, {})[node] = None

    def all_above(self, region: Region) -> list[int]:
        """All that a write has to wait for."""
        found = list(region.frontier)
        met = region.met
        inner = region
        while not inner.has_written and inner.outer is not None:
            outer = inner.outer
            waits = [node for node in outer.frontier if node not in met]
            if len(waits) > CROWD:
                joined = self.join(outer, list(outer.frontier))
                outer.frontier = {joined: None}
                self.home[joined] = outer
                waits = [joined]
            found.extend(waits)
            met = met | outer.met if outer.met else met
            inner = outer
        return found

    def writes_above(self, region: Region, agents: Iterable[str], passed: int) -> list[int]:
        """All that a read through these agents has to wait for, when the write `passed` has settled anyway."""
        found: dict[int, None] = {}
        for agent in agents:
            inner: Region | None = region
            while inner is not None:
                writers = inner.writers.get(agent)
                if writers:
                    waits = [node for node in writers if node >= passed]
                    if len(waits) > CROWD:
                        joined = self.join(inner, list(writers))
                        inner.writers[agent] = {joined: None}
                        self.home[joined] = inner
                        waits = [joined]
                    found.update(dict.fromkeys(waits))
                inner = None if agent in inner.sealed else inner.outer
        return list(found)

    def close(self, region: Region, decided: int, *, leaves: bool) -> None:
        """An arm is over. What stands in it stands above what follows, unless all of its paths leave.

        Args:
            decided: the branch; whatever is in the arm waits for it.
        """
        region.is_open = False
        outer = region.outer
        if leaves or outer is None:
            return
        if region.frontier:
            outer.frontier.pop(decided, None)
            outer.frontier.update(region.frontier)
        for agent, writers in region.writers.items():
            outer.writers.setdefault(agent, {}).update(writers)
