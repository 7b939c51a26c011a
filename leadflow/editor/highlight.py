"""grammar -> the files of highlighters: which formats there are, and what each is written from.

`grammar/editors/` holds what `export` gives; nobody edits it, and a test compares the two. Knows no format itself.
"""

from collections.abc import Callable, Mapping

from leadflow import __version__
from leadflow.editor.formats import (
    codemirror,
    emacs,
    highlightjs,
    notation,
    pygments,
    sublime,
    textmate,
    vim,
    vscode,
)
from leadflow.editor.rules import Language, rules
from leadflow.editor.words import Words

FORMATS: dict[str, Callable[[Language], Mapping[str, str]]] = {
    "lark": notation.lark_files,
    "ebnf": notation.ebnf_files,
    "textmate": textmate.files,
    "vscode": vscode.files,
    "vim": vim.files,
    "sublime": sublime.files,
    "highlightjs": highlightjs.files,
    "codemirror": codemirror.files,
    "pygments": pygments.files,
    "emacs": emacs.files,
}


def export(form: str, *, words: Words, grammar: str) -> dict[str, str]:
    """The files of a format, or of all of them each in a folder of its name: path -> text.

    `grammar` is the text of `flow.lark`, whose words `words` are.
    """
    language = Language(words, rules(words), grammar, __version__)
    if form != "all":
        return dict(FORMATS[form](language))
    return {f"{name}/{path}": text for name, write in FORMATS.items() for path, text in write(language).items()}
