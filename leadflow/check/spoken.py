"""How messages call a value or a write: in the author's words where they are short, else `this`."""

from leadflow.check.context import Context
from leadflow.check.messages.policies import Repeated
from leadflow.diagnostics import Label, Span
from leadflow.syntax import tree


def spoken(expr: tree.Expr) -> str:
    """`'ticket.body'`, `'words[0]'`, or `this`."""
    words = _words(expr)
    return "this" if words is None or len(words) > 40 else f"'{words}'"


def _words(expr: tree.Expr) -> str | None:
    """The text of a path; None for what computes something."""
    parts: list[str] = []
    while True:
        match expr:
            case tree.Name(text=text):
                return "".join([text, *reversed(parts)])
            case tree.Member(target=target, name=name, safe=safe):
                parts.append(f"{'?.' if safe else '.'}{name.text}")
            case tree.Index(target=target, index=tree.Int(value=at)):
                parts.append(f"[{at}]")
            case tree.Index(target=target, index=tree.Text() as text) if text.plain is not None:
                parts.append(f'["{text.plain}"]')
            case _:
                return None
        expr = target


def write_inside(cx: Context, at: Span) -> Repeated:
    """How messages call a write inside of what may be repeated, and where its key is written."""
    source, labels = cx.scope.module.source, (Label(at, "this is the write"),)
    if at.file != source.name:
        return Repeated("a write inside", "on the step inside that writes", labels=labels)
    return Repeated(f"the write of step '{source.at(at)}' inside", f"on step '{source.at(at)}'", labels=labels)
