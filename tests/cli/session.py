"""Sessions at the command line as plain text: what is typed after `$ `, and below it what a user sees.

Standard output stands as it is, standard error behind `2> `, the exit code in brackets; `# ` comments. Everything runs
in this process, in a folder that the caller gives. What differs from run to run (times, identities) is replaced by
words. Only `leadflow`, `cat` and `ls` are known, with `< FILE` for standard input.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from leadflow.cli.main import cli
from tests.secrets.canaries import assert_discreet

CHANGING = (
    (re.compile(r'"at":[0-9.]+'), '"at":AT'),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "RUN-ID"),
    (re.compile(r'"plan":"[0-9a-f]+"'), '"plan":"HASH"'),
    (re.compile(r'"seed":[0-9]{7,}'), '"seed":SEED'),
    (re.compile(r'"semanticVersion": "[^"]+"'), '"semanticVersion": "VERSION"'),
    (re.compile(r'"started":"[0-9TZ:.-]+"'), '"started":"NOW"'),
    (re.compile(r'"seconds":[0-9.e-]+'), '"seconds":SECONDS'),
    (re.compile(r"\([0-9.]+ m?s\)"), "(TIME)"),
    (re.compile(r"^ +[0-9.]+ m?s (?=[▸…✓✗])", re.MULTILINE), "TIME "),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    def lines(self) -> Iterator[str]:
        """As it stands in a session."""
        yield from steady(self.stdout).splitlines()
        yield from (f"2> {line}".rstrip() for line in steady(self.stderr).splitlines())
        yield f"[exit {self.code}]"


def steady(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in CHANGING:
        text = pattern.sub(word, text)
    return text


def leadflow(*words: str, folder: Path, stdin: bytes = b"") -> Said:
    """`leadflow WORDS` in a folder; raises what no command may raise."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        ran = CliRunner().invoke(cli, words, input=stdin, env={"COLUMNS": "80"}, prog_name="leadflow")
    finally:
        os.chdir(before)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert_discreet(folder, ran.stdout, ran.stderr)
    return Said(ran.exit_code, ran.stdout, ran.stderr)


def typed(line: str, folder: Path) -> Said:
    """One command line of a session."""
    words = shlex.split(line)
    stdin = b""
    if "<" in words:
        *words, _, name = words
        stdin = (folder / name).read_bytes()
    match words:
        case ["leadflow", *rest]:
            return leadflow(*rest, folder=folder, stdin=stdin)
        case ["cat", name]:
            return Said(0, (folder / name).read_text("utf-8"), "")
        case ["ls", name]:
            return Said(0, "".join(f"{path.name}\n" for path in sorted((folder / name).iterdir())), "")
        case _:
            raise ValueError(f"no command of a session: {line}")


def replayed(session: str, folder: Path) -> str:
    """The session with what its commands print now."""
    lines: list[str] = []
    for line in session.splitlines():
        if line.startswith("#"):
            lines.append(line)
        elif line.startswith("$ "):
            lines += [line, *typed(line[2:], folder).lines(), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def commands(sessions: Sequence[Path]) -> list[str]:
    """Everything that is typed in sessions."""
    return [line[2:] for file in sessions for line in file.read_text("utf-8").splitlines() if line.startswith("$ ")]
