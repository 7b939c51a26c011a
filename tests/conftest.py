"""What every test shares: one profile for the properties. It knows no room of leadflow."""

from hypothesis import settings

# Shared machines are slow at the wrong moment: a property fails for a wrong answer, never for a late one.
settings.register_profile("house", settings(), deadline=None)
settings.load_profile("house")
