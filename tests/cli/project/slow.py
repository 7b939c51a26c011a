"""Functions that take long, for runs that are interrupted."""

import asyncio
import subprocess
import sys


async def patient() -> int:
    """Waits for ever; says when it has cleaned up."""
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaned up")
    return 1


async def stubborn() -> int:
    """Waits for ever, and then again."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()
    return 1


def shout() -> int:
    """Starts a program that prints on the standard output that it inherits."""
    subprocess.run([sys.executable, "-c", "print('shouted')"], check=True)
    return 1
