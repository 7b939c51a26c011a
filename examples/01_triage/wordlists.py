"""Reading a ticket by its words: which list of words.json has the most hits in it.

A word counts once however often it occurs, and is found wherever its letters stand in the lower-cased ticket.
That is crude on purpose: this is what runs without a model, and it can be checked by hand.
"""

import json
from pathlib import Path

LISTS: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))


def ticket_of(prompt: str) -> str:
    """The ticket inside a prompt: what stands below its first line `---`, in lower case."""
    return prompt.split("\n---\n", 1)[1].lower()


def most_hits(table: str, text: str, *, otherwise: str) -> str:
    """The label of `table` with most words in `text`; the first of equals, `otherwise` without any hit."""
    hits = {label: sum(word in text for word in words) for label, words in LISTS[table].items()}
    label = max(hits, key=lambda name: hits[name])
    return label if hits[label] else otherwise
