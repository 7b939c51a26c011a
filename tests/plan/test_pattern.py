"""Patterns: what they match, what is none, and that no text takes long."""

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadflow.plan.pattern import MOST_CHARACTERS, BadPattern, Matcher, compile_pattern


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern, which must be one, matches."""
    found = compile_pattern(pattern)
    assert isinstance(found, Matcher), found
    return found.matches(text)


# --- the same as everybody's regular expressions ------------------------------------------------------------------

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", "\\d", "\\W", "\\.", "[\\d-]", "é", "[^é\\s]"])
COUNTS = st.sampled_from(["", "*", "+", "?", "{2}", "{0,2}", "{1,}", "{2,3}", "{0}"])


def _bigger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("({}){}".format, inner, COUNTS) | st.builds("(?:{}){}".format, inner, COUNTS)
    return group | st.builds("{}{}".format, inner, inner) | st.builds("{}|{}".format, inner, inner)


PATTERNS = st.recursive(st.builds("{}{}".format, ATOMS, COUNTS), _bigger, max_leaves=8)


@given(PATTERNS, st.text("abc1.é -", max_size=8))
def test_a_pattern_means_what_it_means_elsewhere(pattern: str, text: str) -> None:
    """On what both know, a pattern matches the texts that Python's `re.fullmatch` matches."""
    assert matches(pattern, text) == bool(re.fullmatch(pattern, text, re.ASCII))


@given(PATTERNS.filter(lambda p: isinstance(compile_pattern(f"({p}){{0,3}}"), Matcher)), st.text("abc1.", max_size=6))
def test_a_repeat_is_what_it_says(pattern: str, text: str) -> None:
    """What matches up to three times matches when it is written down as often."""
    by_hand = not text or any(matches(f"({pattern})" * count, text) for count in (1, 2, 3))
    assert by_hand == matches(f"({pattern}){{0,3}}", text)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("T-[0-9]{4}", "T-0042", True),
        ("T-[0-9]{4}", "T-0042\n", False),
        ("cat|dog", "cats", False),
        ("a.c", "a\nc", False),
        ("a.c", "a\u2028c", False),
        ("[^a]", "\n", True),
        ("\\s", "\u00a0", True),
        ("\\d", "\u0663", False),
        ("\\w+", "é", False),
        ("\\u0041\\x42", "AB", True),
        ("(|a)b", "b", True),
        ("[-a]+", "a-", True),
        ("[a-]+", "a-", True),
        ("[.*$]", "$", True),
        ("\\[\\]\\{\\}\\/\\-", "[]{}/-", True),
        ("😀{2}", "😀😀", True),
        ("[\\s\\S]*", "a\n\u2029", True),
        ("[^\\s\\S]", "a", False),
    ],
)
def test_what_matches(pattern: str, text: str, expected: bool) -> None:
    """The whole text is matched, by characters; classes and `.` are those of ECMA-262."""
    assert expected == matches(pattern, text)


# --- what is none -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "at", "why"),
    [
        ("", 0, "empty"),
        ("ab(c", 2, "not closed"),
        ("ab)", 2, "closes nothing"),
        ("a[bc", 1, "not closed"),
        ("a[]", 1, "no character"),
        ("a[z-a]", 2, "first character after its last"),
        ("a[\\d-z]", 2, "from one character to another"),
        ("[[a]]", 1, "no sets in sets"),
        ("^a", 0, "the whole text always"),
        ("a$", 1, "the whole text always"),
        ("*a", 0, "nothing to repeat"),
        ("a|+", 2, "nothing to repeat"),
        ("a**", 2, "not repeated"),
        ("a+?", 2, "greed"),
        ("a{2,1}", 1, "smallest number above"),
        ("a{,2}", 1, "written {2}"),
        ("a{9999999}", 2, "too large"),
        ("a}", 1, "closes nothing"),
        ("(?=a)", 0, "no looking around"),
        ("(?<n>a)", 0, "no looking around"),
        ("(a)\\1", 3, "refer back"),
        ("\\bword", 0, "means nothing here"),
        ("\\p{L}", 0, "means nothing here"),
        ("a\\", 1, "nothing stands behind"),
        ("\\u12", 0, "four digits"),
        ("a{600}", 0, "more than 500"),
        ("((a{30}){30}){30}", 0, "more than 500"),
        ("(){999999}", 0, "more than 500"),
        ("(a?b?)" * 60, 0, "may be skipped"),
        ("(" * 30 + "a" + ")" * 30, 20, "at most 20 deep"),
        ("a" * (MOST_CHARACTERS + 1), MOST_CHARACTERS, "longer than"),
    ],
)
def test_what_is_no_pattern(pattern: str, at: int, why: str) -> None:
    """The mistake is told with the character at which it stands."""
    found = compile_pattern(pattern)
    assert isinstance(found, BadPattern)
    assert (at, True) == (found.at, why in found.why), found


@given(st.text("a(){}[]|*+?^$\\.-,:0129dwux", max_size=20))
def test_any_text_is_a_pattern_or_is_told_why_not(pattern: str) -> None:
    """Nothing that stands in a pattern is an exception."""
    found = compile_pattern(pattern)
    assert isinstance(found, Matcher) or 0 <= found.at <= len(pattern)


# --- in time ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "piece"),
    [
        ("(a*)*b", "a"),
        ("(a+)+", "ab"),
        ("(a|aa)+c", "a"),
        ("(a|a|a|a)*b", "a"),
        ("([a-z]+)*@", "ab"),
        ("a*a*a*a*a*a*a*a*b", "a"),
        ("(.*a){49}", "ab"),
        ("[ab]*a[ab]{400}", "aabab"),
        ("(" + "(a?b?)" * 45 + ")*c", "ab"),
        ("([^x]|é)*x", "éa"),
    ],
)
def test_no_text_takes_long(pattern: str, piece: str) -> None:
    """A hostile text of 200,000 characters, at which other matchers try for ever, is decided in time, and one of twice
    the length in about twice the time."""

    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        start = process_time()
        matches(pattern, text)
        return process_time() - start

    long, short = (min(seconds(length) for _ in range(3)) for length in (200_000, 100_000))
    assert long < 10
    assert long < 6 * max(short, 0.001)
