"""The files that a user names on the command line: read whole or refused with a reason; written whole or not at all."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import click

MOST_BYTES = 50_000_000
"""Largest file read at all; what a flow or an input may be is decided later, by smaller limits."""


def read_bytes(file: str) -> bytes:
    """A file's bytes; `-` is standard input.

    Raises:
        click.UsageError: it is missing, no regular file (a FIFO would hang), too large, or not readable.
    """
    if file == "-":
        return sys.stdin.buffer.read(MOST_BYTES)
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            about = os.fstat(opened.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise click.UsageError(f"{file} is not a regular file")
            if about.st_size > MOST_BYTES:
                raise click.UsageError(f"{file} is larger than {MOST_BYTES:,} bytes")
            return opened.read()
    except OSError as problem:
        raise click.UsageError(f"{file}: {problem.strerror or problem}") from None


def read_flow(file: str) -> str:
    """A flow's text, as it is.

    Raises:
        click.UsageError: it cannot be read, or is not UTF-8.
    """
    try:
        return read_bytes(file).decode("utf-8")
    except UnicodeDecodeError as problem:
        raise click.UsageError(f"{file} is not UTF-8 (byte {problem.start})") from None


def write_flow(path: Path, text: str) -> None:
    """Replace a file's text, whole or not at all; its mode stays."""
    folder = path.resolve().parent
    handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
        Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
        Path(name).replace(path.resolve())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_new(path: Path, text: str) -> None:
    """Write a file, in place of one that may be there.

    Raises:
        click.UsageError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"{path}: {problem.strerror or problem}") from None
