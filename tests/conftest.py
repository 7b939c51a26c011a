"""What every test shares: a profile for the properties, and the doubles. It knows no room of leadflow."""

from hypothesis import settings

from tests.doubles import llm_double, llm_server

__all__ = ["llm_double", "llm_server"]

# Shared machines are slow at the wrong moment: a property fails for a wrong answer, never for a late one.
settings.register_profile("house", settings(), deadline=None)
settings.load_profile("house")
