"""A server of tools for the example: the catalogue of a small library. `leadflow` starts it; so can any MCP client.

Needs the SDK of the protocol: pip install 'leadflow[mcp]'.
"""

from dataclasses import dataclass

from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("library", version="1.0")


@dataclass
class Book:
    """A book, and how many copies of it are there."""

    number: str
    title: str
    copies: int


@dataclass
class Loan:
    """A copy that somebody has."""

    loan: str
    title: str


BOOKS = [
    Book("B-1", "A Room of One's Own", copies=2),
    Book("B-2", "The Waves", copies=0),
    Book("B-3", "To the Lighthouse", copies=1),
]
LOANS: dict[str, Book] = {}


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def find_books(words: str) -> list[Book]:
    """Find books whose title has all of these words."""
    return [book for book in BOOKS if all(word in book.title.lower() for word in words.lower().split())]


@server.tool()
def lend(number: str, reader: str) -> Loan:
    """Lend a copy of a book to a reader."""
    book = next((book for book in BOOKS if book.number == number), None)
    if book is None or not book.copies:
        raise ValueError(f"there is no copy of {number}")
    book.copies -= 1
    loan = f"{reader}-{len(LOANS) + 1}"
    LOANS[loan] = book
    return Loan(loan, book.title)


@server.tool(name="give-back")
def give_back(loan: str) -> str:
    """Give a copy back; says how many there are now."""
    book = LOANS.pop(loan)
    book.copies += 1
    return f"{book.title}: {book.copies} there"


if __name__ == "__main__":
    server.run()
