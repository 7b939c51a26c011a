"""Warnings: what does nothing, or less than it seems. Looks at what the checks have counted."""

from collections.abc import Iterator

from leadflow.check.checked import ActionCall, FlowCallInfo
from leadflow.check.context import Context
from leadflow.check.env import Var
from leadflow.check.keys import check_keys
from leadflow.check.messages.lint import (
    needless_optional,
    read_in_one_arm,
    unused_import,
    unused_name,
    unused_result,
    write_without_undo,
)
from leadflow.check.nones import ITEM, may_be_none
from leadflow.check.program import (
    AgentSymbol,
    BrokenSymbol,
    ConstSymbol,
    ModuleScope,
    Program,
    ToolSymbol,
    Writes,
)
from leadflow.check.statements import statements_in, steps_in, undo_of
from leadflow.diagnostics import Edit, Fix, Span
from leadflow.syntax import tree


def is_library(name: str) -> bool:
    """Whether a module is not of this project: its warnings are not the author's business."""
    return name == "std" or name.startswith("std.")


# --- one flow -----------------------------------------------------------------------------------------------------


def lint_flow(cx: Context, *, is_clean: bool, is_right: bool) -> None:
    """Warn about names of a flow that nobody reads (rule A3), writes without `undo`, keys that are all the same, and a
    needless `?`.

    Args:
        is_clean: nothing was said about the flow so far: what is known of its values is all that there is to know.
        is_right: no error was: what nobody reads is not what an error keeps from being read.
    """
    if cx.flow is None:
        return
    _asks_in(cx, cx.scope.key(cx.flow.name.text))  # now, after the flows that it calls, so that nobody has to dig deep
    writes = cx.program.writes[cx.scope.key(cx.flow.name.text)] = _note_writes(cx, cx.flow)
    if is_library(cx.scope.module.name):
        return
    for var in cx.bound if is_right else ():
        if var.read or var.name in cx.mentioned or var.name.startswith("_"):
            continue
        if var.what == "step":
            _lint_step(cx, var)
        elif not var.read_arms:
            what = "value" if var.what == "let" else var.what
            cx.report(unused_name(var.span, var.name, what=what))
    _lint_undo(cx, writes)
    if is_right:
        check_keys(cx)
    if is_clean:
        _lint_result(cx)


def _lint_step(cx: Context, var: Var) -> None:
    step = var.node
    info = cx.program.steps.get(var.decls[0])
    if not isinstance(step, tree.Step) or info is None or info.effect not in ("pure", "read"):
        return
    if not var.read_arms:
        if _asks(cx, step):
            cx.report(unused_result(var.span, var.name, effect="reads" if info.effect == "read" else "computes"))
    elif len(var.read_arms) == 1:
        arm = next(iter(var.read_arms))
        if arm.span is not None and _asks(cx, step):
            opener = arm.span._replace(end=arm.span.start + 1)
            cx.report(read_in_one_arm(var.span, var.name, arm=opener, fix=_move(cx, step, opener)))


def _move(cx: Context, step: tree.Step, opener: Span) -> Fix | None:
    """The fix that moves a step behind the opening brace of an arm."""
    text = cx.scope.module.source.at(step.span)
    if text.startswith("##") or cx.scope.module.source.at(opener) != "{":
        return None
    return Fix("move the step into the arm", (Edit(step.span, ""), Edit(opener, f"{{ {text} ")))


def _asks(cx: Context, step: tree.Step) -> bool:
    """Whether a step is done for its result. A wait, a person's yes, or a check that can fail is worth something
    without one, also inside a block or a flow that is called."""
    call = cx.program.calls.get(step.action.id)
    if isinstance(call, FlowCallInfo):
        return _asks_in(cx, call.flow)
    if not isinstance(call, ActionCall):
        action = step.action
        return call is not None or (
            isinstance(action, tree.For | tree.Repeat | tree.Parallel | tree.Race | tree.Do)
            and _all_ask(cx, action.body)
        )
    agent = cx.program.agents.get(call.agent)
    row = agent.kind.action(call.action) if agent is not None and agent.kind is not None else None
    return row is None or row.declared


def _all_ask(cx: Context, block: tree.Block) -> bool:
    """Whether all that is done in a block is done for a result."""
    return all(
        not isinstance(part, tree.Fail) and (not isinstance(part, tree.Step) or _asks(cx, part))
        for part in statements_in(block)
    )


def _asks_in(cx: Context, flow: str) -> bool:
    """Whether all that a flow does is done for its result; each flow is looked at once."""
    known = cx.program.only_asks.get(flow)
    if known is None:
        info = cx.program.flows.get(flow)
        cx.program.only_asks[flow] = True  # for flows that call each other, which is reported
        known = info is None or _all_ask(cx, info.decl.body)
        cx.program.only_asks[flow] = known
    return known


def _note_writes(cx: Context, flow: tree.FlowDecl) -> Writes:
    """What a flow, and what it calls, writes and undoes (rule C7)."""
    found = Writes()
    for node in steps_in(flow.body):
        undo = undo_of(node)
        if undo is not None and undo.call is not None:
            found.undone = found.undone or undo.span
        call = cx.program.calls.get(node.action.id)
        if isinstance(call, FlowCallInfo) and call.flow in cx.program.writes:
            inner = cx.program.writes[call.flow]
            found.undone = found.undone or inner.undone
            if undo is None and inner.bare:
                found.bare.append((node, inner.bare[0][0]))
        elif undo is None and isinstance(call, ActionCall) and call.effect in ("write", "dangerous"):
            found.bare.append((node, node))
    return found


def _lint_undo(cx: Context, writes: Writes) -> None:
    """Warn about writes without `undo` where others have one (rule C7)."""
    for step, write in writes.bare if writes.undone is not None else ():
        inside = None if write is step else (write.name.text, write.name.span)
        cx.report(write_without_undo(step.name.span, step.name.text, other=writes.undone or step.span, inside=inside))


def _lint_result(cx: Context) -> None:
    """Warn about a result that says it may be none where no path gives none: callers would ask for nothing."""
    if cx.flow is None or cx.flow.result is None or cx.body is None or not cx.body.yields:
        return
    given = [statement.value for statement, _ in cx.body.yields]
    for path, written in _optional_parts(cx.flow.result, ()):
        if not any(may_be_none(cx.program.types, value, path) for value in given):
            source = cx.scope.module.source
            type_ = source.at(written.span).removesuffix("?").rstrip()
            what = f"'{path[-1]}' of the result" if path and path[-1] != ITEM else "an item" if path else "the result"
            cx.report(needless_optional(written.span, what=f"{what} of '{cx.flow.name.text}'", type_=type_))


def _optional_parts(written: tree.TypeExpr, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tree.TypeExpr]]:
    """The parts of a type written `T?`, with the way to them."""
    match written:
        case tree.OptionalType(inner):
            yield path, written
            yield from _optional_parts(inner, path)
        case tree.RecordType(fields):
            for one in fields:
                yield from _optional_parts(one.type, (*path, one.name.text))
        case tree.GenericType((tree.Ident("list"),), (item,)):
            yield from _optional_parts(item, (*path, ITEM))
        case _:
            return


# --- one file -----------------------------------------------------------------------------------------------------


def lint_files(program: Program) -> None:
    """Warn about declarations and imports that nobody uses. What a file without flows declares is for others."""
    for scope in program.scopes.values():
        if is_library(scope.module.name):
            continue
        _lint_imports(program, scope)
        items = scope.module.tree.items
        if program.report.has_errors:
            continue  # what an error stands in place of may be what reads a name
        if scope.module is program.main and any(isinstance(item, tree.FlowDecl) for item in items):
            _lint_declarations(program, scope)


def _lint_imports(program: Program, scope: ModuleScope) -> None:
    for item in scope.module.tree.items:
        if not isinstance(item, tree.Use):
            continue
        names = [(used.alias or used.name) for used in item.names] if item.names is not None else []
        if item.names is None and (item.alias or item.path):
            names = [item.alias or item.path[-1]]
        for name in names:
            is_broken = isinstance(scope.values.get(name.text), BrokenSymbol)
            if name.text not in scope.used and not is_broken:
                program.report(unused_import(name.span, name.text))


def _lint_declarations(program: Program, scope: ModuleScope) -> None:
    words: dict[type, str] = {AgentSymbol: "agent", ToolSymbol: "tool", ConstSymbol: "constant"}
    for symbol in scope.values.values():
        word = words.get(type(symbol))
        decl = getattr(symbol, "decl", None)
        if (
            word is not None
            and decl is not None
            and getattr(symbol, "home", None) is scope
            and decl.id not in program.used
        ):
            _report_unused(program, decl.name, word)
    for type_ in scope.types.values():
        if type_ is not None and type_.home is scope and type_.decl.id not in program.used:
            _report_unused(program, type_.decl.name, "type")
    for policy in scope.policies.values():
        if policy is not None and policy.home is scope and policy.decl.id not in program.used:
            _report_unused(program, policy.decl.name, "policy")


def _report_unused(program: Program, name: tree.Ident, what: str) -> None:
    """Warn about a declaration that nobody in this program uses; a file checked beside it may."""
    finding = unused_name(name.span, name.text, what=what)
    program.report(finding)
    program.alone.append(finding)
