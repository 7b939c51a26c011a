"""The most that a run can cost, known before it runs: money, tokens, calls and time, from the plan alone.

    prices.py   what models cost, by provider and name
    figures.py  numbers that may have no bound, and why
    sizes.py    how large the values of a plan can get
    costs.py    money, tokens and calls
    times.py    the longest way through a run, with its queues
    report.py   the bound of a flow, put together; text.py says it

Pure: reads no file and no clock. What a bound believes, and nobody here can check, stands in `grammar/SPEC.md`.
"""
