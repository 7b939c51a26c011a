"""The arithmetic of figures: what they say of numbers that nobody knows yet is true of any."""

from math import ceil, prod

from hypothesis import given
from hypothesis import strategies as st

from leadflow.bound.figures import NOTHING, Cause, Figure, cut, endless, largest, per_each, product, share, total
from leadflow.plan.plan import Place

CAUSE = Cause(Place("a.flow", 1, 2), "it has no end", "give it one")
NUMBERS = st.integers(0, 1000)
FIGURES = st.recursive(
    st.builds(Figure, NUMBERS) | st.sampled_from([per_each("n", CAUSE), per_each("m", CAUSE)]),
    lambda inner: st.builds(lambda a, b: total((a, b)), inner, inner) | st.builds(product, inner, NUMBERS),
    max_leaves=4,
)
SOME = st.fixed_dictionaries({"n": NUMBERS, "m": NUMBERS})


def at(figure: Figure, numbers: dict[str, int]) -> int:
    """What a figure comes to for certain numbers."""
    return figure.known + sum(amount * prod(numbers[part] for part in name.split(" x ")) for amount, name in figure.per)


@given(FIGURES, FIGURES, SOME)
def test_sums_and_products_are_exact(a: Figure, b: Figure, numbers: dict[str, int]) -> None:
    """For any numbers, a sum is the sum and a product the product."""
    assert at(total((a, b)), numbers) == at(a, numbers) + at(b, numbers)
    assert at(product(a, b), numbers) == at(a, numbers) * at(b, numbers)


@given(FIGURES, FIGURES, SOME, st.integers(1, 9))
def test_the_largest_and_shares_are_not_too_small(a: Figure, b: Figure, numbers: dict[str, int], parts: int) -> None:
    """The largest is no less than any, a share no less than its part."""
    assert at(largest((a, b)), numbers) >= max(at(a, numbers), at(b, numbers))
    assert at(share(a, parts), numbers) >= ceil(at(a, numbers) / parts)


@given(FIGURES, NUMBERS, SOME)
def test_a_cut_is_a_plain_number_where_it_cuts(figure: Figure, limit: int, numbers: dict[str, int]) -> None:
    """Under a limit there is always a bound, no more than the limit and no more than before."""
    made = cut(figure, limit)
    assert made.is_plain
    assert made.known <= limit
    assert min(at(figure, numbers), limit) <= made.known


def test_what_has_no_end_says_why() -> None:
    """Whatever it is part of has no end either, for the same reason, unless it happens never or is cut."""
    without = endless(CAUSE)
    for figure in (total((Figure(1), without)), product(without, 3), largest((without, Figure(9))), share(without, 2)):
        assert (True, (CAUSE,), False) == (figure.is_endless, figure.causes, figure.is_plain)
    assert NOTHING == product(without, 0) == product(NOTHING, without)
    assert Figure(5) == cut(without, 5)
    assert without == cut(without, per_each("n", CAUSE))


def test_reasons_are_told_once() -> None:
    """A reason that is met twice is one reason, and one that no longer matters is none."""
    n = per_each("n", CAUSE)
    assert (CAUSE,) == total((n, n)).causes
    assert ((2, "n"),) == total((n, n)).per
    assert () == total((product(n, 0), Figure(4))).causes
    assert ((1, "n x n"),) == product(n, n).per
