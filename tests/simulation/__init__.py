"""Z8: many workers on one journal, in a world that goes wrong, all of it in one thread and from one seed."""
