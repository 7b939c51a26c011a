"""Agents: the kinds of workers that this version runs. Each file holds the adapter of one kind.

A built-in uses nothing that a stranger's kind could not use: a catalogue row (`leadflow.plan.kinds`) and
the ports (`leadflow.run.ports`). `registry.py` knows them all, those of other packages included.
"""
