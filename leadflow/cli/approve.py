"""`leadflow approve RUN STEP`: a person says yes or no to a run that asks for it."""

import click

from leadflow.cli.answering import Given, answer, options


@click.command()
@click.argument("run")
@click.argument("step")
@click.option("--yes", is_flag=True, help="Say yes.")
@click.option("--no", is_flag=True, help="Say no.")
@click.option("--note", metavar="TEXT", default="", help="What is kept with it; a no is told with it.")
@options
def command(
    run: str, step: str, *, yes: bool, no: bool, note: str, folder: str, no_resume: bool, show: str | None
) -> None:
    """Say yes or no to what the STEP of a RUN asks, and go on with the run.

    RUN is its id, or the beginning of it; STEP is the path of the step, or the end of it. The answer is kept with your
    user name. The first answer stays. A no is the failure `refused` of the step.

    \b
    Exit code 0    the run is done, or the answer is kept
              1    the run failed
              2    the command line is wrong, or this is no answer
              3    the run waits for people again
              130  interrupted
    """
    if yes == no:  # neither, or both: nobody guesses what a person has said
        raise click.UsageError("say --yes or --no" + (", not both" if yes else ""))
    answer(Given(run, step, yes, note, folder, not no_resume, show))
