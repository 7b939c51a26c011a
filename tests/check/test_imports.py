"""Which files a program may be made of: below the root only, plain files only, each once (cases 120 to 126)."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from leadflow.check.loader import MOST_FILES
from leadflow.diagnostics import Diagnostic
from leadflow.files import find_root, reader
from leadflow.pipeline import check_file, check_source


def found(root: Path, text: str, *, main: str = "main.flow") -> list[Diagnostic]:
    """The errors of a main file in a folder."""
    path = root / main
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    _, report = check_file(main, reader(root))
    return [diagnostic for diagnostic in report if diagnostic.severity == "error"]


def codes(root: Path, use: str) -> list[str]:
    """The codes of the errors of a file with one import."""
    return [diagnostic.code for diagnostic in found(root, f"leadflow 1\nuse {use} (x)\nconst y = x\n")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a shared file, and a secret one outside of it."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "shared.flow").write_text("leadflow 1\nconst x = 1\n", "utf-8")
    (tmp_path / "outside.flow").write_text("leadflow 1\nconst x = 1\n", "utf-8")
    return root


def test_a_mock_of_an_agent_that_was_not_imported_says_so(project: Path) -> None:
    """A test in a file of its own takes from the flow's file what it mocks, too."""
    agent = 'agent crm: http { url: "https://crm.example.com" }\n'
    flow = 'flow handle() -> string {\n  step a: string = crm.get("/x")\n  return a\n}\n'
    (project / "flow.flow").write_text(f"leadflow 1\n{agent}{flow}", "utf-8")
    test = 'test "t" {\n  mock crm.get => "x"\n  run r = handle()\n  expect r.value == "x"\n}\n'
    said = found(project, f'leadflow 1\nuse "flow.flow" (handle)\n{test}')
    hint = "flow.flow has an agent 'crm': take it, too, as in 'use … (handle, crm)'"
    assert [f"unknown flow, agent or tool 'crm'; {hint}"] == [one.message for one in said]
    assert [] == found(project, f'leadflow 1\nuse "flow.flow" (handle, crm)\n{test}')


@pytest.mark.parametrize("use", ['"shared.flow"', "shared"])
def test_a_file_of_the_project_is_imported(project: Path, use: str) -> None:
    """By its path from the importing file, or by its dotted name from the root."""
    assert [] == codes(project, use)


def test_quoted_paths_start_at_the_importing_file(project: Path) -> None:
    """A file in a folder finds its neighbours by their bare name, and the root's files by a dotted one."""
    folder = project / "lib"
    folder.mkdir()
    (folder / "near.flow").write_text("leadflow 1\nconst z = 1\n", "utf-8")
    text = 'leadflow 1\nuse "near.flow" (z)\nuse shared (x)\nconst w = x + z\n'
    assert [] == found(project, text, main="lib/main.flow")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd.flow",
        "../outside.flow",
        "a/../../outside.flow",
        "./shared.flow",
        "a//b.flow",
        "C:\\\\shared.flow",
        "\\\\\\\\server\\\\share.flow",
        "C:shared.flow",
        "file:///etc/passwd.flow",
        "http://example.com/a.flow",
        "https://example.com/a.flow",
        "shared.txt",
        "shared",
        "",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(project: Path, path: str) -> None:
    """Absolute paths, `..`, drives, shares, addresses and other endings: case 120, before anything is opened."""
    assert ["FLOW221"] == codes(project, f'"{path}"')


def test_the_standard_library_in_quotes_is_named_without(project: Path) -> None:
    """Not told to end in `.flow`: the suggestion is the import that was meant."""
    text = 'leadflow 1\nuse "std.patterns" (majority)\nflow main(v: list[string]) -> string { return "x" }\n'
    one = next(d for d in found(project, text) if d.code == "FLOW221")
    assert (True, True) == ("without quotes" in one.message, one.fix is not None)
    assert one.fix is not None
    assert ["std.patterns"] == [edit.text for edit in one.fix.edits]


def test_a_link_out_of_the_root_is_refused(project: Path) -> None:
    """A link is followed first and judged by where it leads: case 120."""
    (project / "link.flow").symlink_to(project.parent / "outside.flow")
    (project / "folder").symlink_to(project.parent, target_is_directory=True)
    assert ["FLOW221"] == codes(project, '"link.flow"')
    assert ["FLOW221"] == codes(project, '"folder/outside.flow"')


def test_a_schema_is_confined_like_a_flow(project: Path) -> None:
    """A JSON Schema is read below the root only, and only when it is a plain file: case 120."""
    schema = '{"title": "T", "type": "string"}'
    (project / "t.json").write_text(schema, "utf-8")
    (project.parent / "t.json").write_text(schema, "utf-8")
    (project / "link.json").symlink_to(project.parent / "t.json")
    os.mkfifo(project / "pipe.json")
    text = 'leadflow 1\nuse "{}" (T)\nflow main(t: T) -> string {{ return t }}\n'
    names = ("t.json", "link.json", "../t.json", "pipe.json", "T.json")
    said = [[d.code for d in found(project, text.format(name))] for name in names]
    assert [[], ["FLOW221"], ["FLOW221"], ["FLOW222"], ["FLOW224"]] == said


def test_a_link_inside_the_root_is_followed(project: Path) -> None:
    """Where the link leads is a file of the project like any other."""
    (project / "link.flow").symlink_to(project / "shared.flow")
    assert [] == codes(project, '"link.flow"')


def test_links_in_a_circle_are_refused(project: Path) -> None:
    """A circle of links ends at once: case 120."""
    (project / "a.flow").symlink_to(project / "b.flow")
    (project / "b.flow").symlink_to(project / "a.flow")
    assert ["FLOW221"] == codes(project, '"a.flow"')


def test_a_name_with_other_capitals_is_refused(project: Path) -> None:
    """What is found on one computer and not on another is a mistake on both: case 121."""
    assert ["FLOW224"] == codes(project, '"Shared.flow"')


def test_what_is_no_plain_file_is_refused(project: Path) -> None:
    """A folder, a FIFO (without waiting for it), a zip archive: cases 122 and 126."""
    (project / "folder.flow").mkdir()
    os.mkfifo(project / "fifo.flow")
    (project / "zip.flow").write_bytes(b"PK\x03\x04\x00\x00\x00\x00\xff\xfe")
    assert ["FLOW222"] == codes(project, '"folder.flow"')
    assert ["FLOW222"] == codes(project, '"fifo.flow"')
    assert codes(project, '"zip.flow"')[0].startswith("FLOW1")


@pytest.fixture
def nobody() -> Iterator[None]:
    """Rights like anybody's: root, who may read everything, is somebody else meanwhile."""
    check_source("warm.flow", "leadflow 1\n")  # the grammar may lie where only root may read
    own = os.geteuid()
    if own == 0:
        os.seteuid(65534)
    yield
    os.seteuid(own)


def test_an_unreadable_file_is_refused(nobody: None) -> None:
    """A file that may not be read is said to be one: case 125."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "shared.flow").write_text("leadflow 1\nconst x = 1\n", "utf-8")
        assert [] == codes(root, '"shared.flow"')
        (root / "shared.flow").chmod(0)
        assert ["FLOW222"] == codes(root, '"shared.flow"')


def test_a_missing_file_is_said_to_be_missing(project: Path) -> None:
    """There is no such file, no such folder, no such module of the standard library."""
    assert ["FLOW212"] == codes(project, '"nothing.flow"')
    assert ["FLOW212"] == codes(project, "nothing.here")
    assert ["FLOW212"] == codes(project, "std.nothing")


def test_a_chain_of_imports_ends(project: Path) -> None:
    """More files than a program may have: case 124."""
    for number in range(MOST_FILES + 5):
        text = f'leadflow 1\nuse "f{number + 1}.flow" (x)\nconst x = 1\n'
        (project / f"f{number}.flow").write_text(text.replace("(x)", "as next"), "utf-8")
    assert ["FLOW223"] == codes(project, '"f0.flow"')


@pytest.mark.parametrize(
    ("files", "loop"),
    [
        ({"main.flow": 'use "a.flow" as a', "a.flow": 'use "main.flow" as me'}, "a.flow → main.flow → a.flow"),
        (
            {"main.flow": "use a", "a.flow": "use b", "b.flow": "use c", "c.flow": "use a"},
            "a.flow → b.flow → c.flow → a.flow",
        ),
    ],
)
def test_files_that_import_each_other_are_named(files: dict[str, str], loop: str) -> None:
    """The message of a circle of imports names the whole circle: case 25."""
    texts = {name: f"leadflow 1\n{text}\nconst x = 1\n" for name, text in files.items()}
    _, report = check_source("main.flow", texts["main.flow"], files=texts)
    assert [f"these files import each other: {loop}"] == [d.message for d in report if d.code == "FLOW220"]


@pytest.mark.parametrize("size", [2, 3, 10])
def test_every_import_of_a_circle_is_shown(size: int) -> None:
    """At the one of the first file by name stands the message, at the others a label; from whichever one begins."""
    files = {f"f{n}.flow": f"leadflow 1\nuse f{(n + 1) % size} as next\nconst x = next.x\n" for n in range(size)}
    said = set()
    for main, text in files.items():
        _, report = check_source(main, text, files=files)
        (finding,) = report
        said.add(finding)
    (finding,) = said
    assert ("FLOW220", "f0.flow") == (finding.code, finding.span.file)
    places = [(label.span.file, label.text) for label in finding.labels]
    assert [(f"f{n}.flow", f"imports f{(n + 1) % size}.flow") for n in range(1, size)] == places


def test_a_file_that_imports_itself_is_told_so() -> None:
    """There is no circle to be shown."""
    text = 'leadflow 1\nuse "main.flow" as me\nconst x = 1\n'
    _, report = check_source("main.flow", text, files={"main.flow": text})
    assert ["main.flow imports itself"] == [d.message for d in report if d.code == "FLOW220"]


def test_a_file_may_be_reached_on_two_ways() -> None:
    """It is one file: what it declares is the same thing on both."""
    files = {
        "a.flow": "leadflow 1\nuse base (T)\nflow a(x: T) -> T { return x }\n",
        "b.flow": "leadflow 1\nuse base (T)\nflow b(x: T) -> T { return x }\n",
        "base.flow": "leadflow 1\ntype T { n: int }\n",
    }
    body = "flow f() -> int {\n step x = a(x: { n: 1 })\n step y = b(x: x)\n return y.n\n}\n"
    text = f"leadflow 1\nuse a (a)\nuse b (b)\n{body}"
    checked, report = check_source("main.flow", text, files=files)
    assert () == report.diagnostics
    assert checked is not None
    assert 4 == len(checked.modules)


@pytest.mark.parametrize(
    ("use", "near"),
    [
        ("use one.flow (x)", "one"),
        ("use project.one (x)", "one"),
        ("use one.x", "one (x)"),
        ('use "one" (x)', '"one.flow"'),
        ("use near (x)", "lib.near"),
        ('use "one.flow" (x)', "one"),
        ("use nothing.at.all (x)", None),
        ('use "nothing.flow" (x)', None),
    ],
)
def test_a_path_that_leads_nowhere_is_told_what_is_there(use: str, near: str | None, project: Path) -> None:
    """By the habits of other languages, and by mistaking what a path starts from; the fix is a path that is there."""
    main = "lib/main.flow" if near in ("lib.near",) or use == 'use "one.flow" (x)' else "main.flow"
    for name in ("one.flow", "lib/near.flow"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("leadflow 1\nconst x = 1\n", "utf-8")
    (finding,) = found(project, f"leadflow 1\n{use}\nconst y = 1\n", main=main)
    assert near == (finding.fix and finding.fix.edits[0].text)
    if near is not None:
        text = (
            f"leadflow 1\nuse {near}\nconst y = 1\n" if "(x)" in near else f"leadflow 1\nuse {near} (x)\nconst y = x\n"
        )
        assert [] == found(project, text, main=main)


def test_mistakes_of_imported_files_are_reported_in_them() -> None:
    """A finding of an imported file names that file."""
    files = {"lib.flow": "leadflow 1\nconst x = y\n"}
    _, report = check_source("main.flow", 'leadflow 1\nuse "lib.flow" (x)\nconst z = x\n', files=files)
    assert [("lib.flow", "FLOW201")] == [(d.span.file, d.code) for d in report]


def test_an_imported_file_that_is_no_text_is_told_with_its_line_and_its_import() -> None:
    """There is no text to show, so the message counts the lines, and a label shows who imports it."""
    files = {"main.flow": b"leadflow 1\nuse lib (x)\nconst y = 1\n", "lib.flow": b"leadflow 1\nconst x = \xff\n"}
    _, report = check_file("main.flow", files.__getitem__)
    (finding,) = [found for found in report if found.code == "FLOW102"]
    assert "byte 0xFF in line 2" in finding.message
    assert [("main.flow", "imported here")] == [(label.span.file, label.text) for label in finding.labels]


def test_names_of_modules_qualify_what_they_declare() -> None:
    """Flows and agents of imported files are known by module and name."""
    files = {
        "lib/net.flow": 'leadflow 1\nagent web: http { url: "https://example.com" }\nflow up() -> int { return 1 }\n'
    }
    text = (
        'leadflow 1\nuse lib.net as net\nuse "lib/net.flow" (up as lift)\n'
        'flow main() -> int {\n step a: int = net.web.get("/")\n step b = net.up()\n step c = lift()\n'
        " return a + b + c\n}\n"
    )
    checked, report = check_source("main.flow", text, files=files)
    assert checked is not None and not report.has_errors
    assert ["lib.net.up", "main"] == sorted(checked.flows)
    assert ["lib.net.web"] == list(checked.agents)


def test_nothing_outside_of_the_root_is_opened(project: Path) -> None:
    """While a program is checked, only its own files and the standard library are opened."""
    (project / "link.flow").symlink_to(project.parent / "outside.flow")
    opened: list[str] = []
    watching = True

    def watch(event: str, args: tuple[object, ...]) -> None:
        if watching and event == "open" and isinstance(args[0], str):
            opened.append(args[0])

    sys.addaudithook(watch)
    use = 'use "link.flow" (a)\nuse "../outside.flow" (b)\nuse shared (x)\nuse std.patterns (best)\n'
    found(project, f"leadflow 1\n{use}const y = x\n")
    watching = False
    names = [Path(name).name for name in opened if name.endswith(".flow")]
    assert "outside.flow" not in names and "passwd.flow" not in names
    assert {"main.flow", "shared.flow"} <= set(names)


def test_the_root_is_the_folder_of_the_settings(tmp_path: Path) -> None:
    """The nearest folder above that holds a `leadflow.toml`, else the flow's own."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert inner.resolve() == find_root(inner / "main.flow")
    (tmp_path / "leadflow.toml").write_text("", "utf-8")
    assert tmp_path.resolve() == find_root(inner / "main.flow")
