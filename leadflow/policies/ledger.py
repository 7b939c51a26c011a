"""Who may spend how much: accounts of budgets, and who waits for a part of them. Pure: no clock, no chance, no waiting.

Each thing with a budget has one account, and an attempt claims the most that it can take in all accounts around it, or
in none. So what is spent and set aside is never more than any of them allows, in whatever order attempts end:

    ask ---- it fits everywhere -----------------------------> held ---- settle: what it took is spent
     |                                                          ^
     +------ only what others set aside is in the way ----> waiting ---- withdraw
     |                                                          |
     +------ it cannot fit any more -----------------------> refused <--- somebody took more than that left

Who waits is served in order: nobody who comes later is served before, as long as both want the same account.

Hundreds may wait, and most of them want the same of the same accounts. So each kind of claim has a line of its own, and
whenever something comes back only the first of each line is looked at, and then as many as are served: where one has to
wait, all behind it in its line have to.
"""

from bisect import bisect
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
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

    __slots__ = ("_limited", "limits", "path", "reserved", "spent")

    def __init__(self, path: str, budget: Budget) -> None:
        self.path = path
        self.limits = (None if budget.money is None else budget.money.micros, budget.tokens, budget.calls)
        self._limited = tuple([(at, limit) for at, limit in enumerate(self.limits) if limit is not None])
        """What is limited at all: most budgets have one limit, and these are asked about for each call that waits."""
        self.spent = NOTHING
        self.reserved = NOTHING

    def never_fits(self, most: Amount, *, is_open: bool) -> bool:
        """Whether it would not fit even if all that is set aside came back; an open claim needs something to be left
        for what nobody can count."""
        for at, limit in self._limited:
            need = most[at] + (is_open and at < 2)
            if self.spent[at] + need > limit:
                return True
        return False

    def fits(self, most: Amount, *, is_open: bool) -> bool:
        """Whether it fits now; an open claim goes alone."""
        for at, limit in self._limited:
            held = self.reserved[at]
            if self.spent[at] + held + most[at] > limit or (is_open and at < 2 and held):
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

    __slots__ = ("accounts", "alike", "held", "is_open", "most", "place", "refused", "short")

    def __init__(self, accounts: Sequence[Account], most: Amount, *, is_open: bool = False) -> None:
        self.accounts = tuple(accounts)
        """The innermost first."""
        self.most = most
        self.is_open = is_open
        """Nobody knows how much it takes: it goes alone, and gets all that is left (case $4)."""
        self.alike = (self.accounts, most, is_open)
        """Equal for claims that only differ in when they came."""
        self.place = 0
        """Its number among all that ever asked, from 1."""
        self.held: tuple[Amount, ...] | None = None
        """What is set aside in each account."""
        self.refused: Account | None = None
        """The account that cannot hold it any more."""
        self.short: Account | None = None
        """Had it to wait: the account that it waited for when it came."""

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
        self._lines: dict[object, list[Claim]] = {}
        """Who waits, by kind of claim; first the first. None of them is empty."""
        self._came = 0
        """How many ever asked."""
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
        self._came += 1
        claim.place = self._came
        self._lines.setdefault(claim.alike, []).append(claim)
        _, blocked = self._serve()  # this one or nobody: it frees nothing
        if claim.held is None and claim.refused is None:
            claim.short = next(account for account in claim.accounts if account in blocked)

    def settle(self, claim: Claim, took: Amount | None) -> None:
        """An attempt ended. None: nobody knows what it took, so all that was set aside counts as spent (case $3)."""
        for account, held in zip(claim.accounts, claim.held or (), strict=False):
            account.reserved = _minus(account.reserved, held)
            account.spent = _plus(account.spent, held if took is None else took)
        claim.held = None

    def withdraw(self, claim: Claim) -> None:
        """Somebody does not wait any more."""
        line = self._lines.get(claim.alike, [])
        if claim in line:
            self._leave(line, line.index(claim))

    def next(self) -> list[Claim]:
        """Those that wait no longer: each is held or refused now."""
        return self._serve()[0]

    def _serve(self) -> tuple[list[Claim], set[Account]]:
        """Serve whom there is room for, as they came. Who wait no longer, and the accounts that others wait for."""
        served: list[Claim] = []
        blocked: set[Account] = set()
        firsts = sorted((line[0].place, 0, line) for line in self._lines.values())
        looked: list[list[Claim]] = []
        """Lines of which one has to wait."""
        while firsts:
            place, at, line = heappop(firsts)
            claim = line[at]
            if not self._decide(claim, blocked):
                blocked.update(one for one in claim.accounts if not one.fits(claim.most, is_open=claim.is_open))
                looked.append(line)
                continue
            served.append(claim)
            self._leave(line, at)
            again = [line]
            if claim.held is not None:  # there is less room now: the next of those that wait may stand in more ways
                again, looked = [line, *looked], []
            for each in again:
                following = bisect(each, place, key=_place)
                if following < len(each):
                    heappush(firsts, (each[following].place, following, each))
        return served, blocked

    def _leave(self, line: list[Claim], at: int) -> None:
        claim = line.pop(at)
        if not line:
            del self._lines[claim.alike]

    def _decide(self, claim: Claim, blocked: set[Account]) -> bool:
        """Whether it waits no longer."""
        claim.refused = self.refuses(claim.accounts, claim.most, is_open=claim.is_open)
        if claim.refused is not None:
            return True
        for account in claim.accounts:
            if account in blocked or not account.fits(claim.most, is_open=claim.is_open):
                return False
        held = []
        for account in claim.accounts:
            part = account.left(claim.most) if claim.is_open else claim.most
            account.reserved = _plus(account.reserved, part)
            held.append(part)
        claim.held = tuple(held)
        return True


def _place(claim: Claim) -> int:
    return claim.place


def _plus(one: Amount, other: Amount) -> Amount:
    return Amount(one.money + other.money, one.tokens + other.tokens, one.calls + other.calls)


def _minus(one: Amount, other: Amount) -> Amount:
    return Amount(one.money - other.money, one.tokens - other.tokens, one.calls - other.calls)
