"""`secret("NAME")` and what is made of one (rule E4): which calls are well formed. Where they may stand is decided by
the slots of the catalogue."""

import re
from collections.abc import Callable

from leadflow.check.context import Context
from leadflow.check.messages.types import wrong_type
from leadflow.check.messages.values import in_quotes, secret_literal
from leadflow.plan.types import SECRET, STRING, UNKNOWN, Type, show
from leadflow.syntax import tree

SECRET_FUNCTIONS = {"secret": 1, "bearer": 1, "hmac": 1, "basic": 2, "prefix": 2}
"""Functions that give a secret, with the number of their arguments: the last is a secret, but for `secret` itself."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def secret_call(
    cx: Context, call: tree.Call, name: str, infer: Callable[[Context, tree.Expr, Type | None], Type]
) -> Type:
    """Check the arguments; the result is a secret in any case."""
    form = (
        'secret("NAME")' if name == "secret" else f"{name}({'text, ' if SECRET_FUNCTIONS[name] == 2 else ''}secret(…))"
    )
    values = [arg.value for arg in call.args]
    if len(values) != SECRET_FUNCTIONS[name] or any(arg.name is not None for arg in call.args):
        cx.report(secret_literal(call.span, hint=f"write {form}"))
        return SECRET
    last = values[-1]
    if name == "secret":
        plain = last.plain if isinstance(last, tree.Text) else None
        if plain is None:
            hint = 'the name of a secret is written as a plain text: secret("NAME")'
            fix = in_quotes(last.span, last.text) if isinstance(last, tree.Name) else None
            cx.report(secret_literal(last.span, hint=hint, fix=fix))
        elif not _VARIABLE.fullmatch(plain):
            hint = f"'{plain}' is no name of a variable: letters, digits and '_', not a digit first"
            cx.report(secret_literal(last.span, hint=hint))
        return SECRET
    types = [infer(cx, value, None) for value in values]
    given = types[-1]
    if given not in (SECRET, UNKNOWN):
        cx.report(secret_literal(last.span, hint=f"'{name}' is made of a secret: {form}"))
    if len(types) == 2 and types[0] not in (STRING, UNKNOWN):
        where = f"the first argument of '{name}'"
        cx.report(wrong_type(values[0].span, where=where, wanted="string", given=show(types[0])))
    return SECRET
