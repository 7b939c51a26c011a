"""How many runs of each model there are: a few hundred with every commit, and as many as the release gate asks for."""

import os

RUNS = int(os.environ.get("LEADFLOW_GATE_RUNS", "200"))
"""Stateful runs of one model."""
