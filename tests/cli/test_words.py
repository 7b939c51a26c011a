"""A run in words, for logs: what is told of its events, in lines that stay; times and numbers; what `--help` lists."""

from dataclasses import replace
from pathlib import Path

import click
import pytest

from leadflow.cli.usage import usage
from leadflow.cli.views.human import counted, duration
from leadflow.cli.views.words import Teller
from leadflow.events.model import (
    AttemptFailed,
    AttemptFailure,
    AttemptStarted,
    BreakerMoved,
    CallPassedOn,
    CallWaits,
    CancelRequested,
    Entry,
    Event,
    Failure,
    NodeDone,
    NodeFailed,
    NodeStarted,
    OnceFound,
    QuestionAnswered,
    QuestionAsked,
    RunPaused,
    UndoBegan,
)
from leadflow.pipeline import compile_source

TEXT = """leadflow 1
agent web: http { url: "https://example.com" }
agent boss: human
flow main() -> string {
  step page: string = web.get("/a")
  step longer_name_of_a_step = boss.approve("Send it?", show: { page: page })
  return page
}
"""
LOST = AttemptFailure(1, "web", "network.lost", "the line\n went dead", 0.1)
EVENTS: list[tuple[float, Event]] = [
    (0.0, NodeStarted("main/page")),
    (0.1, CallWaits("main/page", "web", "10 calls at once", None)),
    (0.1, CallWaits("main/page", "web", "10 per second", 0.9)),
    (0.1, CallWaits("main/page", "web", "2 per day", 83_400.0)),
    (0.5, AttemptFailed("main/page", LOST, 2.0)),
    (0.5, BreakerMoved("main/page", "web", "half_open", "it is tried again", None)),
    (0.5, CallWaits("main/page", "web", "10 per second", 0.9)),
    (2.5, AttemptStarted("main/page", 2, "web")),
    (2.8, AttemptStarted("main/page", 3, "web")),
    (2.9, AttemptFailed("main/page", LOST, None, is_beside=True)),
    (3.0, NodeDone("main/page", "x" * 200)),
    (3.0, NodeStarted("main/longer_name_of_a_step")),
    (3.0, QuestionAsked("main/longer_name_of_a_step", 1, "boss", "Send it?", None, "Ada", None, True)),
    (3.0, RunPaused("it waits for people", ("main/longer_name_of_a_step",))),
    (90.0, QuestionAnswered("main/longer_name_of_a_step", 1, False, "ada", 90.0)),
    (90.0, NodeFailed("main/longer_name_of_a_step", Failure("permission.refused", "permission", "ada said no"))),
    (90.0, UndoBegan(("main/page",), None)),
    (91.0, OnceFound("main/page", "7a05", "main/page")),
    (91.0, CancelRequested("enough")),
    (91.0, RunPaused("SIGTERM")),
]


def test_what_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Calls that begin and end, what is tried again, whom the run asks, what it takes back and why it stops."""
    plan, _ = compile_source("main.flow", TEXT)
    assert plan is not None
    tell = Teller(plan)
    for number, (at, event) in enumerate(EVENTS):
        tell(Entry(number, 100.0 + at, event))
    told = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert [
        "0 ms ▸ page web.get",
        "100 ms … page web.get waiting 23 h 10 m: web, 2 per day",
        "500 ms … page web.get the line went dead [network.lost]; again in 2.0 s",
        "500 ms … the breaker of web is half open: it is tried again",
        "2.8 s … page web.get no answer yet: web is asked a second time",
        f'3.0 s ✓ page web.get after 2 failures, "{"x" * 78}… (3.0 s)',
        "3.0 s ▸ longer_name_of_a_step boss.approve",
        "3.0 s … longer_name_of_a_step asks Ada: Send it?",
        "1 m 30 s … longer_name_of_a_step answered by ada",
        "1 m 30 s ✗ longer_name_of_a_step boss.approve failed: ada said no [permission.refused] (1 m 27 s)",
        "1 m 30 s … takes back main/page",
        "1 m 31 s … page not called: run 7a05 has made this call for the same key of @once",
        "1 m 31 s … is to be cancelled: enough",
        "1 m 31 s … pauses: SIGTERM",
    ] == told


def test_a_fallback_is_no_second_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told why an agent was not asked, or has failed, and who is asked for it: nobody is for a second time."""
    plan, _ = compile_source("main.flow", TEXT)
    assert plan is not None
    events: list[Event] = [
        NodeStarted("main/page"),
        CallWaits("main/page", "web", "1 call at once", None),
        CallPassedOn("main/page", "web", Failure("resource.breaker", "resource", "web is not asked"), "spare"),
        AttemptStarted("main/page", 1, "spare"),
        AttemptFailed("main/page", replace(LOST, agent="spare"), None, then="third"),
        AttemptStarted("main/page", 2, "third"),
        NodeDone("main/page", "x", None, "third"),
    ]
    tell = Teller(plan)
    for number, event in enumerate(events):
        tell(Entry(number, 100.0, event))
    told = [" ".join(line.split()) for line in capsys.readouterr().err.splitlines()]
    assert [
        "0 ms ▸ page web.get",
        "0 ms … page web.get web is not asked [resource.breaker]; spare is asked",
        "0 ms … page web.get the line went dead [network.lost]; third is asked",
        '0 ms ✓ page web.get after 1 failure, "x" from third (0 ms)',
    ] == told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (-86_400.0, "0 ms"),
        (0.25, "250 ms"),
        (3.42, "3.4 s"),
        (125.9, "2 m 05 s"),
        (3599, "59 m 59 s"),
        (3600, "1 h 00 m"),
        (86_399, "1 d"),
        (259_200, "3 d"),
        (93_600, "1 d 02 h"),
    ],
)
def test_times_for_people(seconds: float, words: str) -> None:
    """The two largest parts say it: three days are no 4320 minutes; and none where a clock was set back (case K1)."""
    assert words == duration(seconds)


def test_numbers_for_people() -> None:
    """One of something is no ones."""
    assert ["0 calls", "1 call", "2 calls", "1,200 calls"] == [counted(number, "call") for number in (0, 1, 2, 1200)]


def test_help_fits_a_terminal() -> None:
    """No line of any command's `--help` is longer than 80 columns."""
    shown = (Path(__file__).parent / "sessions" / "help.txt").read_text("utf-8")
    assert [] == [line for line in shown.splitlines() if len(line) > 80 and not line.startswith("2> ")]


def test_no_command_is_told_by_half() -> None:
    """What `--help` of a group says of its commands fits a line, and ends as a sentence does."""
    shown = (Path(__file__).parent / "sessions" / "help.txt").read_text("utf-8")
    assert [] == [line for line in shown.splitlines() if line.startswith("  ") and line.endswith("...")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sed", "1"], "there is no option '--sed'; did you mean '--seed'? See `LeadFlow run --help`"),
        (["--seed", "x"], "--seed: 'x' is not a whole number; see `LeadFlow run --help`"),
        (["--part", "x"], "--part: 'x' is not a number; see `LeadFlow run --help`"),
        (["--part", "2"], "--part: 2.0 is not in the range 0<=x<=1; see `LeadFlow run --help`"),
    ],
)
def test_a_command_line_that_nobody_understands(words: list[str], said: str) -> None:
    """In words of people, and the name of the program as it is."""
    options: list[click.Parameter] = [
        click.Option(["--seed"], type=int),
        click.Option(["--part"], type=click.FloatRange(0, 1)),
    ]
    with pytest.raises(click.UsageError) as problem:
        click.Command("run", params=options).make_context("LeadFlow run", words)
    assert said == usage(problem.value)
