"""Policies that stand together and cannot all have their way: waits that outlast their deadline, limits that another
limit keeps from being reached, a retry or a fallback to which nothing ever comes.

Pure: looks at policies that were read already. Says only what follows from the policies themselves, never from how
long a call may take.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import combinations

from leadflow.check.context import Context
from leadflow.check.messages.timing import argument_without_effect, never_comes, never_reached, too_late
from leadflow.check.messages.triggers import unknown_zone
from leadflow.diagnostics import Label, Span
from leadflow.plan.backoff import plain_delay
from leadflow.plan.policy import (
    ERROR_CLASSES,
    Applied,
    Budget,
    Concurrency,
    Does,
    Fallback,
    Hedge,
    Limit,
    OnError,
    PerTime,
    Retry,
    Timeout,
)
from leadflow.plan.reactions import retry_in_force
from leadflow.plan.types import Money
from leadflow.plan.words import per_words
from leadflow.plan.zones import ZONES
from leadflow.syntax import tree
from leadflow.syntax.walk import walk


def check_together(cx: Context, policies: Sequence[Applied], spans: Mapping[str, Span]) -> None:
    """Warn about policies in force on one thing that leave each other nothing to do.

    Args:
        spans: where those of them stand that are written on this very thing; what only others say is reported there.
    """
    found = {policy.name: policy for policy in policies}
    for one, other in combinations(sorted(found), 2):
        if one not in spans and other not in spans:
            continue
        if not cx.program.once("together", f"{found[one].place} {found[other].place}"):
            continue
        at = Places(spans, one, other)
        match found[one].policy, found[other].policy:
            case Retry() as retry, Timeout(total=timedelta() as total):
                _pauses(cx, retry, total, at)
            case Hedge() as hedge, Timeout() as timeout:
                _hedge(cx, hedge, timeout, at)
            case Concurrency(limit=limit), Limit() as limits:
                _concurrent(cx, limit, limits, at)
            case Concurrency(limit=1), Hedge():
                _no_second(cx, at)
            case Hedge(), Limit(concurrent=1):
                _no_second(cx, at)
            case Fallback(), OnError() as on_error:
                if _with(on_error, "skip", "terminate") == set(ERROR_CLASSES):
                    why = f"'@on_error' {_ends(on_error)} every failure, so no fallback is ever asked"
                    cx.report(never_comes(at.of("fallback"), why, labels=at.label("on_error")))
            case OnError() as on_error, Retry(on=classes) as retry if retry.attempts > 1:
                left = _with(on_error, "skip", "terminate", "fallback", "escalate")
                if set(classes if classes is not None else ERROR_CLASSES) <= left:
                    why = f"'@on_error' {_ends(on_error)} every failure that this '@retry' is for"
                    why += ", so it never tries again"
                    cx.report(never_comes(at.of("retry"), why, labels=at.label("on_error")))
            case _:
                pass


class Places:
    """Where two policies stand, as far as they are written here."""

    def __init__(self, spans: Mapping[str, Span], one: str, other: str) -> None:
        self._spans = spans
        self._names = (one, other)

    def of(self, name: str) -> Span:
        """The place of a policy, or of the other one when that is the one written here."""
        return next(self._spans[each] for each in (name, *self._names) if each in self._spans)

    def label(self, name: str) -> tuple[Label, ...]:
        """A label for a policy that is written here, too, beside the place of the finding."""
        if all(each in self._spans for each in self._names):
            return (Label(self._spans[name], "this keeps it from that"),)
        return ()


# --- time ---------------------------------------------------------------------------------------------------------


def pauses(retry: Retry) -> list[timedelta]:
    """The shortest pause before each further attempt that its jitter allows."""
    part = {"full": 0.0, "equal": 0.5, "none": 1.0, "decorrelated": 1.0}[retry.jitter]
    numbers = [1 if retry.jitter == "decorrelated" else number for number in range(1, retry.attempts)]
    return [timedelta(seconds=part * plain_delay(retry, number)) for number in numbers]


def _pauses(cx: Context, retry: Retry, total: timedelta, at: Places) -> None:
    passed = timedelta()
    for number, pause in enumerate(pauses(retry), 2):
        passed += pause
        if passed >= total:
            what = "the pause before it takes" if number == 2 else "the pauses before it take"
            why = (
                f"attempt {number} of {retry.attempts} can never start: {what} {shown(passed)} or more, and '@timeout'"
                f" ends all after {shown(total)}"
            )
            cx.report(too_late(at.of("timeout"), why, labels=at.label("retry")))
            return
    first = min(retry.backoff, retry.max)
    if retry.attempts > 1 and first >= 2 * total:  # with full jitter, half of it on the average
        why = (
            f"'@timeout' ends all after {shown(total)}, and the first pause of '@retry' takes up to {shown(first)}: a"
            " second attempt seldom starts"
        )
        cx.report(too_late(at.of("timeout"), why, labels=at.label("retry")))


def _hedge(cx: Context, hedge: Hedge, timeout: Timeout, at: Places) -> None:
    after = hedge.after
    ends = [end for end in (timeout.attempt, timeout.total) if end is not None]
    if ends and after >= min(ends):
        end = shown(min(ends))
        why = f"'@hedge' waits {shown(after)}, but '@timeout' ends an attempt after {end}: no second one starts"
        cx.report(too_late(at.of("hedge"), why, labels=at.label("timeout")))


def check_inside(cx: Context, policies: Sequence[Applied], spans: Mapping[str, Span]) -> None:
    """Warn about what is written on a step and reaches beyond the deadline, or the budget, of what stands around it."""
    for policy in policies:
        span = spans.get(policy.name)
        if span is None:
            continue
        if isinstance(policy.policy, Timeout) and policy.policy.total is not None and cx.deadline is not None:
            total, where = cx.deadline
            if policy.policy.total > total:
                why = f"'@timeout({shown(policy.policy.total)})' is never reached: {where} ends after {shown(total)}"
                cx.report(never_reached(span, why))
        money = policy.policy.money if isinstance(policy.policy, Budget) else None
        if money is not None and cx.purse is not None and money > cx.purse[0]:
            why = f"a budget of ${_money(money)} is never reached: {cx.purse[1]} may spend ${_money(cx.purse[0])}"
            cx.report(never_reached(span, why))


def check_wait(cx: Context, span: Span, wait: timedelta, what: str) -> None:
    """Warn about a wait, known beforehand, that is longer than what stands around it may take."""
    if cx.deadline is not None and wait >= cx.deadline[0]:
        total, where = cx.deadline
        cx.report(too_late(span, f"{what} {shown(wait)}, but {where} ends after {shown(total)}", labels=()))


_DAY = timedelta(days=1)


# --- limits -------------------------------------------------------------------------------------------------------


def _concurrent(cx: Context, limit: int, limits: Limit, at: Places) -> None:
    other = limits.concurrent
    if other is not None and other != limit:
        large, small = ("concurrency", "limit") if limit > other else ("limit", "concurrency")
        why = f"'@{large}' allows {max(limit, other)} at once, and '@{small}' no more than {min(limit, other)}"
        cx.report(never_reached(at.of(large), f"{why}: the larger limit is never reached"))


def _no_second(cx: Context, at: Places) -> None:
    why = "only one call may be under way at once, so '@hedge' starts no second attempt beside the first"
    cx.report(never_comes(at.of("hedge"), why, labels=()))


def check_one_attempt(
    cx: Context, policies: Sequence[Applied], span: Span, written: Sequence[str], *, is_last: bool
) -> None:
    """Warn about how to wait between attempts, where there is one and no `@on_error` asks for more.

    Args:
        policies: what stands on the same thing.
        written: the arguments of `@retry` that the author gave.
        is_last: nothing else takes the policy over. Calls take over what stands on an agent or in a bundle, and each
            may have an `@on_error` of its own.
    """
    retry = retry_in_force(policies)
    others = [name for name in written if name != "attempts"]
    if retry is not None and retry.attempts == 1 and others and (is_last or not _retries_on_error(cx)):
        cx.report(argument_without_effect(span, others, why="with one attempt there is nothing to try again"))


def _retries_on_error(cx: Context) -> bool:
    """Whether any `@on_error` of the program asks for further attempts."""
    return any(
        isinstance(node, tree.Annotation)
        and node.path[-1].text == "on_error"
        and any(isinstance(part, tree.Name) and part.text == "retry" for part in walk(node))
        for module in cx.program.modules.values()
        for node in walk(module.tree)
    )


def check_alone(cx: Context, policy: Applied, span: Span) -> None:
    """Warn about arguments of one policy that leave each other nothing to do."""
    if not isinstance(policy.policy, Limit):
        return
    zone = policy.policy.zone
    if zone is not None and zone not in ZONES:
        cx.report(unknown_zone(span, zone, known=cx.program.known(sorted(ZONES)), alone=False))
    _without_effect(cx, policy.policy, span)
    for one, other in combinations(policy.policy.rate, 2):
        tight, loose = (one, other) if one.amount <= other.amount else (other, one)
        if tight.period >= loose.period:
            why = f"'{_rate(loose)}' is never reached: '{_rate(tight)}' is tighter"
            cx.report(never_reached(span, why))


def _without_effect(cx: Context, limit: Limit, span: Span) -> None:
    """Warn about a burst that bounds nothing, and about a zone in which no day is counted."""
    if limit.burst is not None and not limit.rate:
        why = "it bounds how many calls start together at a rate, and there is none"
        cx.report(argument_without_effect(span, ["burst"], why=why))
    tight = min(limit.rate, key=lambda rate: rate.amount, default=None)
    if limit.burst is not None and tight is not None and limit.burst >= tight.amount:
        why = f"'{_rate(tight)}' lets no more than {tight.amount:,} start together anyway"
        cx.report(argument_without_effect(span, ["burst"], why=why))
    if limit.zone is not None and all(rate.period != _DAY for rate in (*limit.rate, limit.tokens) if rate is not None):
        cx.report(argument_without_effect(span, ["zone"], why="it says whose days count, and no limit is per day"))


def _rate(rate: PerTime) -> str:
    return f"{rate.amount:,} per {per_words(rate.period)}"


# --- parts --------------------------------------------------------------------------------------------------------


def _with(on_error: OnError, *does: Does) -> set[str]:
    """The classes with one of these reactions."""
    return {name for name, reaction in on_error.reactions if reaction.does in does}


def _ends(on_error: OnError) -> str:
    """What becomes of failures that are not tried again, in a word."""
    return "skips" if {reaction.does for _, reaction in on_error.reactions} <= {"skip", "retry", "reset"} else "answers"


def shown(span: timedelta) -> str:
    """A duration as an author writes it."""
    left = span // timedelta(milliseconds=1)
    parts = []
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")):
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0ms"


def _money(money: Money) -> str:
    return f"{money.micros / 1_000_000:.6f}".rstrip("0").rstrip(".")
