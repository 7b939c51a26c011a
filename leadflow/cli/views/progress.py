"""A run as people watch it: one row per step of the flow, what is under way inside the long ones, and why it waits.

Redrawn in place on a terminal while events come in, never higher than the terminal. The picture is a function of the
folded state; nothing is decided here. Loaded only when somebody watches, because rich is slow to load.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock

from rich.console import Console, ConsoleOptions
from rich.live import Live
from rich.text import Text

from leadflow.cli.views.human import duration, one_line
from leadflow.cli.views.marks import MARKS
from leadflow.cli.views.sizes import size_of
from leadflow.cli.views.tree import once_words, tool_words
from leadflow.events.fold import NodeState, RunState, apply
from leadflow.events.model import (
    AttemptFailed,
    BreakerState,
    CacheUsed,
    CallWaits,
    Entry,
    Event,
    Status,
    UndoBegan,
)
from leadflow.events.places import in_place
from leadflow.events.words import Words
from leadflow.plan.looping import inside_tool
from leadflow.plan.plan import AgentCall, Do, FlowCall, FlowPlan, For, Merge, Node, Parallel, Plan, Race, Repeat
from leadflow.plan.undoing import SUFFIX
from leadflow.record import record

_SHOWN = (AgentCall, FlowCall, For, Repeat, Parallel, Race, Do)
_BREAKERS: Mapping[BreakerState, str] = {
    "open": "the breaker of {} is open",
    "half_open": "the breaker of {} tries it again",
    "forced_open": "the breaker of {} is held open",
    "forced_closed": "the breaker of {} is held closed",
}
_INSIDE = 4
"""Most rows for what is under way inside one step."""
_SAID = 60
"""Characters of what a model is saying."""
_FINAL = 100
"""Rows of the last picture, whatever the terminal's height."""

Phrases = list[tuple[str, str]]
"""What is said of a node, with the styles."""


@dataclass(slots=True)
class Inside:
    """What happens below one step of the flow."""

    members: int
    """How many nodes each of its iterations, rounds or bodies settles."""
    size: int | None = None
    """Of a `for` or a `repeat`: its iterations or rounds, as far as they are known."""
    settled: dict[str, int] = field(default_factory=dict)
    """By iteration that is under way: how many of its members have settled."""
    spoilt: dict[str, Status] = field(default_factory=dict)
    """Iterations under way in which something failed for good, or was cancelled."""
    finished: int = 0
    """Iterations that came to their end, well or not; those that were cancelled did not."""
    lost: int = 0
    """Finished iterations that failed."""
    retries: int = 0
    cached: int = 0
    """Calls that were answered from memory, or by an equal call."""
    active: dict[str, None] = field(default_factory=dict)
    """Calls and blocks under way, by path, the longest under way first."""
    within: Counter[str] = field(default_factory=Counter)
    """By path of a block: how many calls and blocks are under way directly in it."""

    def begin(self, path: str) -> None:
        """It is under way."""
        if path not in self.active:
            self.active[path] = None
            self.within[_around(path)] += 1

    def end(self, path: str) -> None:
        """It is not under way any more."""
        if path in self.active:
            del self.active[path]
            around = _around(path)
            self.within[around] -= 1
            if not self.within[around]:
                del self.within[around]

    @property
    def calls(self) -> int:
        """Calls under way; blocks around them do not count."""
        return len(self.active) - sum(block in self.active for block in self.within)


class Watch:
    """Follows a run; call it with each entry. Pictures may be taken from another thread."""

    def __init__(self, plan: Plan, flow: str) -> None:
        self._state = RunState()
        self._flow = plan.flows[flow]
        self._steps = {node.name: node for node in step_nodes(self._flow)}
        self._inside: dict[str, Inside] = {}
        self._next: dict[str, float] = {}
        """When the next attempt of a waiting call begins, or its turn comes at the earliest; since the epoch."""
        self._asked: dict[str, str] = {}
        """At which agent a call waits for its turn."""
        self._heard: dict[str, tuple[int, str]] = {}
        """The last words of models that are speaking, with the attempt that they are of, by path."""
        self._began: float | None = None
        self._last = 0.0
        self._lock = Lock()

    def __call__(self, entry: Entry) -> None:
        """Take an event in."""
        with self._lock:
            self._take(entry)

    @property
    def has_begun(self) -> bool:
        """True when something has happened."""
        return self._began is not None

    def hear(self, words: Words) -> None:
        """Take a model's words in: those of the newest attempt count."""
        with self._lock:
            attempt, before = self._heard.get(words.path, (0, ""))
            if words.attempt >= attempt:
                text = words.text if words.is_first else before + words.text
                self._heard[words.path] = (words.attempt, text[-_SAID:])

    def rows(self, width: int, height: int, now: float | None = None) -> list[Text]:
        """The picture at a time (seconds since the epoch; None: at the last event), in at most `height` rows."""
        with self._lock:
            return _Painter(self, width, self._last if now is None else now).rows(height)

    # --- taking in ------------------------------------------------------------------------------------------------

    def _take(self, entry: Entry) -> None:
        event = entry.event
        path: str | None = getattr(event, "path", None)
        before = self._state.nodes.get(path) if path else None
        was_settled = before is not None and before.status.is_settled
        apply(self._state, event, entry.at)
        self._last = entry.at
        self._began = entry.at if self._began is None else self._began
        self._wait(in_place(event), entry.at)
        if path and path in self._state.nodes and "/" in path and SUFFIX not in path:
            self._count(path, self._state.nodes[path], was_settled, event)

    def _wait(self, event: Event, at: float) -> None:
        """Note until when a call waits, and forget what a model said that has answered."""
        path = getattr(event, "path", "")
        if isinstance(event, AttemptFailed) and event.delay is not None:
            self._next[path] = at + event.delay
        elif isinstance(event, CallWaits):
            self._next[path], self._asked[path] = at + (event.seconds or 0.0), event.agent
        if path in self._heard and (node := self._state.node(path)) is not None and node.status.is_settled:
            del self._heard[path]

    def _count(self, path: str, node: NodeState, was_settled: bool, event: Event) -> None:
        _, below = path.split("/", 1)
        head, _, rest = below.partition("/")
        name, _, iteration = head.partition("[")
        name = name.partition("~")[0]
        step = self._steps.get(name)
        if step is None:
            return
        inside = self._inside.get(name)
        if inside is None:
            inside = self._inside[name] = Inside(_members(self._flow, step), size_of(step, self._flow, self._state))
        inside.retries += isinstance(event, AttemptFailed) and event.delay is not None
        inside.cached += isinstance(event, CacheUsed)
        if not rest:
            return
        if not node.status.is_settled:
            inside.begin(path)
            return
        inside.end(path)
        if not was_settled and "/" not in rest:
            self._finish(inside, iteration, node.status)

    def _finish(self, inside: Inside, iteration: str, status: Status) -> None:
        """A member of an iteration has settled, and perhaps the iteration with it."""
        if status in (Status.FAILED, Status.CANCELLED):
            inside.spoilt.setdefault(iteration, status)
        settled = inside.settled.get(iteration, 0) + 1
        if settled < inside.members:
            inside.settled[iteration] = settled
            return
        inside.settled.pop(iteration, None)
        spoilt = inside.spoilt.pop(iteration, None)
        inside.finished += spoilt is not Status.CANCELLED
        inside.lost += spoilt is Status.FAILED


class _Painter:
    """One picture."""

    def __init__(self, watch: Watch, width: int, now: float) -> None:
        self._state, self._flow = watch._state, watch._flow
        self._steps, self._inside, self._next, self._asked = watch._steps, watch._inside, watch._next, watch._asked
        self._heard = watch._heard
        self._began, self._width, self._now = watch._began, width, now
        longest = max((len(name) for name in (self._flow.name, *self._steps)), default=0)
        self._name_width = min(max(longest, 16), width // 3)

    def rows(self, height: int) -> list[Text]:
        """Everything, from the flow to the calls under way; what does not fit is summed up."""
        head = [self._head()]
        room = max(1, height - 1)
        steps = [(node, self._at(node)) for node in self._steps.values()]
        shown: list[tuple[Node, NodeState] | Text] = list(steps)
        if len(shown) > room:
            shown = _summed_up(steps, room)
        spare = room - len(shown)
        for item in shown:
            if isinstance(item, Text):
                head.append(item)
                continue
            node, state = item
            head.append(self._row(state, node.name, self._words(node, state), bold=False))
            if not state.status.is_settled and spare > 0:
                calls = self._calls(node, min(spare, _INSIDE))
                spare -= len(calls)
                head += calls
        return head

    def _at(self, node: Node) -> NodeState:
        return self._state.nodes.get(f"{self._flow.name}/{node.name}", NodeState())

    def _head(self) -> Text:
        state = self._state
        whole = NodeState(status=state.status, started_at=self._began)
        whole.ended_at = self._now if state.status.is_settled else None
        under_way = sum(inside.calls for inside in self._inside.values()) + sum(
            isinstance(node.work, AgentCall) and self._at(node).status in (Status.RUNNING, Status.WAITING)
            for node in self._steps.values()
        )
        words: Phrases = []
        if state.undoing is not None:
            words += self._undo_head(state.undoing)
        if state.cancel and not state.status.is_settled:
            words.append((f"{state.cancel}: waits for the clean-up; Ctrl-C again ends it at once", "yellow"))
        elif state.paused and under_way and not state.questions:
            words.append((f"{state.paused}: waits for what is under way; Ctrl-C again ends it at once", "yellow"))
        elif under_way:
            words.append((f"{under_way} under way", "dim"))
        if not state.status.is_settled:
            moved = ((agent, at) for agent, at in state.breakers.items() if at != "closed")
            words += [(_BREAKERS[at].format(agent), "yellow") for agent, at in moved]
        return self._row(whole, self._flow.name, words, bold=True)

    def _row(self, state: NodeState, name: str, words: Phrases, *, bold: bool) -> Text:
        sign, style = MARKS[state.status]
        row = Text(f"{sign} ", style, no_wrap=True, overflow="ellipsis")
        row.append(_fitted(name, self._name_width), f"bold {style}" if bold else style)
        row.append(f" {self._took(state):>8}  ", "dim")
        for at, (word, look) in enumerate(words):
            row.append(", " if at else "").append(one_line(word), look)
        row.truncate(self._width, overflow="ellipsis")
        return row

    def _took(self, state: NodeState) -> str:
        if state.started_at is None:
            return ""
        return duration(max(0.0, (self._now if state.ended_at is None else state.ended_at) - state.started_at))

    def _calls(self, node: Node, most: int) -> list[Text]:
        """The calls under way inside a step; those that wait go last, as nothing can be done about them."""
        inside = self._inside.get(node.name)
        if inside is None:
            return []
        path = f"{self._flow.name}/{node.name}"
        own = ((name, self._state.nodes[name]) for name in inside.active if name not in inside.within)
        calls = chain(own, _in_tools(self._state, path))
        waiting: list[tuple[str, NodeState]] = []
        chosen: list[tuple[str, NodeState]] = []
        for name, call in calls:
            (waiting if call.status is Status.WAITING else chosen).append((name, call))
            if len(chosen) == most:
                break
        return [
            self._row(call, f"  {_below(name, path)}", self._call_words(name, call), bold=False)
            for name, call in (chosen + waiting)[:most]
        ]

    # --- words ----------------------------------------------------------------------------------------------------

    def _words(self, node: Node, state: NodeState) -> Phrases:
        """The most telling words about a step."""
        match state.status:
            case Status.PENDING:
                names = [n for n in self._waits_for(node) if n]
                return [(f"waits for {', '.join(names)}", "dim")] if names else []
            case Status.SKIPPED:
                return [(self._why(state.reason), "dim")]
            case Status.BLOCKED:
                return [(f"{state.reason.rpartition('/')[2]} failed", "yellow")]
            case _:
                inside = self._inside.get(node.name)
                path = f"{self._flow.name}/{node.name}"
                words = [*(_inside_words(node, inside) if inside else []), *self._call_words(path, state)]
                return [*self._undo_words(path), *words]

    def _call_words(self, path: str, state: NodeState) -> Phrases:
        words: Phrases = []
        left = self._next.get(path, self._now) - self._now
        if state.status is Status.WAITING and state.waits_for is not None:
            long = f" {duration(left)}" if left > 0 else ""
            at = "" if path in self._state.questions else f"{self._asked[path]}, "
            words.append((f"waiting{long}: {at}{state.waits_for}", "yellow"))
        elif state.status is Status.WAITING and state.failed_attempts:
            due = f"in {duration(left)}" if left > 0 else "is due"
            words.append((f"attempt {state.attempts + 1} {due}: {state.failed_attempts[-1].message}", "yellow"))
        elif state.attempts > 1:
            words.append((f"attempt {state.attempts}", "yellow"))
        if state.passed and state.status is Status.RUNNING:
            words.append((f"asks {state.passed[-1].then}: {state.passed[-1].failure.message}", "yellow"))
        words += [(tool_words(name, tool), "dim") for name, tool in state.tools.items()]
        if path in self._heard and state.status is Status.RUNNING:
            words.append((f"… {self._heard[path][1]}", "dim"))
        if state.is_cached and state.status is Status.DONE:
            words.append(("from memory", "dim"))
        if state.found is not None:
            words.append((once_words(state.found), "dim"))
        if state.agent is not None and state.status is Status.DONE:
            words.append((f"answered by {state.agent}", "yellow"))
        if state.failure is not None:
            absorbed = state.status is Status.DONE
            words.append((("absorbed: " if absorbed else "") + state.failure.message, "yellow" if absorbed else "red"))
        if state.status is Status.CANCELLED:
            words.append((f"cancelled: {state.reason.removeprefix(f'{self._flow.name}/')}", "yellow"))
        return words

    def _undo_head(self, undoing: UndoBegan) -> Phrases:
        """How far the run is with taking its steps back."""
        done, bad, total = self._undone(undoing.paths)
        so_far = f"{done} undone" if self._state.status.is_settled else f"undoing {done + bad + 1} of {total}"
        words: Phrases = [(so_far, "yellow")]
        return words if not bad else [*words, (f"{bad} not undone", "red")]

    def _undo_words(self, path: str) -> Phrases:
        """What is taken back of a step, of what stands in it."""
        undoing = self._state.undoing
        paths = [] if undoing is None else [each for each in undoing.paths if _is_of(each, path)]
        done, bad, total = self._undone(paths)
        words: Phrases = []
        if done:
            words.append(("undone" if done == total else f"{done} of {total} undone", "yellow"))
        if bad:
            words.append(("not undone" if bad == total else f"{bad} not undone", "red"))
        return words

    def _undone(self, paths: Sequence[str]) -> tuple[int, int, int]:
        """How many of these steps are taken back, how many are not any more, and how many they are."""
        stand = Counter(self._state.nodes.get(path + SUFFIX, NodeState()).status for path in paths)
        return stand[Status.DONE], stand[Status.FAILED] + stand[Status.CANCELLED], len(paths)

    def _waits_for(self, node: Node) -> Iterator[str]:
        """The steps above that have to settle first; a branch stands for what it waits for itself."""
        for need in node.needs:
            above = self._flow.nodes[need.node]
            if self._at(above).status.is_settled:
                continue
            if isinstance(above.work, _SHOWN):
                yield above.name
            else:
                yield from (name for name in self._waits_for(above))

    def _why(self, reason: str) -> str:
        """A branch by its line: `if@1 = else` is for machines."""
        name, equals, arm = reason.partition(" = ")
        branch = next((node for node in self._flow.nodes if node.name == name), None)
        if branch is None or not equals:
            return reason
        return f"line {branch.place.line}: {name.partition('@')[0]} took {arm}"


class Screen:
    """A live picture of a run on standard error; use it as a context."""

    def __init__(self, watch: Watch, now: Callable[[], float], console: Console | None = None) -> None:
        """Watch by a wall clock (seconds since the epoch)."""
        self._is_over = False
        self._live = Live(
            get_renderable=lambda: Picture(watch, None if self._is_over else now()),
            console=console or Console(stderr=True, highlight=False),
            refresh_per_second=8,
        )

    def __enter__(self) -> None:
        self._live.start(refresh=True)

    def __exit__(self, *problem: object) -> None:
        self._is_over = True
        self._live.stop()

    @staticmethod
    def leave() -> None:
        """The process ends at once: give the terminal its cursor back."""
        os.write(2, b"\x1b[?25h\n")


@record
class Picture:
    """What a watch shows at a time; None: the last picture, which stays."""

    watch: Watch
    now: float | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """As many rows as the terminal has; none before the run begins, which it may not do at all."""
        if not self.watch.has_begun:
            return
        height = max(_FINAL, options.max_height) if self.now is None else options.max_height
        yield from self.watch.rows(options.max_width, height - 1, self.now)


def _is_of(path: str, step: str) -> bool:
    """Whether a path is a step's own, or that of something in it."""
    return path == step or (path.startswith(step) and path[len(step)] in "/[~")


def _in_tools(state: RunState, step: str) -> Iterator[tuple[str, NodeState]]:
    """What is under way in the flows that models of a step, or of what stands in it, use as tools, by its path."""
    for call, inner in state.inner.items():
        if not inner.status.is_settled and _is_of(call, step):
            active = [path for path, node in inner.nodes.items() if node.status in (Status.RUNNING, Status.WAITING)]
            for path in active:
                if not any(_is_of(each, path) for each in active if each != path):
                    yield f"{call}/{path}", inner.nodes[path]


def _below(path: str, step: str) -> str:
    """How a call inside of a step is called there; in a flow that is a tool, by the flow's own path."""
    inside = inside_tool(path)
    return path.removeprefix(step).lstrip("/") if inside is None else inside[1]


def step_nodes(flow: FlowPlan) -> Iterator[Node]:
    """The nodes of a flow's body that stand for steps."""
    return (node for node in flow.nodes if node.scope == 0 and isinstance(node.work, _SHOWN))


def _around(path: str) -> str:
    """The path of the block that something is in: without its iteration, its round, its attempt."""
    return re.sub(r"(?:\[[0-9]+\]|~[0-9]+)+$", "", path.rpartition("/")[0])


def _members(flow: FlowPlan, step: Node) -> int:
    """How many nodes of one iteration, round or body tell that they have settled."""
    scope = next((scope for scope in flow.scopes if scope.owner == step.id), None)
    return 0 if scope is None else sum(not isinstance(flow.nodes[node].work, Merge) for node in scope.nodes)


def _inside_words(node: Node, inside: Inside) -> Phrases:
    words: Phrases = []
    match node.work:
        case AgentCall():
            return words  # it tells its attempts itself
        case For() if inside.size is not None:
            words.append((f"{inside.finished} of {inside.size} finished", "green"))
        case For():
            words.append((f"{inside.finished} finished", "green"))
        case Repeat():
            most = "" if inside.size is None else f" of at most {inside.size}"
            words.append((f"round {inside.finished + bool(inside.settled or inside.active)}{most}", "green"))
        case Parallel() | Race():
            done = inside.members if inside.finished else sum(inside.settled.values())
            words.append((f"{done} of {inside.members} settled", "green"))
        case _:
            pass
    if inside.lost and isinstance(node.work, For):
        words.append((f"{inside.lost} failed", "red"))
    if inside.retries:
        words.append((f"{inside.retries} {'retry' if inside.retries == 1 else 'retries'}", "yellow"))
    if inside.cached:
        words.append((f"{inside.cached} from memory", "dim"))
    return words


def _fitted(name: str, width: int) -> str:
    """A name of exactly that width."""
    return name.ljust(width) if len(name) <= width else name[: width - 1] + "…"


def _summed_up(steps: Sequence[tuple[Node, NodeState]], room: int) -> list[tuple[Node, NodeState] | Text]:
    """The steps that matter most now, in the order of the text, and a row for those that were left out."""

    def weight(state: NodeState) -> int:
        order = (Status.FAILED, Status.RUNNING, Status.WAITING, Status.CANCELLED, Status.BLOCKED, Status.PENDING)
        return order.index(state.status) if state.status in order else len(order)

    ranked = sorted(range(len(steps)), key=lambda at: (weight(steps[at][1]), at))
    kept = sorted(ranked[: room - 1])
    left = [steps[at][1].status for at in ranked[room - 1 :]]
    counts = ", ".join(f"{left.count(status)} {status}" for status in Status if status in left)
    return [*(steps[at] for at in kept), Text(f"  and {len(left)} more steps: {counts}", "dim", no_wrap=True)]
