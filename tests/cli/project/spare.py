"""The spare desk."""

import leadflow


def busy() -> int:
    """Is busy for good."""
    raise leadflow.Permanent("the spare desk is closed")
