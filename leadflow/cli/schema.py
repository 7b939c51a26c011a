"""`leadflow schema FILE [NAME]`: types as JSON Schema, as `use` takes them back."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from leadflow.check.checked import Checked
from leadflow.cli.files import write_new
from leadflow.cli.programs import checked_flow
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.diagnostics import did_you_mean
from leadflow.plan.schema import Schema, defs_document, json_schema, type_document
from leadflow.plan.types import RecordType, Type
from leadflow.syntax import tree


@click.command()
@click.argument("file")
@click.argument("name", required=False)
@click.option(
    "--strict", is_flag=True, help="The form that strict providers ask for: all required, nothing else allowed."
)
@click.option("--profile", metavar="NAME", help="The profile to check under.")
@click.option(
    "--output",
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write; else standard output.",
)
def command(file: str, name: str | None, *, strict: bool, profile: str | None, output: Path | None) -> None:
    """Write the JSON Schema (draft 2020-12) of a type of FILE; without NAME, of all of them under '$defs'.

    \b
    NAME is a declared type:           Ticket
    all that a flow takes:             triage.params
    or what it gives:                  triage.result
    """
    checked = checked_flow(file, profile=profile)
    text = machine.pretty(_document(file, checked, name, strict=strict))
    if output is None:
        human.text(text)
        return
    write_new(output, text)
    human.note(f"wrote {output}")


def _document(file: str, checked: Checked, name: str | None, *, strict: bool) -> Schema:
    known = dict(_named(checked))
    if name is not None:
        imported = [other for other in known if other.endswith(f".{name}")]
        if name not in known and len(imported) == 1:
            known[name] = known[imported[0]]
        if name not in known:
            raise Refused(f"{file} has no type '{name}'{_instead(checked, name, known)}")
        return type_document(_schema(name, known[name], strict=strict), title=name.replace(".", "_"))
    types = {other: type_ for other, type_ in known.items() if "." not in other}
    if not types:
        hint = f"; name what a flow takes or gives: {', '.join(known)}" if known else ""
        raise Refused(f"{file} declares no types{hint}")
    return defs_document({other: _schema(other, type_, strict=strict) for other, type_ in types.items()})


def _instead(checked: Checked, name: str, known: Mapping[str, Type]) -> str:
    """What may have been meant."""
    ends = [other for other in known if other.startswith(f"{name}.")]
    if ends:
        return f"; a flow has {' and '.join(ends)}"
    for item in checked.main.tree.items:
        if isinstance(item, tree.RecordDecl | tree.AliasDecl) and item.name.text == name:
            return f" of its own: it has parameters; declare one with 'type … = {name}[…]'"
    return did_you_mean(name, known)


def _named(checked: Checked) -> Iterator[tuple[str, Type]]:
    """What can be asked for: the types of the program, and of each flow what it takes and gives."""
    yield from checked.declared.items()
    for name, flow in checked.flows.items():
        yield f"{name}.params", RecordType(flow.params)
        yield f"{name}.result", flow.result


def _schema(name: str, type_: Type, *, strict: bool) -> Schema:
    made, is_strict = json_schema(type_, strict=strict)
    if strict and not is_strict:
        raise Refused(f"'{name}' has no strict form: there is a map or json in it")
    return made
