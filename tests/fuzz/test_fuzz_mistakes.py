"""A small cut of the mistakes, for every run of the tests."""

import json

import pytest

from tests.fuzz.fuzz_mistakes import findings, main, plant
from tests.fuzz.mistakes import KINDS, subject

FLOW = """\
leadflow 1
agent fast: openai { model: "m"  max_tokens: 5 }
flow main(text: string) -> string {
  step reply = fast.ask(text)
  return reply
}
"""


def test_nearly_all_are_found() -> None:
    """Of mistakes of all kinds, one at a time in correct flows, at least 95 % are found before anything runs."""
    counts = plant(400, 3)
    planted = sum(count.planted for count in counts.values())
    missed = [missed for count in counts.values() for missed in count.missed]
    assert 400 == planted
    assert len(missed) <= 0.05 * planted, "\n\n".join(missed)


def test_every_kind_finds_a_place() -> None:
    """Each kind of mistake can be made in one of the correct flows."""
    assert [] == [name for name, count in plant(800, 5).items() if not count.planted]
    assert len(KINDS) >= 25


def test_a_mistake_is_told_from_a_change_of_nothing() -> None:
    """What changes no meaning is no mistake; what changes it and is said is found; what is not said is missed."""
    flow = subject(FLOW)
    assert findings(flow, FLOW.replace("  step", "\n  step")) is None
    assert findings(flow, FLOW.replace("reply\n}", "repl\n}")) == [
        "  FLOW201 unknown name 'repl'; did you mean 'reply'?"
    ]
    assert findings(flow, FLOW.replace("max_tokens: 5", "max_tokens: 6")) == []


def test_a_flow_that_is_not_correct_is_refused() -> None:
    """Mistakes are planted in correct flows only."""
    with pytest.raises(ValueError, match="not correct"):
        subject(FLOW.replace("step", "stepp"))


def test_the_script_says_the_share(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with 0 when enough are found, with 1 when not."""
    assert 0 == main(["--mistakes", "60", "--least", "0.5"])
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert ("all", 60) == (last["mistake"], last["planted"])
    assert 1 == main(["--mistakes", "30", "--least", "1.01"])
