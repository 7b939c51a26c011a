"""Secrets of tests, and the search for what is left of them (Z14).

Every secret that a test gives to leadflow is a canary: a word that stands nowhere else, in one of the shapes that
credentials have. Ten letters of one in a row, in any writing, are a leak: the search does not know what the house takes
for the forms of a secret.
"""

import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

SHAPES: Mapping[str, Callable[[str], str]] = {
    "plain": lambda core: core,
    "signs": lambda core: f'{core[:9]}"%/+\\{core[9:]}=&',
    "blanks": lambda core: f"{core[:12]}  {core[12:]} ",
    "long": lambda core: "".join(mark + core for mark in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"),
    "padded": lambda core: f"{core}+/==",
    "pair": lambda core: f"{core[:10]}:{core[10:]}",
    "address": lambda core: f"https://{core[:11]}:{core}@hooks.example.com/T0/{core}?key={core}&v=1",
    "file": lambda core: f"-----BEGIN KEY-----\n{core[:12]}\n{core[12:]}\n-----END KEY-----\n",
    "umlauts": lambda core: f"ä{core[:10]}ö{core[10:]}",
    "json": lambda core: f'{{"key": "{core}", "of": [1, 2]}}',
}
"""How credentials look, by what one would trip over."""
IN_HEADERS = ("plain", "signs", "blanks", "long", "padded", "pair", "json")
"""Those that a header can carry."""
_WINDOW = 10


def canary(name: str, shape: str = "plain") -> str:
    """The canary of a name: the same in every process."""
    return SHAPES[shape](core_of(name))


def core_of(name: str) -> str:
    """The letters that the search looks for."""
    digest = blake2b(name.encode(), digest_size=16).digest()
    return "".join("bcdfghjklmnpqrstvwxyz0123456789"[byte % 31] for byte in digest) + digest.hex()[:6]


def _writings(core: str) -> Iterator[str]:
    data = core.encode()
    yield core
    yield data.hex()
    yield data.hex().upper()
    for before in range(3):
        yield b64encode(b"\0" * before + data)[4:-4].decode()


def leaks_in(outputs: Mapping[str, bytes], names: Iterable[str]) -> list[str]:
    """Where ten letters in a row of one of these canaries stand: the output, the canary, and what stands there."""
    windows = {
        writing[at : at + _WINDOW].encode(): name
        for name in names
        for writing in _writings(core_of(name))
        for at in range(len(writing) - _WINDOW + 1)
    }
    found: dict[str, None] = {}
    for where, data in outputs.items():
        last = -_WINDOW
        for at in range(len(data) - _WINDOW + 1):
            piece = data[at : at + _WINDOW]
            if piece in windows and at >= last + _WINDOW:
                last = at
                found[f"{where}: {windows[piece]}: {data[max(0, at - 60) : at + 30]!r}"] = None
    return list(found)


_WORDS = frozenset(("KEY", "PASSWORD", "SECRET", "TOKEN"))
_SHORTEST = 8


def assert_discreet(folder: Path, *said: str, env: Mapping[str, str] | None = None) -> None:
    """What a command said, and what is kept beside its flows, holds no value of a variable that is called like a
    secret. Whoever types commands in tests asks this of each: so it holds for the whole suite.
    """
    values = [
        value.encode()
        for name, value in {**os.environ, **(env or {})}.items()
        if len(value) >= _SHORTEST and _WORDS & set(name.upper().split("_"))
    ]
    if not values:
        return
    kept = [path for path in (folder / ".leadflow").rglob("*") if path.is_file()]
    outputs = {"said": "".join(said).encode(), **{str(path): path.read_bytes() for path in kept}}
    for where, data in outputs.items():
        for value in values:
            assert value not in data, f"{where} holds a secret"
            assert b64encode(value)[:-4] not in data, f"{where} holds a secret in Base64"
