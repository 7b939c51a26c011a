"""The public test kit: what a test of a flow, an agent or a policy needs in place of the world.

It may know every room but the faces; no room knows it. Of use to tests in Python is `run_virtual`; the rest makes the
tests of the language (rule E10):

    checked -> graph.trials -> TRIALS -> trial.run_trial -> OUTCOMES
"""

from leadflow.testing.virtual import JumpLoop, run_virtual

__all__ = ["JumpLoop", "run_virtual"]
