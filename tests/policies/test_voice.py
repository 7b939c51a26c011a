"""A model's words on their way to who listens: of which attempt, in which order, and what is not said."""

import pytest

from leadflow.events.words import Words
from leadflow.policies.voice import Voice


def heard(*texts: str, secrets: tuple[str, ...] = ()) -> list[Words]:
    """What is heard of words that come in these pieces."""
    told = list[Words]()
    voice = Voice(told.append, "f/a", 2, agent="fast", secrets=secrets)
    for text in texts:
        voice.say(text)
    voice.end()
    return told


def test_r21_words_name_their_attempt_and_the_first_of_it() -> None:
    """Case R21: the first piece says that what was heard before is void; no other piece does."""
    first, second = Words("f/a", 2, "fast", "Hel", True), Words("f/a", 2, "fast", "lo", False)
    assert [first, second] == heard("Hel", "lo")


def test_what_has_no_words_is_not_told() -> None:
    """An empty piece is none, and is not the first."""
    assert [Words("f/a", 2, "fast", "x", True)] == heard("", "x", "")
    assert [] == heard()


@pytest.mark.parametrize("texts", [("it is hush-hush.",), ("it is hush", "-hush."), ("it is hush-hus", "h", ".")])
def test_a_secret_is_never_said(texts: tuple[str, ...]) -> None:
    """Also where it stands across two pieces."""
    said = "".join(words.text for words in heard(*texts, secrets=("hush-hush",)))
    assert said.startswith("it is ") and said.endswith(".")
    assert "hush" not in said


def test_what_was_held_back_is_said_at_the_end() -> None:
    """The beginning of a secret that did not become one."""
    assert "it is hush" == "".join(words.text for words in heard("it is hush", secrets=("hush-hush",)))
