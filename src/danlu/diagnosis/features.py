"""What the verdicts read: a trial's curves beside what is known of the task and the study.

Everything is worked out when it is first asked for, and None where it is not known: a verdict
that needs it uses a weaker definition or abstains.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from danlu.catalogue.roles import role_of
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.task import Task
from danlu.diagnosis import recognition
from danlu.diagnosis.curve import Curve
from danlu.diagnosis.recognition import Named, recognise
from danlu.diagnosis.thresholds import BLOWN_UP, DROPOUT_NOISE, NARROW, SURE_EPOCHS

USUAL_FIRST_LOSS = 5.0  # times the constant answer's: beyond, the first loss is no scale
PERCENT_MOST = 100.5


@dataclass(frozen=True)
class Features:
    """One trial, as the verdicts see it.

    Attributes:
        trial: The trial.
        history: The study that it belongs to.
        reference: The best training metric that other trials of the study had by this epoch;
            None without any.
    """

    trial: TrialRecord
    history: History
    reference: float | None = None

    # ---- curves

    @cached_property
    def named(self) -> Named:
        return recognise(tuple(self.trial.metric_names()), self.history.objective)

    @cached_property
    def train_loss(self) -> Curve:
        return Curve.of(self.trial, self.named.train_loss)

    @cached_property
    def val_loss(self) -> Curve:
        return Curve.of(self.trial, self.named.val_loss)

    @cached_property
    def train_metric(self) -> Curve:
        """Shares, larger is better."""
        return shares(self.trial, self.named.train_metric)

    @cached_property
    def val_metric(self) -> Curve:
        """Shares, larger is better."""
        return shares(self.trial, self.named.val_metric)

    def other(self, metric: str) -> Curve:
        """A metric that goes by one name only, such as ``lr``; empty if not reported."""
        return Curve.of(self.trial, metric)

    @cached_property
    def epochs(self) -> int:
        """How many evaluations the longest of the four curves has."""
        curves = (self.train_loss, self.val_loss, self.train_metric, self.val_metric)
        return max(map(len, curves))

    @property
    def horizon(self) -> int:
        """The full length of a trial."""
        return self.history.spec.epochs

    @property
    def certainty(self) -> float:
        """What every confidence is multiplied by: short curves tell less."""
        return min(1.0, self.epochs / SURE_EPOCHS)

    # ---- the task

    @property
    def task(self) -> Task:
        return self.history.task

    @property
    def classes(self) -> int | None:
        known = self.trial.proxy.classes or self.task.classes
        return known if known and known > 1 and self.task.kind != "regression" else None

    @cached_property
    def chance_loss(self) -> float | None:
        """The loss of the best constant answer, if the loss is a cross-entropy or an error."""
        if self.trial.proxy.classes is not None and self.classes:
            return math.log(self.classes)
        if self.task.baseline_loss is not None:
            return _positive(self.task.baseline_loss)
        return math.log(self.classes) if self.classes else None

    @cached_property
    def chance_metric(self) -> float | None:
        """The metric of the best constant answer."""
        name = self.named.val_metric or self.named.train_metric
        if name is None:
            return None
        if self.trial.proxy.classes is None:
            known = _finite(self.task.baseline_metric)
            if name == self.history.objective.metric and known is not None:
                return 1.0 - known if recognition.counts_errors(name) else known
            if recognition.is_accuracy(name) and self.task.priors:
                balanced = recognition.is_balanced(name)
                return 1.0 / len(self.task.priors) if balanced else max(self.task.priors)
        return 1.0 / self.classes if self.classes and recognition.is_accuracy(name) else None

    @cached_property
    def initial_loss(self) -> float | None:
        """The loss before the first step, if it was reported or found before the search."""
        known = self.trial.last("initial_loss")
        return _positive(self.task.initial_loss if known is None else known)

    @cached_property
    def usual_first_loss(self) -> float | None:
        """What the loss is before the first step when all is well.

        A network answers all classes alike at first, however uneven they are.
        """
        if self.chance_loss is None or not self.classes or self.task.kind == "regression":
            return self.chance_loss
        return max(self.chance_loss, math.log(self.classes))

    @cached_property
    def scale(self) -> float | None:
        """The loss to begin with: what progress and up-moves are measured against."""
        usual, first = self.usual_first_loss, self.initial_loss
        if usual is not None:
            near = first is not None and first < USUAL_FIRST_LOSS * usual
            return max(usual, first) if near and first is not None else usual
        if first is not None:
            return first
        return _positive(self.train_loss.values[0]) if len(self.train_loss) else None

    @cached_property
    def blown_up(self) -> bool:
        """Whether the training loss ended far above everything that training begins with."""
        known = [x for x in (self.initial_loss, self.chance_loss) if x is not None]
        return bool(known and self.train_loss) and self.train_loss.end > BLOWN_UP * max(known)

    # ---- skill: 0 for the best constant answer, 1 for no error

    def skill(self, metric: float) -> float | None:
        """How far a metric lies between the constant answer's and one; None if that is unknown."""
        chance = self.chance_metric
        return None if chance is None or chance >= 1.0 else (metric - chance) / (1.0 - chance)

    def loss_skill(self, loss: float) -> float | None:
        """How far a loss lies below the constant answer's."""
        return None if self.chance_loss is None else 1.0 - loss / self.chance_loss

    @cached_property
    def train_skill(self) -> float | None:
        """Of the end of training; None where metric or chance level are unknown."""
        return self.skill(self.train_metric.end) if len(self.train_metric) else None

    def standard_error(self, metric: float, samples: int | None) -> float:
        """Of a share among so many samples; 0 if their number is unknown."""
        share = min(1.0, max(0.0, metric))
        return math.sqrt(share * (1.0 - share) / samples) if samples else 0.0

    @cached_property
    def val_error(self) -> float:
        """Standard error of the validation metric at its end."""
        if not len(self.val_metric):
            return 0.0
        return self.standard_error(self.val_metric.end, self.task.n_val)

    @cached_property
    def linear(self) -> float | None:
        """What a linear model reaches, if the metric is the one it was measured by."""
        name, known = self.named.val_metric, _finite(self.task.linear_metric)
        if name is None or name != self.history.objective.metric or known is None:
            return None
        return 1.0 - known if recognition.counts_errors(name) else known

    @cached_property
    def gap(self) -> float | None:
        """Training metric over validation's at the end."""
        if not (len(self.train_metric) and len(self.val_metric)):
            return None
        return self.train_metric.end - self.val_metric.end

    @cached_property
    def gap_noise(self) -> float:
        """The gap in standard errors; infinite where those are unknown."""
        if self.gap is None:
            return 0.0
        train = self.standard_error(self.train_metric.end, self.task.n_train)
        error = math.hypot(train, self.val_error)
        return self.gap / error if error > 0.0 else math.copysign(math.inf, self.gap)

    # ---- the config

    @cached_property
    def roles(self) -> dict[str, float]:
        """Role → number, of the parameters whose role is known."""
        found: dict[str, float] = {}
        for name, parameter in self.history.spec.space.parameters.items():
            value, role = self.trial.config.get(name), role_of(name, parameter)
            if role and isinstance(value, int | float) and not isinstance(value, bool):
                found.setdefault(role, float(value))
        return found

    @property
    def too_narrow(self) -> bool:
        """Whether layers have so few units that classes cannot be told apart."""
        return self.roles.get("width", math.inf) < min(NARROW, self.classes or 0)

    @property
    def dropout_noise(self) -> float:
        """By what running averages of training are rougher; 1 for passes in evaluation mode."""
        if self.task.eval_mode_train:
            return 1.0
        return 1.0 + DROPOUT_NOISE * min(1.0, max(0.0, self.roles.get("dropout", 0.0)))


def shares(trial: TrialRecord, metric: str | None) -> Curve:
    """A metric as shares of one, larger is better; empty where it is neither share nor percent."""
    curve = Curve.of(trial, metric)
    if metric is None or not len(curve):
        return Curve()
    highest = max(curve.values)
    if recognition.PERCENT < highest <= PERCENT_MOST and min(curve.values) >= 0.0:
        curve = curve.map(0.01)
    elif highest > recognition.PERCENT:
        return Curve()
    return curve.map(-1.0, 1.0) if recognition.counts_errors(metric) else curve


def _finite(x: float | None) -> float | None:
    return x if x is not None and math.isfinite(x) else None


def _positive(x: float | None) -> float | None:
    return x if x is not None and math.isfinite(x) and x > 0.0 else None
