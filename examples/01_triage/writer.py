"""Writes replies without a model: one more of the things a good reply has in every round.

It reads the prompt a model would read, `Name: value` lines with the draft at the end, and does one thing a
round: first the message itself, then whatever the reviewer found missing.
"""


def ask(prompt: str) -> str:
    """The draft in the prompt with what the reviewer missed, or a first draft when there is none."""
    head, draft = prompt.split("\nDraft:", 1)
    said = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    draft = draft.strip()
    match said["Missing"]:
        case "everything":
            subject = said["Subject"] or "no subject"
            return f'Thank you for your message ("{subject}"): {said["Say"]}.'
        case "a greeting":
            return f"Dear {said['Customer']},\n\n{draft}"
        case "a promise":
            return f"{draft}\nWe promise {said['Promise']}."
        case _:
            return f"{draft}\n\nYours, the Halyard team"
