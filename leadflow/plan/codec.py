"""Plans as JSON and back: lossless, canonical, versioned; and their hash.

The form is that of `plan.shapes`. The hash is that of the same JSON without what says where or how something was
written: equal meaning, equal hash, whatever the layout and the comments of the text. Reading refuses other versions
and whatever is no plan, and makes nothing but a plan (case D17).
"""

import json
from dataclasses import replace
from hashlib import blake2b

from leadflow.plan.expr import Expr
from leadflow.plan.plan import PLAN_VERSION, Plan
from leadflow.plan.shapes import NotAPlan, reader, writer

__all__ = ["NotAPlan", "content_hash", "expr_text", "from_text", "seal", "to_text"]

_write_plan = writer(Plan, full=True)
_write_meaning = writer(Plan, full=False)
_read_plan = reader(Plan)
_write_expr = writer(Expr, full=True)


def to_text(plan: Plan) -> str:
    """The plan as canonical JSON, in ASCII: always the same text for the same plan."""
    return _write_plan(plan)


def from_text(text: str | bytes) -> Plan:
    """The plan that `to_text` wrote.

    Raises:
        NotAPlan: it is none, or one of another version.
    """
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotAPlan("this is no JSON") from None
    version = raw.get("version") if isinstance(raw, dict) else None
    if version != PLAN_VERSION:
        raise NotAPlan(f"this is no plan of version {PLAN_VERSION}")
    try:
        plan: Plan = _read_plan(raw)
    except RecursionError:
        raise NotAPlan("the plan is nested too deeply") from None
    return plan


def seal(plan: Plan) -> Plan:
    """The plan with its hash."""
    return replace(plan, hash=content_hash(plan))


def content_hash(plan: Plan) -> str:
    """What the plan means, as 32 hexadecimal digits."""
    return blake2b(_write_meaning(plan).encode("ascii"), digest_size=16).hexdigest()


def expr_text(expr: Expr) -> str:
    """An expression as canonical JSON."""
    return _write_expr(expr)


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number")
