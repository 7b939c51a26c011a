"""`leadflow runs fork`, `retry`, `replay` and `export` on runs that are kept."""

import json
from pathlib import Path

import pytest

from tests.cli.session import leadflow

FLOW = """leadflow 1
@read tool look(x: string) -> string = python("work:look")
tool file(x: string) -> { id: string } = python("work:file")
tool drop(x: string) = python("work:drop")

flow main(ticket: string) -> string {
  step filed = file(ticket) undo drop(filed.id)
  step told = look(filed.id)
  step noted = file(told)
  return noted.id
}
"""
WORK = '''"""Effects that stand in a file; a look fails while a file is there."""
from pathlib import Path

HERE = Path(__file__).parent


def _done(name):
    with (HERE / "effects").open("a") as file:
        file.write(name + "\\n")


def look(x):
    _done("look " + x)
    if (HERE / "broken").exists():
        raise ValueError("no look today")
    return "seen " + x


def file(x):
    _done("file " + x)
    return {"id": x}


def drop(x):
    _done("drop " + x)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a flow of a write, a read and a write."""
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "work.py").write_text(WORK)
    return tmp_path


def effects(project: Path) -> list[str]:
    """What was done since the last look."""
    found = (project / "effects").read_text().splitlines()
    (project / "effects").unlink()
    return found


def run(project: Path, code: int = 0) -> str:
    """A run, and what it did is forgotten; its id."""
    said = leadflow("run", "main.flow", "-i", "ticket=T-1", "-q", folder=project)
    assert code == said.code, said.stderr
    effects(project)
    return newest(project)[0]


def newest(project: Path) -> list[str]:
    """The ids of the runs, the newest first."""
    return [row["run"] for row in json.loads(leadflow("runs", "--json", folder=project).stdout)]


def test_a_fork_keeps_what_was_done_before(project: Path) -> None:
    """A new run goes on from the step; the other stays as it is, and the new one says where it comes from."""
    first = run(project)
    before = leadflow("runs", "logs", first, folder=project).stdout
    said = leadflow("runs", "fork", first[:8], "--from", "told", "-q", folder=project)
    assert (0, '"seen T-1"\n') == (said.code, said.stdout)
    assert ["look T-1", "file seen T-1"] == effects(project)
    second = newest(project)[0]
    assert f"run {second} goes on from main/told\n" == said.stderr
    assert before == leadflow("runs", "logs", first, folder=project).stdout
    assert f"from main/told of run {first}" in leadflow("runs", "show", second, folder=project).stdout
    told = json.loads(leadflow("runs", "show", second, "--json", folder=project).stdout)
    assert ({"run": first, "step": "main/told"}, "done", "seen T-1") == (told["from"], told["status"], told["value"])
    assert "2 runs are whole, 0 broken\n" == leadflow("journal", "verify", folder=project).stdout


@pytest.mark.parametrize("command", ["fork", "retry"])
def test_the_new_run_is_named_first(project: Path, command: str) -> None:
    """Also in the lines of a log; among events as JSON there are only events."""
    first = run(project)
    said = leadflow("runs", command, first, "--from", "told", folder=project)
    assert said.stderr.startswith(f"run {newest(project)[0]} goes on from main/told\n")
    said = leadflow("runs", command, first, "--from", "told", "--json", folder=project)
    assert all(line.startswith("{") for line in said.stderr.splitlines())


def test_a_failed_run_is_tried_again_from_a_step(project: Path) -> None:
    """What the failed run took back runs again, whatever step is named: it is not there any more."""
    (project / "broken").touch()
    failed = run(project, code=1)
    (project / "broken").unlink()
    said = leadflow("runs", "retry", failed, "--from", "main/told", "-q", folder=project)
    assert (0, '"seen T-1"\n') == (said.code, said.stdout), said.stderr
    assert ["file T-1", "look T-1", "file seen T-1"] == effects(project)


def test_what_cannot_run_again_is_told(project: Path) -> None:
    """A step that has not begun, a run that has not ended, a run that is not there."""
    (project / "broken").touch()
    failed = run(project, code=1)
    said = leadflow("runs", "retry", failed, "--from", "noted", folder=project)
    assert (2, True) == (said.code, "step 'noted' has not begun in this run; begun: main/filed" in said.stderr)
    assert 2 == leadflow("runs", "fork", "zz", "--from", "told", folder=project).code
    assert 1 == len(newest(project))


def test_a_run_is_seen_at_any_point(project: Path) -> None:
    """Behind an event or a step, for people and for machines; nothing is called."""
    first = run(project)
    shown = leadflow("runs", "replay", first, "--to", "filed", folder=project).stdout
    assert "✓ filed" in shown
    assert '= {"id":"T-1"}' in shown
    assert "told" not in shown
    data = json.loads(leadflow("runs", "replay", first, "--to", "1", "--json", folder=project).stdout)
    assert (1, "running", "running") == (data["event"], data["status"], data["steps"]["main/filed"]["status"])
    whole = json.loads(leadflow("runs", "replay", first, "--json", folder=project).stdout)
    assert ("done", "seen T-1") == (whole["status"], whole["value"])
    for to, told in (("99", "are numbered from 0 to"), ("nothing", "nothing of that step has happened")):
        said = leadflow("runs", "replay", first, "--to", to, folder=project)
        assert (2, True) == (said.code, told in said.stderr)
    assert not (project / "effects").exists()


def test_a_step_of_a_block_is_named_by_its_end(project: Path) -> None:
    """`replay --to` and `retry --from` take the end of a path; where several steps end so, they are named."""
    text = FLOW.replace("  step told = look(filed.id)\n", "  step told = flag(filed.id)\n")
    inner = "flow flag(x: string) -> string {\n  step one = look(x)\n  step two = each(one)\n  return one\n}\n"
    each = "flow each(x: string) -> int {\n  step all = for y in [x, x] {\n    step seen = look(y)\n    yield seen\n"
    (project / "main.flow").write_text(text + inner + each + "  }\n  return len(all)\n}\n")
    first = run(project)
    assert 0 == (said := leadflow("runs", "replay", first, "--to", "one", folder=project)).code, said.stderr
    assert "two" not in said.stdout
    several = "2 steps end in 'seen': main/told/two/all[0]/seen, main/told/two/all[1]/seen; name one"
    for words in (("replay", first, "--to", "seen"), ("retry", first, "--from", "seen")):
        said = leadflow("runs", *words, folder=project)
        assert (2, True) == (said.code, several in said.stderr), said.stderr
    said = leadflow("runs", "retry", first, "--from", "all[1]/seen", "-q", folder=project)
    assert (0, ["look seen T-1", "file seen T-1"]) == (said.code, effects(project)), said.stderr


def test_what_a_run_went_on_without_is_told_at_its_end(project: Path) -> None:
    """Rule C7: `partial` bears what failed and takes nothing back, and the last line says so."""
    rounds = (
        '  @on_failure("partial")\n  step all = for x in [ticket] {\n    step filed = file(x) undo drop(filed.id)\n'
        "    step seen = look(filed.id)\n    yield seen\n  }\n"
    )
    head, _ = FLOW.split("flow main")
    (project / "main.flow").write_text(f"{head}flow main(ticket: string) -> int {{\n{rounds}  return len(all)\n}}\n")
    (project / "broken").touch()
    said = leadflow("run", "main.flow", "-i", "ticket=T-1", folder=project)
    assert (0, "1\n") == (said.code, said.stdout), said.stderr
    assert said.stderr.endswith(
        "\n1 step failed, and the run went on without it: main/all[0]/seen\n"
        "done before that, and not taken back: main/all[0]/filed\n"
    )


def test_a_run_goes_elsewhere_as_a_file(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The lines of a run are replayed where no journal is, and the same run gives the same lines."""
    first, there = run(project), tmp_path_factory.mktemp("elsewhere")
    lines = leadflow("runs", "export", first, folder=project).stdout
    assert lines == leadflow("runs", "export", first[:8], folder=project).stdout
    (there / "run.jsonl").write_text(lines)
    shown = leadflow("runs", "replay", "run.jsonl", folder=there)
    assert (leadflow("runs", "replay", first, folder=project).stdout, 0) == (shown.stdout, shown.code)
    (there / "run.jsonl").write_text(lines.replace("seen T-1", "seen T-2"))
    said = leadflow("runs", "replay", "run.jsonl", folder=there)
    assert (2, True) == (said.code, "are not what was written" in said.stderr)
