"""Programs that try to break the compiler, run by hand and, in small, by the tests."""
