"""Where the values of a TOML text stand."""

from leadflow.settings.places import places

TEXT = """# settings
[run]
concurrency = 7

# programs
[commands]
lint = [
  "ruff",   # a comment
  "check",
]
"two words" = ["x"]
[prices."acme/m-1.5"]
input = 0.1
[mcp.web]
headers = { A = "1", B = { env = "C" } }
"""


def test_each_key_has_its_line() -> None:
    """A value of several lines counts from its first one, a table from its head; inline tables have theirs."""
    found = places(TEXT)
    wanted = {
        ("run",): 2,
        ("run", "concurrency"): 3,
        ("commands",): 6,
        ("commands", "lint"): 7,
        ("commands", "two words"): 11,
        ("prices", "acme/m-1.5"): 12,
        ("prices", "acme/m-1.5", "input"): 13,
        ("mcp", "web", "headers"): 15,
        ("mcp", "web", "headers", "B", "env"): 15,
    }
    assert wanted == {path: found[path] for path in wanted}


def test_what_is_no_toml_has_no_places() -> None:
    """Up to the line that breaks it, everything has one."""
    assert {("a",): 1} == places("a = 1\nb = \nc = 3\n")
    assert {} == places("")
