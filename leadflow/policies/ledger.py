"""Who may spend how much: accounts of budgets, and who waits for a part of them. Pure: no clock, no chance, no waiting.

Each thing with a budget has one account, and an attempt claims the most that it can take in all accounts around it, or
in none. So what is spent and set aside is never more than any of them allows, in whatever order attempts end:

    ask ---- it fits everywhere -----------------------------> held ---- settle: what it took is spent
     |                                                          ^
     +------ only what others set aside is in the way ----> waiting ---- withdraw
     |                                                          |
     +------ it cannot fit any more -----------------------> refused <--- somebody took more than that left

Who waits is served in order: nobody who comes later is served before, as long as both want the same account.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from leadflow.plan.paths import is_inside
from leadflow.plan.policy import Budget


class Amount(NamedTuple):
    """What something takes, in whole numbers."""

    money: int = 0
    """Millionths of a dollar."""
    tokens: int = 0
    calls: int = 0


NOTHING = Amount()


class Account:
    """What a budget still allows."""

    __slots__ = ("limits", "path", "reserved", "spent")

    def __init__(self, path: str, budget: Budget) -> None:
        self.path = path
        self.limits = (None if budget.money is None else budget.money.micros, budget.tokens, budget.calls)
        self.spent = NOTHING
        self.reserved = NOTHING

    def never_fits(self, most: Amount, *, is_open: bool) -> bool:
        """Whether it would not fit even if all that is set aside came back; an open claim needs something to be left
        for what nobody can count."""
        return any(
            limit is not None and spent + one + (is_open and at < 2) > limit
            for at, (limit, spent, one) in enumerate(zip(self.limits, self.spent, most, strict=True))
        )

    def fits(self, most: Amount, *, is_open: bool) -> bool:
        """Whether it fits now; an open claim goes alone."""
        for at, (limit, spent, held, one) in enumerate(zip(self.limits, self.spent, self.reserved, most, strict=True)):
            if limit is not None and (spent + held + one > limit or (is_open and at < 2 and held)):
                return False
        return True

    def left(self, most: Amount) -> Amount:
        """All that is left in money and tokens where they are limited, which is what an open claim takes."""
        money, tokens, _ = (
            one if limit is None else limit - spent
            for limit, spent, one in zip(self.limits, self.spent, most, strict=True)
        )
        return Amount(money, tokens, most.calls)

    @property
    def over(self) -> int:
        """Millionths of a dollar by which it is overdrawn (case $4)."""
        return 0 if self.limits[0] is None else max(0, self.spent.money - self.limits[0])


class Claim:
    """What one attempt may take at most, from all accounts around it."""

    __slots__ = ("accounts", "alike", "held", "is_open", "most", "refused", "short")

    def __init__(self, accounts: Sequence[Account], most: Amount, *, is_open: bool = False) -> None:
        self.accounts = tuple(accounts)
        """The innermost first."""
        self.most = most
        self.is_open = is_open
        """Nobody knows how much it takes: it goes alone, and gets all that is left (case $4)."""
        self.alike = (self.accounts, most, is_open)
        """Equal for claims that only differ in their place in the line."""
        self.held: tuple[Amount, ...] | None = None
        """What is set aside in each account."""
        self.refused: Account | None = None
        """The account that cannot hold it any more."""
        self.short: Account | None = None
        """While it waits: the account that it waits for."""

    @property
    def reserved(self) -> Amount:
        """The most that it may take, so far as any account says."""
        pairs = list(zip(self.held or (), self.accounts, strict=False))
        money, tokens = (
            min((held[at] for held, account in pairs if account.limits[at] is not None), default=self.most[at])
            for at in (0, 1)
        )
        return Amount(money, tokens, self.most.calls)


class Ledger:
    """The accounts of one run."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self._line: list[Claim] = []
        """Who waits, first the first."""
        self._earlier: list[tuple[str, Amount]] = []
        """What calls took before the process ended, by their paths."""

    def remember(self, path: str, amount: Amount) -> None:
        """The call of a path took something before the process ended (case $8). To be told before anybody asks."""
        self._earlier.append((path, amount))

    def account(self, path: str, budget: Budget) -> Account:
        """The account of the thing of that path."""
        found = self.accounts.get(path)
        if found is None:
            found = self.accounts[path] = Account(path, budget)
            for call, amount in self._earlier:
                if call == path or is_inside(call, path):
                    found.spent = _plus(found.spent, amount)
        return found

    def refuses(self, accounts: Iterable[Account], most: Amount, *, is_open: bool) -> Account | None:
        """The innermost account that cannot hold so much any more."""
        return next((account for account in accounts if account.never_fits(most, is_open=is_open)), None)

    def ask(self, claim: Claim) -> None:
        """Claim a part: it is held, refused, or waits."""
        self._line.append(claim)
        self.next()  # serves this one or nobody: it frees nothing

    def settle(self, claim: Claim, took: Amount | None) -> None:
        """An attempt ended. None: nobody knows what it took, so all that was set aside counts as spent (case $3)."""
        for account, held in zip(claim.accounts, claim.held or (), strict=False):
            account.reserved = _minus(account.reserved, held)
            account.spent = _plus(account.spent, held if took is None else took)
        claim.held = None

    def withdraw(self, claim: Claim) -> None:
        """Somebody does not wait any more."""
        if claim in self._line:
            self._line.remove(claim)

    def next(self) -> list[Claim]:
        """Those that wait no longer: each is held or refused now."""
        served, blocked = [], set[Account]()
        seen: dict[object, list[Amount]] = {}  # of claims that have to wait: what was set aside when one was looked at
        for claim in list(self._line):
            alike, aside = claim.alike, [account.reserved for account in claim.accounts]
            if claim.short is not None and seen.get(alike) == aside:
                continue  # what was true of the one before it is true of this one
            if self._decide(claim, blocked):
                self._line.remove(claim)
                served.append(claim)
            else:
                seen[alike] = aside
                blocked.update(one for one in claim.accounts if not one.fits(claim.most, is_open=claim.is_open))
        return served

    def _decide(self, claim: Claim, blocked: set[Account]) -> bool:
        """Whether it waits no longer."""
        claim.refused = self.refuses(claim.accounts, claim.most, is_open=claim.is_open)
        if claim.refused is not None:
            return True
        for account in claim.accounts:
            if account in blocked or not account.fits(claim.most, is_open=claim.is_open):
                claim.short = account
                return False
        claim.short = None
        claim.held = tuple(account.left(claim.most) if claim.is_open else claim.most for account in claim.accounts)
        for account, held in zip(claim.accounts, claim.held, strict=True):
            account.reserved = _plus(account.reserved, held)
        return True


def _plus(one: Amount, other: Amount) -> Amount:
    return Amount(one.money + other.money, one.tokens + other.tokens, one.calls + other.calls)


def _minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.money - other.money, one.tokens - other.tokens, one.calls - other.calls)
