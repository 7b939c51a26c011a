"""The ledger against a naive model: whatever comes, waits, leaves and settles in any order, both say the same."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from leadflow.plan.policy import Budget
from leadflow.plan.types import Money
from leadflow.policies.ledger import NOTHING, Amount, Claim, Ledger
from tests.policies.models.budget import Happened, Model
from tests.policies.models.runs import RUNS, steps

LIMITS: dict[str, tuple[int | None, int | None, int | None]] = {
    "main": (20, None, None),
    "main/x": (None, 12, 4),
    "main/x/y": (9, 9, None),
    "g": (6, None, 2),
}
SMALL = st.integers(0, 7)
AMOUNTS = st.sampled_from([(5, 2), (3, 3), (7, 0)]) | st.tuples(SMALL, SMALL)
"""Money and tokens; many claims are alike, as those of one step are."""
CHAINS = st.sampled_from([("main",), ("main/x", "main"), ("main/x/y", "main/x", "main"), ("g",), ("g", "main")])


class Both(RuleBasedStateMachine):
    """One ledger and one model, told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.model = Ledger(), Model(LIMITS)
        self.claims: list[Claim] = []
        self.is_honest = True
        """Nobody took more than was set aside."""

    @rule(chain=CHAINS, amount=AMOUNTS)
    def ask(self, chain: tuple[str, ...], amount: tuple[int, int]) -> None:
        """Somebody wants to call."""
        money, tokens = amount
        budgets = [Budget(None if m is None else Money(m), t, c) for m, t, c in (LIMITS[name] for name in chain)]
        accounts = [self.ledger.account(name, budget) for name, budget in zip(chain, budgets, strict=True)]
        claim = Claim(accounts, Amount(money, tokens, 1))
        self.ledger.ask(claim)
        self.claims.append(claim)
        self.model.all.append(Happened(chain, (money, tokens, 1)))
        self.model.settle_down()

    @rule(data=st.data(), how=st.sampled_from(["less", "free", "unknown", "more"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        """One of those under way ends."""
        held = [n for n, one in enumerate(self.model.all) if one.state == "held"]
        if held:
            number = data.draw(st.sampled_from(held))
            one = self.model.all[number]
            money, tokens, calls = one.most
            halves = {"less": 1, "free": 0, "unknown": 2, "more": 3}[how]
            took = Amount(money * halves // 2, tokens * halves // 2, min(calls, halves))
            self.is_honest = self.is_honest and how != "more"
            self.ledger.settle(self.claims[number], None if how == "unknown" else took)
            one.state, one.took = "settled", took
            self.ledger.next()
            self.model.settle_down()

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody who waits goes away."""
        waiting = [n for n, one in enumerate(self.model.all) if one.state == "waits"]
        if waiting:
            number = data.draw(st.sampled_from(waiting))
            self.ledger.withdraw(self.claims[number])
            self.model.all[number].state = "left"
            self.ledger.next()
            self.model.settle_down()

    @invariant()
    def both_agree(self) -> None:
        """Who holds, waits and is refused, and what is spent and set aside."""
        for claim, one in zip(self.claims, self.model.all, strict=True):
            assert (claim.held is not None) == (one.state == "held"), one
            assert (claim.refused is not None) == (one.state == "refused"), one
        for name, account in self.ledger.accounts.items():
            assert account.spent == tuple(self.model.spent(name, at) for at in range(3))
            assert account.reserved == tuple(self.model.held(name, at) for at in range(3))

    @invariant()
    def nothing_is_overdrawn(self) -> None:
        """Case $1: what is spent and set aside is never more than the budget, when nobody takes more than that."""
        for name, account in self.ledger.accounts.items():
            for limit, spent, held in zip(LIMITS[name], account.spent, account.reserved, strict=True):
                assert limit is None or not self.is_honest or spent + held <= limit

    def teardown(self) -> None:
        """Case $7: when all have ended, in any order, nothing is set aside."""
        for claim in self.claims:
            self.ledger.withdraw(claim)
            if claim.held is not None:
                self.ledger.settle(claim, NOTHING)
        assert all(account.reserved == NOTHING for account in self.ledger.accounts.values())


Both.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=steps(50), deadline=None)
TestBoth = Both.TestCase
