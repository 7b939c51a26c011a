"""The files below grammar/editors are what `leadflow grammar export` writes, whole, and packed as their makers pack."""

import json
import re
import subprocess
import tomllib
import zipfile
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from lark import Lark

from leadflow.cli.main import cli
from leadflow.editor.formats.vscode import LICENSE
from leadflow.editor.highlight import FORMATS, export
from leadflow.editor.pygments_lexer import LeadflowLexer
from leadflow.editor.words import END_MARKS, Words, read_words, words
from leadflow.resources import grammar_text
from leadflow.syntax.machine import soft_keywords
from leadflow.syntax.tables import load
from tests.doubles import NODE, NODE_OPTIONS, installed
from tests.editor.consumers import EDITORS, ROOT
from tests.syntax.sources import EVERYTHING
from tests.syntax.test_grammar import OurTokens


def missing(files: dict[str, str], wanted: Words) -> list[str]:
    """The keywords that stand in none of the files of a format as words."""
    written = set(re.findall(r"[A-Za-z]+", "\n".join(files.values()).replace("\\n", " ").replace("\\t", " ")))
    return [word for word in wanted.keywords if word not in written]


def test_the_files_are_up_to_date() -> None:
    """grammar/editors is what `leadflow grammar export --format all --out grammar/editors` writes, and nothing else."""
    wanted = export("all", words=words(), grammar=grammar_text())
    there = {path.relative_to(EDITORS).as_posix(): path for path in EDITORS.rglob("*") if path.is_file()}
    del there["README.md"]
    assert sorted(wanted) == sorted(there)
    assert [] == [path for path, text in wanted.items() if text != there[path].read_text("utf-8")]


@pytest.mark.parametrize("form", FORMATS)
def test_no_export_lacks_a_keyword(form: str) -> None:
    """Every keyword of the grammar stands in every export."""
    assert [] == missing(export(form, words=words(), grammar=grammar_text()), words())


@pytest.mark.parametrize("form", FORMATS)
def test_a_keyword_planted_in_the_grammar_reaches_every_export(form: str) -> None:
    """A new keyword is in what is written, and is missed in what was written before it."""
    tables = load()
    planted = read_words(replace(tables, fixed={**tables.fixed, "zzap": "ZZAP"}))
    grammar = grammar_text().replace('"policy"', '("policy" | "zzap")')
    assert [] == missing(export(form, words=planted, grammar=grammar), planted)
    assert ["zzap"] == missing(export(form, words=words(), grammar=grammar_text()), planted)


def test_words_that_declare_are_read_from_the_grammar() -> None:
    """The name behind these is one that a declaration, a step or a `let` gives."""
    assert ("agent", "const", "flow", "let", "policy", "profile", "step", "tool", "type") == words().declaring


def test_no_soft_keyword_stands_before_a_mark_that_follows_values() -> None:
    """The marks by which a soft keyword is known to be a name are none that the grammar takes behind a keyword."""
    tables = load()
    behind = {
        symbol
        for row in tables.rows
        for kind, target in row.items()
        if kind in soft_keywords() - {"UNDERSCORE"} and target >= 0
        for symbol in tables.rows[target]
    }
    fixed = {kind: text for text, kind in tables.fixed.items()}
    assert set() == {symbol for symbol in behind if fixed.get(symbol, "x")[0] in END_MARKS}
    assert set() == behind & {"COMPARE", "TIMES", "MEMBER", "SAFE_MEMBER"}


# --- the grammar itself ---------------------------------------------------------------------------------------------


def test_lark_builds_the_exported_grammar() -> None:
    """The grammar in Lark's form reads a source of every construct, its terminals given by a lexer."""
    (text,) = export("lark", words=words(), grammar=grammar_text()).values()
    assert "start" == Lark(text, parser="lalr", lexer=OurTokens).parse(EVERYTHING).data


def test_the_ebnf_is_whole() -> None:
    """Each name of the EBNF is defined once, and used, but for the file and what may stand between terminals."""
    (text,) = export("ebnf", words=words(), grammar=grammar_text()).values()
    plain = re.sub(r"\"[^\"]*\"|'[^']*'|\[(?!\])[^\]]*\]", " ", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
    defined = re.findall(r"^(\w+) *::=", plain, re.MULTILINE)
    used = set(re.findall(r"[A-Za-z_]+", re.sub(r"^\w+ *::=", "", plain, flags=re.MULTILINE)))
    assert sorted(set(defined)) == sorted(defined)
    assert set(defined) - {"start", "Ignored", "GIVES", "RESULT"} == used
    assert plain.count("(") == plain.count(")")


# --- packages -------------------------------------------------------------------------------------------------------


def test_the_extension_carries_the_licence() -> None:
    """The extension's licence is the repository's."""
    assert (ROOT / "LICENSE").read_text("utf-8") == LICENSE


@pytest.mark.node
def test_vsce_packs_the_extension(tmp_path: Path) -> None:
    """`vsce package` makes a .vsix of the folder, with the grammar and the settings in it, and warns of nothing."""
    folder = tmp_path / "extension"
    for path, text in export("vscode", words=words(), grammar=grammar_text()).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    vsix = tmp_path / "leadflow.vsix"
    program = installed("@vscode/vsce", "4.1.0") / "vsce"
    options = ["--allow-missing-repository", "--no-dependencies", "--out", str(vsix)]
    command = [str(NODE), *NODE_OPTIONS, str(program), "package", *options]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARN" not in done.stdout + done.stderr
    with zipfile.ZipFile(vsix) as packed:
        files = {name.removeprefix("extension/").lower() for name in packed.namelist()}
        manifest = json.loads(packed.read("extension/package.json"))
    assert {"syntaxes/leadflow.tmlanguage.json", "language-configuration.json", "readme.md", "license.txt"} <= files
    assert "leadflow" == manifest["contributes"]["languages"][0]["id"]


def test_pygments_finds_the_lexer() -> None:
    """The entry point names the package's lexer, and it holds the rules of the exported file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["leadflow"].partition(":")
    assert getattr(import_module(module), name) is LeadflowLexer
    exported: dict[str, type] = {}
    exec((EDITORS / "pygments" / "leadflow_lexer.py").read_text("utf-8"), exported)  # noqa: S102
    other = exported["LeadflowLexer"]()
    lexer = LeadflowLexer()
    assert list(lexer.get_tokens(EVERYTHING)) == list(other.get_tokens(EVERYTHING))
    assert (lexer.name, lexer.aliases, lexer.filenames) == (other.name, other.aliases, other.filenames)
    assert (0.9, 0.0) == (LeadflowLexer.analyse_text(EVERYTHING), LeadflowLexer.analyse_text("x = 1"))


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_writes_a_format(tmp_path: Path) -> None:
    """`leadflow grammar export --format vim --out DIR` writes the files of Vim into DIR, over those that are there."""
    arguments = ["grammar", "export", "--format", "vim", "--out", str(tmp_path / "a" / "b")]
    assert (0, 0) == tuple(CliRunner().invoke(cli, arguments).exit_code for _ in range(2))
    written = {path.relative_to(tmp_path / "a" / "b").as_posix() for path in (tmp_path / "a").rglob("*.vim")}
    assert {"syntax/leadflow.vim", "ftdetect/leadflow.vim", "ftplugin/leadflow.vim"} == written


def test_the_command_refuses_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """A file in the place of the folder is told in one line, with exit code 2."""
    (tmp_path / "file").write_text("x")
    arguments = ["grammar", "export", "--format", "all", "--out", str(tmp_path / "file" / "out")]
    done = CliRunner().invoke(cli, arguments)
    assert (2, 1) == (done.exit_code, len(done.output.strip().splitlines()))
