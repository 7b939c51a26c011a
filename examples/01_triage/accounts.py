"""The account service, as bad as the real one: it drops connections.

The trouble is made up, but honest: it depends on nothing but the ticket's id and the number of the attempt,
so every run sees the same. Of a hundred tickets about ten need a second try, ten a third, and four never get
through.
A dropped connection is `Transient`, which is how a function says that another try may help; an address nobody
knows is a plain `LookupError`, which no second try will mend.
"""

import csv
import threading
import zlib
from pathlib import Path

from leadflow import Transient

with Path(__file__).with_name("accounts.csv").open(encoding="utf-8", newline="") as file:
    PEOPLE = {row["email"]: row for row in csv.DictReader(file)}

_lock = threading.Lock()
_attempts: dict[str, int] = {}


def drops(ticket: str) -> int:
    """How many connections are dropped for this ticket before one holds; 99 stands for all of them."""
    luck = zlib.crc32(ticket.encode()) % 100
    return 99 if luck < 4 else 2 if luck < 14 else 1 if luck < 24 else 0


def lookup(ticket: str, *, email: str) -> dict[str, object]:
    """The account behind an e-mail address, unless the connection is dropped first."""
    with _lock:
        attempt = _attempts[ticket] = _attempts.get(ticket, 0) + 1
        if attempt <= drops(ticket):
            raise Transient(f"the account service dropped the connection (attempt {attempt})")
        del _attempts[ticket]
    return account(PEOPLE, email)


def account(people: dict[str, dict[str, str]], email: str) -> dict[str, object]:
    """One row of accounts.csv in the shape the flow declares; an unknown address is a `LookupError`."""
    if email not in people:
        raise LookupError(f"no account for {email}")
    row = people[email]
    return {"name": row["name"], "seats": int(row["seats"]), "overdue": row["overdue"] == "yes"}
