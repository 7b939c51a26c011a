"""Random trees and random programs, for the properties (tests/strategies.py) and the fuzzer (tests/fuzz)."""
