"""Reference models of the policies: naive, independent, slow. Each keeps all that ever happened."""
