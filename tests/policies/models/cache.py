"""What `@cache` is to do, as a list of everything that happened, read from the start for every question."""

from dataclasses import dataclass, field


@dataclass
class Model:
    """Equal calls of one process. Times are those of the events; a call is known by its number."""

    ttl: float
    negative_ttl: float | None
    happened: list[tuple[float, str, int, str]] = field(default_factory=list)
    """When, what, which call, of which key: `comes`, `goes`, `answers`, `fails`."""

    def note(self, now: float, what: str, call: int, key: str) -> None:
        """Something happened."""
        self.happened.append((now, what, call, key))

    def waiting(self, key: str) -> list[int]:
        """The calls of a key that are neither over nor answered, in the order in which they came; the first leads."""
        left: list[int] = []
        for _, what, call, at in self.happened:
            if at != key:
                continue
            if what == "comes":
                left.append(call)
            elif what == "goes":
                left.remove(call)
            else:
                left = []
        return left

    def kept(self, key: str, now: float) -> str | None:
        """What is remembered: `call 3 answers`, `call 3 fails`, or nothing."""
        found = None
        for when, what, call, at in self.happened:
            if at == key and what in ("answers", "fails"):
                time = self.ttl if what == "answers" else self.negative_ttl
                if time is not None:
                    found = f"call {call} {what}" if now < when + time else None
        return found
