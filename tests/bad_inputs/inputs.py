"""Cases 52 to 63: inputs of runs. Nothing is started, and nothing of the data is told."""

import json
from collections.abc import Iterator, Mapping

from tests.bad_inputs.case import Case, text

SECRET = "sk-live-4f9a77c1e0"
"""Stands in every value that is refused; it may be in no message."""

FLOW = text(
    'flow main(name: string = "x", n: int = 1, ratio: float = 0.5, maybe: string?, items: list[{ id: string }] = [],'
    " any: json = none) -> json {\n"
    "return { name: name, n: n, ratio: ratio, maybe: maybe, items: items, any: any }\n}\n"
)
NEEDY = text("flow main(name: string) -> string {\nreturn name\n}\n")


def cases() -> Iterator[Case]:
    """All of them."""
    yield from misfits()
    yield from sizes()
    yield from odd()


def given(
    number: int,
    name: str,
    data: bytes,
    meaning: str | None,
    *,
    says: str = "",
    main: bytes = FLOW,
    result: str | None = None,
) -> Case:
    """A run with an input file."""
    words = ("run", "--quiet", "main.flow", "--input-file", "in.json")
    return Case(number, name, main, meaning, beside={"in.json": data}, words=words, says=says, result=result)


def misfits() -> Iterator[Case]:
    """Missing, unknown, of another type, no values at all."""
    yield given(52, "missing", b"{}", "input.schema", main=NEEDY, says="main needs the input 'name' (string)")
    yield given(52, "unknown", told({"nam": SECRET}), "input.schema", says="no input 'nam'; did you mean 'name'?")
    yield given(52, "another type", told({"n": SECRET}), "input.schema", says="at /n: expected int, got string")
    yield given(
        52,
        "deep inside",
        told({"items": [{"id": "a"}, {"id": {"key": SECRET}}]}),
        "input.schema",
        says="at /items/1/id: expected string",
    )
    for word in ("NaN", "Infinity", "-Infinity"):
        yield given(53, word, f'{{"ratio": {word}}}'.encode(), "input.value", says=f"got {word}")
    yield given(53, "1e400", b'{"ratio": 1e400}', "input.value", says="numbers that a float can hold")
    yield given(54, "2 to the 63rd", f'{{"n": {2**63}}}'.encode(), "input.value", says="64 bits")
    yield given(54, "5,000 digits", b'{"n": ' + b"7" * 5_000 + b"}", "input.value", says="64 bits")
    yield given(55, "half a character", b'{"name": "a\\udc00b"}', None, result='"a\\ufffdb"')
    yield given(55, "four bytes", '{"name": "\U0001f600"}'.encode(), None, result='"\\ud83d\\ude00"')
    yield given(55, "NUL", b'{"name": "a\\u0000b"}', None, result='"a\\u0000b"')
    yield given(57, "a key twice", b'{"name": "a", "name": "b"}', "input.duplicate_key", says="'name' twice")
    yield given(57, "a key twice, deep inside", b'{"any": [{"a": 1, "a": 2}]}', "input.duplicate_key", says="'a' twice")
    yield given(
        61, "a secret in the wrong place", told({"n": {"key": SECRET}}), "input.schema", says="at /n: expected int"
    )
    yield given(61, "a secret in no JSON", f'{{"n": {SECRET}}}'.encode(), "input.schema", says="line 1, column")


def sizes() -> Iterator[Case]:
    """More than a run takes, refused before anything is started."""
    yield given(
        56, "100,000 deep", b'{"any": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "input.too_deep", says="64 levels"
    )
    yield given(56, "66 deep", b'{"any": ' + b"[" * 66 + b"]" * 66 + b"}", "input.too_deep", says="64 levels")
    yield given(58, "7 MB", b'{"name": "' + b"x" * 7_000_000 + b'"}', "input.too_large", says="1,048,576 bytes")
    yield given(58, "50 MB", b'{"name": "' + b"x" * 50_000_000 + b'"}', "input.too_large", says="larger than")
    keys = ",".join(f'"{n}":0' for n in range(20_000))
    yield given(59, "20,000 keys", f'{{"any": {{{keys}}}}}'.encode(), "input.too_large", says="10,000 keys")
    many = ",".join(f'"{n}":0' for n in range(500_000))
    yield given(59, "500,000 keys", f"{{{many}}}".encode(), "input.too_large", says="1,048,576 bytes")


def odd() -> Iterator[Case]:
    """Strange data that is only data."""
    keys = {"a\nb": 1, "a.b": 2, "'": 3, '"': 4, "'); DROP TABLE runs; --": 5, "": 6}
    yield given(60, "strange keys", told({"any": keys}), None, result=json.dumps(keys))
    for word in ("/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x", "@in.json", "~/.ssh/id_rsa"):
        yield given(62, word, told({"name": word}), None, result=json.dumps(word))
    yield given(63, "null for what may be none", b'{"maybe": null}', None, result="null")
    yield given(63, "nothing for what may be none", b"{}", None, result="null")
    yield given(
        63, "null for what may not", b'{"name": null}', "input.schema", says="at /name: expected string, got none"
    )


def told(data: Mapping[str, object]) -> bytes:
    """JSON."""
    return json.dumps(data).encode()
