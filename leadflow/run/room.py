"""Room for the files of a process that is about to have many open: a run of many calls has a connection for each.

The kernel keeps them in a table, which it makes anew, twice as large, whenever it is full. While a process has one
thread that takes some microseconds. As soon as it has two it waits until nobody can look at the old table any more,
which took 7 to 20 ms for each doubling: 40 ms in all for 500 calls at once beside the thread of the journal, or of a
resolver of names. So the table is made large while there is one thread, and left alone otherwise.
"""

import fcntl
import os
import threading
from contextlib import suppress

MOST = 8192
"""Open files for which there is room then, where the system allows so many: 64 kB of the kernel."""


def make_room() -> None:
    """Have room for many open files, if that costs nothing now. What goes wrong is told by whoever opens one."""
    allowed = os.sysconf("SC_OPEN_MAX")
    last = (MOST if allowed < 0 else min(MOST, allowed)) - 1
    if threading.active_count() > 1:
        return
    with suppress(OSError):
        ear, bell = os.pipe()
        try:
            os.close(fcntl.fcntl(ear, fcntl.F_DUPFD_CLOEXEC, last))
        finally:
            os.close(ear)
            os.close(bell)
