"""What two short trainings of the default config report: checks R1 to R4.

They need no `Problem`: any command or function can be looked at in this way.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from danlu.core.finding import Finding
from danlu.core.metric import TRAINING, VALIDATION, split_of, words
from danlu.core.sentence import say
from danlu.core.task import Task
from danlu.preflight.checklist import Line, line_of
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.titles import TITLES

CHANCE_WARNING = 3.0  # loss after an epoch over chance: as before training (M03)
SHORT = {"training": "train", "validation": "val"}
SMALL = 1e-6  # relative difference that adding in another order explains


@dataclass(frozen=True, slots=True)
class Training:
    """A training of one epoch.

    Attributes:
        metrics: What it reported, the last epoch's.
        failure: Why it failed; empty if it did not.
        log: The last lines of its output.
    """

    metrics: Mapping[str, float]
    failure: str = ""
    log: str = ""


def report_lines(objective: str, first: Training, again: Training, task: Task) -> list[Line]:
    """A line for each check of the reports."""
    lines = [_line("R1", _runs(objective, first))]
    if first.failure:
        return lines
    return [
        *lines,
        _line("R2", _both_curves(first)),
        _line("R3", _first_losses(first, task)),
        _line("R4", _determinism(first, again)),
    ]


def _line(code: str, found: Iterator[Finding]) -> Line:
    try:
        return line_of(code, list(found))
    except Skipped as skipped:
        return Line(code, TITLES[code], "skipped", skipped.why)


def _runs(objective: str, first: Training) -> Iterator[Finding]:
    if first.failure:
        log = say(" It said last: {log}", log=first.log) if first.log else ""
        yield wrong(
            "R1", "error", say(
                "the default config cannot be trained: {failure}{log}",
                failure=first.failure, log=log,
            ),
            say("failed"), "", look_at("training fails", "code"),
        )  # fmt: skip
        return
    value = first.metrics.get(objective, math.nan)
    if not math.isfinite(value):
        yield wrong(
            "R1", "error",
            say(
                "after an epoch of the default config {objective} is {value}: a smaller learning "
                "rate, or look at the data.",
                objective=objective, value=value,
            ),
            f"{objective} = {value}", say("finite"), look_at("not finite", "code"),
        )  # fmt: skip
        return
    yield well("R1", f"{objective} = {value:.4g}")


def _both_curves(first: Training) -> Iterator[Finding]:
    splits = {split_of(name)[0] for name in first.metrics}
    has = {"training": splits & set(TRAINING), "validation": splits & set(VALIDATION)}
    missing = [side for side, found in has.items() if not found]
    shown = ", ".join(first.metrics)
    if missing:
        yield wrong(
            "R2", "warning",
            say(
                "no metric of the {missing} data is reported: overfitting and underfitting "
                "cannot be told apart. Report {short} too.",
                missing=missing, short=[f"{SHORT[side]}_loss" for side in missing],
            ),
            shown, say("train_… and val_…"), look_at("report both curves", "code"),
        )  # fmt: skip
    else:
        yield well("R2", shown, say("train_… and val_…"))


def _first_losses(first: Training, task: Task) -> Iterator[Finding]:
    chance = task.baseline_loss
    if task.classes:
        chance = math.log(task.classes)
    losses = {name: v for name, v in first.metrics.items() if "loss" in words(name)}
    if chance is None or not losses:
        unknown = "chance is not known: classes = … in [run] tells it"
        raise Skipped(unknown if losses else say("no loss is reported"))
    if not all(math.isfinite(v) for v in losses.values()):
        raise Skipped(say("a loss is not finite"))
    name = max(losses, key=lambda n: losses[n])
    shown = say(
        "{name} {loss:.4g}, {share:.2f} of chance",
        name=name,
        loss=losses[name],
        share=losses[name] / max(chance, 1e-12),
    )
    if losses[name] > CHANCE_WARNING * chance:
        yield wrong(
            "R3",
            "warning",
            say(
                "after an epoch {name} is {losses:.4g}, far above the {chance:.4g} of knowing "
                "nothing: a smaller learning rate, or another scale of the inputs.",
                name=name,
                losses=losses[name],
                chance=chance,
            ),
            shown,
            say("≤ {bound:g} of chance", bound=CHANCE_WARNING),
            look_at("scale or learning rate", "code"),
        )
    else:
        yield well("R3", shown, say("≤ {bound:g} of chance", bound=CHANCE_WARNING))


def _determinism(first: Training, again: Training) -> Iterator[Finding]:
    common = [n for n in first.metrics if n in again.metrics and not _is_time(n)]
    if not common:
        raise Skipped(say("the second training reported nothing to compare"))
    gaps = {n: _gap(first.metrics[n], again.metrics[n]) for n in common}
    worst = max(gaps, key=lambda n: gaps[n])
    shown = say("{name} differs by {gap:.1g}", name=worst, gap=gaps[worst])
    if gaps[worst] > SMALL:
        yield wrong(
            "R4", "warning",
            say(
                "two trainings with one seed differ ({worst}: {first:.6g} and {again:.6g}): "
                "seed every generator by the trial's seed (trial.seed, {field} or DANLU_SEED), or "
                "comparisons carry that noise.",
                worst=worst, field="{seed}", first=first.metrics[worst],
                again=again.metrics[worst],
            ),
            shown, say("equal"), look_at("seed every generator", "code"), difference=gaps[worst],
        )  # fmt: skip
    else:
        yield well("R4", say("equal metrics: {common}", common=len(common)), say("equal"))


def _gap(a: float, b: float) -> float:
    if (math.isnan(a) and math.isnan(b)) or a == b:
        return 0.0
    gap = abs(a - b) / max(abs(a), abs(b))
    return math.inf if math.isnan(gap) else gap


def _is_time(name: str) -> bool:
    return bool({"seconds", "time", "ms", "latency", "speed"} & set(words(name)))
