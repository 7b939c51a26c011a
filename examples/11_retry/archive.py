"""The rates of last month: always there, and asked as the service is, by a path."""

RATES = {"EUR": 1.09, "USD": 1.0, "GBP": 1.25, "JPY": 0.007, "CHF": 1.12, "SEK": 0.0952, "XAU": 2710.5}


def get(path: str) -> dict[str, object]:
    """The rate behind a path like `/rates/SEK`."""
    currency = path.rpartition("/")[2]
    if currency not in RATES:
        raise LookupError(f"no rate of {currency} in the archive")
    return {"currency": currency, "value": RATES[currency]}
