"""Cases 120 to 126: what a program may be made of."""

import io
import os
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bad_inputs.case import Case, text

MAIN = "flow main() -> int { return x }\n"
PATHS = (
    "/etc/passwd.flow",
    "../up.flow",
    "a/../../up.flow",
    "C:\\\\x.flow",
    "c:/x.flow",
    "\\\\\\\\host\\\\x.flow",
    "//host/x.flow",
    "file:///x.flow",
    "http://127.0.0.1:1/x.flow",
    "a\\\\x.flow",
    "%2e%2e/up.flow",
)
"""As they are written in the file."""
SHARED = text("const x = 1\n")


def cases() -> Iterator[Case]:
    """All of them."""
    for number, path in enumerate(PATHS):
        meaning = "FLOW212" if "%" in path else "import.denied"
        yield Case(120, f"{number}-{path.replace('/', '_')}", importing(path), meaning)
    yield Case(120, "a link out of the root", partial(linked, to="../secret.flow"), "import.denied")
    yield Case(
        120,
        "a link to a folder out of the root",
        partial(linked, to="..", name="b", use="b/secret.flow"),
        "import.denied",
    )
    yield Case(120, "a link to itself", partial(linked, to="b.flow"), "import.denied")
    yield Case(120, "a main file that is a link out of the root", main_is_link, "main.denied")
    yield Case(121, "other capitals", importing("B.flow"), "import.case", beside={"b.flow": SHARED})
    yield Case(122, "a FIFO", partial(made, how=os.mkfifo), "import.not_a_file")
    yield Case(122, "a device", partial(linked, to="/dev/zero"), "import.denied")
    chain = {f"f{n}.flow": text(f'use "f{n + 1}.flow" (x)\n') for n in range(1_005)}
    yield Case(124, "a chain of 1,005 files", importing("f0.flow"), "import.too_many", beside=chain)
    yield Case(126, "a folder", partial(made, how=os.mkdir), "import.not_a_file")
    yield Case(126, "a zip archive", importing("b.flow"), "source.encoding", beside={"b.flow": zipped()})
    yield Case(126, "a file in a file", importing("b.flow/c.flow"), "FLOW212", beside={"b.flow": SHARED})


def importing(path: str) -> bytes:
    """A main file that imports one."""
    return text(f'use "{path}" (x)\n{MAIN}')


def linked(main: Path, *, to: str, name: str = "b.flow", use: str = "b.flow") -> None:
    """A main file that imports through a link."""
    secret = main.parent.parent / "secret.flow"
    secret.write_bytes(SHARED)
    (main.parent / name).symlink_to(to)
    main.write_bytes(importing(use))


def main_is_link(main: Path) -> None:
    """The main file itself lies elsewhere."""
    (main.parent.parent / "secret.flow").write_bytes(SHARED)
    main.symlink_to("../secret.flow")


def made(main: Path, *, how: object) -> None:
    """A main file that imports what is no file."""
    assert callable(how)
    how(main.parent / "b.flow")
    main.write_bytes(importing("b.flow"))


def zipped() -> bytes:
    """An archive with a flow in it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("b.flow", SHARED)
    return data.getvalue()
