"""What hypothesis draws from in more than one room: trees of whole files, texts laid out in any way, programs."""

from hypothesis import strategies as st

from leadflow.syntax import tree
from leadflow.syntax.format import format_tree
from tests.making.layouts import shaken
from tests.making.programs import Program, random_program
from tests.making.trees import random_tree


def trees(size: int = 4) -> st.SearchStrategy[tree.File]:
    """Trees of files with at most so many declarations: every node class, well-formed, without meaning."""
    return st.builds(random_tree, st.randoms(use_true_random=False), st.just(size))


def layouts(*texts: str, size: int = 3) -> st.SearchStrategy[str]:
    """One of the texts, or that of a random tree, with its line ends, blanks and comments made anew."""
    given = [st.sampled_from(sorted(texts, key=len))] if texts else []  # the first is what hypothesis calls small
    text = st.one_of(*given, trees(size).map(format_tree))
    percent = st.sampled_from([5, 30, 80])
    return st.builds(shaken, text, st.randoms(use_true_random=False), percent)


def programs(size: int = 12) -> st.SearchStrategy[Program]:
    """Programs of about so many steps that the checker accepts, with inputs for their flow."""
    return st.builds(random_program, st.randoms(use_true_random=False), st.just(size))
