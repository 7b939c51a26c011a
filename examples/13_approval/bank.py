"""A bank that writes receipts."""


def pay(claim: dict[str, object], center: str) -> str:
    """The receipt of a payment."""
    return f"R-{claim['id']}-{center}"
