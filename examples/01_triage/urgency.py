"""The specialist for urgency: how long can a ticket wait?"""

from wordlists import most_hits, ticket_of


def ask(prompt: str) -> dict[str, str]:
    """Answers with `{"label": urgency}`."""
    return {"label": most_hits("urgency", ticket_of(prompt), otherwise="normal")}
