"""Which ways through flows were gone, and what is said of those that were not."""

from pathlib import Path

from leadflow.files import find_main, reader
from leadflow.pipeline import check_file, plan_of
from leadflow.testing.coverage import Coverage
from tests.testing.trying import kinds, made

FLOW = """leadflow 1
agent fast: openai { model: "m" }
agent slow: openai { model: "n" }
agent web: http { url: "https://example.com" }
flow main(topic: "a" | "b" | "c") -> string {
  match topic {
    "a" => { step one = web.get("/a") catch e => none }
    "b" | "c" => { }
  }
  if topic == "c" {
    fail "no c"
  }
  @fallback(slow)
  step two = fast.ask("x")
  step three: string = web.post("/b", json: {}) undo web.delete("/b")
  step all = for n in [1, 2] {
    step inner = fast.ask("${n}")
    yield inner
  }
  step four: string = web.post("/c", json: { all: all }) undo none
  return two
}
"""
TESTS = """
test "first" {
  mock main.one => fail "timeout"
  mock main.two => "x"
  mock main.three => "y"
  mock main.all => ["1", "2"]
  mock main.four => "z"
  run r = main(topic: "a")
  expect r.value == "x"
}
"""
MORE = """
test "second" {
  mock main.two => fail "declined" then "x"
  mock main.three => "y"
  mock main.inner => "z"
  mock main.four => fail "declined"
  mock web.delete => none
  run r = main(topic: "b")
  run s = main(topic: "c")
  expect r.failure != none and s.failure?.message == "no c"
}
"""


def covered(text: str, folder: Path) -> Coverage:
    """The coverage of a text's tests."""
    outcomes = made(text, folder)
    root, main = find_main(folder / "main.flow")
    checked, _ = check_file(main, reader(root), catalogue=kinds().catalogue)
    assert checked is not None
    coverage = Coverage()
    logs = [run.entries for outcome in outcomes for sample in outcome.samples for run in sample.runs]
    coverage.add(plan_of(checked), logs, lambda name: f"seen/{name}")
    return coverage


def test_what_was_not_gone_is_said(tmp_path: Path) -> None:
    """Arms, steps inside of what was mocked as a whole, fallbacks and undos, in the order of the text."""
    coverage = covered(FLOW + TESTS, tmp_path)
    said = [f"{way.place.file}:{way.place.line}: {way.said}" for way in coverage.missed]
    assert [
        'seen/main.flow:6: `match topic` never had the arm `"b" | "c"`',
        'seen/main.flow:10: `if topic == "c"` never held',
        "seen/main.flow:14: main/two never fell back on slow",
        "seen/main.flow:15: main/three was never taken back",
        "seen/main.flow:17: main/all/inner never began",
    ] == said
    assert [("step", 5, 6), ("arm", 2, 4), ("catch", 1, 1), ("fallback", 0, 1), ("undo", 0, 1)] == [*coverage.by_kind()]


def test_all_of_it(tmp_path: Path) -> None:
    """Two tests together go every way."""
    coverage = covered(FLOW + TESTS + MORE, tmp_path)
    assert ([], 100.0) == (coverage.missed, coverage.percent)


def test_nothing_to_go_through(tmp_path: Path) -> None:
    """A flow without steps is covered."""
    assert 100.0 == covered("leadflow 1\nflow main() -> int { return 1 }\n", tmp_path).percent
