"""``danlu lint``: what an experienced practitioner says of a space before it is searched."""

import json
from pathlib import Path

import click
from rich.text import Text

from danlu.catalogue.filling import filled, taken
from danlu.catalogue.lint import GRAVITY, lint
from danlu.cli.options import said
from danlu.cli.screen import SEVERITIES, clean, console
from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.core.spec import Spec
from danlu.errors import joined
from danlu.studyfile import load
from danlu.studyfile.reading import read_document
from danlu.studyfile.schema import schema

MOST_REMARKS = 3  # lines
STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@click.command()
@click.argument("study_file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--strict", is_flag=True, help=say("Exit with 1 on warnings too, not only on errors.")
)
@click.option("--json", "as_json", is_flag=True, help=say("One JSON object for each finding."))
@click.option(
    "--schema", "wants_schema", is_flag=True, help=say("Print the JSON schema of study files.")
)
def command(study_file: Path | None, strict: bool, as_json: bool, wants_schema: bool) -> None:
    """Say what is wrong or unusual in the space of a study file, and what to write instead."""
    if wants_schema:
        click.echo(json.dumps(schema(), indent=2))
        return
    if study_file is None:
        raise click.UsageError(say("a study file is needed, or --schema."))
    spec = load(study_file).spec
    found = findings_of(spec)
    if as_json:
        _print_json(found)
    else:
        _print(study_file, spec, found)
    grave = ("error", "warning") if strict else ("error",)
    if any(finding.severity in grave for finding in found):
        raise click.exceptions.Exit(1)


def findings_of(spec: Spec) -> list[Finding]:
    """What the linter says of a study's space within its budget."""
    budget = spec.budget
    trials = budget.trainings if budget.trainings is not None else budget.trials
    return lint(spec.space, trials=trials)


def _print_json(found: list[Finding]) -> None:
    for f in found:
        advice = [{"action": a.action, "parameter": a.parameter, "amount": a.amount, "why": a.why}
                  for a in f.advice]  # fmt: skip
        row = {"code": f.code, "severity": f.severity, "confidence": f.confidence,
               "message": f.message, "evidence": dict(f.evidence), "advice": advice}  # fmt: skip
        click.echo(json.dumps(row))


def _print(path: Path, spec: Spec, found: list[Finding]) -> None:
    out = console()
    document = read_document(path)
    for finding in found:
        name = finding.evidence.get("parameter")
        line = document.line(("space", name) if name else ("space",))
        text = Text(clean(f"{path}:{line}: "))
        text.append(said(SEVERITIES[finding.severity]), style=STYLES[finding.severity])
        text.append(f": {said(finding.message)}")
        out.print(text, soft_wrap=True)
        for better in finding.evidence.get("line", "").splitlines():
            out.print(Text(clean(f"    {better}"), style="green"), soft_wrap=True)
    out.print(Text(said(_summary(found))))
    if words := taken_line(spec):
        out.print(Text(said(words), style="dim"), soft_wrap=True)


def _summary(found: list[Finding]) -> str:
    counts = [(kind, sum(f.severity == kind for f in found)) for kind in GRAVITY]
    listed = [_counted(kind, count) for kind, count in counts if count]
    return say("{listed}.", listed=listed) if listed else say("Nothing to remark.")


def _counted(kind: str, count: int) -> str:
    if kind == "error":
        return say("1 error") if count == 1 else say("{count} errors", count=count)
    if kind == "warning":
        return say("1 warning") if count == 1 else say("{count} warnings", count=count)
    return say("1 note") if count == 1 else say("{count} notes", count=count)


def taken_line(spec: Spec) -> str:
    """What a study takes from the catalogue for what its space leaves open; empty if nothing."""
    words = taken(spec.space, filled(spec.space))
    listed = [say("{name}: {what}", name=name, what=what) for name, what in words.items()]
    return say("Taken from the catalogue: {words}.", words=joined(listed, "; ")) if listed else ""


def remarks(spec: Spec) -> list[str]:
    """The first warnings on a study, and what is taken from the catalogue, in a few lines."""
    found = [f.message for f in findings_of(spec) if f.severity != "info"]
    last = [words] if (words := taken_line(spec)) else []
    room = MOST_REMARKS - len(last)
    lines = [say("Lint: {message}", message=message) for message in found[:room]]
    if len(found) > room:
        lines[-1] += say(" (and {count} more: danlu lint)", count=len(found) - room)
    return lines + last
