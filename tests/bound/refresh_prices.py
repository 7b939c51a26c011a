"""genai-prices -> stdlib/prices.json: what models cost, as compact data with its source, date and licence.

Run `python -m tests.bound.refresh_prices` after raising the version of genai-prices in pyproject.toml, and read the
difference. The package is needed here and in the test that compares the two, and nowhere else.

A model may have several prices. The snapshot holds the dearest that can apply to a plain request from the day it is
made: over the tiers of long prompts, the hours of the day, the writing and reading of a cache that the provider keeps
by itself, thinking. It leaves out what only a request of another kind pays: batches, other service tiers, pictures,
sound, tools of the provider. A model that searches by itself has no price that its tokens would tell; it stands there
without one, so that its name means no other model.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, Decimal
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parents[2] / "stdlib" / "prices.json"

READS = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_5m_mtok")
WRITES = ("output_mtok", "output_reasoning_mtok")
SEARCHES = ("deep-research", "-search")
"""In the names of models that search by themselves."""


def snapshot(made: date) -> dict[str, Any]:
    """All prices of the installed package, as they are on a day and may become later."""
    found = distribution("genai-prices")
    licence = Path(str(next(path for path in found.files or () if path.name == "LICENSE").locate())).read_text("utf-8")
    return {
        "source": f"genai-prices {found.version}",
        "made": made.isoformat(),
        "licence": licence.splitlines(),
        "providers": [_provider(provider, made) for provider in providers()],
    }


def providers() -> list[Any]:
    """What the package knows."""
    known: list[Any] = import_module("genai_prices.data").providers
    return known


def _provider(provider: Any, made: date) -> dict[str, Any]:
    return {
        "name": provider.id,
        "address": provider.api_pattern,
        "others": provider.fallback_model_providers or [],
        "models": [
            [model.id, _clauses(model.match), price_of(model, made), *rates_of(model, made)]
            for model in provider.models
        ],
    }


def price_of(model: Any, made: date) -> list[int | None] | None:
    """Input and output for a million tokens, a thousand requests; None when the tokens do not tell it."""
    sheets = [vars(prices) for prices in _that_apply(model, made)]
    reads, writes = _dearest(sheets, READS), _dearest(sheets, WRITES)
    if reads is None or any(word in model.id for word in SEARCHES):
        return None
    requests = _dearest(sheets, ("requests_kcount",))
    return [reads, writes] if not requests else [reads, writes, requests]


def rates_of(model: Any, made: date) -> list[list[int]]:
    """What a plain request is charged on that day, where that is not always the dearest: `Rate`s, flat.

    Models whose price depends on the hour have none, so that the dearest stands for them.
    """
    price = price_of(model, made)
    if price is None or len(price) > 2 or price[1] is None or _has_hours(model):
        return []
    sheet = vars(model.get_prices(datetime.combine(made, time(12), UTC)))
    starts = sorted({tier.start for name in (*READS, *WRITES) for tier in getattr(sheet.get(name), "tiers", ())})
    rows = [_rate(sheet, start) for start in (0, *starts)]
    return [] if rows == [[0, price[0], price[1], price[0], price[0]]] else rows


def _has_hours(model: Any) -> bool:
    conditional = model.prices if isinstance(model.prices, list) else []
    return any(one.constraint is not None and not hasattr(one.constraint, "start_date") for one in conditional)


def _rate(sheet: dict[str, Any], above: int) -> list[int]:
    read = _at(sheet.get("input_mtok"), above) or 0
    cached, stored = (_at(sheet.get(name), above) for name in ("cache_read_mtok", "cache_write_mtok"))
    written = _at(sheet.get("output_mtok"), above) or 0
    return [above, read, written, read if cached is None else cached, read if stored is None else stored]


def _at(price: Any, above: int) -> int | None:
    """A price for requests that read more than so many tokens, in millionths of a dollar, rounded up."""
    if price is None:
        return None
    amounts = (
        [price.base, *(tier.price for tier in price.tiers if tier.start <= above)]
        if hasattr(price, "tiers")
        else [price]
    )
    return int((amounts[-1] * 1_000_000).to_integral_value(ROUND_CEILING))


def _that_apply(model: Any, made: date) -> Iterator[Any]:
    """The price lists that hold now at some hour, and those that will."""
    if not isinstance(model.prices, list):
        yield model.prices
    else:
        for conditional in reversed(model.prices):
            yield conditional.prices
            start = getattr(conditional.constraint, "start_date", None)
            if conditional.constraint is None or (start is not None and start <= made):
                break
    yield from (one.prices for one in model.price_variants or () if one.when == {"service_tier": "default"})


def _dearest(sheets: Iterable[dict[str, Any]], names: Iterable[str]) -> int | None:
    """In millionths of a dollar, rounded up."""
    found = [sheet[name] for sheet in sheets for name in names if sheet.get(name) is not None]
    each = [amount for price in found for amount in (price, *_tiers(price)) if isinstance(amount, Decimal)]
    if not each:
        return None
    return int((max(each) * 1_000_000).to_integral_value(ROUND_CEILING))


def _tiers(price: Any) -> list[Decimal]:
    tiers = getattr(price, "tiers", ())
    return [price.base, *(tier.price for tier in tiers)] if tiers else []


def _clauses(match: Any) -> list[Any]:
    """What `leadflow.bound.prices` reads: a list of which one has to hold."""
    return [one for inner in match.or_ for one in _clauses(inner)] if hasattr(match, "or_") else [_clause(match)]


def _clause(match: Any) -> Any:
    if hasattr(match, "and_"):
        return [_clauses(inner) for inner in match.and_]
    signs = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "~", "regex": "/"}
    ((kind, text),) = vars(match).items()
    return signs[kind] + (text if kind == "regex" else text.lower())


def text_of(data: dict[str, Any]) -> str:
    """One model to a line, so that a difference can be read."""
    lines = ["{"]
    for name in ("source", "made", "licence"):
        lines.append(f" {json.dumps(name)}: {json.dumps(data[name])},")
    lines.append(' "providers": [')
    for number, provider in enumerate(data["providers"]):
        head = {name: value for name, value in provider.items() if name != "models"}
        lines.append(f'  {json.dumps(head)[:-1]}, "models": [')
        models = [json.dumps(model, separators=(",", ":")) for model in provider["models"]]
        lines.append(",\n".join(f"   {model}" for model in models))
        lines.append("  ]}" + ("," if number < len(data["providers"]) - 1 else ""))
    return "\n".join([*lines, " ]", "}"]) + "\n"


if __name__ == "__main__":
    FILE.write_text(text_of(snapshot(datetime.now(UTC).date())), "utf-8")
    sys.stdout.write(f"{FILE} is new\n")
