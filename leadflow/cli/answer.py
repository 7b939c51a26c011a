"""`leadflow answer RUN STEP JSON`: a person answers a question of a run."""

import click

from leadflow.answers import Typed
from leadflow.cli.answering import Given, answer, options


@click.command()
@click.argument("run")
@click.argument("step")
@click.argument("json")
@click.option("--note", metavar="TEXT", default="", help="What is kept with it.")
@options
def command(run: str, step: str, json: str, *, note: str, folder: str, no_resume: bool, show: str | None) -> None:
    """Answer what the STEP of a RUN asks with JSON of its type, and go on with the run.

    RUN is its id, or the beginning of it; STEP is the path of the step, or the end of it. Where the type is `string`, a
    word of a union, a time, a duration or an amount, it may stand there without quotes. The answer is kept with your
    user name. The first answer stays.

    \b
    Exit code 0    the run is done, or the answer is kept
              1    the run failed
              2    the command line is wrong, or this is no answer
              3    the run waits for people again
              130  interrupted
    """
    answer(Given(run, step, Typed(json), note, folder, not no_resume, show))
