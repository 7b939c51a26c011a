"""The specialist for moods: how does the customer feel?"""

from words import most_hits, ticket_of


def ask(prompt: str) -> dict[str, str]:
    """Answers with `{"label": mood}`; two exclamation marks in a row, or words of anger, make it "angry"."""
    text = ticket_of(prompt)
    return {"label": "angry" if "!!" in text else most_hits("mood", text, otherwise="calm")}
