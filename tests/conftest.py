"""What every test shares: a profile for the properties, the doubles, golden files. It knows no room of leadflow."""

import pytest
from hypothesis import settings

from tests.doubles import llm_double, llm_server
from tests.goldens import add_option, golden

__all__ = ["golden", "llm_double", "llm_server"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our own options."""
    add_option(parser)


# Shared machines are slow at the wrong moment: a property fails for a wrong answer, never for a late one.
settings.register_profile("house", settings(), deadline=None)
settings.load_profile("house")
