"""`leadflow explain CODE` and `leadflow explain [FILE] FLOW.STEP`: a code, a failure, or all that surrounds a step."""

import re
from pathlib import Path

import click

import leadflow.pipeline  # noqa: F401  (its phases register their codes)
from leadflow.bound.worst import worst, worst_data, worst_facts
from leadflow.cli.bounds import known_of
from leadflow.cli.files import main_flow
from leadflow.cli.inputs import find_project
from leadflow.cli.programs import compile_flow
from leadflow.cli.refused import Refused
from leadflow.cli.views import human, machine
from leadflow.cli.views.failure_page import failure_page
from leadflow.diagnostics import page, pages
from leadflow.plan.around import around
from leadflow.plan.around_text import around_text, as_json
from leadflow.plan.paths import NoSuchStep, find_steps, is_control
from leadflow.plugins import Installed

_CODE = re.compile(r"(FLOW)?[0-9]+", re.IGNORECASE)


@click.command()
@click.argument("words", metavar="[CODE | [FILE] FLOW.STEP]", nargs=-1)
@click.option("--profile", metavar="NAME", help="The profile to compile FILE under.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="A step for people or for machines."
)
def command(words: tuple[str, ...], *, profile: str | None, form: str) -> None:
    """Tell what CODE means, why it is a mistake, and how it is mended. Without anything, list all codes.
    CODE may be the name of a failure, as runs print it: `permission.refused`.

    Or tell about one step: its policies from the outside in, each value with its origin; what absorbs its failures,
    whether it may be sent again, how long it may take. FLOW.STEP is the step's path, through blocks and called flows:
    `digest.lines.line`, or `digest/lines/line` as runs write it. FILE is a flow; without it, the `main.flow` of this
    folder, or its only flow.
    """
    match words:
        case ():
            human.code_list(pages())
        case (word,) if (said := failure_page(word)) is not None:
            human.text(said)
        case (word,) if not _is_step(word):
            if profile is not None or form != "text":
                raise Refused("--profile and --format are for steps, as in `leadflow explain FLOW.STEP`")
            _explain_code(word)
        case (word,):
            _explain_step(str(main_flow(Path())), word, profile, form)
        case (file, path):
            _explain_step(file, path, profile, form)
        case _:
            raise Refused("explain takes one code, or a file and one step")


def _is_step(word: str) -> bool:
    """Whether a single word is the path of a step; a file without one is told apart."""
    if word.endswith(".flow"):
        if not Path(word).is_file():
            raise Refused(f"there is no file {word}")
        raise Refused(f"name a step of {word}, as in `leadflow explain {word} FLOW.STEP`")
    return _CODE.fullmatch(word) is None and ("." in word or "/" in word)


def _explain_code(code: str) -> None:
    found = page(f"FLOW{code}" if code.isdigit() else code)
    if found is None:
        flow = code if code.isidentifier() and code.islower() else "FLOW"
        hint = _hint(code) or f"; `leadflow explain` lists them all, `leadflow explain {flow}.STEP` tells about a step"
        raise Refused(f"there is no code {code}{hint}")
    human.explain_page(found)


def _hint(code: str) -> str:
    """The code with the same number, as `FLW-201` means it; numbers that differ are not alike."""
    meant = f"FLOW{''.join(char for char in code if char.isdigit())}"
    return f"; did you mean {meant}?" if page(meant) else ""


def _explain_step(file: str, path: str, profile: str | None, form: str) -> None:
    catalogue = Installed()
    plan = compile_flow(file, profile=profile, catalogue=catalogue)
    ways = find_steps(plan, path)
    if isinstance(ways, NoSuchStep):
        raise Refused(ways.said)
    known = known_of(find_project(file).settings, catalogue)
    found = [(around(plan, way), None if is_control(way[-1].node) else worst(plan, way, known)) for way in ways]
    if form == "json":
        machine.document([{**as_json(one), "worst": most and worst_data(most)} for one, most in found])
    else:
        human.text("\n\n".join(around_text(one, worst_facts(most) if most else ()) for one, most in found))
