"""The idempotency key of a call that is safe to repeat, where its author gives none (case R3). Pure.

It is the same at every attempt of one logical step: of the call's own, of the blocks and flows around it, and in
another process. An undo belongs to what one attempt of them did, so that of another attempt has another key.
"""

from collections.abc import Mapping
from hashlib import blake2b

from leadflow.plan.forms import canonical
from leadflow.plan.paths import without_attempts
from leadflow.plan.types import Value
from leadflow.plan.undoing import SUFFIX


def made_key(run: str, path: str, args: Mapping[str, Value]) -> str:
    """The key of the call of that path with these arguments."""
    around, undo, rest = path.rpartition(SUFFIX)
    told = f"{run}\0{around}{undo}{without_attempts(rest)}\0".encode("utf-8", "surrogatepass")
    return blake2b(told + canonical(dict(args)), digest_size=16).hexdigest()
