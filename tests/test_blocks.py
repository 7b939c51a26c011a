"""The reader of fenced blocks finds every block with its place."""

import pytest

from tests.blocks import Block, blocks

DOCUMENT = """\
# Title
```flow
let a = 1
```
Text with `code` and ```inline``` fences.

  ```flow wrong
  let a = 1
    let b = 2
  ```
````sh tested
```
````
```
plain
```
"""


def test_blocks_have_place_language_words_and_text() -> None:
    """Indented and longer fences count; inline ones do not; a block's own indent is not its text."""
    assert [
        Block(3, "flow", (), "let a = 1\n"),
        Block(8, "flow", ("wrong",), "let a = 1\n  let b = 2\n"),
        Block(12, "sh", ("tested",), "```\n"),
        Block(15, "", (), "plain\n"),
    ] == list(blocks(DOCUMENT))


def test_blocks_of_one_language() -> None:
    """Other languages are left out."""
    assert [3, 8] == [block.line for block in blocks(DOCUMENT, "flow")]


def test_a_block_that_is_never_closed_is_an_error() -> None:
    """It would swallow the rest of the document without a word."""
    with pytest.raises(ValueError, match="line 2 is never closed"):
        list(blocks("a\n```flow\nb\n"))
