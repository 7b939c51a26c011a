"""How results look: for people (`human`, `progress`) and for machines (`machine`). Commands never print themselves."""
