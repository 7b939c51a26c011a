"""`leadflow new FOLDER`: a project that checks, runs and has a test, to be changed into one's own."""

from pathlib import Path
from shlex import quote

import click

from leadflow.cli.refused import Refused
from leadflow.cli.views import human

FILES = {
    "main.flow": """\
## Greets everybody on a list. Run it:  leadflow run main.flow --input names='["Ada", "Grace"]'
leadflow 1

type Card { name: string  text: string }

# The functions of desk.py are this agent's actions. `reads` names those that change nothing outside.
agent desk: python { module: "desk.py"  reads: ["greet"] }

flow main(names: list[string] = ["Ada", "Grace"]) -> list[string] {
  # One iteration per name, four at a time; the list keeps the order of `names`.
  @concurrency(4)
  step cards = for name in names {
    @retry(3, backoff: 100ms)
    step card: Card = desk.greet(name)
    yield card
  }
  return [card.text for card in cards]
}

# Run it:  leadflow test. No function is called: a mock answers in its place, here after two failures.
test "a greeting that fails is tried again" {
  mock desk.greet("Ada") => { name: "Ada", text: "Good morning, Ada!" }
  mock desk.greet("Grace") => fail "network"
    then fail "network"
    then { name: "Grace", text: "At last, Grace!" }
  run r = main(names: ["Ada", "Grace"])
  expect r.value == ["Good morning, Ada!", "At last, Grace!"]
  expect r.calls.card == 4
}
""",
    "desk.py": '''\
"""The desk: its functions are the actions of the agent `desk` in main.flow."""


def greet(name: str) -> dict[str, str]:
    """A card for one person, in the shape that main.flow declares."""
    return {"name": name, "text": f"Hello, {name}!"}
''',
    "leadflow.toml": """\
# The operator's settings; every line may be left out.
[run]
concurrency = 500  # calls under way at once in one run

[commands]
# Programs that `process` agents may start, by name:
# lint = ["ruff", "check"]
""",
    ".gitignore": ".leadflow/\n__pycache__/\n",
}
"""The files of a new project."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Start a project in FOLDER: a flow, the functions it calls, its settings. Overwrites nothing."""
    if folder.is_file() or (folder.suffix == ".flow" and not folder.is_dir()):
        named = folder.with_suffix("")
        how = "NAME" if folder.suffix != ".flow" or named.exists() else named
        what = "is a file" if folder.exists() else "is the name of a file"
        raise Refused(f"{folder} {what}, and a project is a folder with its main.flow in it: leadflow new {how}")
    there = [name for name in FILES if (folder / name).exists()]
    if there:
        raise Refused(f"{folder / there[0]} is there already; nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise Refused(f"{folder}: {problem.strerror or problem}") from None
    human.note(f"wrote {', '.join(FILES)} into {folder}")
    human.note(f"next:  cd {quote(str(folder))} && leadflow check main.flow && leadflow test && leadflow run main.flow")
