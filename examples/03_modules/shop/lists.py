"""Two price lists of one shop, in cents. An article that a list does not have is a `LookupError`."""

import time

NEAR = {"mug-blue": 1250, "tea-oolong": 890, "pot-cast-iron": 6400}
FAR = {"mug-blue": 1190, "tea-oolong": 850, "pot-cast-iron": 6100, "whisk-bamboo": 1575}


def near(sku: str) -> dict[str, object]:
    """The price in this building's list, at once."""
    return {"cents": NEAR[sku], "source": "near"}


def far(sku: str) -> dict[str, object]:
    """The price in the head office's list, after a slow line (half a second)."""
    time.sleep(0.5)
    return {"cents": FAR[sku], "source": "far"}
