"""Z14: what leadflow is given to keep, and whether any of it is found in what it says."""
