"""Plan: what will be done, as frozen data. The compiler's target language and all that the interpreter knows.

It lies below both: the front (check, graph) writes it, the back (run, policies, agents) reads it, and neither sees
the other. Types, core expressions, policies, the catalogue of agent kinds and the plan itself are data only.
"""
