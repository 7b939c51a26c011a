"""Events: the facts of a run, and the state that follows from them. The event log is the only truth."""
