"""What a program means: one graph per flow, the passes over it, and its lowering to the plan. Knows no runs."""
