"""Who holds a run: this process, by a name that no other process has, and whether one so named has ended.

A lease says when a worker that fell silent may be replaced. Where the worker was a process of this machine that is not
there any more, nobody has to wait for that.
"""

import os
import platform
import pwd
from pathlib import Path


def this_owner() -> str:
    """The name of this process: machine, number, and when it started, because numbers are used again."""
    return f"{platform.node()} {os.getpid()} {_started(os.getpid())}"


def this_worker() -> str:
    """This process and who uses it, for people who read a log."""
    return f"{this_user()}@{platform.node()}, process {os.getpid()}"


def spoken(owner: str | None) -> str:
    """A worker by the name that this house gives, for people: `process 8360 on ada`."""
    host, _, number = (owner or "").rpartition(" ")[0].rpartition(" ")
    return f"process {number} on {host}" if host else owner or "somebody"


def this_user() -> str:
    """Who uses this process, as the system knows them: whoever answers a question is written down by that name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def is_gone(owner: str) -> bool:
    """True when the owner was a process of this machine that has ended; False when it may be alive."""
    host, _, number = owner.rpartition(" ")[0].rpartition(" ")
    started = owner.rpartition(" ")[2]
    if host != platform.node() or not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False  # somebody else's process has the number
    return _started(int(number)) not in (started, "-")


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did; `-` where the system does not say, and `gone` when it has
    ended and nobody has taken note of that yet."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return "-"
    state, *told = said.rpartition(")")[2].split()
    return "gone" if state in "ZX" else told[18]
