"""The command line: one file per command, which says what to do; `views/` says how it looks. Nobody imports this."""
