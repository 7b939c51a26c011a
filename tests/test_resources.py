"""Where the grammar and the standard library are found. Here in a checkout; .ci/run looks into a wheel."""

import pytest

from leadflow import resources


def test_the_grammar_is_found() -> None:
    """The grammar opens, and is a Lark grammar with a start rule."""
    assert "start" in resources.grammar_text()


def test_every_module_can_be_read() -> None:
    """What is listed as a module of the standard library has a text."""
    modules = resources.stdlib_modules()
    assert modules == tuple(sorted(set(modules)))
    assert all(resources.stdlib_text(module) for module in modules)


@pytest.mark.parametrize("module", ["", ".", "..", "../grammar/SPEC", "nowhere", "a.flow", "/etc/passwd"])
def test_what_is_no_module_has_no_text(module: str) -> None:
    """A name that is not listed gives None, whatever path it spells."""
    assert resources.stdlib_text(module) is None
