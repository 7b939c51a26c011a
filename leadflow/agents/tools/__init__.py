"""The tools that leadflow brings: files of one folder, requests to the web, and pure helpers.

Kinds like any other, built through `run.ports` only. `std.tools` (stdlib/tools.flow) gives them names.
"""
