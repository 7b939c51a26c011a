"""The pages of `leadflow explain`: every code has one, and no page can lie."""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from leadflow.diagnostics.codes import CodePage, Draft, code, pages
from leadflow.diagnostics.span import Span
from tests.blocks import blocks
from tests.checking import findings

PACKAGE = Path(__file__).resolve().parent.parent / "leadflow"
PHASES = {"syntax": "1", "check": "2345"}
"""Room -> the first digits of the codes that it speaks."""


def registered() -> Mapping[str, CodePage]:
    """All pages, once every module of messages is imported."""
    for file in sorted(PACKAGE.rglob("messages*.py")):
        import_module(".".join(("leadflow", *file.relative_to(PACKAGE).with_suffix("").parts)))
    return pages()


PAGES = registered()


def flaws(page: CodePage) -> list[str]:
    """What is wrong with the form of a page."""
    examples = list(blocks(page.text, "flow"))
    prose = page.text.split("```")[0].strip()
    wrong = {
        "code": not re.fullmatch(r"FLOW[1-5][0-9]{2}", page.code),
        "title": not re.fullmatch(r"[A-Z][^.'\"`]{2,59}", page.title) or page.title.endswith(" "),
        "text before the first example": len(prose) < 20,
        "a wrong and a right example": len(examples) < 2,
        "examples that differ": len({example.text for example in examples}) < len(examples),
        "severity": page.severity not in ("error", "warning"),
    }
    return [f"{page.code}: {name}" for name, is_wrong in wrong.items() if is_wrong]


@pytest.mark.parametrize("number", PAGES)
def test_every_page_is_complete(number: str) -> None:
    """A code has a title that names nothing of the author's, a text, and two different examples."""
    assert [] == flaws(PAGES[number])


@pytest.mark.parametrize("number", PAGES)
def test_no_page_lies(number: str) -> None:
    """The first example of a page raises its code; the last one neither does so nor has any error."""
    first, *_, last = (block.text for block in blocks(PAGES[number].text, "flow"))
    assert number in {found.code for found in findings(first)}
    assert [] == [found for found in findings(last) if found.severity == "error" or found.code == number]


def test_titles_are_different() -> None:
    """Two codes with one title would be one code."""
    titles = [page.title for page in PAGES.values()]
    assert [] == [title for title in set(titles) if titles.count(title) > 1]


@pytest.mark.parametrize("room", PHASES)
def test_every_phase_speaks_its_own_codes(room: str) -> None:
    """Syntax says FLOW1xx, the checker FLOW2xx to FLOW5xx; the code tells where to look."""
    texts = [file.read_text("utf-8") for file in (PACKAGE / room).glob("messages*.py")]
    numbers = [number for text in texts for number in re.findall(r'^@code\(\s*"FLOW(\d)', text, re.MULTILINE)]
    assert set(numbers) <= set(PHASES[room])


def test_a_planted_page_is_found_wanting() -> None:
    """A page without text and examples has every flaw that its docstring can have."""
    empty = CodePage("FLOW9", "unknown 'x'.", "error", "")
    found = [flaw.removeprefix("FLOW9: ") for flaw in flaws(empty)]
    assert ["code", "title", "text before the first example", "a wrong and a right example"] == found


def test_a_code_is_taken_once() -> None:
    """Registering a code a second time fails at import, where its author sees it."""
    taken = next(iter(PAGES))
    with pytest.raises(ValueError, match="registered twice"):

        @code(taken, "Another title")
        def _(span: Span) -> Draft:
            return Draft(span, "")
