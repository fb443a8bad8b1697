"""``danlu check``: data, model and training loop of a study file, before the first trial."""

import json

import click

from danlu.checking import FILE
from danlu.cli.options import said, store_option
from danlu.cli.run import target_of
from danlu.core.sentence import say
from danlu.preflight.checklist import text_lines
from danlu.study import Study
from danlu.studyfile import load


@click.command()
@click.argument("study_file", type=click.Path(dir_okay=False))
@click.option(
    "--all", "go_on", is_flag=True, help=say("Go on after errors, to see what else there is.")
)
@click.option(
    "--training/--no-training",
    default=True,
    help=say("Train the default config for one epoch, twice, and look at its reports."),
)
@click.option("--json", "as_json", is_flag=True, help=say("The checklist as one JSON object."))
@store_option
def command(study_file: str, go_on: bool, training: bool, as_json: bool, where: str) -> None:
    """Check data, model and training loop before the first trial.

    Data and model are checked where they are known: of a study with [train], and of one that
    names its problem in [run]. The default config is then trained for an epoch, twice with one
    seed. Ends with exit code 1 if there are errors.
    """
    planned = load(study_file)
    study = Study.from_spec(planned.spec, store=where)
    settings = planned.run
    click.echo(said(say("Checking …")), err=True)
    checklist = study.check(
        target_of(settings), problem=settings.problem, classes=settings.classes,
        go_on=go_on, training=training,
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(checklist.as_json(), indent=2))
    else:
        click.echo("\n".join(text_lines(checklist, said)))
        recorded = say("Recorded in {file}.", file=study.folder / FILE)
        click.echo("\n" + said(recorded))
    if checklist.errors:
        raise click.exceptions.Exit(1)
