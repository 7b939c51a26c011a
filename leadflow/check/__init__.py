"""Check: tree -> tree and tables. Finds every mistake that can be found before anything is spent.

Knows names, types, effects and the rules of flows; imports no user code, reads no environment, opens nothing itself.
"""
