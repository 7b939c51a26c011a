"""A run as people watch it: one row per step of the flow, what is under way inside the long ones, and why it waits.

Redrawn in place on a terminal while events come in. The picture is a function of the folded state; nothing is decided
here. Loaded only when somebody watches, because rich is slow to load.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from leadflow.cli.views.human import duration, one_line
from leadflow.events.fold import NodeState, RunState, apply
from leadflow.events.model import Entry, Status
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Node, Parallel, Plan, Race, Repeat

_LOOK: Mapping[Status, tuple[str, str]] = {
    Status.PENDING: ("·", "dim"),
    Status.RUNNING: ("▸", "cyan"),
    Status.WAITING: ("…", "yellow"),
    Status.DONE: ("✓", "green"),
    Status.SKIPPED: ("-", "dim"),
    Status.BLOCKED: ("⊘", "yellow"),
    Status.FAILED: ("✗", "red"),
    Status.CANCELLED: ("✗", "yellow"),
}
_SHOWN = (AgentCall, FlowCall, For, Repeat, Parallel, Race, Do)
_INSIDE = 4
"""Rows for what is under way inside one step."""
_COUNTED = (Status.DONE, Status.RUNNING, Status.WAITING, Status.FAILED, Status.SKIPPED)


@dataclass(slots=True)
class Inside:
    """What happens below one step of the flow."""

    counts: dict[Status, int] = field(default_factory=dict)
    retried: int = 0
    active: dict[str, Status] = field(default_factory=dict)
    """Calls under way, by path, the longest under way first."""


class Watch:
    """Follows a run; call it with each entry."""

    def __init__(self, plan: Plan, flow: str) -> None:
        self.state = RunState()
        self._flow = plan.flows[flow]
        self._inside: dict[str, Inside] = {}
        self._last = 0.0

    def __call__(self, entry: Entry) -> None:
        """Take an event in."""
        event = entry.event
        path: str | None = getattr(event, "path", None)
        before = self.state.nodes.get(path) if path else None
        was = before.status if before else None
        tries = before.attempts if before else 0
        apply(self.state, event, entry.at)
        self._last = entry.at
        if path and path.count("/") > 1 and path in self.state.nodes:
            self._count(path, was, tries, self.state.nodes[path])

    def _count(self, path: str, was: Status | None, tries: int, node: NodeState) -> None:
        flow, step, _ = path.split("/", 2)
        inside = self._inside.setdefault(f"{flow}/{step.partition('[')[0]}", Inside())
        if was is not None:
            inside.counts[was] -= 1
        inside.counts[node.status] = inside.counts.get(node.status, 0) + 1
        inside.retried += node.attempts > max(tries, 1)
        if node.status in (Status.RUNNING, Status.WAITING):
            inside.active[path] = node.status
        else:
            inside.active.pop(path, None)

    def picture(self, now: float | None = None) -> Group:
        """The rows as they stand at a time (seconds since the epoch; None: at the last event)."""
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(min_width=12)
        table.add_column(justify="right", min_width=7)
        table.add_column(overflow="fold")
        for node in step_nodes(self._flow):
            self._rows(table, node, self._last if now is None else now)
        return Group(table)

    def _rows(self, table: Table, node: Node, now: float) -> None:
        path = f"{self._flow.name}/{node.name}"
        state = self.state.nodes.get(path, NodeState())
        inside = self._inside.get(path, Inside())
        sign, style = _LOOK[state.status]
        table.add_row(Text(sign, style), Text(node.name, style), _took(state, now), _said(state, inside))
        if state.status.is_settled:
            return
        for name, status in _first(inside.active, _INSIDE):
            call = self.state.nodes[name]
            sign, style = _LOOK[status]
            below = Text(f"  {name.removeprefix(path).lstrip('/')}", style)
            table.add_row(Text(" "), below, _took(call, now), _said(call, None))


class Screen:
    """A live picture of a run on standard error; use it as a context."""

    def __init__(self, watch: Watch, now: Callable[[], float], console: Console | None = None) -> None:
        """Watch by a wall clock (seconds since the epoch)."""
        self._is_over = False
        self._live = Live(
            get_renderable=lambda: watch.picture(None if self._is_over else now()),
            console=console or Console(stderr=True, highlight=False),
            refresh_per_second=8,
        )

    def __enter__(self) -> None:
        self._live.start(refresh=True)

    def __exit__(self, *problem: object) -> None:
        self._is_over = True
        self._live.stop()


def step_nodes(flow: FlowPlan) -> Iterator[Node]:
    """The nodes of a flow's body that stand for steps."""
    return (node for node in flow.nodes if node.scope == 0 and isinstance(node.work, _SHOWN))


def _first(active: Mapping[str, Status], most: int) -> list[tuple[str, Status]]:
    """The first few calls under way; those that wait go last, as nothing can be done about them."""
    ordered = sorted(active.items(), key=lambda item: item[1] is Status.WAITING)
    return ordered[:most]


def _took(state: NodeState, now: float) -> Text:
    if state.started_at is None:
        return Text("")
    seconds = max(0.0, (state.ended_at if state.ended_at is not None else now) - state.started_at)
    return Text(duration(seconds), "dim")


def _said(state: NodeState, inside: Inside | None) -> Text:
    """The most telling words about a node."""
    words: list[tuple[str, str]] = []
    if inside is not None:
        words += [(f"{inside.counts[s]} {s}", _LOOK[s][1]) for s in _COUNTED if inside.counts.get(s)]
        words += [(f"{inside.retried} retried", "yellow")] if inside.retried else []
    if state.attempts > 1:
        words.append((f"attempt {state.attempts}", "yellow"))
    if state.delay is not None and state.failed_attempts:
        words.append((f"waits {duration(state.delay)}: {state.failed_attempts[-1].message}", "yellow"))
    if state.agent is not None and state.status is Status.DONE:
        words.append((f"answered by {state.agent}", "yellow"))
    if state.failure is not None:
        words.append((("absorbed: " if state.status is Status.DONE else "") + state.failure.message, "red"))
    if state.reason:
        words.append((state.reason, "dim"))
    text = Text()
    for at, (word, style) in enumerate(words):
        text.append(", " if at else "").append(one_line(word), style)
    return text
