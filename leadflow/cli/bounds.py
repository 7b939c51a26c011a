"""What bounds stand on beside the plan: the kinds of this installation, prices, the project's settings."""

from leadflow.bound.asks import Known
from leadflow.bound.prices import read_prices
from leadflow.plugins import Installed
from leadflow.resources import prices_text
from leadflow.settings import Settings, own_prices


def known_of(settings: Settings, catalogue: Installed) -> Known:
    """Prices of the operator come before those that leadflow brings."""
    return Known(catalogue, read_prices(prices_text()), own_prices(settings), settings.run.concurrency)
