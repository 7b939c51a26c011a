"""`leadflow tools`: what may be called, by whom, and what came of it."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.session import Said, leadflow

PROGRAM = """leadflow 1

use std.tools (json_parse)

agent notes: folder { root: "notes" }
agent fast: openai { model: "m"  max_tokens: 9  tools: [keep, twice, json_parse] }
agent calm: fast { temperature: 0.0 }

## Keeps a note.
@category("notes")
@limit(5 per second)
tool keep(name: string) = notes.write_file("kept/${name}", "x")
@read
tool look(name: string) -> string = python("desk.py:look")
flow twice(n: int) -> int { return n + n }

flow main(name: string) -> int {
  step kept = keep(name: name)
  step seen = look(name: name) catch e => "none"
  return kept.bytes + len(seen)
}
"""


def run(words: str, folder: Path) -> Said:
    """`leadflow WORDS` in a folder."""
    return leadflow(*words.split(), folder=folder)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with tools."""
    (tmp_path / "main.flow").write_text(PROGRAM, "utf-8")
    (tmp_path / "desk.py").write_text("def look(name):\n    raise ValueError('no')\n", "utf-8")
    return tmp_path


def test_the_tools_of_a_file(project: Path) -> None:
    """By category: effect, what each calls, who is granted it, its limit; of the library what is used."""
    said = run("tools ls main.flow", project)
    assert 0 == said.code
    assert [
        "TOOL                  EFFECT  CATEGORY  CALLS                GRANTED TO  LIMIT",
        "std.tools.json_parse  pure    data      box.json_parse       fast, calm  -",
        "keep                  write   notes     notes.write_file     fast, calm  rate: 5 per second",
        "look                  read    -         python desk.py:look  -           -",
        "twice                 pure    -         flow twice           fast, calm  -",
    ] == said.stdout.splitlines()


def test_the_tools_of_a_file_for_machines(project: Path) -> None:
    """With what a model is told: the text above it and the schema of its parameters."""
    told = {row["tool"]: row for row in json.loads(run("tools ls --json", project).stdout)}
    assert ("Keeps a note.", ["fast", "calm"], ["name"]) == (
        told["keep"]["doc"],
        told["keep"]["granted"],
        told["keep"]["params"]["required"],
    )


def test_what_came_of_tools(project: Path) -> None:
    """Steps count, too; a failure that the flow absorbs is one."""
    assert 0 == run("run main.flow -q -i name=a", project).code
    told = json.loads(run("tools stats --json", project).stdout)
    assert {"keep": (1, 0, 0), "look": (1, 0, 1)} == {
        name: (use["calls"], use["by_models"], use["failed"]) for name, use in told.items()
    }
    assert "TOOL" in run("tools stats", project).stdout


def test_nothing_to_tell(tmp_path: Path) -> None:
    """A file without tools, and a project without runs."""
    (tmp_path / "main.flow").write_text("leadflow 1\nflow main() -> int { return 1 }\n", "utf-8")
    assert "main.flow has no tools" in run("tools ls", tmp_path).stderr
    assert "no runs are kept" in run("tools stats", tmp_path).stderr
    shutil.rmtree(tmp_path / ".leadflow", ignore_errors=True)
