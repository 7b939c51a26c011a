"""What models cost: a snapshot of published prices, by provider and by the names that the provider takes for a model.

Prices are whole millionths of a dollar for a million tokens, so that no rounding makes a bound too low. A model that is
not there has no price, which is not the price 0. How the snapshot is made, and which of a model's several prices it
holds, is the concern of `tests/bound/refresh_prices.py`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from leadflow.plan.rates import Rate, Rates, flat
from leadflow.record import record

HOMES: Mapping[str, str] = {"openai": "openai", "anthropic": "anthropic"}
"""The provider that an agent of a kind asks when it names no other address."""


class Price(NamedTuple):
    """What a model charges, in millionths of a dollar."""

    input: int
    """For a million tokens that it reads."""
    output: int | None
    """For a million tokens that it writes; None when nobody says so."""
    request: int = 0
    """For a thousand requests, whatever they hold."""


@record
class Found:
    """A price, and where it comes from."""

    price: Price
    """The dearest that can apply."""
    origin: str
    """`agent fast`, `leadflow.toml`, `genai-prices 0.2.3 of 2026-11-28: gpt-5-mini of openai`."""
    rows: tuple[Rate, ...] = ()
    """What is charged for a request once its tokens are known, where that is not always the dearest."""

    @property
    def rates(self) -> Rates:
        """What is charged for a request once its tokens are known."""
        price = self.price
        return Rates(self.rows, price.request) if self.rows else flat(price.input, price.output or 0, price.request)


Clause: TypeAlias = str | list["Clause"]
"""A name, as `=name`; how it begins `^`, ends `$`, what it holds `~`, a pattern `/`; or a list, all of which holds."""


class Model(NamedTuple):
    """A model of a provider."""

    name: str
    matches: list[Clause]
    """One of them has to hold for the name, in small letters, that an agent writes."""
    price: Price | None
    """None: its tokens do not tell what it costs."""
    rows: Sequence[Rate] = ()
    """What is charged, where that is not always the dearest."""


class Provider(NamedTuple):
    """Who runs models."""

    name: str
    address: str
    """A pattern for the beginning of its address."""
    others: Sequence[str]
    """Providers whose models it offers at their prices."""
    rows: Sequence[Any]
    """Its models as they stand in the snapshot: two thousand of all providers, of which a run asks for a few."""

    @property
    def models(self) -> Sequence[Model]:
        """Its models."""
        return [
            Model(name, matches, price and Price(*price), [Rate(*row) for row in rows])
            for name, matches, price, *rows in self.rows
        ]


@record
class Prices:
    """All that is known of prices."""

    source: str
    """The package and its version."""
    made: date
    providers: Mapping[str, Provider]

    def find(self, model: str, *, provider: str | None = None, address: str | None = None) -> Found | None:
        """The price of a model as a provider calls it; the provider by its name or by its address."""
        if address is not None:
            known = (name for name, one in self.providers.items() if re.match(one.address, address))
            provider = next(known, None)
        owner = self.providers.get(provider or "")
        found = None if owner is None else self._model(owner, model.lower())
        if owner is None or found is None or found.price is None:
            return None
        return Found(found.price, f"{self.source} of {self.made}: {found.name} of {owner.name}", tuple(found.rows))

    def _model(self, owner: Provider, name: str) -> Model | None:
        for written in dict.fromkeys((name, _with_dashes(name))):
            for provider in (owner, *(self.providers[other] for other in owner.others)):
                found = next((model for model in provider.models if _holds_one(model.matches, written)), None)
                if found is not None:
                    return found
        return None


def read_prices(text: str) -> Prices:
    """The snapshot that a text holds."""
    data = json.loads(text)
    providers = [Provider(one["name"], one["address"], one["others"], one["models"]) for one in data["providers"]]
    made = date.fromisoformat(data["made"])
    return Prices(data["source"], made, {provider.name: provider for provider in providers})


def _holds_one(clauses: Sequence[Clause], name: str) -> bool:
    return any(_holds(clause, name) for clause in clauses)


def _holds(clause: Clause, name: str) -> bool:
    if isinstance(clause, list):
        return all(_holds_part(part, name) for part in clause)
    sign, text = clause[:1], clause[1:]
    match sign:
        case "=":
            return name == text
        case "^":
            return name.startswith(text)
        case "$":
            return name.endswith(text)
        case "~":
            return text in name
        case _:
            return re.search(text, name) is not None


def _holds_part(part: Any, name: str) -> bool:
    """A part of what has to hold as a whole; a list in it holds when one of its own does."""
    return _holds_one(part, name) if isinstance(part, list) else _holds(part, name)


_DATED = re.compile(r"(?<=-)(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=[-:]|$)")


def _with_dashes(name: str) -> str:
    """`model-20251211` as `model-2025-12-11`, which some servers write and others do not."""

    def dashed(found: re.Match[str]) -> str:
        try:
            return date(*map(int, found.groups())).isoformat()
        except ValueError:
            return found[0]

    return _DATED.sub(dashed, name)
