"""What the checker says: one function per code, by what the code is about. A docstring is the code's explain page.

    names                FLOW2xx    names, and where they were looked for
    types, limits        FLOW3xx    types; their constraints
    values               FLOW3xx    calls, templates and constants
    flows, policies      FLOW4xx    what may stand where; annotations, agents, triggers and tests
    lint                 FLOW5xx    warnings

Knows how to say things, not when they are so.
"""
