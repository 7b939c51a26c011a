"""What is worked out before the run stays small, however fast a text of a few lines grows."""

from leadflow.pipeline import compile_source
from leadflow.plan.codec import to_text

EIGHT = "let a0 = [1, 2, 3, 4, 5, 6, 7, 8]\n" + "".join(f"let a{n + 1} = [{f'a{n}, ' * 8}]\n" for n in range(20))
TWICE = 'let a0 = "some words"\n' + "".join(f'let a{n + 1} = "${{a{n}}}${{a{n}}}"\n' for n in range(60))


def plan_text(body: str) -> str:
    """The plan of a flow `main` as text."""
    plan, report = compile_source("main.flow", f"leadflow 1\nflow main() -> int {{\n{body}return len(a20)\n}}\n")
    assert plan is not None, list(report)
    return to_text(plan)


def test_lists_of_lists_are_not_copied_into_the_plan() -> None:
    """Eight to the twentieth parts are left to the run, which refuses them."""
    assert len(plan_text(EIGHT)) < 1_000_000


def test_texts_of_texts_are_not_copied_into_the_plan() -> None:
    """Nor are two to the sixtieth words."""
    assert len(plan_text(TWICE)) < 1_000_000
