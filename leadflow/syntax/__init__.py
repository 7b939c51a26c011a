"""Syntax: text -> tree, and tree -> text. Knows how leadflow is written, not what it means."""
