"""Who is served when something is left of a budget, and who waits: the ledger by itself, claim by claim."""

from collections.abc import Iterable

from leadflow.plan.policy import Budget
from leadflow.plan.types import Money
from leadflow.policies.ledger import Account, Amount, Claim, Ledger


def money(ledger: Ledger, path: str, micros: int, **more: int) -> Account:
    """An account of so many millionths of a dollar."""
    return ledger.account(path, Budget(Money(micros), **more))


def asked(ledger: Ledger, accounts: Iterable[Account], most: Amount, *, is_open: bool = False) -> Claim:
    """A claim that was made."""
    claim = Claim(tuple(accounts), most, is_open=is_open)
    ledger.ask(claim)
    return claim


def ended(ledger: Ledger, claim: Claim, took: Amount | None) -> list[Claim]:
    """An attempt ended: who waits no longer."""
    ledger.settle(claim, took)
    return ledger.next()


def test_4_an_open_claim_waits_for_all_that_is_set_aside() -> None:
    """Case $4: what nobody can count goes alone, also where both would fit; it gets all that is left then."""
    ledger = Ledger()
    account = money(ledger, "f", 1000)
    small = asked(ledger, [account], Amount(10, 10, 1))
    open_ended = asked(ledger, [account], Amount(20, 20, 1), is_open=True)
    assert (None, account) == (open_ended.held, open_ended.short)
    assert [open_ended] == ended(ledger, small, Amount(10, 10, 1))
    assert Amount(990, 20, 1) == account.reserved


def test_4_calls_that_are_set_aside_are_in_the_way_of_no_open_claim() -> None:
    """Case $4: of calls it takes one, whatever it says; so it goes beside what only counts as a call."""
    ledger = Ledger()
    calls, own = ledger.account("f", Budget(calls=5)), money(ledger, "f/a", 1000)
    asked(ledger, [calls], Amount(10, 10, 1))
    beside = asked(ledger, [own, calls], Amount(20, 20, 1), is_open=True)
    assert (2, Amount(1000, 20, 1)) == (calls.reserved.calls, own.reserved)
    assert Amount(1000, 20, 1) == beside.reserved


def test_4_the_smallest_account_bounds_what_an_open_claim_may_take() -> None:
    """Case $4: what is told of it is what is left in the narrowest of its budgets, in each measure."""
    ledger = Ledger()
    inner = ledger.account("f/a", Budget(Money(500), tokens=90))
    outer = ledger.account("f", Budget(Money(300), tokens=800))
    assert Amount(300, 90, 1) == asked(ledger, [inner, outer], Amount(20, 20, 1), is_open=True).reserved


def test_4_an_open_claim_that_waited_is_refused_when_its_request_takes_all() -> None:
    """Case $4: when its turn comes something has to be left for the answer."""
    ledger = Ledger()
    account = money(ledger, "f", 1000)
    small = asked(ledger, [account], Amount(10, 10, 1))
    late = asked(ledger, [account], Amount(500, 20, 1), is_open=True)
    assert [late] == ended(ledger, small, Amount(500, 10, 1))
    assert (account, None) == (late.refused, late.held)


def test_l4_nobody_overtakes_an_open_claim() -> None:
    """Case L4: small claims that would fit beside what is held stay behind it, so that it is not kept out for ever."""
    ledger = Ledger()
    account = money(ledger, "f", 1000)
    first = asked(ledger, [account], Amount(10, 10, 1))
    alone = asked(ledger, [account], Amount(20, 20, 1), is_open=True)
    small = asked(ledger, [account], Amount(10, 10, 1))
    assert (None, None) == (alone.held, small.held)
    assert [alone] == ended(ledger, first, Amount(10, 10, 1))
    assert [small] == ended(ledger, alone, Amount(30, 30, 1))


class Counting(Ledger):
    """Counts how often somebody is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def refuses(self, accounts: Iterable[Account], most: Amount, *, is_open: bool) -> Account | None:
        """One more look."""
        self.looks += 1
        return super().refuses(accounts, most, is_open=is_open)


def test_of_a_thousand_alike_one_is_looked_at() -> None:
    """Who wants the same as the one before it waits as that one does: a line of a thousand costs no thousand looks."""
    ledger = Counting()
    account = money(ledger, "f", 10)
    holder = asked(ledger, [account], Amount(10, 0, 1))
    line = [asked(ledger, [account], Amount(5, 0, 1)) for _ in range(1000)]
    ledger.looks = 0
    assert line[:2] == ended(ledger, holder, Amount(0, 0, 1))
    assert 3 == ledger.looks
