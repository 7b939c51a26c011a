"""What the compiler says about a text, for tests of documents and of explain pages."""

from leadflow.check.reading import ReadProblem
from leadflow.diagnostics.diagnostic import Diagnostic
from leadflow.pipeline import check_file
from leadflow.plan.lock import Lock, lock_path, make_tool, write_lock

SPOKEN = "FLOW"
"""How the codes begin that `findings` can give."""

_PATH = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
_TEXT = {"type": "object", "properties": {"content": {"type": "string"}}, "required": ["content"]}
_BOTH = {"type": "object", "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
         "required": ["path", "content"]}  # fmt: skip
LOCKS = {
    lock_path("filesystem"): write_lock(
        Lock(
            "filesystem",
            "files 1",
            (
                make_tool("read_file", "Reads a file.", (_PATH, _TEXT), ["readOnlyHint"]),
                make_tool("list_directory", "Lists a folder.", (_PATH, _TEXT), ["readOnlyHint"]),
                make_tool("write_file", "Writes a file.", (_BOTH, _TEXT)),
            ),
        )
    ),
    lock_path("torn"): "<<<<<<< HEAD",
}
"""The locks beside every text: of a server of files, and one that is none."""

PROJECT: dict[str, bytes | ReadProblem] = {
    **{path: text.encode() for path, text in LOCKS.items()},
    "shared.flow": b"leadflow 1\nconst x = 1\n",
    "Shared.flow": ReadProblem("case", "shared.flow"),
    "folder.flow": ReadProblem("not_a_file", "it is a folder"),
    "ticket.schema.json": b"""{
      "title": "Ticket",
      "type": "object",
      "properties": { "id": { "type": "string", "pattern": "^T-[0-9]+$" }, "kind": { "enum": ["bug", "billing"] } },
      "required": ["id", "kind"],
      "$defs": { "Order": { "type": "object", "properties": { "price": { "type": "number", "multipleOf": 0.01 } } } }
    }""",
}
"""The files beside the text. There is also a chain `chain/f1.flow`, `chain/f2.flow`, … without end."""


def read(path: str) -> bytes | ReadProblem:
    """A file of the project."""
    if path.startswith("chain/"):
        number = int(path.removeprefix("chain/f").removesuffix(".flow"))
        return f'leadflow 1\nuse "f{number + 1}.flow" as next\nconst x = next.x\n'.encode()
    return PROJECT.get(path, ReadProblem("missing"))


def findings(text: str) -> tuple[Diagnostic, ...]:
    """Everything that is reported about one file, in order."""
    _, report = check_file("main.flow", lambda path: text.encode() if path == "main.flow" else read(path))
    return report.diagnostics
