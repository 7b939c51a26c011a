"""An extension folder for VS Code, to be packed by `vsce package`: the TextMate grammar and the settings."""

import json
from collections.abc import Mapping

from leadflow.editor.formats import textmate
from leadflow.editor.formats.scopes import ROOT
from leadflow.editor.rules import Language

_README = """\
# leadflow

Colours, brackets and comments for `.flow` files: flows of AI agents that are checked before anything is spent.

    agent fast: openai { model: "gpt-5-mini" }

    flow greet(name: string) -> string {
      step text = fast.ask("Greet ${name}.")
      return text
    }

Written by `leadflow grammar export --format vscode`. MIT licensed.
"""

LICENSE = """\
MIT License

Copyright (c) 2026 leadflow contributors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
"""The licence that the extension carries; a test holds it against the repository's."""


def files(language: Language) -> Mapping[str, str]:
    """The files of the extension."""
    return {
        "package.json": _json(_manifest(language.version)),
        "language-configuration.json": _json(_configuration()),
        f"syntaxes/{textmate.FILE}": textmate.grammar(language),
        "README.md": _README,
        "LICENSE": LICENSE,
    }


def _manifest(version: str) -> dict[str, object]:
    return {
        "name": "leadflow",
        "displayName": "leadflow",
        "description": "Colours for leadflow, the language for flows of AI agents.",
        "version": version,
        "publisher": "leadflow",
        "license": "MIT",
        "engines": {"vscode": "^1.75.0"},
        "categories": ["Programming Languages"],
        "keywords": ["leadflow", "flow", "agents", "llm", "workflow"],
        "files": ["LICENSE", "README.md", "language-configuration.json", "syntaxes"],
        "contributes": {
            "languages": [
                {
                    "id": "leadflow",
                    "aliases": ["leadflow"],
                    "extensions": [".flow"],
                    "firstLine": "^leadflow [0-9]",
                    "configuration": "./language-configuration.json",
                }
            ],
            "grammars": [{"language": "leadflow", "scopeName": ROOT, "path": f"./syntaxes/{textmate.FILE}"}],
        },
    }


def _configuration() -> dict[str, object]:
    brackets = [["{", "}"], ["[", "]"], ["(", ")"]]
    closing = [{"open": a, "close": b} for a, b in brackets]
    return {
        "comments": {"lineComment": "#"},
        "brackets": brackets,
        "autoClosingPairs": [*closing, {"open": '"', "close": '"', "notIn": ["string", "comment"]}],
        "surroundingPairs": [*brackets, ['"', '"']],
        "indentationRules": {"increaseIndentPattern": r"[{(\[][^})\]]*$", "decreaseIndentPattern": r"^\s*[})\]]"},
    }


def _json(data: dict[str, object]) -> str:
    return json.dumps(data, indent=2) + "\n"
