"""The most time that a flow takes: the longest way through its steps, and the queues on it.

Two parts. The span is the longest way when nobody queues outside: a call is its attempts and the pauses between them,
a block ends with its last step, a `for` goes in groups as large as its concurrency. The queues: whoever waits, waits
because some gate is full of calls at work, so all waiting together lasts no longer than the work behind each gate
divided by its places. A gate that has room for all that can be under way at once adds nothing. The rates of `@limit`
are gates too (`rates.py`).

Time that leadflow itself takes is not in it; the time until a call that does not stop is left behind is.
"""

from collections.abc import Iterable
from datetime import timedelta

from leadflow.bound import figures, rates
from leadflow.bound.arms import put_together
from leadflow.bound.asks import tool_loop
from leadflow.bound.budgets import has_budgets
from leadflow.bound.context import DEEPEST, Context, open_flow
from leadflow.bound.costs import is_hedged
from leadflow.bound.figures import NOTHING, Cause, Course, Figure, cut, endless, product, share
from leadflow.bound.undos import Sums, attempts_of, undos
from leadflow.plan.backoff import longest_asked, longest_pause
from leadflow.plan.expr import Const
from leadflow.plan.looping import loop_of
from leadflow.plan.plan import (
    AgentCall,
    AgentSpec,
    Do,
    FlowCall,
    FlowPlan,
    For,
    Merge,
    Node,
    Parallel,
    Plan,
    Race,
    Repeat,
)
from leadflow.plan.policy import (
    DEFAULT_CONCURRENCY,
    GRACE,
    Applied,
    Concurrency,
    Limit,
    Retry,
    Timeout,
    policy_of,
)
from leadflow.plan.reactions import retry_in_force
from leadflow.plan.undoing import SUFFIX
from leadflow.run.errors import InternalError
from leadflow.run.kernel_layout import whole_timeout
from leadflow.run.support import agents_of, tools_of

_MICROSECOND = timedelta(microseconds=1)
_AT_ONCE = Course()


def flow_time(context: Context) -> Figure:
    """How long one run of a flow takes at most, when it is the only one of its process."""
    return _with_queues(context, _flow(context), whole_timeout(context.flow.policies))


def node_time(context: Context, node: Node) -> Figure:
    """How long a block or the call of a flow takes at most, when nothing but it is under way."""
    return _with_queues(context, _node(context, node), whole_timeout(node.policies))


def _with_queues(context: Context, course: Course, timeout: timedelta | None) -> Figure:
    """What has to end in time, if it has to, with all that waits in it."""
    waits = [_queue(course, context.known.calls), *rates.waits(context.plan, course)]
    for owner, part in course.slots:
        if rates.is_rate(owner):
            continue
        places = [_places(spec) for spec in context.plan.agents.values() if spec.shares == owner]
        waits.append(_queue(part, min(limit for limit in places if limit is not None)))
    if has_budgets(context.plan, context.flow.name):  # a gate too: at worst only one call fits at a time
        waits.append(_queue(course, 1))
    return _limited(figures.total((course.span, *waits)), timeout)


def undo_time(context: Context) -> Figure:
    """How long it takes at most to take one run of a flow back: one undo after the other, under no deadline of it."""
    if context.undo_time is None:
        sums = Sums(NOTHING, figures.total, figures.largest, product, _undo_itself, undo_time, tools_undone, _endless)
        context.undo_time = undos(context, sums)
    return context.undo_time


def _undo_itself(context: Context, undo: Node) -> Figure:
    """One undo: nothing else of the run is under way, so it waits for nobody."""
    match undo.work:
        case AgentCall() as call:
            asked = [context.plan.agents[name] for name in agents_of(undo, call)]
            return figures.total(candidate(undo, call, spec, wait=rates.alone(undo, spec)) for spec in asked)
        case FlowCall() as called if context.depth < DEEPEST:
            return flow_time(context.child(called))
        case _:
            return _endless(context.flow)


def tools_undone(context: Context, node: Node) -> Figure:
    """What a flow takes back that a model uses, when the time of its step is over: of those that write one runs."""
    flows = [tool.work.flow for tool in tools_of(context.plan, node) if isinstance(tool.work, FlowCall)]
    if flows and context.depth >= DEEPEST:
        return _endless(context.flow)
    opened = (open_flow(context.plan, context.known, flow, {}, depth=context.depth + 1) for flow in flows)
    return figures.largest(undo_time(each) for each in opened)


def _endless(flow: FlowPlan) -> Figure:
    return _too_deep(flow).span


def _places(spec: AgentSpec) -> int | None:
    concurrency, limit = policy_of(spec.policies, Concurrency), policy_of(spec.policies, Limit)
    places = (None if concurrency is None else concurrency.limit, None if limit is None else limit.concurrent)
    return min((each for each in places if each is not None), default=None)


def _queue(course: Course, places: int | None) -> Figure:
    """How long a gate in front of it can be full."""
    return NOTHING if places is None or course.width <= places else share(course.work, places)


# --- flows and blocks ---------------------------------------------------------------------------------------------


def _flow(context: Context) -> Course:
    """A flow under its own retries."""
    if context.course is None:
        retry = policy_of(context.flow.policies, Retry)
        context.course = _whole(_body(context), context.flow.policies, retry)
    return context.course


def _body(context: Context) -> Course:
    """A flow, tried once."""
    return _gated(_scope(context, 0), policy_of(context.flow.policies, Concurrency))


def _whole(course: Course, policies: tuple[Applied, ...], retry: Retry | None) -> Course:
    """A block or a flow with all of its attempts, within its time."""
    attempts = attempts_of(retry)
    span = product(course.span, attempts)
    if retry is not None:
        pauses = sum(_micros(longest_pause(retry, number)) for number in range(1, attempts))
        span = figures.total((span, Figure(pauses)))
    return _within(_repeated(course, attempts, span), whole_timeout(policies))


def _repeated(course: Course, count: Figure | int, span: Figure) -> Course:
    """Again and again, one after the other: as wide as once."""
    slots = tuple((owner, _repeated(part, count, NOTHING)) for owner, part in course.slots)
    return Course(span, product(course.work, count), course.width, slots)


def _within(course: Course, timeout: timedelta | None) -> Course:
    """What has to end in time, and then cleans up."""
    if timeout is None:
        return course
    slots = tuple((own, part if rates.is_rate(own) else _within(part, timeout)) for own, part in course.slots)
    work = cut(course.work, course.width * _longest(timeout))
    return Course(_limited(course.span, timeout), work, course.width, slots)


def _limited(span: Figure, timeout: timedelta | None) -> Figure:
    return span if timeout is None else cut(span, _longest(timeout))


def _longest(timeout: timedelta) -> int:
    return (timeout + GRACE) // _MICROSECOND


def _gated(course: Course, concurrency: Concurrency | None) -> Course:
    """So many calls at once."""
    if concurrency is None or course.width <= concurrency.limit:
        return course
    span = figures.total((course.span, share(course.work, concurrency.limit)))
    slots = tuple((owner, _narrowed(part, concurrency.limit)) for owner, part in course.slots)
    return Course(span, course.work, concurrency.limit, slots)


def _narrowed(course: Course, width: int) -> Course:
    return Course(course.span, course.work, min(course.width, width), course.slots)


def _node(context: Context, node: Node) -> Course:
    """A node, from when its needs are met."""
    retry, concurrency = policy_of(node.policies, Retry), policy_of(node.policies, Concurrency)
    match node.work:
        case AgentCall() as call:
            return _call(context, node, call)
        case FlowCall() as call:
            if context.depth >= DEEPEST:
                return _too_deep(context.flow)
            child = context.child(call)
            once = _flow(child) if retry is None else _within(_body(child), whole_timeout(child.flow.policies))
            return _whole(once, node.policies, retry)
        case For(scope=scope) as work:
            each, count = _scope(context, scope), context.iterations(node, work)
            course = _iterations(each, count, DEFAULT_CONCURRENCY if concurrency is None else concurrency.limit)
        case Repeat(scope=scope) as work:
            each, rounds = _scope(context, scope), context.rounds(node, work)
            course = _gated(_repeated(each, rounds, product(each.span, rounds)), concurrency)
        case Parallel(scope) | Race(scope):
            course = _members(context, scope, concurrency)
        case Do(scope):
            course = _gated(_scope(context, scope), concurrency)
        case _:
            return _AT_ONCE
    return _whole(course, node.policies, retry)


def _iterations(each: Course, count: Figure, at_once: int) -> Course:
    """In groups: an iteration starts as soon as one of those before it has ended."""
    if count.is_plain:
        span, wide = product(each.span, -(-count.known // at_once)), min(count.known, at_once)
    else:
        span, wide = figures.total((each.span, product(share(each.span, at_once), count))), at_once
    return _beside(_repeated(each, count, span), wide)


def _beside(course: Course, count: int) -> Course:
    """So many at the same time."""
    slots = tuple((owner, _beside(part, count)) for owner, part in course.slots)
    return Course(course.span, course.work, course.width * count, slots)


def _members(context: Context, scope: int, concurrency: Concurrency | None) -> Course:
    """Members side by side, or so many at once."""
    each = _courses(context, scope)
    course = _side_by_side(context.flow, scope, each)
    if concurrency is None or len(each) <= concurrency.limit:
        return course
    spans = figures.total(member.span for member in each.values())
    span = figures.total((course.span, share(spans, concurrency.limit)))
    return Course(span, course.work, course.width, course.slots)


def _too_deep(flow: FlowPlan) -> Course:
    cause = Cause(flow.place, f"more than {DEEPEST} flows call each other", "call fewer in a row")
    return Course(endless(cause), endless(cause), 1 << 30)


# --- scopes -------------------------------------------------------------------------------------------------------


def _scope(context: Context, scope: int) -> Course:
    """One instance of a scope: its longest way, and what its queues have to hold."""
    return _side_by_side(context.flow, scope, _courses(context, scope))


def _courses(context: Context, scope: int) -> dict[int, Course]:
    flow = context.flow
    return {node: _node(context, flow.nodes[node]) for node in flow.scopes[scope].nodes if node != flow.escalation}


def _side_by_side(flow: FlowPlan, scope: int, courses: dict[int, Course]) -> Course:
    held = put_together(flow, scope, lambda node: _without_span(courses[node.id]), together=_together, either=_either)
    return Course(_longest_way(flow, courses), held.work, held.width, held.slots)


def _longest_way(flow: FlowPlan, courses: dict[int, Course]) -> Figure:
    """When the last node has settled: each begins when all that it waits for has, inside of it too."""
    waits = {node: [other for other in _waits(flow, flow.nodes[node]) if other in courses] for node in courses}
    ends: dict[int, Figure] = {}
    for node in _in_order(waits):
        begins = figures.largest(ends[other] for other in waits[node])
        ends[node] = figures.total((begins, courses[node].span))
    return figures.largest(ends.values())


def _in_order(waits: dict[int, list[int]]) -> list[int]:
    """The nodes of a scope, each behind those that it waits for. A block may open before what its body needs."""
    left = {node: len(others) for node, others in waits.items()}
    after: dict[int, list[int]] = {node: [] for node in waits}
    for node, others in waits.items():
        for other in others:
            after[other].append(node)
    found = [node for node, count in left.items() if not count]
    for node in found:  # grows while it is read
        for other in after[node]:
            left[other] -= 1
            if not left[other]:
                found.append(other)
    if len(found) < len(waits):
        raise InternalError("nodes of a scope wait for each other")
    return found


def _waits(flow: FlowPlan, node: Node) -> tuple[int, ...]:
    """The nodes that a node waits for, its guard and those that its body needs included."""
    found: dict[int, None] = {}
    waiting = [node]
    for one in waiting:  # grows while it is read
        guards = one.work.guards if isinstance(one.work, Merge) else ()
        found.update(dict.fromkeys(need.node for need in one.needs))
        found.update(dict.fromkeys(guard.node for guard in (*guards, one.guard) if guard is not None))
        if isinstance(one.work, For | Repeat | Parallel | Race | Do):
            waiting.extend(flow.nodes[inner] for inner in flow.scopes[one.work.scope].nodes)
    return tuple(found)


def _without_span(course: Course) -> Course:
    return Course(NOTHING, course.work, course.width, course.slots)


def _together(courses: Iterable[Course]) -> Course:
    parts = list(courses)
    slots = tuple((owner, _together(inner)) for owner, inner in _by_owner(parts).items())
    return Course(NOTHING, figures.total(part.work for part in parts), sum(part.width for part in parts), slots)


def _either(courses: Iterable[Course]) -> Course:
    parts = list(courses)
    slots = tuple((owner, _either(inner)) for owner, inner in _by_owner(parts).items())
    width = max((part.width for part in parts), default=0)
    return Course(NOTHING, figures.largest(part.work for part in parts), width, slots)


def _by_owner(courses: Iterable[Course]) -> dict[str, list[Course]]:
    """What all of the courses hold of each owner's places."""
    slots: dict[str, list[Course]] = {}
    for course in courses:
        for owner, inner in course.slots:
            slots.setdefault(owner, []).append(inner)
    return slots


# --- calls --------------------------------------------------------------------------------------------------------


def _call(context: Context, node: Node, call: AgentCall) -> Course:
    """A call: its agent, then each fallback with all of its time anew."""
    spans: list[Figure] = []
    slots: dict[str, list[Course]] = {}
    for name in agents_of(node, call):
        spec = context.plan.agents[name]
        span = candidate(node, call, spec, wait=rates.unbounded(node, spec))
        spans.append(span)
        for owner, starts in rates.held(node, spec):
            slots.setdefault(owner, []).append(starts)
        if _places(spec) is not None:
            slots.setdefault(spec.shares, []).append(Course(NOTHING, span, 1))
    span = within_loop(context.plan, node, call) or figures.total(spans)
    held = (
        (owner, Course(NOTHING, figures.total(part.work for part in parts), max(part.width for part in parts)))
        for owner, parts in slots.items()
    )
    return Course(span, span, 1, tuple(held))


def within_loop(plan: Plan, node: Node, call: AgentCall) -> Figure | None:
    """How long a call lasts at most whose model uses tools: all turns and tools are over when the time of its loop is.
    None: it uses none."""
    names = agents_of(node, call)
    if all(tool_loop(plan, name, call) is None for name in names):
        return None
    span = Figure(_longest(max(loop_of(plan.agents[call.role or name]).time for name in names)))
    timeout = policy_of(node.policies, Timeout)
    return span if timeout is None or timeout.total is None else cut(span, _longest(timeout.total) * len(names))


def candidate(node: Node, call: AgentCall, spec: AgentSpec, *, wait: Figure) -> Figure:
    """All attempts of one agent.

    Args:
        wait: what its `@limit` makes them wait, as far as that is not told of all of them together.
    """
    timeout, retry = policy_of(node.policies, Timeout) or Timeout(), retry_in_force(node.policies)
    attempts = attempts_of(retry)
    each = product(_attempt(node, call, spec, timeout), 2 if is_hedged(node) else 1)
    pauses = NOTHING if retry is None or attempts == 1 else _pauses(node, retry, attempts)
    return _limited(figures.total((product(each, attempts), pauses, wait)), timeout.total)


def _attempt(node: Node, call: AgentCall, spec: AgentSpec, timeout: Timeout) -> Figure:
    own = _own_time(node, call, spec)
    limits = [limit for limit in (timeout.attempt, timeout.total) if limit is not None]
    return cut(own, _longest(min(limits))) if limits else own


def _own_time(node: Node, call: AgentCall, spec: AgentSpec) -> Figure:
    """How long an agent takes that nobody stops: only the clock says so."""
    if spec.kind == "random" or (spec.kind == "clock" and call.action == "now"):
        return NOTHING
    if spec.kind == "clock":
        given = dict(call.args).get("for")
        if isinstance(given, Const) and isinstance(given.value, timedelta):
            return Figure(max(0, given.value // _MICROSECOND))
        what = f"step '{node.name}' sleeps as long as a value of the run says"
        return endless(Cause(node.place, what, "write a duration there, or `@timeout(…)` on the step"))
    if spec.kind == "human":
        return _patience(node, call, spec)
    what = f"step '{node.name}' ({spec.name}.{call.action}) has no timeout"
    place = "" if node.name.endswith(SUFFIX) else "it or on "
    return endless(Cause(node.place, what, f"write `@timeout(…)` on {place}agent '{spec.name}'"))


def _patience(node: Node, call: AgentCall, spec: AgentSpec) -> Figure:
    """How long a person's answer counts, in the time that a run is worked on or waits for people."""
    given = dict(call.args).get("expires")
    expires = given.value if isinstance(given, Const) else spec.settings.get("expires") if given is None else None
    if isinstance(expires, timedelta):
        return Figure(max(0, expires // _MICROSECOND))
    what = f"step '{node.name}' ({spec.name}.{call.action}) waits for a person as long as it takes"
    return endless(Cause(node.place, what, f"write `expires:` there or on agent '{spec.name}', or `@timeout(…)`"))


def _pauses(node: Node, retry: Retry, attempts: int) -> Figure:
    """The pauses between attempts, as long as they get."""
    asked = longest_asked(retry)
    if asked is None:
        what = f"between two attempts step '{node.name}' waits as long as a server asks it to"
        return endless(Cause(node.place, what, "write `max_retry_after: …` in its @retry, or a total `@timeout(…)`"))
    return Figure(sum(_micros(max(asked, longest_pause(retry, number))) for number in range(1, attempts)))


def _micros(seconds: float) -> int:
    """Rounded up, with room for what floats lose."""
    return int(seconds * 1_000_000) + 1
