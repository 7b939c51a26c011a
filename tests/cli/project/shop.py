"""What `booking.flow` calls: nothing that is booked in Atlantis can be given back."""

import asyncio
import sys

import leadflow


def book(what: str) -> dict[str, str]:
    """Something is booked."""
    return {"id": what}


async def pay(what: str) -> str:
    """Nobody pays; in Limbo, nobody even says so."""
    if what == "room Limbo":
        await asyncio.Event().wait()
    raise leadflow.Permanent("the card is refused")


async def cancel(what: str) -> None:
    """Something is given back."""
    if what.endswith("Atlantis"):
        raise leadflow.Transient(f"nobody answers about the {what}")
    print(f"gave back the {what}", file=sys.stderr)


async def alert(what: str) -> None:
    """Somebody on duty hears of it; nobody is there for Atlantis."""
    if "Atlantis" in what:
        raise leadflow.Permanent("nobody is on duty")
    print(f"on duty: {what}", file=sys.stderr)
