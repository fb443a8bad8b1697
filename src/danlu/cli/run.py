"""``danlu run``: run a study file, or any command with parameters inside."""

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from danlu.checking import has_problem, refuse
from danlu.cli.app import INTERRUPTED
from danlu.cli.beside import dashboard
from danlu.cli.lines import JsonLines, PlainLines, Quiet, View, tell
from danlu.cli.lint import remarks
from danlu.cli.options import said, store_option
from danlu.cli.summary import aims, print_summary
from danlu.core.command import Command
from danlu.core.history import History
from danlu.core.limits import Limits
from danlu.core.sentence import say
from danlu.core.spec import Budget, Constraint, Objective, Spec
from danlu.preflight.checklist import noteworthy, summary
from danlu.reporting.text import counted_trials
from danlu.study import Study
from danlu.studyfile import RunSettings, StudyFile, load, parse_command

FINISHING = say("Finishing what runs; Ctrl-C again ends it at once.")
ENDING = say("Ending now.")
SUFFIXES = (".toml", ".yaml", ".yml")


@click.command(
    epilog=say(
        "Kinds of parameters: uniform(low,high), log(low,high), int(low,high), "
        "logint(low,high), choice(a,b,...), each with an optional default=."
    )
)
@click.argument(
    "what",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="STUDY_FILE | -- COMMAND --lr~'log(1e-5,1e-1)' ...",
)
@click.option("-n", "--name", help=say("Name of the study; needed for a command."))
@click.option(
    "--objective",
    multiple=True,
    help=say('What is tuned: "min val_loss" or "max val_accuracy"; repeatable.'),
)
@click.option(
    "--constraint",
    multiple=True,
    help=say('What a trial must keep to: "params <= 1e6"; repeatable.'),
)
@click.option(
    "--epochs", type=click.IntRange(1), help=say("Full length of a trial [for a command: 1].")
)
@click.option(
    "--budget", multiple=True, help=say('"20x" full trainings, "30 trials", "2h"; repeatable.')
)
@click.option("--workers", type=click.IntRange(1), help=say("How many trials train at once [1]."))
@click.option(
    "--executor", type=click.Choice(["auto", "fused", "processes", "ray"]),
    help=say(
        "Train trials of equal shape together, each in a process, or on a Ray cluster [auto]."
    ),
)  # fmt: skip
@click.option(
    "--address", help=say("Of the head of a Ray cluster [RAY_ADDRESS, or this machine's].")
)
@click.option("--cpus", type=float, help=say("CPUs of each worker of a Ray cluster [1]."))
@click.option("--gpus", type=float, help=say("GPUs of each of them; 0.25: four share one [0]."))
@click.option(
    "--report-timeout", metavar="TIME",
    help=say('A trial silent for longer is taken to hang: "10 min", "off" [20 times an epoch].'),
)  # fmt: skip
@click.option(
    "--trial-timeout", metavar="TIME", help=say('A trial ends after so long: "2h" [never].')
)
@click.option("--seed", type=click.IntRange(0), help=say("Of the search and its trials [0]."))
@click.option("--strategy", help=say("How the search decides [auto]."))
@click.option(
    "--metrics", metavar="REGEX", help=say("Named groups are metrics in what a command prints.")
)
@click.option("--no-check", is_flag=True, help=say("Do not check data and model before."))
@click.option(
    "--force",
    is_flag=True,
    help=say("Begin although checks found errors, and go on although nothing learns."),
)
@click.option("--open", "show", is_flag=True, help=say("Watch it in the browser."))
@click.option("--json", "as_json", is_flag=True, help=say("One JSON object for each event."))
@click.option("-q", "--quiet", is_flag=True, help=say("Print errors only."))
@store_option
def command(
    what: tuple[str, ...], show: bool, as_json: bool, quiet: bool, where: str, **given: Any
) -> None:
    """Run a study, or go on with it: the same command again resumes.

    \b
    danlu run study.toml
    danlu run -n mine --objective "min val_loss" -- python train.py --lr~'log(1e-5,1e-1)'

    Ctrl-C finishes what runs and keeps it; a second one ends at once. Options override the file.
    """  # noqa: D301 - click wants the backspace itself
    planned = _overridden(_planned(what, given), given)
    spec, settings = planned.spec, planned.run
    study = Study.from_spec(spec, store=where)
    view = _view(study.history, as_json=as_json, quiet=quiet)
    if not quiet and not as_json:
        _greet(spec, study.history, given)
        for note in planned.notes:
            told = said(note)
            tell(told[0].upper() + told[1:], out=sys.stdout)
    if _is_to_check(study, settings):
        _check(study, settings, quiet=quiet or as_json)
    with dashboard(where, spec.name, show=show):
        with view, suppress(KeyboardInterrupt):  # after Ctrl-C all is recorded: say how it ended
            study.run(
                target_of(settings),
                workers=settings.workers,
                executor=settings.cluster if settings.executor == "ray" else settings.executor,
                watch=_noticing(view),
                check=settings.check,
                limits=settings.limits,
                problem=settings.problem,
                classes=settings.classes,
            )
        if not quiet and not as_json:
            print_summary(study.history)
    if study.history.outcome == "interrupted":
        raise click.exceptions.Exit(INTERRUPTED)
    if study.history.outcome == "hopeless":
        raise click.exceptions.Exit(1)


def _is_to_check(study: Study, settings: RunSettings) -> bool:
    """Whether there is something to check: before the first trial only."""
    target, problem = target_of(settings), settings.problem
    return bool(settings.check) and not study.trials and has_problem(target, problem)


def _check(study: Study, settings: RunSettings, *, quiet: bool) -> None:
    """Check data and model, and say what is wrong with them.

    Raises:
        CheckError: If there are errors, and nobody said to go on.
    """
    warn = settings.check == "warn"
    if not quiet:
        tell(said(say("Checking data and model …")), out=sys.stdout)
    checklist = study.check(target_of(settings), problem=settings.problem, go_on=warn)
    if not quiet:
        for line in checklist.lines:
            for text in noteworthy(line, said) if line.state in ("warning", "error") else ():
                tell(text, out=sys.stdout)
        tell(said(summary(checklist)), out=sys.stdout)
    if not warn:
        refuse(checklist, study.spec.name)


def _planned(what: Sequence[str], given: dict[str, Any]) -> StudyFile:
    """The study that the arguments describe."""
    if not what:
        raise click.UsageError(say("a study file, or a command after --, is needed."))
    if not what[0].endswith(SUFFIXES):
        return _from_command(what, given)
    if len(what) > 1:
        raise click.UsageError(
            say("after the study file {what} nothing else may stand.", what=what[0])
        )
    return load(what[0])


def _from_command(what: Sequence[str], given: dict[str, Any]) -> StudyFile:
    for option in ("name", "objective"):
        if not given[option]:
            raise click.UsageError(
                say("a command needs --{option}; see `danlu run --help`.", option=option)
            )
    if len(what) == 1 and not Path(what[0]).exists() and "~" not in what[0]:
        raise click.UsageError(
            say(
                "{what} is neither a study file (.toml, .yaml) nor a command with parameters.",
                what=repr(what[0]),
            )
        )
    space, template = parse_command(what)
    objective = Objective.parse(given["objective"][0])
    spec = Spec(given["name"], space, objective, given["epochs"] or 1, command=template)
    return StudyFile(spec, RunSettings(command=template))


def _overridden(planned: StudyFile, given: dict[str, Any]) -> StudyFile:
    """The study with the options in place of what its file says."""
    spec, settings = planned.spec, planned.run
    plain = ("name", "epochs", "seed", "strategy")
    new: dict[str, Any] = {key: given[key] for key in plain if given[key] is not None}
    if "strategy" in new and new["strategy"] != spec.strategy:
        new["options"] = {}  # the file's keys belong to the file's strategy
    if given["objective"]:
        new["objective"], *further = map(Objective.parse, given["objective"])
        new["further"] = tuple(further)
    if given["constraint"]:
        new["constraints"] = tuple(map(Constraint.parse, given["constraint"]))
    if given["budget"]:
        new["budget"] = Budget.parse(", ".join(given["budget"]))
    if given["metrics"] and settings.command is None:
        raise click.UsageError(
            say("--metrics reads what a command prints, but training is a function.")
        )
    run = {key: given[key] for key in ("workers", "metrics", "executor") if given[key] is not None}
    cluster = {key: given[key] for key in ("address", "cpus", "gpus") if given[key] is not None}
    if cluster:
        if (run.get("executor") or settings.executor) != "ray":
            raise click.UsageError(
                say("--{cluster} needs --executor ray.", cluster=next(iter(cluster)))
            )
        run["cluster"] = replace(settings.cluster, **cluster)
    if given["no_check"] or given["force"]:
        run["check"] = False if given["no_check"] else "warn"
    limits = Limits.parse(given["report_timeout"], given["trial_timeout"])
    if limits.report is not None:
        run["limits"] = replace(settings.limits, report=limits.report)
    if given["trial_timeout"] is not None:
        run["limits"] = replace(run.get("limits", settings.limits), trial=limits.trial)
    return replace(planned, spec=replace(spec, **new), run=replace(settings, **run))


def target_of(settings: RunSettings) -> str | Command:
    """What trains."""
    if settings.command is not None:
        return Command(settings.command, settings.metrics)
    assert settings.function is not None
    return settings.function


def _view(history: History, *, as_json: bool, quiet: bool) -> View:
    if as_json:
        return JsonLines(history, sys.stdout)
    if quiet:
        return Quiet()
    if not sys.stdout.isatty():
        return PlainLines(history, sys.stdout)
    from danlu.cli.live import LiveView
    from danlu.cli.screen import console

    return LiveView(history, console())


def _noticing(view: View) -> Callable[[History], None]:
    """The view, which from its first turn on also tells what Ctrl-C does."""
    chained = False

    def watch(history: History) -> None:
        nonlocal chained
        if not chained:  # the study has put its own handler in place by now, and takes it away
            chained = True
            _tell_interrupts(view)
        view(history)

    return watch


def _tell_interrupts(view: View) -> None:
    handler = signal.getsignal(signal.SIGINT)

    def told(number: int, frame: Any) -> None:
        view.notice = ENDING if view.notice == FINISHING else FINISHING
        if callable(handler):
            handler(number, frame)

    signal.signal(signal.SIGINT, told)


def _greet(spec: Spec, history: History, given: dict[str, Any]) -> None:
    """What is going to run, and what was assumed."""
    for line in _greeting(spec, history, given):
        tell(said(line), out=sys.stdout)
    for remark in () if history.trials else map(said, remarks(spec)):
        tell(click.style(remark, dim=True) if sys.stdout.isatty() else remark, out=sys.stdout)


def _greeting(spec: Spec, history: History, given: dict[str, Any]) -> Iterator[str]:
    yield say(
        "{name}: {aims} over {parameters}; {epochs} epochs, {budget}",
        name=spec.name, aims=aims(spec), parameters=", ".join(spec.space.free),
        epochs=spec.epochs, budget=spec.budget,
    )  # fmt: skip
    for objective in spec.objectives:
        if objective.inferred:
            yield say(
                'The direction is taken from the name: write "{objective}" to be sure.',
                objective=objective,
            )
    if spec.command and spec.epochs == 1 and given["epochs"] is None:
        yield say("A trial has one epoch; say with --epochs how many a full training reports.")
    if history.trials:
        yield say("Goes on after {trials}.", trials=counted_trials(len(history.trials)))
