"""Every program that reads our highlighters gives every character the class that we give it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from leadflow.editor.classes import classes
from leadflow.editor.rules import Class
from tests.editor.consumers import CONSUMERS, EDITORS, emacs, program
from tests.editor.corpus import corpus
from tests.syntax.sources import EVERYTHING

NODE_PROGRAMS = {"vscode-textmate", "vscode-tmgrammar-test", "shiki", "highlight.js", "codemirror"}


def differences(texts: Mapping[str, str], theirs: Mapping[str, Sequence[Class]]) -> list[str]:
    """The first character of each text to which a program gives another class, as `file:line:column: …`.

    Line ends have no colour, and are not looked at.
    """
    found = []
    for name, text in texts.items():
        ours = classes(text)
        for at, (own, other) in enumerate(zip(ours, theirs[name], strict=True)):
            if own is not other and text[at] != "\n":
                line, begin = text.count("\n", 0, at) + 1, text.rfind("\n", 0, at) + 1
                what = f"{own.value} for us, {other.value} there: {text[at : at + 20]!r}"
                found.append(f"{name}:{line}:{at - begin + 1}: {what}")
                break
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.node] * (name in NODE_PROGRAMS)) for name in CONSUMERS]
)
def test_every_character_has_one_class(name: str, tmp_path: Path) -> None:
    """A program and our own rules agree on every character of the corpus."""
    assert [] == differences(corpus(), CONSUMERS[name].classes(corpus(), tmp_path))


def test_emacs_keeps_up_with_changes(tmp_path: Path) -> None:
    """Three quotes put into the middle of a long text turn strings behind them into code and back, as if read anew."""
    said = emacs({"long": EVERYTHING * 4}, EDITORS, tmp_path, inserted=' """ ')["long"]
    changed = "".join(piece for piece, _ in said)
    assert len(EVERYTHING) * 4 + len(' """ ') == len(changed)
    theirs = [cls for piece, words in said for cls in [CONSUMERS["emacs"].meant(words)] * len(piece)]
    assert [] == differences({"long": changed}, {"long": theirs})


def test_the_corpus_has_every_class() -> None:
    """What the programs are compared on has characters of each class, in good flows and in broken ones."""
    seen = {name: set(classes(text)) for name, text in corpus().items()}
    assert set(Class) == seen["everything"]
    assert set(Class) == set().union(*(found for name, found in seen.items() if name.startswith("soup")))


def test_a_difference_is_shown_at_its_place() -> None:
    """The first character that differs is named by file, line and column, once for a text."""
    text = "leadflow 1\nlet x = 1\n"
    there = classes(text)
    there[15] = there[19] = Class.STRING
    (line,) = differences({"a.flow": text}, {"a.flow": there})
    assert line == "a.flow:2:5: declared name for us, string there: 'x = 1\\n'"


def test_a_keyword_that_an_export_lacks_is_found(tmp_path: Path) -> None:
    """A highlighter that does not know `until` fails the comparison, at the first `until`."""
    folder = tmp_path / "editors" / "pygments"
    folder.mkdir(parents=True)
    lexer = (EDITORS / "pygments" / "leadflow_lexer.py").read_text("utf-8")
    (folder / "leadflow_lexer.py").write_text(lexer.replace("|until|", "|"), "utf-8")
    texts = {"a.flow": "let a = 1\n  until b\n"}
    theirs = CONSUMERS["pygments"].classes(texts, tmp_path, tmp_path / "editors")
    assert ["a.flow:2:3: keyword for us, other there: 'until b\\n'"] == differences(texts, theirs)


def test_a_missing_program_fails_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an editor is not installed its test is skipped with a reason; in CI it fails."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-editor is not installed"):
        program("no-such-editor")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no-such-editor is not installed"):
        program("no-such-editor")
