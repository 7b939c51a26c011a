"""What models used, in words. What is not known is told as unknown, never as nothing (case $9)."""

from dataclasses import fields

from leadflow.cli.views import human
from leadflow.events.fold import Used
from leadflow.plan.types import Money


def tell(used: Used) -> None:
    """Behind a run: what its models used, if it asked any."""
    if used.requests:
        human.note(f"models: {words(used)}")


def words(used: Used) -> str:
    """`3 requests, 1,234 tokens in (200 cached, 30 put into the cache), 56 out, $0.001234`."""
    requests = f"{used.requests:,} request{'s'[: used.requests != 1]}"
    if used.uncounted == used.requests:
        return f"{requests}, tokens and cost unknown"
    parts = [f"{used.cached_tokens:,} cached"] if used.cached_tokens else []
    parts += [f"{used.stored_tokens:,} put into the cache"] if used.stored_tokens else []
    cached = f" ({', '.join(parts)})" if parts else ""
    missing = f", tokens of {used.uncounted:,} unknown" if used.uncounted else ""
    tokens = f"{used.input_tokens:,} tokens in{cached}, {used.output_tokens:,} out"
    return f"{requests}, {tokens}{missing}, {_cost(used)}"


def short(used: Used) -> str:
    """Of one step: `1,234 + 56 tokens, $0.001234`."""
    if used.uncounted == used.requests:
        return "tokens and cost unknown"
    return f"{used.input_tokens:,} + {used.output_tokens:,} tokens, {_cost(used)}"


def data(used: Used) -> dict[str, int]:
    """For machines: sums of what is known, in millionths of a dollar, and of how many requests it is not."""
    return {field.name: getattr(used, field.name) for field in fields(used)}


def _cost(used: Used) -> str:
    if used.unpriced == used.requests:
        return "cost unknown"
    money = f"${str(Money(used.money)).removeprefix('USD ')}"
    if not used.unpriced:
        return money
    return f"{money} and the unknown cost of {used.unpriced:,} request{'s'[: used.unpriced != 1]}"
