"""A warehouse of four shelves."""

SHELVES = {"mug-blue": "A1", "tea-oolong": "A2", "pot-cast-iron": "C7", "whisk-bamboo": "B3"}


def shelf(sku: str) -> str:
    """Where an article lies."""
    return SHELVES[sku]


def pack(order: str, *, shelf: str, count: int) -> str:
    """Packs a parcel and says its label."""
    return f"{order}/{shelf}x{count}"
