"""What came out of a study: the best config, its gain over the default, and how sure it is."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from danlu.core.finding import standing
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.reporting.ranges import drawable
from danlu.reporting.text import format_measured, format_number


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a study so far.

    Attributes:
        best: The trial to use.
        default: The first trial of the default config, if it has a value.
        confirmed: Full trainings of the best config, each with another seed; empty below two.
    """

    best: TrialRecord
    default: TrialRecord | None
    confirmed: tuple[TrialRecord, ...]

    @property
    def mean(self) -> float | None:
        """Mean value over the confirming seeds."""
        return statistics.fmean(_values(self.confirmed)) if self.confirmed else None

    @property
    def sd(self) -> float | None:
        """Standard deviation over the confirming seeds."""
        return statistics.stdev(_values(self.confirmed)) if self.confirmed else None


def _values(trials: Sequence[TrialRecord]) -> list[float]:
    return [t.value for t in trials if t.value is not None]


def result_of(history: History) -> Result | None:
    """The result of a study so far; None as long as no trial has a value."""
    best = history.best
    if best is None:
        return None
    default = history.default
    if default is not None and default.value is None:
        default = None
    same = [
        t
        for t in history.ranked
        if t.config == best.config and t.epoch >= best.epoch and drawable(t.value)
    ]
    seeds = {t.seed: t for t in reversed(same)}
    confirmed = tuple(seeds.values()) if len(seeds) > 1 and best.proxy.full else ()
    return Result(best, default, confirmed)


def describe_gain(history: History, result: Result) -> str:
    """How much the best config gained over the default one, in a sentence."""
    best, default = result.best, result.default
    if any(f.code == "nothing_learns" for f in standing(history.findings)):
        return say(
            "Nothing learns, so what it is better by is luck: danlu why says where to look."
        )
    if default is None or default.value is None or best.value is None:
        if all(p.default is None for p in history.spec.space.parameters.values()):
            return say("No parameter has a default to compare with.")
        return say("The default config was not trained, so the gain over it is not known.")
    if default.number == best.number:
        return say("The default config is the best so far.")
    if default.proxy != best.proxy:
        return say("The default config was trained on another share of the data.")
    value, shared = (best.value, "") if result.mean is None else (result.mean, say(" on average"))
    step = value - default.value
    before = format_measured(default.value, result.sd)
    epochs = "" if default.epoch >= best.epoch else say(" at epoch {epoch}", epoch=default.epoch)
    if history.objective.loss(step) >= 0:
        return say(
            "No gain{shared} over the default config ({before}{epochs}).",
            shared=shared,
            before=before,
            epochs=epochs,
        )
    sign = "+" if step > 0 else "−"
    part = abs(step / default.value) if default.value else 0.0
    share = f" ({sign}{part:.0%})" if part >= 0.01 else ""
    noise = say(", no more than the noise between seeds") if abs(step) < (result.sd or 0.0) else ""
    amount = f"{sign}{format_number(abs(step), 2)}{share}"
    return say(
        "{amount}{shared} over the default config's {before}{epochs}{noise}.",
        amount=amount,
        shared=shared,
        before=before,
        epochs=epochs,
        noise=noise,
    )


def leaders(history: History, count: int = 5) -> list[TrialRecord]:
    """The best trials of different configs, best first; on proxies if the real task has none."""
    loss = history.objective.loss
    proxies = [
        t
        for t in history.trials.values()
        if t.value is not None and t.state != "failed" and not t.proxy.full
    ]
    proxies.sort(key=lambda t: (loss(t.value or 0.0), t.number))
    candidates = [*history.ranked, *([] if history.ranked else proxies)]
    if history.best is not None:
        candidates.insert(0, history.best)
    chosen: list[TrialRecord] = []
    for trial in candidates:
        if len(chosen) < count and all(trial.config != other.config for other in chosen):
            chosen.append(trial)
    return chosen


def stage_starts(history: History) -> dict[str, int]:
    """Stage → number of the trial with which it began, in that order.

    A trial carries the stage it reached last, so one that was begun early and continued later
    does not count: a stage begins where it has most of three trials in a row.
    """
    stages = [t.stage for t in history.trials.values()]
    starts: dict[str, int] = {}
    for i, stage in enumerate(stages):
        if (
            stage
            and stage not in starts
            and 2 * stages[i : i + 3].count(stage) > len(stages[i : i + 3])
        ):
            starts[stage] = i + 1
    return starts


def influence(history: History) -> dict[str, float]:
    """How much of the trials' ranking each free parameter explains alone, from 0 to 1.

    The correlation ratio (between-group share of the variance) of the ranks over four groups of
    the parameter's values; few trials or few values make it coarse. Largest first.
    """
    ranked = history.ranked
    shares = {name: _explained(ranked, name, history) for name in history.spec.space.free}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


GROUPS = 4
ENOUGH = 8  # trials; below, any ratio is chance


def _explained(ranked: Sequence[TrialRecord], name: str, history: History) -> float:
    p = history.spec.space[name]
    rows = [(p.to_unit(t.config[name]), i) for i, t in enumerate(ranked) if name in t.config]
    if len(rows) < ENOUGH:
        return 0.0
    positions = sorted({u for u, _ in rows})
    place = {u: min(GROUPS - 1, k * GROUPS // len(positions)) for k, u in enumerate(positions)}
    if len(positions) <= 2 * GROUPS:
        place = {u: k for k, u in enumerate(positions)}
    groups: dict[int, list[int]] = {}
    for u, rank in rows:
        groups.setdefault(place[u], []).append(rank)
    mean = statistics.fmean(rank for _, rank in rows)
    total = sum((rank - mean) ** 2 for _, rank in rows)
    between = sum(len(g) * (statistics.fmean(g) - mean) ** 2 for g in groups.values())
    return between / total if total else 0.0


def further_data(history: History) -> dict[str, Any] | None:
    """The objectives beside the first one, and the trials that no other one beats in all."""
    spec = history.spec
    if not spec.further and not spec.constraints:
        return None
    return {
        "objectives": [[o.metric, o.direction] for o in spec.further],
        "constraints": [[c.metric, str(c)] for c in spec.constraints],
        "pareto": [t.number for t in history.pareto] if spec.further else [],
    }
