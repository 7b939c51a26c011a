"""Journals of these tests lie where a sync costs nothing: what they try is not the disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.inline import fast_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder of the test's own."""
    with fast_folder() as folder:
        yield Path(folder)
