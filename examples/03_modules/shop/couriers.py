"""Three opinions on couriers, a function each; one of them has no answer for the islands."""

ISLANDS = {"Tórshavn", "Lerwick"}


def cheapest(city: str) -> str:
    """Who asks the least."""
    return "post" if city in ISLANDS else "van"


def fastest(city: str) -> str:
    """Who is there first; there is no road to an island, and so no answer."""
    if city in ISLANDS:
        raise LookupError(f"no road to {city}")
    return "bike" if city == "Utrecht" else "van"


def greenest(city: str) -> str:
    """Who burns the least."""
    return "post" if city in ISLANDS else "bike"
