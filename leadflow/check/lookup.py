"""Names that mean no value here, and new names: what they are, why they are not visible, what was meant."""

from collections import deque

from leadflow.check.context import Around, Binder, Binding, Context
from leadflow.check.env import Var
from leadflow.check.file_literals import FILE_FUNCTION
from leadflow.check.habits import FUNCTIONS_ELSEWHERE, FUNCTIONS_OF_MODULES, FUNCTIONS_RENAMED, MODULES, NAMES_ELSEWHERE
from leadflow.check.messages.flows import action_in_expression, reads_member
from leadflow.check.messages.names import (
    duplicate,
    needs_itself,
    out_of_block,
    shadowing,
    unknown_function,
    unknown_name,
    used_too_early,
)
from leadflow.check.program import (
    AgentSymbol,
    BrokenSymbol,
    ConstSymbol,
    FlowSymbol,
    ModuleSymbol,
    Symbol,
    ToolSymbol,
)
from leadflow.check.secrets import SECRET_FUNCTIONS
from leadflow.check.spoken import spoken
from leadflow.check.statements import inner_blocks
from leadflow.diagnostics import Edit, Fix, Span
from leadflow.plan.functions import FUNCTIONS
from leadflow.plan.kinds import PREDECLARED
from leadflow.record import record
from leadflow.syntax import tree
from leadflow.syntax.walk import walk


@record
class Known:
    """What a name is that is no value; `what` empty: it has been reported."""

    what: str
    hint: str


def what_is(cx: Context, name: str, symbol: Symbol | None) -> Known | None:
    """What a name is, if it is anything."""
    match symbol:
        case AgentSymbol():
            return Known("an agent", f"call one of its actions in a step: 'step … = {name}.…'")
        case ToolSymbol():
            return Known("a tool", f"call it in a step: 'step … = {name}(…)'")
        case FlowSymbol():
            return Known("a flow", f"call it in a step: 'step … = {name}(…)'")
        case ModuleSymbol():
            return Known("an imported file", f"name what is in it: '{name}.…'")
        case BrokenSymbol() | ConstSymbol():
            return Known("", "")
    if name in PREDECLARED:
        return Known("an agent", f"call one of its actions in a step: 'step … = {name}.…'")
    if name == "run":
        return Known("this run", "read run.id, run.started or run.flow, in a flow")
    if name in FUNCTIONS or name in SECRET_FUNCTIONS or name == FILE_FUNCTION:
        return Known("a function", f"call it: '{name}(…)'")
    return None


# --- new names ----------------------------------------------------------------------------------------------------


def check_new(cx: Context, ident: tree.Ident, what: str) -> None:
    """Report a new name that hides another (rule D5). Blocks that stand beside each other may use a name again."""
    name = ident.text
    found = cx.frame.find(name)
    if found is not None:
        if not found.parts:
            cx.mentioned.add(name)
        if found.home is cx.frame:
            cx.report(duplicate(ident.span, name, what=what, first=found.span))
        elif not found.parts:
            outer = f"{'an' if found.what[0] in 'aeiou' else 'a'} {found.what} around it"
            cx.report(shadowing(ident.span, name, what=what, outer=outer, first=found.span))
        return
    symbol = cx.scope.values.get(name)
    if symbol is not None:
        kinds: dict[type, str] = {AgentSymbol: "agent", ToolSymbol: "tool", FlowSymbol: "flow", ConstSymbol: "constant"}
        outer = f"the {kinds.get(type(symbol), 'import')} '{name}'"
        cx.symbol(name)
        cx.report(shadowing(ident.span, name, what=what, outer=outer, first=cx.scope.places[name]))


# --- unknown names ------------------------------------------------------------------------------------------------


def say_unknown(cx: Context, expr: tree.Name) -> None:
    """Report a name that nothing visible has."""
    name = expr.text
    found = _binders(cx).get(name, [])
    if found:
        cx.mentioned.add(name)
        here = _blocks_around(cx, expr.span)
        binder, blocks = min(found, key=lambda b: (len(b[1]) - _shared(b[1], here), b[0].span.start))
        member_of = blocks[-1] if blocks and blocks[-1].label in ("parallel", "race") else None
        if member_of is not None and _shared(blocks, here) == len(blocks) and binder is not cx.statement:
            if isinstance(binder, tree.Step):  # other statements have been refused already
                cx.report(reads_member(expr.span, name, block=member_of.label, bound=_place(binder)))
        elif binder.span.start >= expr.span.start or binder is cx.statement:
            _say_early(cx, expr, binder)
        else:
            hidden = blocks[_shared(blocks, here) :]
            label = next((block.label for block in hidden if block.is_step), "arm")
            end = next((block.ends for block in hidden if block.ends), "")
            cx.report(out_of_block(expr.span, name, what=_word(binder), block=label, bound=_place(binder), end=end))
        return
    known = cx.program.known(cx.frame.names(), cx.scope.values, [*PREDECLARED, "run"])
    cx.report(unknown_name(expr.span, name, known=known, hint=NAMES_ELSEWHERE.get(name, "")))


def _binders(cx: Context) -> dict[str, list[Binding]]:
    """Steps and lets of the flow by name, with the blocks around each from outside in."""
    if cx.flow is None:
        return {}
    if cx.binders is None:
        cx.binders = {}
        waiting: list[tuple[tree.Block, tuple[Around, ...]]] = [(cx.flow.body, ())]
        while waiting:
            block, around = waiting.pop()
            for statement in block.statements:
                if isinstance(statement, tree.Step | tree.Let):
                    cx.binders.setdefault(statement.name.text, []).append((statement, around))
                for inner, label, by in inner_blocks(statement):
                    waiting.append((inner, (*around, Around(inner.span, label, label != "arm", by, _end(inner)))))
    return cx.binders


def _end(block: tree.Block) -> str:
    """The word with which a block leaves what is around it; empty when it is the last statement of none."""
    last = block.statements[-1] if block.statements else None
    return type(last).__name__.lower() if isinstance(last, tree.Return | tree.Yield | tree.Fail) else ""


def _blocks_around(cx: Context, span: Span) -> list[Span]:
    """The spans of the blocks of this flow that hold a place."""
    spans: list[Span] = []
    block: tree.Block | None = cx.flow.body if cx.flow is not None else None
    while block is not None:
        inner = (found for statement in block.statements for found, _, _ in inner_blocks(statement))
        block = next((b for b in inner if b.span.start <= span.start < b.span.end), None)
        if block is not None:
            spans.append(block.span)
    return spans


def _shared(blocks: tuple[Around, ...], here: list[Span]) -> int:
    """How many blocks, from outside in, two places share."""
    pairs = zip(blocks, here, strict=False)
    return next((at for at, (block, span) in enumerate(pairs) if block.span != span), min(len(blocks), len(here)))


def _word(binder: Binder) -> str:
    return "step" if isinstance(binder, tree.Step) else "value"


def _place(binder: Binder) -> Span:
    return binder.name.span


def _say_early(cx: Context, expr: tree.Name, binder: Binder) -> None:
    """A name bound below: can its line move up, or do the two need each other (rule A4)?"""
    user = cx.statement
    if isinstance(user, tree.Step | tree.Let):
        trail = _trail(cx, binder, user) if cx.program.may_search() else None
        if trail is not None:
            cx.report(needs_itself(expr.span, (user.name.text, *trail), bound=_place(binder)))
            return
    who = f"{_word(user)} '{user.name.text}'" if isinstance(user, tree.Step | tree.Let) else "this line"
    cx.report(used_too_early(expr.span, expr.text, user=who, bound=_place(binder), what=_word(binder)))


def _trail(cx: Context, start: Binder, goal: Binder) -> tuple[str, ...] | None:
    """The names through which `start` needs `goal`: `(start, …, goal)`; None when it does not."""
    queue: deque[tuple[Binder, tuple[str, ...]]] = deque([(start, (start.name.text,))])
    seen = {start.id}
    while queue and len(seen) < 2_000:
        node, trail = queue.popleft()
        if node is goal:
            return trail
        for name in _mentions(cx, node):
            for found, _ in _binders(cx).get(name, ()):
                if found.id not in seen:
                    seen.add(found.id)
                    queue.append((found, (*trail, found.name.text)))
    return None


def _mentions(cx: Context, binder: Binder) -> list[str]:
    """Names that a step or let reads, and those that decide whether it is reached."""
    around = next((blocks for found, blocks in _binders(cx)[binder.name.text] if found is binder), ())
    nodes = [binder, *(block.chosen_by for block in around if block.chosen_by is not None)]
    return [node.text for part in nodes for node in walk(part) if isinstance(node, tree.Name)]


# --- calls of what is no function ---------------------------------------------------------------------------------


def say_unknown_function(cx: Context, call: tree.Call, name: str) -> None:
    """Report `name(…)` where no function has that name."""
    var = cx.frame.read(name)
    symbol = None if var is not None else cx.symbol(name)
    note = None
    if var is not None:
        note = f"'{name}' is {_article(var)}; only functions are called in expressions"
    elif isinstance(symbol, AgentSymbol):
        note = f"'{name}' is an agent; call one of its actions in a step: 'step … = {name}.…(…)'"
    elif isinstance(symbol, BrokenSymbol):
        return
    elif name in FUNCTIONS_ELSEWHERE:
        cx.report(unknown_function(call.callee.span, name, known=(), note=FUNCTIONS_ELSEWHERE[name]))
        return
    ours = FUNCTIONS_RENAMED.get(name)
    known = cx.program.known((*FUNCTIONS, FILE_FUNCTION) if ours is None else ())
    cx.report(unknown_function(call.callee.span, name, known=known, note=note, meant=ours))


def function_meant(name: str) -> str | None:
    """The function that has a name, or that others call so; None for none."""
    ours = FUNCTIONS_RENAMED.get(name, name)
    return ours if ours in FUNCTIONS else None


def _article(var: Var) -> str:
    return f"{'an' if var.what[0] in 'aeiou' else 'a'} {var.what}"


def action_called(cx: Context, expr: tree.Expr) -> str | None:
    """What only a step may call, as its author writes it; None when this is no call of such a thing."""
    names: list[str] = []
    part = expr.callee if isinstance(expr, tree.Call) else None
    while isinstance(part, tree.Member):
        names.append(part.name.text)
        part = part.target
    if not isinstance(part, tree.Name) or len(names) > 2 or cx.frame.find(part.text) is not None:
        return None
    symbol = cx.scope.values.get(part.text)
    if len(names) == 2:
        inner = symbol.scope.values.get(names[1]) if isinstance(symbol, ModuleSymbol) else None
        acts = isinstance(symbol, ModuleSymbol) and not isinstance(inner, ConstSymbol)
    elif names:
        is_known = symbol is None and part.text in PREDECLARED
        acts = is_known or isinstance(symbol, AgentSymbol | ModuleSymbol)
    else:
        acts = isinstance(symbol, FlowSymbol | ToolSymbol)
    return ".".join((part.text, *reversed(names))) if acts else None


def method_called(cx: Context, call: tree.Call, callee: tree.Member) -> bool:
    """Report `x.name(…)` in an expression; True when `x` is no value that has to be looked at."""
    target, name = callee.target, callee.name.text
    action = action_called(cx, call)
    if action is not None:
        cx.symbol(action.partition(".")[0])
        cx.report(action_in_expression(call.span, action))
        return True
    is_global = isinstance(target, tree.Name) and cx.frame.find(target.text) is None
    if isinstance(target, tree.Name) and is_global and isinstance(cx.symbol(target.text), BrokenSymbol):
        return True
    if isinstance(target, tree.Name) and is_global and target.text in MODULES and cx.symbol(target.text) is None:
        meant = function_meant(FUNCTIONS_OF_MODULES.get(name, name))
        cx.report(unknown_function(callee.span, f"{target.text}.{name}", known=(), meant=meant))
        return True
    note, fix, ours = "values have no methods", None, function_meant(name)
    if ours is not None:
        words = spoken(target).strip("'")
        note = f"values have no methods; write '{ours}({words}{', …' if call.args else ''})'"
        if words != "this":
            opened = call.span._replace(end=call.args[0].span.start if call.args else call.span.end)
            start = f"{ours}({words}, " if call.args else f"{ours}({words})"
            fix = Fix(f"write {ours}({words}{', …' if call.args else ''})", (Edit(opened, start),))
    cx.report(unknown_function(callee.name.span, f".{name}", known=(), note=note, fix=fix))
    return False
