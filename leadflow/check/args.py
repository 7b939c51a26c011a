"""Which argument goes to which parameter: one rule for functions, actions, flows, tools and annotations.

Knows names and counts; types are the caller's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leadflow.check.context import Context
from leadflow.check.habits import argument_elsewhere, argument_meant
from leadflow.check.messages.names import unknown_argument
from leadflow.check.messages.values import (
    argument_twice,
    missing_argument,
    positional_after_named,
    too_many_arguments,
)
from leadflow.diagnostics import Label, Span, nearest
from leadflow.record import record
from leadflow.syntax import tree


@record
class Slot:
    """A parameter, as far as binding needs it."""

    name: str
    required: bool = False
    positional: bool = True
    many: bool = False
    """Takes all further positional arguments."""


@dataclass(slots=True)
class Bound:
    """Arguments by parameter, in the order of the parameters' slots."""

    by_name: dict[str, list[tree.Arg]] = field(default_factory=dict)
    extra: list[tree.Arg] = field(default_factory=list)
    """What an open callee takes beyond its parameters."""
    loose: list[tree.Arg] = field(default_factory=list)
    """Arguments that were reported; what they hold is still looked at."""
    complete: bool = True
    """No argument is missing."""

    def one(self, name: str) -> tree.Expr | None:
        """The value of an argument, None when it is not given."""
        found = self.by_name.get(name)
        return found[0].value if found else None


def bind(
    cx: Context, args: Sequence[tree.Arg], slots: Sequence[Slot], *, owner: str, span: Span,
    open_ended: bool = False, label: Label | None = None,
) -> Bound:  # fmt: skip
    """Match arguments with parameters; what does not match is reported.

    Args:
        owner: how messages call what is called.
        span: where a missing argument is reported.
        open_ended: further arguments of any name are allowed, and collected in `extra`.
        label: another place to show for a missing argument.
    """
    bound = Bound()
    unknown: list[tree.Ident] = []
    byname = {slot.name: slot for slot in slots}
    ordered = [slot for slot in slots if slot.positional]
    count = 0
    named: tree.Arg | None = None
    for arg in args:
        if arg.name is None:
            if named is not None:
                if not bound.loose:
                    cx.report(positional_after_named(arg.value.span))
                bound.complete = False
                bound.loose.append(arg)
                continue
            _take_next(cx, bound, arg, ordered, count, owner=owner, slots=slots, open_ended=open_ended)
            count += 1
            continue
        named = arg
        slot = byname.get(arg.name.text)
        if slot is not None and slot.name in bound.by_name:
            bound.loose.append(arg)
            cx.report(argument_twice(arg.span, slot.name, first=bound.by_name[slot.name][0].span))
        elif slot is not None:
            bound.by_name[slot.name] = [arg]
        elif open_ended:
            _take_extra(cx, bound, arg, arg.name)
        else:
            bound.loose.append(arg)
            unknown.append(arg.name)
    missing = [slot.name for slot in slots if slot.required and slot.name not in bound.by_name]
    misspelt = _say_unknown(cx, unknown, byname, owner=owner, missing=missing)
    is_said, bound.complete = not bound.complete, bound.complete and not missing
    missing = [name for name in missing if name not in misspelt]
    if missing and not is_said:
        cx.report(missing_argument(span, missing, owner=owner, labels=(label,) if label else ()))
    return bound


def _say_unknown(
    cx: Context, unknown: Sequence[tree.Ident], slots: Mapping[str, Slot], *, owner: str, missing: Sequence[str]
) -> set[str | None]:
    """Report arguments of names that no parameter has; the parameters that they are taken for. One that is missing is
    what a single unknown one stands for, whatever it is called."""
    meant_by: set[str | None] = set()
    known = cx.program.known(slots)
    for each in unknown:
        name = each.text
        note = argument_elsewhere(name, owner=owner)
        meant = argument_meant(name, slots) or nearest(name, slots)
        if meant is None and note is None and len(missing) == len(unknown) == 1:
            meant = missing[0]
        cx.report(unknown_argument(each.span, name, owner=owner, known=known, meant=meant, note=note))
        meant_by.add(meant)
    return meant_by


def _take_extra(cx: Context, bound: Bound, arg: tree.Arg, name: tree.Ident) -> None:
    first = next((other for other in bound.extra if other.name is not None and other.name.text == name.text), None)
    if first is None:
        bound.extra.append(arg)
    else:
        cx.report(argument_twice(arg.span, name.text, first=first.span))


def _take_next(
    cx: Context, bound: Bound, arg: tree.Arg, ordered: Sequence[Slot], count: int, *,
    owner: str, slots: Sequence[Slot], open_ended: bool,
) -> None:  # fmt: skip
    """Give a positional argument to the parameter whose turn it is."""
    many = ordered[-1] if ordered and ordered[-1].many else None
    if count < len(ordered):
        slot = ordered[count]
    elif many is not None:
        slot = many
    elif open_ended:
        bound.extra.append(arg)
        return
    else:
        bound.loose.append(arg)
        if count == len(ordered):
            by_name = [slot.name for slot in slots if slot.name not in bound.by_name]
            cx.report(too_many_arguments(arg.value.span, owner=owner, most=len(ordered), named=by_name))
        return
    taken = bound.by_name.get(slot.name)
    if taken is None:
        bound.by_name[slot.name] = [arg]
    elif slot.many:
        taken.append(arg)
    else:
        bound.loose.append(arg)
        cx.report(argument_twice(arg.span, slot.name, first=taken[0].span))
