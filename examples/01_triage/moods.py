"""The specialist for moods: how does the customer feel?"""

from wordlists import most_hits, ticket_of


def ask(prompt: str) -> dict[str, str]:
    """Answers with `{"label": mood}`."""
    return {"label": most_hits("mood", ticket_of(prompt), otherwise="calm")}
