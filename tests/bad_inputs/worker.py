"""A process that runs commands one after another and says what each did: what it printed, opened and needed.

    python -m tests.bad_inputs.worker

takes a JSON line `{"folder": …, "words": […]}` and answers with one, until its input ends. It watches by an audit
hook, which cannot be taken off again: hence a process of its own.
"""

import io
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import leadflow
from leadflow.cli.main import COMMANDS, cli
from leadflow.syntax import tables
from tests.cli.session import leadflow as run_command

PACKAGE = str(Path(leadflow.__file__).resolve().parent)
OWN = tuple({PACKAGE, str(Path(PACKAGE).parent / "stdlib"), sys.prefix, sys.base_prefix, *sys.path[1:]} - {""})
"""Where leadflow, its standard library and Python's modules are."""
BIRTH = re.compile(r"/proc/[0-9]+/stat")
"""Where the journal looks when a process started, so that nobody takes another one for it."""
FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.",
    "ctypes.",
)


@dataclass(slots=True)
class Deed:
    """What one command did."""

    code: int = 0
    stdout: str = ""
    stderr: str = ""
    crash: str = ""
    """What it raised, if it did."""
    seconds: float = 0.0
    """Of processor time."""
    mebibytes: float = 0.0
    """By how much memory grew at its highest."""
    opened: list[str] = field(default_factory=list)
    """Files outside of leadflow and of Python, as they were named."""
    forbidden: list[str] = field(default_factory=list)
    """Sockets, programs, variables of the environment that our own code read."""


class Environment(dict[str, str]):
    """The environment, with a list of what our own code reads of it."""

    def __init__(self, deeds: list[Deed]) -> None:
        super().__init__(os.environ)
        self._deeds = deeds

    def _note(self, name: object) -> None:
        frame = sys._getframe(2)
        if self._deeds and frame.f_code.co_filename.startswith(PACKAGE):
            self._deeds[-1].forbidden.append(f"environment {name}")

    def __getitem__(self, name: str) -> str:
        self._note(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """The variable's value, or the default."""
        self._note(name)
        return super().get(name, default)


def watch(under_way: list[Deed]) -> None:
    """Note what happens while a command is under way: the last of the list."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not under_way:
            return
        if event == "open" and not isinstance(args[0], int):
            path = os.fsdecode(args[0])
            if not path.startswith(OWN) and not BIRTH.fullmatch(path):
                under_way[-1].opened.append(path)
        elif event.startswith(FORBIDDEN):
            under_way[-1].forbidden.append(event)

    sys.addaudithook(hook)


def memory(name: str) -> float:
    """A line of the process's status, in MiB."""
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def measured(deed: Deed) -> Iterator[None]:
    """Note time and memory."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest memory so far
    before, began = memory("VmRSS"), time.process_time()
    yield
    deed.seconds = time.process_time() - began
    deed.mebibytes = memory("VmHWM") - before


def main() -> None:
    """Answer until nobody asks."""
    for name in COMMANDS:
        cli.get_command(cli.make_context("leadflow", ["--debug", "check"], resilient_parsing=True), name)
    tables.load()  # what every command after the first one has already
    under_way: list[Deed] = []
    watch(under_way)
    vars(os)["environ"] = Environment(under_way)
    answers = sys.stdout
    for line in sys.stdin:
        asked, deed, noise = json.loads(line), Deed(), io.StringIO()
        try:
            with measured(deed), redirect_stderr(noise):
                under_way.append(deed)
                said = run_command(*asked["words"], folder=Path(asked["folder"]))
                under_way.pop()
            deed.code, deed.stdout, deed.stderr = said.code, said.stdout[:20_000], said.stderr[:20_000]
        except BaseException as problem:
            deed.crash = f"{type(problem).__name__}: {problem}"[:500]
            raise
        finally:
            deed.stderr += noise.getvalue()
            print(json.dumps(asdict(deed)), file=answers, flush=True)


if __name__ == "__main__":
    main()
