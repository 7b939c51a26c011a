"""The bound in words: what people read above the nodes, and its twin for machines."""

import json

from leadflow.bound.figures import Cause, Figure, endless, per_each, product, total
from leadflow.bound.prices import Found, Price
from leadflow.bound.report import Bound, Priced
from leadflow.bound.text import bound_data, bound_text
from leadflow.plan.plan import Place

FAR = Cause(Place("a.flow", 9, 3), "step 'b' has no timeout", "write one")
NEAR = Cause(Place("a.flow", 2, 1), "`r` takes as many as there are in xs", "write `at most …`")
EACH = per_each("len(xs)", NEAR)


def said(money: Figure, calls: Figure, *others: Figure, priced: tuple[Priced, ...] = ()) -> list[str]:
    """The lines of a bound; `others` are its time and, if there are any, its tokens."""
    time, tokens = (*others, Figure(0))[:2]
    return list(bound_text(Bound(money, tokens, calls, time, priced), 100))


def test_a_plain_bound_is_one_line() -> None:
    """Money exact, times rounded up to what people read, tokens only where there are any."""
    assert ["  at most $0.000002 for models, 1 token, 2 calls, 500ms"] == said(
        Figure(2), Figure(2), Figure(499_001), Figure(1)
    )
    assert ["  at most $1000.50 for models, 1,000 calls, 1m1s"] == said(
        Figure(1_000_500_000), Figure(1000), Figure(60_000_001)
    )
    assert ["  at most $0.00 for models, 0 calls, 1h1m"] == said(Figure(0), Figure(0), Figure(3_600_000_001))


def test_what_is_bounded_for_each_and_what_not_at_all() -> None:
    """So much for each; then the lines that make it so, in the order of the source, with what they are true of."""
    lines = said(
        total((Figure(1000), product(EACH, 4000))), product(EACH, 2), endless(FAR), total((Figure(7), product(EACH, 9)))
    )
    assert [
        "  at most $0.001 + $0.004 x len(xs) for models, 7 tokens + 9 tokens x len(xs), 2 calls x len(xs); no",
        "    bound on time",
        "    money, tokens and calls: a.flow:2:1: `r` takes as many as there are in xs; write `at most …`",
        "    time: a.flow:9:3: step 'b' has no timeout; write one",
    ] == lines


def test_nothing_is_bounded() -> None:
    """Then there is no 'at most'; of many reasons the first are told."""
    many = total(endless(FAR._replace(place=Place("a.flow", line, 1))) for line in range(1, 99))
    lines = said(many, many, many, many)
    assert "  no bound on money, tokens, calls and time" == lines[0]
    assert ("    and more; --format json has them", 8) == (lines[-1], len(lines))
    assert "    money, tokens, calls and time: a.flow:1:1: step 'b' has no timeout; write one" == lines[1]


def test_prices_are_named_with_their_origin() -> None:
    """One line a price, however many agents have it; none for what has no price."""
    price = Found(Price(1_000_000, 2_500_000, 12_000_000), "agent a")
    others = (Priced("c", "v", Found(Price(20_000, None), "leadflow.toml")), Priced("d", "x", None))
    priced = (Priced("a", "m", price), Priced("b", "m", price), *others)
    lines = said(Figure(0), Figure(0), Figure(0), priced=priced)
    assert [
        "  price of m: $1.00 in, $2.50 out for a million tokens, $12.00 for a thousand requests (agent a)",
        "  price of v: $0.02 in for a million tokens (leadflow.toml)",
    ] == lines[1:]


def test_machines_get_the_same() -> None:
    """Money and time in the forms of JSON, null for what has no bound, every reason with its place."""
    priced = (Priced("c", "v", Found(Price(20_000, None), "leadflow.toml")), Priced("d", "x", None))
    data = bound_data(Bound(product(EACH, 4000), Figure(9), Figure(2), endless(FAR), priced))
    assert data == json.loads(json.dumps(data))
    assert {"most": "USD 0.00", "per": [{"most": "USD 0.004", "for_each": "len(xs)"}]} == {
        name: data["money"][name] for name in ("most", "per")
    }
    assert {
        "most": None,
        "per": [],
        "because": [{"place": ["a.flow", 9, 3], "what": "step 'b' has no timeout", "mend": "write one"}],
    } == data["time"]
    assert (9, 2) == (data["tokens"]["most"], data["calls"]["most"])
    assert [("c", "USD 0.02", None), ("d", None, None)] == [
        (one["agent"], one["price"] and one["price"]["input"], one["price"] and one["price"]["output"])
        for one in data["prices"]
    ]
