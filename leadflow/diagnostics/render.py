"""How findings look: for people (with the line and carets), on one line each, and as JSON for machines.

Pure: takes sources and findings, gives text. Control characters of a source are shown as pictures, so that a source
cannot write to the terminal.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from leadflow.diagnostics.diagnostic import Diagnostic, Edit, Label
from leadflow.diagnostics.span import Source, Span

Sources = Mapping[str, Source]
"""Sources by name; a finding in a source that is not here is shown without its line."""

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "bold": "\x1b[1m", "dim": "\x1b[36m", "off": "\x1b[0m"}
_WIDEST = 160
"""Longest piece of a source line that is shown, in characters."""


def render_text(diagnostics: Sequence[Diagnostic], sources: Sources, *, colour: bool = False) -> str:
    """The findings for people, a paragraph each; empty for none."""
    return "".join(_paragraph(d, sources, _Ink(colour)) for d in diagnostics)


def render_concise(diagnostics: Sequence[Diagnostic], sources: Sources) -> str:
    """One line per finding: `file:line:column: severity CODE message`."""
    lines = (f"{place(d.span, sources)}: {d.severity} {d.code} {_visible(d.message)}\n" for d in diagnostics)
    return "".join(lines)


def to_json(diagnostics: Sequence[Diagnostic], sources: Sources) -> list[dict[str, Any]]:
    """The findings as plain data; lines and columns count from 1, offsets (characters) from 0."""
    return [
        {
            "code": d.code,
            "title": d.title,
            "severity": d.severity,
            "message": d.message,
            **_where(d.span, sources),
            "labels": [{"text": label.text, **_where(label.span, sources)} for label in d.labels],
            "notes": list(d.notes),
            "fix": d.fix
            and {
                "title": d.fix.title,
                "safe": d.fix.safe,
                "edits": [{"text": edit.text, **_where(edit.span, sources)} for edit in d.fix.edits],
            },
        }
        for d in diagnostics
    ]


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`; `no findings` for none."""
    counts = {word: sum(d.severity == word for d in diagnostics) for word in ("error", "warning")}
    parts = [f"{n} {word}{'s' if n != 1 else ''}" for word, n in counts.items() if n]
    return ", ".join(parts) or "no findings"


def place(span: Span, sources: Sources) -> str:
    """`file:line:column` of a span's start; the file's name alone when its source is not at hand."""
    source = sources.get(span.file)
    if source is None:
        return span.file
    line, column = source.position(span.start)
    return f"{span.file}:{line}:{column}"


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with edits (of this text, not overlapping) applied.

    Raises:
        ValueError: two edits overlap.
    """
    pieces, at = [], 0
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        if edit.span.start < at:
            raise ValueError("edits overlap")
        pieces += [text[at : edit.span.start], edit.text]
        at = edit.span.end
    return "".join([*pieces, text[at:]])


class _Ink:
    """Colours, or none."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, name: str, text: str) -> str:
        return f"{_COLOURS[name]}{text}{_COLOURS['off']}" if self._colour and text else text


def _paragraph(d: Diagnostic, sources: Sources, ink: _Ink) -> str:
    head = ink(d.severity, f"{d.severity}[{d.code}]") + ink("bold", f": {_visible(d.message)}")
    out = [head, f"  {ink('dim', '-->')} {place(d.span, sources)}"]
    marks = [Label(d.span, ""), *d.labels]
    numbers = [sources[m.span.file].position(m.span.start).line for m in marks if m.span.file in sources]
    gutter = len(str(max(numbers, default=0)))
    file = d.span.file
    for mark in marks:
        if mark.span.file not in sources:
            if mark.text:
                out.append(f"  {ink('dim', '::')} {mark.span.file}: {mark.text}")
            continue
        if mark.span.file != file:
            file = mark.span.file
            out.append(f"  {ink('dim', '-->')} {place(mark.span, sources)}")
        out += _excerpt(mark, sources[mark.span.file], gutter, d.severity if mark is marks[0] else "dim", ink)
    out += [f"{' ' * gutter} {ink('dim', '=')} note: {_visible(note)}" for note in d.notes]
    if d.fix is not None:
        kind = "fix" if d.fix.safe else "suggestion"
        out.append(f"{' ' * gutter} {ink('dim', '=')} {kind}: {_visible(d.fix.title)}")
    return "\n".join(out) + "\n\n"


def _excerpt(mark: Label, source: Source, gutter: int, style: str, ink: _Ink) -> list[str]:
    line, column = source.position(mark.span.start)
    text = source.line(line)
    length = max(1, min(mark.span.end, mark.span.start - column + 1 + len(text)) - mark.span.start)
    first = max(0, column - 1 - _WIDEST // 2) if len(text) > _WIDEST else 0
    shown, before = text[first : first + _WIDEST], text[first : column - 1]
    caret = ("^" if not mark.text else "-") * max(1, _width(text[column - 1 : column - 1 + length][:_WIDEST]))
    bar = ink("dim", "|")
    under = " " * _width(before) + ink(style, caret + (f" {_visible(mark.text)}" if mark.text else ""))
    number = ink("dim", f"{line:>{gutter}}")
    return [f"{number} {bar} {_visible(shown)}", f"{' ' * gutter} {bar} {under}"]


def _visible(text: str) -> str:
    """Tabs as four blanks; other control and format characters as pictures or escapes."""
    return "".join(_shown(char) for char in text) if not text.isprintable() else text


def _shown(char: str) -> str:
    if char == "\t":
        return "    "
    if ord(char) < 0x20:
        return chr(0x2400 + ord(char))
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


def _width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    joined = sum(unicodedata.combining(c) != 0 for c in text)
    return len(_visible(text)) + wide - joined


def _where(span: Span, sources: Sources) -> dict[str, Any]:
    source = sources.get(span.file)
    if source is None:
        return {"file": span.file, "start": None, "end": None}
    ends = {}
    for name, offset in (("start", span.start), ("end", span.end)):
        line, column = source.position(offset)
        ends[name] = {"line": line, "column": column, "offset": offset}
    return {"file": span.file, **ends}
