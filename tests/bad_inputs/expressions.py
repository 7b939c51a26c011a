"""Cases 34 to 51: expressions that look for a way out, never end, or have no value."""

import json
from collections.abc import Iterator

from tests.bad_inputs.case import Case, flow, text


def cases() -> Iterator[Case]:
    """All of them."""
    yield from escapes()
    yield from endless()
    yield from values()
    yield from data()


def escapes() -> Iterator[Case]:
    """Python, and what looks like it."""
    yield Case(34, "attributes", flow('let x = "a"\nreturn len(x.__class__.__mro__)'), "expr.no_attribute")
    yield Case(34, "attributes of a number", flow("return 1.__class__"), "expr.no_attribute", "source.syntax")
    yield Case(34, "attributes in a hole", runs('let x = "a"\nreturn "${x.__class__}"'), "expr.no_attribute")
    yield Case(35, "a format with a field", runs('return "{0.__class__}"'), None, words=RUN, result='"{0.__class__}"')
    yield Case(35, "a format with percents", runs('return "%s %(a)s"'), None, words=RUN, result='"%s %(a)s"')
    yield Case(35, "a format specification", runs('let x = "a"\nreturn "${x:>999999999}"'), "expr.no_format")
    yield Case(36, "an import as a call", flow('return len(__import__("os"))'), "expr.unknown_function")
    yield Case(36, "eval", flow('return eval("1")'), "expr.unknown_function")
    yield Case(37, "calling data", text("flow main(j: json) -> json {\nreturn j()\n}\n"), "expr.unknown_function")
    yield Case(37, "calling a member of data", text("flow main(j: json) -> json {\nreturn j.f()\n}\n"), "expr.no_call")
    yield Case(46, "a regular expression", flow('return len(matches("aaaa!", "(a+)+$"))'), "expr.unknown_function")
    yield Case(47, "a flow that calls itself", flow("step a = main()\nreturn a"), "expr.recursion")
    both = "flow f() -> int { step a = g() return a }\nflow g() -> int { step a = f() return a }\n"
    yield Case(47, "flows that call each other", text(both + "flow main() -> int { return 1 }\n"), "expr.recursion")
    yield Case(
        47,
        "a constant of itself",
        text("const a = b\nconst b = a\nflow main() -> int { return a }\n"),
        "expr.recursion",
    )


RUN = ("run", "--quiet", "main.flow")


def runs(body: str) -> bytes:
    """A flow that gives a text."""
    return text(f"flow main() -> string {{\n{body}\n}}\n")


def endless() -> Iterator[Case]:
    """Too much work, too large values."""
    yield Case(38, "a text a billion times", runs('return "a" * 1_000_000_000'), "expr.no_operator")
    yield Case(38, "a list a billion times", flow("return len([0] * 1_000_000_000)"), "expr.no_operator")
    yield Case(
        38,
        "a range, constant",
        text("const a = range(1_000_000_000_000)\nflow main() -> int { return len(a) }\n"),
        "expr.constant",
    )
    yield Case(
        38,
        "a range",
        flow("return len(range(n))").replace(b"main()", b"main(n: int = 1_000_000_000_000)"),
        "expr.size",
        words=RUN,
    )
    doubling = 'step r = repeat v = "aaaaaaaaaa" at most 100 { yield "${v}${v}" } until false else ""\nreturn len(r)'
    yield Case(38, "a text doubled", flow(doubling), "expr.size", words=RUN)
    doubled = "step r = repeat v = [0] at most 100 { yield flatten([v, v]) } until false else [0]\nreturn len(r)"
    yield Case(38, "a list doubled", flow(doubled), "expr.size", words=RUN)
    nested = "let a = [1, 2, 3, 4, 5, 6, 7, 8]\n" + "".join(
        f"let {new} = [{', '.join([old] * 8)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    yield Case(38, "lists of lists of lists", flow(nested + "return len(to_json(i))"), "expr.size", words=RUN)
    constants = "".join(f'const a{n + 1} = "${{a{n}}}${{a{n}}}"\n' for n in range(60))
    yield Case(38, "constant texts doubled", text(f'const a0 = "abcdefgh"\n{constants}'), "expr.constant")
    constants = "".join(f"const a{n + 1} = [{f'a{n}, ' * 8}]\n" for n in range(20))
    yield Case(38, "constant lists of lists", text(f"const a0 = [1]\n{constants}"), "expr.constant")
    doubled = 'let a0 = "abcdefgh"\n' + "".join(f'let a{n + 1} = "${{a{n}}}${{a{n}}}"\n' for n in range(60))
    yield Case(38, "texts of texts", flow(doubled + "return len(a60)"), "expr.size", words=RUN)
    yield Case(39, "a tower of powers", flow("return 10 ** 10 ** 10"), "expr.no_operator")
    yield Case(
        48,
        "sorting ten million",
        flow("return len(sort(range(n)))").replace(b"main()", b"main(n: int = 10_000_000)"),
        "expr.fuel",
        words=RUN,
    )
    square = "return len([1 for a in range(n) for b in range(n)])"
    yield Case(
        48,
        "a square of work",
        flow(square.replace(" for b in range(n)", " if len(range(n)) == a")).replace(
            b"main()", b"main(n: int = 100_000)"
        ),
        "expr.fuel",
        words=RUN,
    )
    big = 'let big = join([string(x) for x in range(90_000)], "")\n'
    compare = f"{big}return len([1 for n in range(90_000) if contains(big, big)])"
    yield Case(49, "comparing large texts", flow(compare), "expr.fuel", words=RUN)


def values() -> Iterator[Case]:
    """Expressions without a value."""
    zero = "return {}".format
    for name, expression in (("division", "floor(1 / n)"), ("remainder", "1 % n")):
        yield Case(
            40,
            f"{name} by zero",
            flow(zero(expression)).replace(b"main()", b"main(n: int = 0)"),
            "expr.arithmetic",
            words=RUN,
        )
    yield Case(
        40,
        "division by a constant zero",
        text("const a = 1 / 0\nflow main() -> int { return floor(a) }\n"),
        "expr.constant",
    )
    over = b"main(n: int = 9_223_372_036_854_775_807)"
    yield Case(40, "overflow", flow("return n + 1").replace(b"main()", over), "expr.arithmetic", words=RUN)
    yield Case(
        40,
        "a constant overflow",
        text("const a = 9_223_372_036_854_775_807 + 1\nflow main() -> int { return a }\n"),
        "expr.constant",
    )
    picks = "let xs = [1, 2]\nlet i = n\nreturn (xs[i] ?? 0) + (xs[-n] ?? 0)"
    yield Case(
        41,
        "an index too far",
        flow(picks).replace(b"main()", b"main(n: int = 1_000_000_000_000)"),
        None,
        words=RUN,
        result="0",
    )
    yield Case(41, "a missing key", flow('let m: map[int] = { a: 1 }\nreturn m["b"] ?? 7'), None, words=RUN, result="7")
    yield Case(41, "reading none", text("flow main(a: { b: int }? = none) -> int { return a.b }\n"), "expr.missing")
    yield Case(42, "a text and a number", flow('if "1" < 2 { return 1 }\nreturn 2'), "expr.type")
    yield Case(42, "a text equal to a number", flow('if "1" == 2 { return 1 }\nreturn 2'), "expr.type")
    yield Case(43, "sorting with what is no number", flow('return len(sort([1, "a"]))'), "expr.type")
    yield Case(
        43,
        "NaN as a text",
        text('flow main() -> float { return float("NaN") ?? 0.5 }\n'),
        None,
        words=RUN,
        result="0.5",
    )
    for junk in ("yesterday", "2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "9" * 5000):
        parse = f'return string(parse_time("{junk}") == none)'
        yield Case(50, f"a time of {junk[:20]}", runs(parse), None, words=RUN, result='"true"')


def data() -> Iterator[Case]:
    """Data that looks like instructions stays data."""
    hole = json.dumps("${name} {{ 7 * 7 }} {% x %} $(rm)")
    echo = text('flow main(j: string) -> string {\nlet once = "${j}"\nreturn "<${once}>"\n}\n')
    yield Case(
        44,
        "holes in a value",
        echo,
        None,
        words=(*RUN, "-i", f"j={json.loads(hole)}"),
        result=json.dumps(f"<{json.loads(hole)}>"),
    )
    keys = {
        "__proto__": {"polluted": True},
        "constructor": 1,
        "lc": 2,
        "$ref": "#/x",
        "__type__": "os.system",
        "$time": "x",
    }
    same = text("flow main(j: json) -> json {\nreturn j\n}\n")
    yield Case(
        45, "keys that others obey", same, None, words=(*RUN, "-i", f"j={json.dumps(keys)}"), result=json.dumps(keys)
    )
    half = text('flow main(j: string) -> string {\nreturn upper("${j}${len(j)}${join([j, j], "")}")\n}\n')
    yield Case(
        51,
        "half a character",
        half,
        None,
        words=(*RUN, "--input-file", "half.json"),
        beside={"half.json": b'{"j": "a\\ud800"}'},
        result='"A\ufffd2A\ufffdA\ufffd"',
    )
