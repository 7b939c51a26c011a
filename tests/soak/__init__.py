"""Long runs of everything together in virtual time: the soak, the storm of 429s, a cancel at every await.

Each has a script that the release gate starts, and a small cut among the tests.
"""
