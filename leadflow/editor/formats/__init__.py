"""One file for each kind of highlighter: a language in, the texts of its files out. None knows another's format."""
