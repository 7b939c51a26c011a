"""What `@once` is to do, as a list of everything that happened, read from the start for every question."""

from dataclasses import dataclass, field

ENDS = {
    "done": "done", "odd": "odd", "refused": "free", "given up": "free", "lost": "stuck", "lost, given up": "stuck",
    "cancelled": "free", "cut": "stuck",
}  # fmt: skip
"""How a call ends, and what that is for others."""


@dataclass
class Model:
    """Calls of one agent and action, each of a run of its own; a call is known by its number."""

    happened: list[tuple[int, str, str]] = field(default_factory=list)
    """Which call, of which key, what: `makes`, an end, `undoes`, `undone`, `kept`, `dies`, `wakes`, `over`, `gone`."""

    def note(self, call: int, key: str, what: str) -> None:
        """Something happened."""
        self.happened.append((call, key, what))

    def holder(self, key: str) -> int | None:
        """Who has a key: whoever made the call last."""
        return next((call for call, at, what in reversed(self.happened) if at == key and what == "makes"), None)

    def of(self, call: int) -> list[str]:
        """All that happened to a call and its run."""
        return [what for who, _, what in self.happened if who == call]

    def is_alone(self, call: int) -> bool:
        """Nobody works on its run."""
        last = next((what for what in reversed(self.of(call)) if what in ("dies", "wakes", "over")), "")
        return last in ("dies", "over")

    def fate(self, call: int) -> str:
        """What a call that was made is for others: `free` to be made again, `done`, `odd` (with a value
        of another type), `stuck`, or worth to wait for (`waits`)."""
        all_of_it = self.of(call)
        if "gone" in all_of_it or "undone" in all_of_it:
            return "free"
        end = next((what for what in all_of_it if what in ENDS), None)
        if end is None or (end in ("done", "odd") and "undoes" in all_of_it):
            return "stuck" if self.is_alone(call) else "waits"
        return ENDS[end]

    def asks(self, call: int, key: str, left: int | None) -> str:
        """A call asks for its key, perhaps because it saw that another one left it: what it does next."""
        if self.holder(key) not in (None, call, left):
            return "look"
        self.note(call, key, "makes")
        return "make"
