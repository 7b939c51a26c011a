"""How many runs of each model there are: a few hundred with every commit, and as many as the release gate asks for."""

import os

RUNS = int(os.environ.get("LEADFLOW_GATE_RUNS", "200"))
"""Stateful runs of one model."""


def steps(most: int) -> int:
    """The steps of each run at most: so many where there are a few hundred runs, and half where there are more."""
    return most if RUNS <= 200 else most // 2
