"""Two plans side by side: `leadflow diff`. Knows the plan's data and nothing of files, runs or journals.

Reading order: `meaning` (a part of a plan as text without numbers), `matching` (what is the same on both sides),
`types nodes agents` (what differs in each), `difference` (all of it), `moves` (what that means for open runs), `text`.
"""
