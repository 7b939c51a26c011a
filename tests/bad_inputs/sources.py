"""Cases 1 to 33: texts and files that are no flows, or wrong ones."""

import socket
from collections.abc import Iterator
from os import mkfifo
from pathlib import Path

from tests.bad_inputs.case import Case, flow, text

TOLD = ("check", "main.flow")
SLOW = 'agent a: python { module: "a.py"  reads: ["f"] }\n'


def cases() -> Iterator[Case]:
    """All of them."""
    yield from files()
    yield from literals()
    yield from names()
    yield from limits()


def files() -> Iterator[Case]:
    """Encodings, sizes, and what is no file."""
    yield Case(1, "nothing", b"", "source.empty")
    yield Case(2, "only comments", b"# one\n# two\n", "source.empty")
    yield Case(3, "byte order mark", b"\xef\xbb\xbf" + flow("return 1"), None)
    yield Case(4, "UTF-16", flow("return 1").decode().encode("utf-16"), "source.encoding")
    yield Case(4, "UTF-16 without a mark", flow("return 1").decode().encode("utf-16-le"), "source.encoding")
    yield Case(5, "a byte that is not UTF-8", b'leadflow 1\nconst a = "\xff"\n', "source.encoding")
    yield Case(5, "a surrogate in UTF-8", b'leadflow 1\nconst a = "\xed\xa0\x80"\n', "source.encoding")
    yield Case(6, "NUL", b"leadflow 1\nconst a\0 = 1\n", "source.encoding")
    yield Case(7, "lone carriage returns", flow("return 1").replace(b"\n", b"\r"), None)
    yield Case(7, "mixed line ends", b"leadflow 1\r\nflow main() -> int {\n  return 1\r}\r\n", None)
    yield Case(8, "10 MB of spaces", b" " * 7_000_000, "source.too_large")
    yield Case(9, "a line of 5 MB", text("const a = " + "1" * 5_000_000), "source.too_large")
    yield Case(10, "100,000 open brackets", text("const a = " + "(" * 100_000), "source.too_deep")
    yield Case(10, "100,000 brackets", text("const a = " + "(" * 100_000 + "1" + ")" * 100_000), "source.too_deep")
    yield Case(11, "100,000 open braces", text("flow main() " + "{" * 100_000), "source.too_deep")
    yield Case(11, "100,000 ifs", flow("if true {" * 50_000 + "}" * 50_000), "source.too_deep")
    yield Case(12, "500,000 terms", text("const a = " + "1+" * 500_000 + "1"), "source.too_many")
    yield Case(12, "5,000 terms", text("const a = " + "1+" * 5_000 + "1"), "source.too_deep")
    yield Case(13, "90,000 declarations", text("const a=1\n" * 90_000), "source.too_many")
    yield Case(31, "a word too few", text("flow () -> int { return 1 }"), "source.syntax")
    yield Case(31, "a word twice", text("flow flow main() -> int { return 1 }"), "name.reserved", "source.syntax")
    yield Case(31, "two words swapped", text("main flow() -> int { return 1 }"), "source.syntax")
    yield Case(31, "a brace too few", text("flow main() -> int { if true { return 1 }"), "source.syntax")
    yield Case(32, "ELF", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" * 200, "source.encoding")
    yield Case(32, "PNG", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 4, "source.encoding")
    yield Case(32, "JSON", b'{"nodes": [{"id": 1}]}', "source.syntax")
    yield Case(33, "a folder", lambda place: place.mkdir(), "refused", says="there are no .flow files in main.flow")
    yield Case(33, "a FIFO", mkfifo, "source.not_a_file")
    yield Case(33, "a socket", bind, "source.not_a_file")
    yield Case(33, "a link to a device", lambda place: place.symlink_to("/dev/zero"), "main.denied")
    yield Case(33, "a link to nowhere", lambda place: place.symlink_to("gone.flow"), "FLOW212")
    yield Case(33, "a link to itself", lambda place: place.symlink_to(place.name), "main.denied")


def bind(place: Path) -> None:
    """A socket in the file system."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/cwd/{place.name}" if len(str(place)) > 100 else str(place))


def literals() -> Iterator[Case]:
    """Strings, numbers, durations, letters."""
    yield Case(14, "a string without an end", text('const a = "abc'), "source.string")
    yield Case(14, "a block without an end", text('const a = """\n  abc\n'), "source.string")
    yield Case(15, "a line end in a string", text('const a = "abc\ndef"'), "source.string")
    yield Case(16, "an unknown escape", text(r'const a = "\q"'), "source.string")
    yield Case(16, "too large a character", text(r'const a = "\u{110000}"'), "source.string")
    yield Case(16, "half a character", text(r'const a = "\u{d800}"'), "source.string")
    yield Case(17, "100,000 digits", text("const a = " + "9" * 100_000), "source.number")
    yield Case(17, "an exponent", text("const a = 1e999"), "source.number")
    yield Case(17, "minus zero", text("const a = -0\n" + MAIN), None)
    yield Case(17, "hexadecimal", text("const a = 0x"), "source.number")
    yield Case(18, "a long duration", text("const a = 999999999999h"), "source.duration")
    yield Case(18, "a negative timeout", flow("@timeout(-1s) step n: int = a.f()\nreturn n", SLOW), "source.duration")
    yield Case(18, "two points", text("const a = 1.5.2s"), "source.duration")
    yield Case(19, "a turn of direction in a comment", text("# \u202e txet\n" + MAIN), "source.unicode")
    yield Case(19, "a turn of direction in a string", text('const a = "\u2066x"\n' + MAIN), "source.unicode")
    yield Case(20, "a Cyrillic letter", text("const \u0430 = 1\n" + MAIN), "source.unicode")
    yield Case(21, "a joiner in a name", text("const a\u200db = 1\n" + MAIN), "source.unicode")
    yield Case(21, "a space of no width", text("const a\u200bb = 1\n" + MAIN), "source.unicode")


MAIN = "flow main() -> int { return 1 }\n"


def names() -> Iterator[Case]:
    """Names, settings, circles, imports of each other."""
    yield Case(22, "a keyword as a name", text("const match = 1\n" + MAIN), "name.reserved")
    yield Case(
        23, "a name twice", text("const a = 1\nconst a = 2\n" + MAIN), "name.duplicate", says="first", words=TOLD
    )
    yield Case(23, "a setting twice", text('agent a: python { module: "a.py"  module: "b.py" }'), "name.duplicate")
    yield Case(
        24, "steps in a circle", flow("step x: int = a.f(y)\nstep y: int = a.f(x)\nreturn y", SLOW), "graph.cycle"
    )
    yield Case(24, "a step that needs itself", flow("step x: int = a.f(x)\nreturn x", SLOW), "graph.cycle")
    yield Case(25, "a file that imports itself", text('use "main.flow" (a)\nconst a = 1\n' + MAIN), "import.cycle")
    yield Case(
        25,
        "files that import each other",
        text('use "b.flow" (b)\nconst a = b\n' + MAIN),
        "import.cycle",
        beside={"b.flow": text('use "main.flow" (a)\nconst b = a\n')},
        says="main.flow",
    )
    many = "".join(f"const price_of_{n:05} = {n}\n" for n in range(10_000))
    yield Case(
        26, "one of 10,000 names", text(f"{many}const a = price_of_0500x\n"), "name.unknown", says="did you mean"
    )
    wrong = 'agent a: python { modul: "a.py" }\n' + MAIN
    yield Case(27, "an unknown setting", text(wrong), "name.unknown", says="did you mean 'module'")
    for policy in ("@retry(0)", "@retry(3, backoff: 10s, max: 1s)", "@timeout(0s)"):
        yield Case(28, policy, flow(f"{policy} step n: int = a.f()\nreturn n", SLOW), "policy.range")
    for policy in ("@breaker(failures: 0)", "@breaker(window: 0s)", "@concurrency(0)", "@limit(0 per minute)"):
        yield Case(28, policy, text(f"{policy}\n{SLOW}{MAIN}"), "policy.range")


def limits() -> Iterator[Case]:
    """What would never end, or be too much to look at."""
    ones = "1," * 500_000
    yield Case(
        29,
        "500,000 items",
        flow(f"step r = for n in [{ones}] {{ step s: int = a.f(n) yield s }}", SLOW),
        "source.too_many",
    )
    steps = "".join(f"step s{n}: int = a.f({n})\n" for n in range(12_000))
    yield Case(29, "12,000 members", flow(f"step r = parallel {{\n{steps}}}\nreturn 1", SLOW), "graph.too_large")
    yield Case(
        30,
        "a loop without a bound",
        flow("step r = repeat v = 0 { yield v + 1 } until v > 3\nreturn r"),
        "loop.unbounded",
    )
    yield Case(
        30,
        "a loop of too many rounds",
        flow("step r = repeat v = 0 at most 10_000_000 { yield v } until v > 3\nreturn r"),
        "policy.range",
    )
