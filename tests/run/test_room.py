"""Room for open files is made while a process has one thread, and at no other time."""

import subprocess
import sys
from pathlib import Path

import pytest

from leadflow.run.room import MOST

_STATUS = Path("/proc/self/status")
_TOLD = """
import os, resource, sys, threading
from pathlib import Path
from leadflow.run.room import make_room

def told():
    status = Path("/proc/self/status").read_text()
    size = next(line.split()[1] for line in status.splitlines() if line.startswith("FDSize"))
    return int(size), len(os.listdir("/proc/self/fd"))

soft, threads = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
over = threading.Event()
for _ in range(threads):
    threading.Thread(target=over.wait).start()
before = told()
make_room()
print(*before, *told())
over.set()
"""

pytestmark = pytest.mark.skipif(not _STATUS.exists(), reason="only Linux tells how large the table is")


def _sizes(most: int, threads: int) -> tuple[int, int]:
    """How large the table was before and after; no file is left open."""
    command = [sys.executable, "-c", _TOLD, str(most), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    before, opened, after, still = map(int, done.stdout.split())
    assert opened == still
    return before, after


def test_there_is_room_before_the_second_thread() -> None:
    """As much as the system allows, which is 1,024 in most shells."""
    before, after = _sizes(1024, 0)
    assert before < 1024 == after


@pytest.mark.parametrize("most", [MOST, 2 * MOST])
def test_there_is_no_more_room_than_a_run_needs(most: int) -> None:
    """A system that allows more files is not asked for a larger table."""
    hard = _hard()
    if 0 <= hard < most:
        pytest.skip(f"this machine allows {hard} files")
    assert _sizes(most, 0)[1] == MOST


def test_beside_other_threads_nothing_is_made() -> None:
    """There it costs what it is meant to save."""
    before, after = _sizes(1024, 1)
    assert before == after


def _hard() -> int:
    """How many files this machine allows; negative: any number."""
    script = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout)
