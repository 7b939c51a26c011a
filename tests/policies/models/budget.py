"""Budgets, naively: a list of all that happened, added up anew for every question."""

from dataclasses import dataclass, field


@dataclass
class Happened:
    """One attempt: where it pays, the most it may take in each measure, and what became of it."""

    accounts: tuple[str, ...]
    most: tuple[int, int, int]
    state: str = "waits"
    """`waits`, `held`, `refused`, `left`, or `settled`."""
    took: tuple[int, int, int] = (0, 0, 0)


@dataclass
class Model:
    """Limits by account, and everybody who ever came, in that order."""

    limits: dict[str, tuple[int | None, int | None, int | None]]
    all: list[Happened] = field(default_factory=list)

    def spent(self, account: str, at: int) -> int:
        """What settled attempts took."""
        return sum(one.took[at] for one in self.all if one.state == "settled" and account in one.accounts)

    def held(self, account: str, at: int) -> int:
        """What those under way may take."""
        return sum(one.most[at] for one in self.all if one.state == "held" and account in one.accounts)

    def settle_down(self) -> None:
        """Everybody who waits, in order: refused, let in, or kept waiting where there is no room, before all behind."""
        taken: set[str] = set()
        for one in self.all:
            if one.state != "waits":
                continue
            if any(self._exceeds(account, one, with_held=False) for account in one.accounts):
                one.state = "refused"
                continue
            short = {account for account in one.accounts if self._exceeds(account, one, with_held=True)}
            if not short and not taken.intersection(one.accounts):
                one.state = "held"
            taken |= short

    def _exceeds(self, account: str, one: Happened, *, with_held: bool) -> bool:
        for at, limit in enumerate(self.limits[account]):
            used = self.spent(account, at) + (self.held(account, at) if with_held else 0)
            if limit is not None and used + one.most[at] > limit:
                return True
        return False
