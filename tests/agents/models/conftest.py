"""What the tests of models share."""

from collections.abc import AsyncIterator

import pytest

from tests.agents.models.asking import Watching


@pytest.fixture
async def transport() -> AsyncIterator[Watching]:
    """A transport, closed afterwards."""
    made = Watching()
    yield made
    await made.aclose()
