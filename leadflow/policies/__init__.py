"""Policies: what stands around each call of an agent. One file each; `stack.py` has the order and its reasons."""
