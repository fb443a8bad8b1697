"""What trivial answers reach, and by how much it must be beaten before that is no luck."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from danlu.core.record import TrialRecord
from danlu.diagnosis.study_thresholds import CHANCE_ERRORS, CHANCE_LOSS, CHANCE_LOSS_KNOWN
from danlu.diagnosis.survey import Survey
from danlu.noise import accuracy_like, cut

VAL_LOSSES = ("val_loss", "valid_loss", "validation_loss")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a trivial answer reaches in one metric.

    Attributes:
        metric: Its name.
        sign: 1 where lower is better, −1 where higher is.
        loss: ``sign`` times what the best constant answer reaches.
        margin: By how much a trial must beat it, at its best of all evaluations, before that is
            no luck.
        luck: By how much a single evaluation is off by luck: one standard deviation.
    """

    metric: str
    sign: float
    loss: float
    margin: float
    luck: float


def trivial(survey: Survey) -> list[Reference]:
    """What trivial answers reach, of the objective first, then of losses on validation data."""
    history, task = survey.history, survey.history.task
    objective, found = history.objective, []
    lower = objective.direction == "min"
    of_loss = task.baseline_loss if lower else None
    level = task.baseline_metric if of_loss is None else of_loss
    if level is not None and math.isfinite(level):
        found.append(_lower(survey, objective.metric, level) if lower else _higher(survey, level))
    loss = task.baseline_loss
    if loss is not None and math.isfinite(loss):
        names = {n for t in history.trials.values() if t.reports for n in t.reports[-1].metrics}
        names -= {objective.metric}
        found += [_lower(survey, name, loss) for name in VAL_LOSSES if name in names]
    return found


def _errors(survey: Survey) -> float:
    """Standard errors that the best of so many evaluations is better by, by luck alone."""
    looks = sum(len(t.reports) for t in survey.history.trials.values())
    return max(CHANCE_ERRORS, math.sqrt(2.0 * math.log(max(2, looks))) + 1.0)


def _higher(survey: Survey, level: float) -> Reference:
    """Of an objective that should grow."""
    history, luck = survey.history, survey.noise.sd or 0.0
    if history.task.n_val and accuracy_like(history) and 0.0 < level < 1.0:
        luck = max(luck, math.sqrt(level * (1.0 - level) / history.task.n_val))
    luck = max(luck, CHANCE_LOSS / CHANCE_ERRORS * abs(1.0 - level) if not luck else 0.0)
    return Reference(history.objective.metric, -1.0, -level, _errors(survey) * luck, luck)


def _lower(survey: Survey, metric: str, level: float) -> Reference:
    """Of a loss: an answer that is off by luck alone gains at most z²/(2n) nats.

    Answers that differ from the best constant one by ε gain z·ε/√n by luck and lose ε²/2. Where
    classes differ in number, those of the validation data differ from the training data's, too.
    """
    task, errors = survey.history.task, _errors(survey)
    if not task.n_val:
        margin = CHANCE_LOSS * abs(level)
        return Reference(metric, 1.0, level, margin, margin / CHANCE_ERRORS)
    spread = 0.0
    if task.priors and all(p > 0 for p in task.priors):
        logs = [(p, math.log(p)) for p in task.priors]
        mean = sum(p * x for p, x in logs)
        spread = math.sqrt(max(0.0, sum(p * (x - mean) ** 2 for p, x in logs)) / task.n_val)
    elif task.kind == "regression":
        spread = abs(level) * math.sqrt(2.0 / task.n_val)  # of a normal target's variance
    luck = max(CHANCE_LOSS_KNOWN * abs(level), spread, 0.5 / task.n_val)
    return Reference(
        metric, 1.0, level, max(CHANCE_ERRORS * luck, 0.5 * errors**2 / task.n_val), luck
    )


def losses_of(trial: TrialRecord, metric: str, sign: float) -> list[float]:
    """A curve's finite values as losses."""
    return [cut(sign * v) for _, v in trial.curve(metric) if math.isfinite(v)]


def smoothed(losses: Sequence[float]) -> list[float]:
    """Medians of three neighbours; short curves as they are, where every look counts."""
    if len(losses) < 3:
        return list(losses)
    return [statistics.median(losses[i : i + 3]) for i in range(len(losses) - 2)]
