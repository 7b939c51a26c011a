"""The README's picture, its messages and its Python are what the program really makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from leadflow.diagnostics import Source
from leadflow.diagnostics.render import render_text, summary
from leadflow.graph.svg import to_svg
from leadflow.pipeline import check_source, compile_source
from tests.blocks import blocks

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.house


def block(language: str, word: str = "") -> str:
    """The README's only block of a language, with a word after it."""
    found = [b for b in blocks((ROOT / "README.md").read_text("utf-8")) if b.language == language]
    (one,) = [b.text for b in found if not word or word in b.words]
    return one


def test_the_messages_are_those_that_check_prints() -> None:
    """The text below the wrong flow is what `leadflow check support.flow` says of it."""
    source = Source("support.flow", block("flow", "error"))
    _, report = check_source(source.name, source.text)
    said = render_text(report.diagnostics, {source.name: source}) + summary(report.diagnostics) + "\n"
    assert block("text") == said


def test_the_picture_is_the_one_that_graph_draws() -> None:
    """examples/01_triage/handle.svg is up to date; `leadflow graph main.flow handle -o handle.svg` there mends it."""
    folder = ROOT / "examples" / "01_triage"
    plan, _ = compile_source("main.flow", (folder / "main.flow").read_text("utf-8"))
    assert plan is not None
    assert (folder / "handle.svg").read_text("utf-8") == to_svg(plan, "handle")


def test_the_python_runs() -> None:
    """The lines under "from Python" print a status and a value."""
    done = subprocess.run(
        [sys.executable, "-c", block("python")], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("done {")
