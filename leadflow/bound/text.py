"""The bound of a flow in words, for the head of its plan, and as data.

One line says it all. Where a figure has no bound, a line each says which line of the flow makes it so, and what would
bound it.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from textwrap import wrap
from typing import Any

from leadflow.bound.figures import NOTHING, Cause, Figure
from leadflow.bound.history import Expected, expected_text
from leadflow.bound.prices import Found
from leadflow.bound.report import Bound, Priced
from leadflow.plan.forms import duration_text
from leadflow.plan.types import Money
from leadflow.plan.words import duration_words, value_words

_MOST_CAUSES = 6
"""Lines about what has no bound; `--format json` has more."""


def bound_text(bound: Bound, width: int, history: Expected | None = None) -> Iterator[str]:
    """Lines for the head of a flow.

    Args:
        history: what its runs took; None: none has ended.
    """
    if history is not None:
        yield from _wrapped(expected_text(history), width, "  ", "    ")
    yield from _wrapped(summary(bound), width, "  ", "    ")
    told = _causes(bound)
    for cause, names in list(told.items())[:_MOST_CAUSES]:
        place = f"{cause.place.file}:{cause.place.line}:{cause.place.column}"
        yield from _wrapped(f"{_listed(names)}: {place}: {cause.what}; {cause.mend}", width, "    ", "      ")
    if len(told) > _MOST_CAUSES:
        yield "    and more; --format json has them"
    for line in _prices(bound.priced):
        yield from _wrapped(line, width, "  ", "    ")


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    return wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def summary(bound: Bound) -> str:
    """`at most $0.02 for models, 812 tokens, 3 calls; no bound on time`."""
    said = {
        "money": (bound.money, f"{_words(bound.money, dollars)} for models"),
        "tokens": (bound.tokens, _words(bound.tokens, _counted("token"))),
        "calls": (bound.calls, _words(bound.calls, _counted("call"))),
        "time": (bound.time, _words(bound.time, _duration)),
    }
    if bound.tokens == NOTHING:
        del said["tokens"]
    bounded = [words for figure, words in said.values() if not figure.is_endless]
    endless = [name for name, (figure, _) in said.items() if figure.is_endless]
    parts = [f"at most {', '.join(bounded)}"] if bounded else []
    parts += [f"no bound on {_listed(endless)}"] if endless else []
    return "; ".join(parts)


def _listed(names: list[str]) -> str:
    """`money, tokens and time`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _words(figure: Figure, say: Callable[[int], str]) -> str:
    """`$0.01 + $0.004 x len(tickets)`."""
    parts = [say(figure.known)] if figure.known or not figure.per else []
    parts += [f"{say(amount)} x {name}" for amount, name in figure.per]
    return " + ".join(parts)


def dollars(micros: int) -> str:
    """An amount of money as an author writes it."""
    return value_words(Money(micros))


def _counted(word: str) -> Callable[[int], str]:
    return lambda number: f"{number:,} {word}" + ("" if number == 1 else "s")


def _duration(micros: int) -> str:
    """Rounded up to what people read: seconds below an hour, minutes above."""
    if micros == 0:
        return "no time"
    unit = 1_000 if micros < 1_000_000 else 1_000_000 if micros < 3_600_000_000 else 60_000_000
    return duration_words(timedelta(microseconds=-(-micros // unit) * unit))


def _causes(bound: Bound) -> dict[Cause, list[str]]:
    """Why there is no bound, in the order of the source, with the figures that it is true of."""
    found: dict[Cause, list[str]] = {}
    for name in ("money", "tokens", "calls", "time"):
        figure: Figure = getattr(bound, name)
        for cause in figure.causes:
            found.setdefault(cause, []).append(name)
    return dict(sorted(found.items(), key=lambda item: item[0].place))


def _prices(priced: tuple[Priced, ...]) -> Iterator[str]:
    """One line for each price."""
    told: dict[str, list[str]] = {}
    for one in priced:
        if one.found is not None:
            told.setdefault(_price(one.model, one.found), []).append(one.agent)
    yield from (f"price of {line}" for line in told)


def _price(model: str, found: Found) -> str:
    price = found.price
    said = f"{model}: {dollars(price.input)} in"
    said += "" if price.output is None else f", {dollars(price.output)} out"
    said += " for a million tokens"
    said += "" if not price.request else f", {dollars(price.request)} for a thousand requests"
    return f"{said} ({found.origin})"


# --- data ---------------------------------------------------------------------------------------------------------


def bound_data(bound: Bound) -> dict[str, Any]:
    """The same for machines."""
    return {
        "money": _data(bound.money, lambda micros: str(Money(micros))),
        "tokens": _data(bound.tokens, lambda number: number),
        "calls": _data(bound.calls, lambda number: number),
        "time": _data(bound.time, lambda micros: duration_text(timedelta(microseconds=micros))),
        "prices": [_price_data(one) for one in bound.priced],
    }


def _data(figure: Figure, say: Callable[[int], str | int]) -> dict[str, Any]:
    """`most` is null when there is no bound; with `per` it is what comes on top of so much for each."""
    return {
        "most": None if figure.is_endless else say(figure.known),
        "per": [{"most": say(amount), "for_each": name} for amount, name in figure.per],
        "because": [{"place": list(cause.place), "what": cause.what, "mend": cause.mend} for cause in figure.causes],
    }


def _price_data(one: Priced) -> dict[str, Any]:
    if one.found is None:
        return {"agent": one.agent, "model": one.model, "price": None, "origin": None}
    price = one.found.price
    return {
        "agent": one.agent,
        "model": one.model,
        "price": {
            "input": str(Money(price.input)),
            "output": None if price.output is None else str(Money(price.output)),
            "request": str(Money(price.request)),
        },
        "origin": one.found.origin,
    }
