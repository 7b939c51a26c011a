"""What this version checks and does not run. Decided here, so that the checker warns of exactly what a run refuses; who
may be asked, the one finds in the tree and the other in the plan (tests/test_unrun.py holds the two together).
"""

from collections.abc import Container

from leadflow.plan.kinds import BUILT_IN, LATER, find_kind


def unrun_kind(name: str) -> str | None:
    """Why agents of a kind are not run; None when they are, or when the kind is another package's."""
    known = find_kind({**LATER, **BUILT_IN}, name)
    if known is None or known.runs:
        return None
    hint = "; a 'role' with 'via: […]' asks the first model that can" if known.name == "pool" else ""
    return f"agents of the kind '{name}' are checked, but not run by this version{hint}"


def unrun_tool(name: str, kinds: Container[str]) -> str | None:
    """Why a model cannot use a tool that is answered by agents of these kinds; None when it can."""
    if "human" not in kinds:
        return None
    return f"the tool '{name}' asks a person, which can take days, and a model cannot wait for that; ask in a step"
