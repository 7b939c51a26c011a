"""`file("notes/a.txt")`: a file of the project as a value.

The path is a text that stands right there, so that which files a flow names can be read from it; no answer of a model
ever becomes one. Like the path of an import it starts at the folder of the file that says it and leads nowhere above.
Whether the file is there is found out when somebody reads it.
"""

from collections.abc import Callable
from pathlib import PurePosixPath

from leadflow.check.context import Context
from leadflow.check.messages.values import file_literal
from leadflow.check.written_path import DOT, misplaced, without_dot
from leadflow.plan.types import FILE, FileRef, Type
from leadflow.syntax import tree

FILE_FUNCTION = "file"
_INSTEAD = "the file has to lie in it, or below"


def file_call(cx: Context, call: tree.Call, infer: Callable[[Context, tree.Expr, Type | None], Type]) -> Type:
    """Check the path, and note the file that it means, by its path from the project's root."""
    if len(call.args) != 1 or call.args[0].name is not None:
        for arg in call.args:
            infer(cx, arg.value, None)
        cx.report(file_literal(call.span, hint='it has one path: file("notes/a.txt")'))
        return FILE
    path = call.args[0].value
    infer(cx, path, None)
    written = path.plain if isinstance(path, tree.Text) else None
    why = "its path is a text that stands right here" if written is None else misplaced(written, instead=_INSTEAD)
    if why is not None:
        fix = without_dot(path.span, written) if written is not None and why is DOT else None
        cx.report(file_literal(path.span, hint=why, fix=fix))
    elif written is not None:
        folder = PurePosixPath(cx.scope.module.source.name).parent
        cx.program.constants[call.id] = FileRef(str(folder / written))
    return FILE
