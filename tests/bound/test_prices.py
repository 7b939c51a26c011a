"""What models cost: the snapshot says what its source says, in the names that providers take."""

from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.bound.prices import read_prices
from leadflow.resources import prices_text
from tests.bound import refresh_prices

PRICES = read_prices(prices_text())

is_there = pytest.mark.skipif(find_spec("genai_prices") is None, reason="genai-prices is in the extra `dev`")


@is_there
def test_the_snapshot_is_what_the_script_makes() -> None:
    """stdlib/prices.json is up to date; `python -m tests.bound.refresh_prices` mends it."""
    assert refresh_prices.text_of(refresh_prices.snapshot(PRICES.made)) == prices_text()


def names() -> list[tuple[str, str]]:
    """A provider and a name that it takes, for every model."""
    return [
        (provider.name, clause[1:])
        for provider in PRICES.providers.values()
        for model in provider.models
        for clause in model.matches
        if isinstance(clause, str) and clause[0] in "=^"
    ]


@is_there
@given(st.sampled_from(names()), st.sampled_from(["", "-2025-08-07", "-20251211", "-latest", "x"]))
def test_the_live_package_finds_the_same_models(name: tuple[str, str], tail: str) -> None:
    """For any name, with a date behind it or not, the snapshot finds the model that genai-prices finds, or none."""
    provider = next(one for one in refresh_prices.providers() if one.id == name[0])
    model = provider.find_model(name[1] + tail, all_providers=refresh_prices.providers())
    wanted = None if model is None else refresh_prices.price_of(model, PRICES.made)
    found = PRICES.find(name[1] + tail, provider=name[0])
    assert (wanted and (*wanted, 0)[:3]) == (found and tuple(found.price))


@is_there
@given(st.sampled_from(names()), st.integers(0, 2_000_000), st.integers(0, 200_000))
def test_no_request_costs_more_than_its_price_says(name: tuple[str, str], reads: int, writes: int) -> None:
    """What genai-prices charges for any number of tokens is never above the snapshot's price for them."""
    genai_prices = pytest.importorskip("genai_prices")
    found = PRICES.find(name[1], provider=name[0])
    if found is None or found.price.output is None:
        return
    usage = genai_prices.Usage(input_tokens=reads, output_tokens=writes)
    charged = genai_prices.calc_price(usage, name[1], provider_id=name[0]).total_price
    assert charged * 10**12 <= reads * found.price.input + writes * found.price.output


SHARES = st.floats(0, 1)


@is_there
@given(st.sampled_from(names()), st.integers(0, 2_000_000), st.integers(0, 200_000), SHARES, SHARES)
def test_a_request_costs_what_the_live_package_charges(
    name: tuple[str, str], reads: int, writes: int, cached: float, stored: float
) -> None:
    """To the millionth of a dollar, on the day of the snapshot: tiers of long prompts, reads and writes of caches."""
    genai_prices = pytest.importorskip("genai_prices")
    found = PRICES.find(name[1], provider=name[0])
    if found is None or not found.rows:
        return
    out, into = int(reads * cached), int((reads - int(reads * cached)) * stored)
    usage = genai_prices.Usage(input_tokens=reads, output_tokens=writes, cache_read_tokens=out, cache_write_tokens=into)
    at = datetime.combine(PRICES.made, time(12), UTC)
    charged = genai_prices.calc_price(usage, name[1], provider_id=name[0], genai_request_timestamp=at).total_price
    wanted = int((charged * 1_000_000).to_integral_value(ROUND_CEILING))
    assert wanted == found.rates.cost(reads, writes, out, into)
    assert wanted <= -(-(reads * found.price.input + writes * (found.price.output or 0)) // 1_000_000)


@pytest.mark.parametrize(
    ("model", "provider", "address", "said"),
    [
        ("gpt-5-mini", "openai", None, "gpt-5-mini of openai"),
        ("GPT-5-mini-2025-08-07", "openai", None, "gpt-5-mini of openai"),
        ("gpt-5.2-20251211", "openai", None, "gpt-5.2 of openai"),
        ("claude-sonnet-4-5-20250929", "anthropic", None, "claude-sonnet-4-5 of anthropic"),
        ("gpt-4o", None, "https://mine.openai.azure.com/openai", "gpt-4o of azure"),
        ("llama-3.3-70b-versatile", None, "https://api.groq.com/openai/v1", "llama-3.3-70b-versatile of groq"),
        ("gpt-5-mini", None, "http://localhost:8000/v1", None),
        ("gpt-5-mini", None, "https://evil.example/?https://api.openai.com", None),
        ("sonar-deep-research", "perplexity", None, None),
        ("no-such-model", "openai", None, None),
        ("gpt-5-mini", "nobody", None, None),
    ],
)
def test_a_model_is_found_by_its_providers_names(
    model: str, provider: str | None, address: str | None, said: str | None
) -> None:
    """Aliases, dates and addresses lead to one model, and the origin says to which; what is not known has no price."""
    found = PRICES.find(model, provider=provider, address=address)
    assert (said and f"genai-prices 0.2.3 of {PRICES.made}: {said}") == (found and found.origin)


def test_the_snapshot_names_its_source() -> None:
    """The data travel with their source, their date and their licence."""
    assert PRICES.source.startswith("genai-prices ")
    assert date(2026, 11, 1) < PRICES.made
    assert "The MIT License (MIT)" in prices_text()
    assert "Copyright (c) Pydantic Services Inc." in prices_text()
