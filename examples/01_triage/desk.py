"""The desk: reads the tickets, reviews replies, and writes the report. Paths are relative to this folder."""

import csv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Row = dict[str, Any]


def tickets(path: str) -> list[Row]:
    """The rows of a CSV file; the column `tags` holds words separated by semicolons."""
    with (HERE / path).open(encoding="utf-8", newline="") as file:
        return [{**row, "tags": row["tags"].split(";") if row["tags"] else []} for row in csv.DictReader(file)]


def review(reply: str, *, name: str, hours: int) -> Row:
    """How much of a good reply is there, from 0 to 1, and the first thing that is missing."""
    wanted = {
        "a greeting": name in reply,
        "a promise": f"within {hours} hours" in reply,
        "a farewell": "\nYours" in reply,
    }
    missing = [what for what, there in wanted.items() if not there]
    return {"score": 1 - len(missing) / len(wanted), "missing": missing[0] if missing else "nothing"}


def report(summary: Row, *, pairs: list[Row], folder: str) -> str:
    """Writes report.md and replies.csv into `folder`, and says where.

    Args:
        summary: the counts, as the flow worked them out.
        pairs: each ticket (`left`) with its outcome (`right`); an outcome of None means that the ticket failed.
        folder: made when it is not there.
    """
    out = HERE / folder
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(page(summary, pairs), encoding="utf-8")
    with (out / "replies.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "customer", "reply"])
        for pair in pairs:
            if pair["right"] and pair["right"]["reply"]:
                writer.writerow([pair["left"]["id"], pair["left"]["customer"], pair["right"]["reply"]])
    return str(out / "report.md")


def page(summary: Row, pairs: list[Row]) -> str:
    """The report as Markdown."""
    escalated = [p["left"] for p in pairs if p["right"] and p["right"]["status"] == "escalated"]
    failed = [p["left"] for p in pairs if not p["right"]]
    answered, spam = summary["answered"], summary["spam"]
    return "\n".join(
        [
            "# Ticket triage",
            "",
            f"{len(pairs)} tickets: {answered} answered, {len(escalated)} escalated, {spam} spam, "
            f"{len(failed)} failed.",
            *table("topic", summary["by_topic"]),
            *table("tier", summary["by_tier"]),
            *table("urgency", summary["by_urgency"]),
            *listing("For a person, now", escalated),
            *listing("Failed: no reply, please look", failed),
            "",
        ]
    )


def table(kind: str, counts: dict[str, int]) -> list[str]:
    """A table of counts under a heading, the most frequent first."""
    rows = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    lines = [f"| {label} | {number} |" for label, number in rows]
    return ["", f"## By {kind}", "", f"| {kind} | tickets |", "|---|---:|", *lines]


def listing(title: str, tickets: list[Row]) -> list[str]:
    """Tickets under a heading, one line each."""
    lines = [f"- {t['id']} ({t['tier']}, {t['customer']}): {t['subject'] or 'no subject'}" for t in tickets]
    return ["", f"## {title}", "", *(lines or ["None."])]
