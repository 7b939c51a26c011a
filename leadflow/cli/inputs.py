"""From the command line to the inputs of a flow and the settings of its project, for the commands that take both."""

from collections.abc import Sequence
from pathlib import Path

from leadflow.cli.files import read_bytes
from leadflow.cli.refused import Refused
from leadflow.plan.plan import FlowPlan
from leadflow.run.inputs import parse_input, read_inputs, read_json, unknown_input
from leadflow.run.values import Mismatch
from leadflow.settings import Project, SettingsError, load_project


def find_project(file: str) -> Project:
    """The project of a flow's file.

    Raises:
        Refused: its settings cannot be read.
    """
    try:
        return load_project(Path(file))
    except SettingsError as problem:
        raise Refused(str(problem)) from None


def raw_inputs(flow: FlowPlan, pairs: Sequence[str], file: str | None) -> dict[str, object]:
    """The inputs by parameter, those of the command line before those of the file.

    Raises:
        Refused: one of them is none.
    """
    raw: dict[str, object] = {}
    if file is not None:
        data = read_json(read_bytes(file))
        if isinstance(data, Mismatch):
            raise Refused(f"--input-file {file}: {data.message}")
        if not isinstance(data, dict):
            raise Refused(f"--input-file {file}: expected a JSON object with one entry per parameter")
        raw.update(data)
    wrong, said = list[str](), set[str]()
    for pair in pairs:
        name, equals, _ = pair.partition("=")
        if equals and name not in {param.name for param in flow.params}:
            wrong.append(f"--input: {unknown_input(flow.name, flow.params, name)}")
            continue
        given = parse_input(pair, flow.params)
        if isinstance(given, Mismatch):
            wrong.append(f"--input: {given.message}")
        elif name in said:
            wrong.append(f"--input: {name} is given twice; give it once")
        else:
            raw[given[0]] = given[1]
            said.add(name)
    if wrong:
        others = read_inputs(flow.name, [param for param in flow.params if param.name in raw], raw)
        wrong += others if isinstance(others, list) else ()
        raise Refused("\n".join(wrong))
    return raw
