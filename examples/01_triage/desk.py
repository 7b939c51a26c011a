"""The desk: reads the tickets, reviews replies, and writes the report. Paths are relative to this folder."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent

Row = dict[str, object]


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
    return {"score": 1 - len(missing) / len(wanted), "missing": missing[0] if missing else ""}


def report(*, tickets: list[Row], outcomes: list[Row | None], folder: str) -> Row:
    """Writes report.md and replies.csv into `folder`; answers with the counts. No outcome means it failed."""
    pairs = [(ticket, outcome) for ticket, outcome in zip(tickets, outcomes, strict=True) if outcome]
    failed = [ticket for ticket, outcome in zip(tickets, outcomes, strict=True) if not outcome]
    status = Counter(str(outcome["status"]) for _, outcome in pairs)
    summary: Row = {
        "answered": status["answered"],
        "escalated": status["escalated"],
        "spam": status["spam"],
        "failed": [ticket["id"] for ticket in failed],
        "by_topic": count(outcome["topic"] for _, outcome in pairs),
        "by_tier": count(ticket["tier"] for ticket, _ in pairs),
        "by_urgency": count(outcome["urgency"] for _, outcome in pairs),
    }
    out = HERE / folder
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(page(summary, pairs=pairs, failed=failed), encoding="utf-8")
    with (out / "replies.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "customer", "reply"])
        writer.writerows([t["id"], t["customer"], o["reply"]] for t, o in pairs if o["reply"])
    return summary


def count(values: Iterable[object]) -> dict[str, int]:
    """How often each value occurs, the most frequent first, equals by name."""
    return dict(sorted(Counter(map(str, values)).items(), key=lambda pair: (-pair[1], pair[0])))


def page(summary: Row, *, pairs: list[tuple[Row, Row]], failed: list[Row]) -> str:
    """The report as Markdown."""
    total = len(pairs) + len(failed)
    escalated = [ticket for ticket, outcome in pairs if outcome["status"] == "escalated"]
    return "\n".join(
        [
            "# Ticket triage",
            "",
            f"{total} tickets: {summary['answered']} answered, {summary['escalated']} escalated, "
            f"{summary['spam']} spam, {len(failed)} failed.",
            *(line for kind in ("topic", "tier", "urgency") for line in table(kind, summary[f"by_{kind}"])),
            *listing("For a person", escalated),
            *listing("Failed: neither judged nor answered", failed),
            "",
        ]
    )


def table(kind: str, counts: object) -> list[str]:
    """A table of counts under a heading."""
    rows = [f"| {label} | {number} |" for label, number in dict(counts).items()]
    return ["", f"## By {kind}", "", f"| {kind} | tickets |", "|---|---:|", *rows]


def listing(title: str, tickets: list[Row]) -> list[str]:
    """Tickets under a heading, one line each."""
    lines = [f"- {t['id']} ({t['tier']}, {t['customer']}): {t['subject']}" for t in tickets]
    return ["", f"## {title}", "", *(lines or ["None."])]
