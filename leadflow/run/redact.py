"""What may be said of a failure: one line, not too long, and nothing that is secret; what may be written down."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape
from json import dumps
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

_CODED = re.compile("%[0-9A-F]{2}")
LONGEST = 500
"""Most characters of a message."""
SHORTEST = 4
"""A secret shorter than this cannot be told from other text, and blotting it out would blot out everything."""


def one_line(text: str, secrets: Iterable[str] = (), most: int = LONGEST) -> str:
    """The text on one line, its control characters gone, each secret replaced by `***`, its end cut off."""
    text = without(text, all_forms(tuple(secrets)))
    text = text[: 4 * most]
    if not text.isprintable():
        text = "".join([char if char.isprintable() else " " for char in text])
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def forms_of(secret: str) -> tuple[str, ...]:
    """How a secret may stand in a text: as it is, and in the forms in which it travels; the longest first.

    In Base64 what stands before it decides between three forms; of each only the letters count that nothing around it
    changes.
    """
    if len(secret) < SHORTEST:
        return ()
    found = dict.fromkeys(form for part in _parts(secret) for form in _forms(part))
    return tuple(sorted((form for form in found if len(form) >= SHORTEST), key=len, reverse=True))


_LINE, _FIELD = 8, 8
"""From how many characters on a line of a secret and a field of a secret address are secrets of their own: what is
shorter are words that mean nothing."""
_RUN = re.compile("[A-Za-z0-9_-]{16,}")
"""Letters in a row that are a secret wherever they stand: the key in a JSON of credentials, the end of a web hook."""


def _parts(secret: str) -> Iterator[str]:
    """A secret, and what of it is met alone: without the space around it, its lines (a key in a file), long rows of
    letters, and what opens the door of an address.
    """
    yield secret
    yield secret.strip()
    yield " ".join(secret.split())
    if len(lines := secret.splitlines()) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _LINE)
    yield from _RUN.findall(secret)
    if "://" not in secret:
        return
    try:
        address = urlsplit(secret)
        user, _, password = address.netloc.rpartition("@")[0].partition(":")
    except ValueError:
        return
    yield from (password or user, f"{user}:{password}")
    yield from (value for _, value in parse_qsl(address.query) if len(value) >= _FIELD)


def _forms(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield secret.lower()  # as names of headers and hosts are read
    quoted = (dumps(secret), dumps(secret, ensure_ascii=False), repr(f"'\"{secret}"), repr(secret))
    for text in (*quoted, *(text.replace("/", "\\/") for text in quoted[:2])):  # some writers of JSON escape slashes
        plain = text.strip("\\\"'")
        yield plain
        for again in (dumps(plain), repr(f"'\"{plain}")):  # JSON in JSON, what an exception says of its cause
            yield again.strip("\\\"'")
    for safe in ("", "/", "-._~"):
        for coded in (quote(secret, safe=safe, errors="replace"), quote_plus(secret, safe=safe, errors="replace")):
            yield coded
            yield _CODED.sub(lambda found: found[0].lower(), coded)
    yield escape(secret)
    yield escape(secret, quote=False)
    yield data.hex()
    yield data.hex().upper()
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            after = -(before + len(data)) % 3
            whole = encode(b"\0" * before + data + b"\0" * after).decode()
            first = -(-before * 8 // 6)
            last = (before + len(data)) * 8 // 6
            yield whole[first:last]


@lru_cache(16)
def all_forms(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """How any of these secrets may stand in a text, the longest first, so that none is cut by a shorter one."""
    return tuple(sorted({form for secret in secrets for form in forms_of(secret)}, key=len, reverse=True))


def without(text: str, forms: Iterable[str]) -> str:
    """The text with `***` in place of each of these forms."""
    for form in forms:
        if form in text:
            text = text.replace(form, "***")
    return text


class Veil:
    """Blots secrets out of a text that comes in pieces, also those that stand across two of them (bad input 130).

    What may be the beginning of a secret is held back until it is known not to be.
    """

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._forms, self._beginnings = _veiled(secrets)
        self._held = ""

    def feed(self, text: str) -> str:
        """What may be shown so far."""
        if not self._forms:
            return text
        whole = self._held + text
        longest = min(len(self._forms[0]) - 1, len(whole))
        end = len(whole) - next((n for n in range(longest, 0, -1) if whole[-n:] in self._beginnings), 0)
        end = self._behind(whole, end)
        self._held = whole[end:]
        return without(whole[:end], self._forms)

    def _behind(self, whole: str, end: int) -> int:
        """The same place, or the end of a secret that stands across it."""
        for form in self._forms:
            at = whole.find(form, max(0, end - len(form) + 1), end + len(form) - 1)
            if 0 <= at < end:
                return at + len(form)
        return end

    def end(self) -> str:
        """What was held back: a secret, too, with which a longer one might have begun."""
        held, self._held = self._held, ""
        return without(held, self._forms)


@lru_cache(8)
def _veiled(secrets: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str]]:
    """All forms of secrets, the longest first, and how they may begin."""
    forms = {form for secret in secrets for form in forms_of(secret)}
    beginnings = frozenset(form[:size] for form in forms for size in range(1, len(form)))
    return tuple(sorted(forms, key=len, reverse=True)), beginnings
