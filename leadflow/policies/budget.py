"""`@budget`: an attempt sets aside the most that it can take, in its own budget and all around it, before it is sent.

What it took is settled however it ends: what was reported; nothing, where that is certain; else what was set aside,
marked as estimated (case $3). What does not fit is refused before anything is sent (case $2), and what others only set
aside is waited for. The budget of the call fails the call; that of a block or flow fails this as a whole (rule C3).
Who may spend is decided in `Ledger`, which is pure. One purse per run.
"""

import asyncio
from asyncio import Future
from collections.abc import Mapping
from dataclasses import replace

from leadflow.events.model import BudgetReserved, BudgetSettled, CallAdmitted, CallWaits, Usage
from leadflow.plan.plan import AgentCall, AgentSpec
from leadflow.plan.policy import Budget
from leadflow.plan.rates import Rates
from leadflow.plan.tokens import believed
from leadflow.plan.types import Money
from leadflow.policies.call import Ask, Course
from leadflow.policies.estimate import Estimate, estimator
from leadflow.policies.ledger import NOTHING, Account, Amount, Claim, Ledger
from leadflow.policies.meter import Meter
from leadflow.policies.outcomes import Cost, outcome_of
from leadflow.record import record
from leadflow.run.errors import BudgetExceeded, CallError, InternalError, TotalTimeout
from leadflow.run.ports import Reply

_MILLION = 1_000_000


@record
class Charge:
    """What a model charges, in millionths of a dollar."""

    input: int
    """For a million tokens that it reads."""
    output: int
    """For a million tokens that it writes."""
    request: int = 0
    """For a thousand requests."""
    rates: Rates | None = None
    """What it charges once the tokens are known; None: just that."""

    def of(self, read: int, written: int) -> int:
        """The most that one attempt costs, rounded up."""
        return -(-(read * self.input + written * self.output) // _MILLION) - (-self.request // 1000)


class Tariff:
    """What attempts of a call with an agent take: before, and after."""

    def __init__(self, spec: AgentSpec, call: AgentCall, charge: Charge | None) -> None:
        self.is_model = isinstance(spec.settings.get("model"), str)
        """Whether it takes tokens and money; of a function or a server nobody says what it costs."""
        self.model = spec.settings.get("model")
        self.charge = charge
        self._estimator = estimator(spec, call)

    def most(self, course: Course) -> tuple[Amount, Estimate]:
        """The most that the next attempt takes, so far as that can be counted."""
        if not self.is_model:
            return Amount(calls=1), Estimate(0, 0)
        found = self._estimator(course.order.args, course.repair is not None)
        if course.further:
            found = replace(found, input=found.input + course.further)
        return self._amount(found.input, found.output or 0), found

    def took(self, usage: Usage | None, most: Estimate) -> Amount | None:
        """What an attempt took by its own word. None: it does not say so, or what nobody believes."""
        read = None if usage is None else believed(usage.input_tokens)
        written = None if usage is None else believed(usage.output_tokens)
        if not self.is_model:
            return Amount(0, (read or 0) + (written or 0), 1)
        if written is None and most.output == 0:
            written = 0
        if usage is None or read is None or written is None:
            return None
        amount = self._amount(read, written)
        if self.charge is None or self.charge.rates is None:
            return amount
        cached, stored = believed(usage.cached_tokens) or 0, believed(usage.stored_tokens) or 0
        return amount._replace(money=self.charge.rates.cost(read, written, cached, stored))

    def took_so_far(self, meter: Meter | None) -> Amount | None:
        """What the answered requests of an attempt took. None: one of them does not say so, or there is none."""
        if meter is None or not meter.told or not meter.is_whole:
            return None
        return Amount(meter.money, meter.read + meter.written, 1)

    def _amount(self, read: int, written: int) -> Amount:
        return Amount(0 if self.charge is None else self.charge.of(read, written), read + written, 1)


class Purse:
    """The budgets of one run, and who waits for a part of them. Whoever waits is woken by who settles."""

    def __init__(self, charges: Mapping[str, Charge] | None = None) -> None:
        """Charges: by agent, what its model charges; a model that is not there has no known price (case $9)."""
        self.charges = charges or {}
        self.ledger = Ledger()
        self._turns: dict[Claim, Future[None]] = {}

    async def take(self, course: Course, claim: Claim, name: str) -> None:
        """Have a claim held.

        Raises:
            BudgetExceeded: it cannot be. TotalTimeout: not in time.
        """
        self.ledger.ask(claim)
        if claim.held is None and claim.refused is None:
            await self._wait(course, claim, name)
        if claim.refused is not None:
            raise _exceeded(course, claim.refused, claim.most, is_open=claim.is_open)

    def settle(self, claim: Claim, took: Amount | None) -> None:
        """An attempt ended: who waits may go on."""
        self.ledger.settle(claim, took)
        self._wake()

    async def _wait(self, course: Course, claim: Claim, name: str) -> None:
        loop, clock, order = asyncio.get_running_loop(), course.ports.clock, course.order
        turn = self._turns[claim] = loop.create_future()
        begun, late = clock.monotonic(), None
        try:
            short = "" if claim.short is None else _name(course, claim.short)
            order.post(CallWaits(order.path, name, short, None))
            if course.deadline is not None:
                error = TotalTimeout(f"{name} was not asked within the total time: {short}", sent=False)
                late = loop.call_later(course.deadline - begun, _expire, turn, error)
            await turn
            order.post(CallAdmitted(order.path, name, round(clock.monotonic() - begun, 6)))
        except BaseException:
            self._turns.pop(claim, None)
            self.ledger.withdraw(claim)
            self.settle(claim, NOTHING)
            raise
        finally:
            if late is not None:
                late.cancel()

    def _wake(self) -> None:
        for claim in self.ledger.next():
            turn = self._turns.pop(claim, None)
            if turn is not None and not turn.done():
                turn.set_result(None)  # where it ended otherwise, its task gives back what it holds


def _expire(turn: "Future[None]", error: TotalTimeout) -> None:
    if not turn.done():
        turn.set_exception(error)


def within_budgets(inner: Ask, name: str, own: Budget | None, tariff: Tariff, purse: Purse) -> Ask:
    """An attempt that has set aside what it may take."""

    async def paying(course: Course) -> Reply:
        accounts = _accounts(course, own, purse)
        if not accounts:
            return await inner(course)
        most, estimate = tariff.most(course)
        _needs_price(course, accounts, tariff)
        claim = Claim(accounts, most, is_open=_is_open(accounts, estimate))
        await purse.take(course, claim, name)
        order, attempt = course.order, course.next_attempt
        order.post(BudgetReserved(order.path, attempt, claim.reserved.money, claim.reserved.tokens))
        has_settled = False

        def settle(took: Amount | None) -> None:
            nonlocal has_settled
            if not has_settled:
                has_settled = True
                spent = claim.reserved if took is None else took
                purse.settle(claim, took)
                over = max(account.over for account in accounts)
                is_estimated = took is None
                order.post(BudgetSettled(order.path, attempt, *spent[:2], is_estimated, over, spent.calls))

        outer = course.behind

        def behind() -> None:
            settle(None)
            if outer is not None:
                outer()

        course.behind = behind
        took = None
        try:
            reply = await inner(course)
            has_turns = course.meter is not None and course.meter.told > 1
            took = tariff.took_so_far(course.meter) if has_turns else tariff.took(reply.usage, estimate)
            return reply
        except BaseException as problem:
            took = _of_failure(problem, tariff, course.meter)
            raise
        finally:
            course.behind = outer
            settle(took)

    return paying


def looking_ahead(inner: Ask, own: Budget | None, tariff: Tariff, purse: Purse) -> Ask:
    """Refuses what cannot fit any more before it queues; takes nothing."""

    async def look(course: Course) -> Reply:
        accounts = _accounts(course, own, purse)
        if accounts:
            most, estimate = tariff.most(course)
            is_open = _is_open(accounts, estimate)
            refused = purse.ledger.refuses(accounts, most, is_open=is_open)
            if refused is not None:
                raise _exceeded(course, refused, most, is_open=is_open)
        return await inner(course)

    return look


def _accounts(course: Course, own: Budget | None, purse: Purse) -> tuple[Account, ...]:
    """Those around an attempt, the innermost first."""
    order, ledger = course.order, purse.ledger
    around = tuple([ledger.account(path, budget) for path, budget in order.budgets])
    return around if own is None else (ledger.account(order.path, own), *around)


def _is_open(accounts: tuple[Account, ...], estimate: Estimate) -> bool:
    """Whether a budget in money or tokens is around an answer of any length."""
    return estimate.output is None and any(account.limits[:2] != (None, None) for account in accounts)


def _of_failure(problem: BaseException, tariff: Tariff, meter: Meter | None) -> Amount | None:
    """What a failed attempt took. A request that was sent is a call, also where it cost nothing."""
    cost = outcome_of(problem).cost
    if meter is not None and meter.told and (cost is Cost.FREE or cost is Cost.SETTLE):
        return tariff.took_so_far(meter)
    if cost is Cost.FREE:
        is_sent = not isinstance(problem, CallError) or problem.sent
        return Amount(calls=1) if is_sent else NOTHING
    return None if tariff.is_model else Amount(calls=1)


# --- words --------------------------------------------------------------------------------------------------------


def _name(course: Course, account: Account) -> str:
    path = account.path
    return f"the budget of {'step' if path == course.order.path else 'flow' if '/' not in path else 'step'} {path}"


def _limit(course: Course, account: Account) -> str | None:
    return None if account.path == course.order.path else account.path


def _needs_price(course: Course, accounts: tuple[Account, ...], tariff: Tariff) -> None:
    """Case $9: a model without a price is never free."""
    if tariff.is_model and tariff.charge is None:
        for account in accounts:
            if account.limits[0] is not None:
                text = f"the price of model '{tariff.model}' is not known, so {_name(course, account)} cannot be kept"
                raise BudgetExceeded(text, _limit(course, account))


def _exceeded(course: Course, account: Account, most: Amount, *, is_open: bool) -> BudgetExceeded:
    """What does not fit, whose budget that is, and how much of it is left."""
    for at, (limit, spent, one) in enumerate(zip(account.limits, account.spent, most, strict=True)):
        if limit is None or spent + one + (is_open and at < 2) <= limit:
            continue
        if at == 2:
            what = f"allows {limit} call{'s'[: limit != 1]}, and all are made"
        else:
            whole, need, left = (_said(at, number) for number in (limit, one, max(0, limit - spent)))
            more = " and more" if is_open else ""
            what = f"({whole}) has {left} left, and this call may take {need}{more}"
        return BudgetExceeded(f"{_name(course, account)} {what}", _limit(course, account))
    raise InternalError(f"a refusal was taken back: {account.path}")


def _said(at: int, number: int) -> str:
    return f"${str(Money(number)).removeprefix('USD ')}" if at == 0 else f"{number} tokens"
