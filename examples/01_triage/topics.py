"""The specialist for topics: what is a ticket about?"""

from wordlists import most_hits, ticket_of


def ask(prompt: str) -> dict[str, str]:
    """Answers with `{"label": topic}`."""
    return {"label": most_hits("topic", ticket_of(prompt), otherwise="question")}
