"""The real programs that read our highlighters: each is given texts and says what every piece is, in its own words.

Knows how to start them and what their words mean by their own conventions; not what is right. npm programs run on the
node of the development extra. vim, neovim, bat and emacs are the machine's: where one is missing a test is skipped,
but in CI, which installs them, it fails.
"""

import json
import os
import re
import runpy
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from leadflow.editor.rules import Class
from tests.doubles import NODE, installed

ROOT = Path(__file__).resolve().parent.parent.parent
EDITORS = ROOT / "grammar" / "editors"
PROGRAMS = Path(__file__).parent / "programs"

Pieces = Sequence[tuple[str, Sequence[str]]]
"""A text in pieces, each with what the program calls it, the most particular name first."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A program that reads a highlighter."""

    read: Callable[[Mapping[str, str], Path, Path], Mapping[str, Pieces]]
    """Texts, the folder of exports, a folder for scratch -> what the program makes of each text."""
    meaning: Mapping[str, Class]
    """Begin of a name -> what it means; the longest that fits counts."""

    def classes(self, texts: Mapping[str, str], scratch: Path, editors: Path = EDITORS) -> dict[str, list[Class]]:
        """The class of each character of each text."""
        said = self.read(texts, editors, scratch)
        found = {}
        for name, text in texts.items():
            assert text == "".join(piece for piece, _ in said[name]), f"{name}: another text came back"
            found[name] = [cls for piece, words in said[name] for cls in [self.meant(words)] * len(piece)]
        return found

    def meant(self, words: Sequence[str]) -> Class:
        """The class that a program means by the names of a piece."""
        for word in words:
            fitting = [begin for begin in self.meaning if re.match(rf"{re.escape(begin)}(?![A-Za-z])", word)]
            if fitting:
                return self.meaning[max(fitting, key=len)]
        return Class.OTHER


def program(*names: str) -> str:
    """The path of a program of the machine, by the first of its names that is there."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing = f"{names[0]} is not installed: its highlighter is not tried"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{missing}; CI has to install it")
    pytest.skip(missing)


def _run(command: Sequence[object], *, text: str = "", **environment: object) -> str:
    """Standard output of a program that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"LC_ALL": "C.UTF-8"} | {name: str(value) for name, value in environment.items()},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command[0]}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    )
    return done.stdout


# --- npm ------------------------------------------------------------------------------------------------------------


def _node(script: str, *arguments: object, texts: Mapping[str, str]) -> Mapping[str, Pieces]:
    said: dict[str, Pieces] = json.loads(_run([NODE, PROGRAMS / script, *arguments], text=json.dumps(texts)))
    return said


def _textmate(texts: Mapping[str, str], editors: Path, _scratch: Path) -> Mapping[str, Pieces]:
    folders = installed("vscode-textmate", "9.3.2"), installed("vscode-oniguruma", "2.0.1")
    return _node("textmate.mjs", *folders, editors / "textmate" / "leadflow.tmLanguage.json", texts=texts)


def _snapshots(texts: Mapping[str, str], editors: Path, scratch: Path) -> Mapping[str, Pieces]:
    """vscode-tmgrammar-test writes a text's lines behind `>`, and below each its scopes behind `#` and arrows."""
    snap = installed("vscode-tmgrammar-test", "0.1.3") / "dist" / "snapshot.js"
    grammar = editors / "textmate" / "leadflow.tmLanguage.json"
    names = _files(texts, scratch / "texts")
    _run([NODE, snap, "-u", "-g", grammar, "-s", "source.leadflow", f"{scratch}/texts/*.flow"])
    found = {}
    for file, name in names.items():
        said = (scratch / "texts" / f"{file}.flow.snap").read_text("utf-8")
        found[name] = list(_snapped(said))[1 : 1 + len(texts[name])]
    return found


def _snapped(said: str) -> Iterator[tuple[str, Sequence[str]]]:
    """The characters of a snapshot, a line end before each line. Arrows count UTF-16 as JavaScript does."""
    for block in re.split(r"^>", said, flags=re.MULTILINE)[1:]:
        line, *notes = block.removesuffix("\n").split("\n")
        scopes: dict[int, Sequence[str]] = {}
        for blanks, arrows, names in re.findall(r"^#( *)(\^+) (.*)$", "\n".join(notes), re.MULTILINE):
            scopes |= dict.fromkeys(range(len(blanks), len(blanks + arrows)), names.split(" ")[::-1])
        yield "\n", []
        at = 0
        for char in line:
            yield char, scopes.get(at, [])
            at += len(char.encode("utf-16-le")) // 2


def _shiki(texts: Mapping[str, str], editors: Path, _scratch: Path) -> Mapping[str, Pieces]:
    grammar = editors / "vscode" / "syntaxes" / "leadflow.tmLanguage.json"
    return _node("shiki.mjs", installed("shiki", "4.6.0"), grammar, texts=texts)


def _highlightjs(texts: Mapping[str, str], editors: Path, _scratch: Path) -> Mapping[str, Pieces]:
    folder = installed("highlight.js", "11.12.0")
    return _node("highlightjs.mjs", folder, editors / "highlightjs" / "leadflow.js", texts=texts)


def _codemirror(texts: Mapping[str, str], editors: Path, _scratch: Path) -> Mapping[str, Pieces]:
    folder = installed("@codemirror/language", "6.13.1")
    return _node("codemirror.mjs", folder, editors / "codemirror" / "leadflow.js", texts=texts)


# --- PyPI -----------------------------------------------------------------------------------------------------------


def _pygments(texts: Mapping[str, str], editors: Path, _scratch: Path) -> Mapping[str, Pieces]:
    lexer = runpy.run_path(str(editors / "pygments" / "leadflow_lexer.py"))["LeadflowLexer"]()
    return {
        name: [(piece, [str(token)]) for _, token, piece in lexer.get_tokens_unprocessed(text)]
        for name, text in texts.items()
    }


# --- Debian ---------------------------------------------------------------------------------------------------------


def _files(texts: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The texts as files: the name of a file -> the name of its text."""
    folder.mkdir()
    names = {f"{number:04}": name for number, name in enumerate(texts)}
    for file, name in names.items():
        (folder / f"{file}.flow").write_text(texts[name], encoding="utf-8")
    return names


def _answers(texts: Mapping[str, str], scratch: Path, start: Callable[[Path, Path], object]) -> Mapping[str, Pieces]:
    """What a program writes about files of texts. An editor ends a file with a line end, or leaves it out."""
    names = _files(texts, scratch / "texts")
    start(scratch / "texts", scratch / "answer.json")
    said: dict[str, list[tuple[str, Sequence[str]]]] = json.loads((scratch / "answer.json").read_text("utf-8"))
    found = {name: said.get(file, []) for file, name in names.items()}
    for name, pieces in found.items():
        if texts[name] == "".join(piece for piece, _ in pieces) + "\n":
            pieces.append(("\n", []))
    return found


def _vim(*names: str) -> Callable[[Mapping[str, str], Path, Path], Mapping[str, Pieces]]:
    def read(texts: Mapping[str, str], editors: Path, scratch: Path) -> Mapping[str, Pieces]:
        command = [program(*names), "-u", "NONE", "-i", "NONE", "-N", "-es", "-S", PROGRAMS / "dump.vim"]

        def start(folder: Path, out: Path) -> None:
            _run(command, PROBE_RUNTIME=editors / "vim", PROBE_TEXTS=folder, PROBE_OUT=out)

        return _answers(texts, scratch, start)

    return read


def _emacs(texts: Mapping[str, str], editors: Path, scratch: Path) -> Mapping[str, Pieces]:
    return emacs(texts, editors, scratch, inserted="")


def emacs(texts: Mapping[str, str], editors: Path, scratch: Path, *, inserted: str) -> Mapping[str, Pieces]:
    """What Emacs makes of texts, when something is put into the middle of each after it was first coloured."""
    start = [program("emacs"), "--batch", "-Q"]
    mode = Path(shutil.copy(editors / "emacs" / "leadflow-mode.el", scratch))
    _run([*start, "--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", mode])
    command = [*start, "-l", mode.with_suffix(".elc"), "-l", PROGRAMS / "dump.el"]
    return _answers(
        texts, scratch, lambda folder, out: _run(command, PROBE_TEXTS=folder, PROBE_OUT=out, PROBE_INSERT=inserted)
    )


def _bat(texts: Mapping[str, str], editors: Path, scratch: Path) -> Mapping[str, Pieces]:
    bat = program("batcat", "bat")
    source = scratch / "source"
    (source / "themes").mkdir(parents=True)
    (source / "syntaxes").mkdir()
    shutil.copy(editors / "sublime" / "leadflow.sublime-syntax", source / "syntaxes")
    (source / "themes" / "probe.tmTheme").write_text(_theme(), encoding="utf-8")
    cache = scratch / "cache"
    _run([bat, "cache", "--build", "--blank", "--source", source, "--target", cache], BAT_CACHE_PATH=cache)
    names = _files(texts, scratch / "texts")
    command = [bat, "--no-config", "--theme=probe", "--color=always", "--style=plain", "--paging=never"]
    files = [scratch / "texts" / f"{file}.flow" for file in names]
    said = _run([*command, "--tabs=0", "--wrap=never", *files], BAT_CACHE_PATH=cache, COLORTERM="truecolor")
    return _cut(_coloured(said), {name: len(texts[name]) for name in names.values()})


def _cut(pieces: Iterator[tuple[str, Sequence[str]]], lengths: Mapping[str, int]) -> Mapping[str, Pieces]:
    """Pieces of several texts that were said in one go, for each text."""
    chars = ((char, words) for piece, words in pieces for char in piece)
    return {name: list(islice(chars, length)) for name, length in lengths.items()}


_SCOPES = {
    "comment": Class.COMMENT,
    "keyword": Class.KEYWORD,
    "constant.language": Class.KEYWORD,
    "string": Class.STRING,
    "constant.character.escape": Class.ESCAPE,
    "punctuation.section.embedded": Class.HOLE,
    "constant.numeric": Class.NUMBER,
    "entity.name.function": Class.NAME,
    "meta.template.expression": Class.OTHER,
    "storage.type.annotation": Class.OTHER,
    "support.type.property-name": Class.OTHER,
    "invalid": Class.OTHER,
}


def _theme() -> str:
    """A theme whose red tells which scope a piece has."""
    rules = [
        f"<dict><key>scope</key><string>{escape(scope)}</string><key>settings</key><dict><key>foreground</key>"
        f"<string>#{number + 1:02x}0000</string></dict></dict>"
        for number, scope in enumerate(_SCOPES)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>name</key><string>probe</string>'
        "<key>settings</key><array><dict><key>settings</key><dict><key>foreground</key><string>#ff0000</string>"
        f"</dict></dict>{''.join(rules)}</array></dict></plist>"
    )


def _coloured(said: str) -> Iterator[tuple[str, Sequence[str]]]:
    scopes = dict(enumerate(_SCOPES, 1))
    words: Sequence[str] = []
    for colour, other, piece in re.findall(r"\x1b\[38;2;(\d+);0;0m|(\x1b\[[0-9;]*m)|([^\x1b]+)", said):
        if piece:
            yield piece, words
        elif not other:
            words = [scopes[int(colour)]] if int(colour) in scopes else []


_VIM = {
    f"leadflow{state}{kind}": cls
    for state in ("Code", "Hole", "String", "Block", "Plain", "Declaration")
    for kind, cls in {
        "Comment": Class.COMMENT,
        "Keyword": Class.KEYWORD,
        "Constant": Class.KEYWORD,
        "Operator": Class.KEYWORD,
        "StringRegion": Class.STRING,
        "BlockRegion": Class.STRING,
        "PlainRegion": Class.STRING,
        "Escape": Class.ESCAPE,
        "Hole": Class.HOLE,
        "Number": Class.NUMBER,
        "Name": Class.NAME,
    }.items()
}

_HIGHLIGHTJS = {
    "hljs-comment": Class.COMMENT,
    "hljs-keyword": Class.KEYWORD,
    "hljs-literal": Class.KEYWORD,
    "hljs-operator": Class.KEYWORD,
    "hljs-string": Class.STRING,
    "hljs-char escape_": Class.ESCAPE,
    "hljs-template-variable": Class.HOLE,
    "hljs-number": Class.NUMBER,
    "hljs-title": Class.NAME,
    "hljs-subst": Class.OTHER,
    "hljs-meta": Class.OTHER,
    "hljs-attr": Class.OTHER,
}

_CODEMIRROR = {
    "comment": Class.COMMENT,
    "keyword": Class.KEYWORD,
    "atom": Class.KEYWORD,
    "operatorKeyword": Class.KEYWORD,
    "string": Class.STRING,
    "escape": Class.ESCAPE,
    "hole": Class.HOLE,
    "number": Class.NUMBER,
    "definition": Class.NAME,
}

_PYGMENTS = {
    "Token.Comment": Class.COMMENT,
    "Token.Keyword": Class.KEYWORD,
    "Token.Operator.Word": Class.KEYWORD,
    "Token.Literal.String": Class.STRING,
    "Token.Literal.String.Escape": Class.ESCAPE,
    "Token.Literal.String.Interpol": Class.HOLE,
    "Token.Literal.Number": Class.NUMBER,
    "Token.Name.Function": Class.NAME,
}

_EMACS = {
    "font-lock-comment-face": Class.COMMENT,
    "font-lock-keyword-face": Class.KEYWORD,
    "font-lock-constant-face": Class.KEYWORD,
    "leadflow-operator-face": Class.KEYWORD,
    "font-lock-string-face": Class.STRING,
    "leadflow-escape-face": Class.ESCAPE,
    "leadflow-hole-face": Class.HOLE,
    "leadflow-number-face": Class.NUMBER,
    "font-lock-function-name-face": Class.NAME,
}

CONSUMERS = {
    "vscode-textmate": Consumer(_textmate, _SCOPES),
    "vscode-tmgrammar-test": Consumer(_snapshots, _SCOPES),
    "shiki": Consumer(_shiki, _SCOPES),
    "highlight.js": Consumer(_highlightjs, _HIGHLIGHTJS),
    "codemirror": Consumer(_codemirror, _CODEMIRROR),
    "pygments": Consumer(_pygments, _PYGMENTS),
    "vim": Consumer(_vim("vim"), _VIM),
    "neovim": Consumer(_vim("nvim"), _VIM),
    "bat": Consumer(_bat, _SCOPES),
    "emacs": Consumer(_emacs, _EMACS),
}
"""Name -> consumer."""
