"""All verdicts on one trial, causes before symptoms, the surest explanation first.

``verdicts(history, trial)`` is a pure function: it may be asked of any trial at any time, and
tells what its curves say up to its last epoch. It never raises, whatever is missing.
"""

from collections.abc import Callable, Mapping, Set
from typing import TypeAlias

from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.diagnosis import thresholds
from danlu.diagnosis.broken import diverged, not_finite
from danlu.diagnosis.chance import (
    at_chance,
    bad_scale,
    collapse,
    imbalance,
    unmoved,
    val_at_chance,
)
from danlu.diagnosis.course import noisy_val, plateau, saturated_early, still_improving
from danlu.diagnosis.features import Features, shares
from danlu.diagnosis.fit import train_handicapped, underfit, val_handicapped
from danlu.diagnosis.optimisation import (
    gradients_grew,
    late_spikes,
    loss_metric_mismatch,
    lr_too_high,
    lr_too_low,
)
from danlu.diagnosis.overfitting import TurnUp, overfit, turn_up
from danlu.diagnosis.words import verdict

Judge: TypeAlias = Callable[[Features, Set[str]], Finding | None]
"""A trial's features and the codes found so far → a verdict or none."""

JUDGES: tuple[Judge, ...] = (
    not_finite, bad_scale, diverged, unmoved, at_chance, val_at_chance, imbalance, lr_too_high,
    train_handicapped, val_handicapped, overfit, loss_metric_mismatch, lr_too_low, underfit,
    late_spikes, gradients_grew, noisy_val, still_improving, plateau, saturated_early, collapse,
)  # fmt: skip
"""In the order of evaluation (practice, B1); the first that speaks is the primary verdict."""

BENIGN = frozenset({"still_improving", "plateau", "saturated_early", "good", "overconfident"})
OPPOSITE: Mapping[str, float] = {"lr": 1.0, "dropout": 0.0, "weight decay": 1.0, "width": 1.0}
"""Role → the amount at which advice turns from less to more."""

RELATIVE = ("multiply", "add")
MOST_OTHERS = 100  # trials that one is compared with


def verdicts(
    history: History, trial: TrialRecord, reference: float | None = None
) -> list[Finding]:
    """What a trial's curves say, primary verdict first; empty before its first report.

    Args:
        history: The study that it belongs to.
        trial: The trial.
        reference: The best training metric of other trials by this epoch; worked out from the
            history if not given.
    """
    if reference is None:
        reference = best_training(history, trial)
    at = Features(trial, history, reference)
    found: list[Finding] = []
    for judge in JUDGES:
        said = judge(at, {f.code for f in found})
        if said is not None:
            found.append(said)
    if at.epochs == 0 or any(f.code == "not_finite" for f in found):
        return found
    if at.epochs < thresholds.LEAST_EPOCHS:
        return found or [_too_short(at)]
    if not any(f.code not in BENIGN for f in found):
        up = None if len(at.train_loss) else turn_up(at)
        found.append(_good(at) if up is None else _turned(at, up))
    return [*_undecided(at, found), *found]


def _too_short(at: Features) -> Finding:
    message = say("Too few evaluations to judge by ({epochs}).", epochs=at.epochs)
    return verdict(at, "unclear", "short", message, severity="info")


def _good(at: Features) -> Finding:
    message = say("No symptom was found; that is not to say that it is optimal.")
    return verdict(at, "good", "no symptom", message, severity="info")


def _turned(at: Features, up: TurnUp) -> Finding:
    """Without a training curve a rise has too many causes to be called by one."""
    message = say(
        "Validation loss rises since epoch {epoch}, from {lowest:.3g} to {end:.3g}. Whether that "
        "is overfitting or a learning rate that is too large only training curves tell: report "
        "train_loss, too.",
        epoch=up.epoch, lowest=up.lowest, end=at.val_loss.end,
    )  # fmt: skip
    return verdict(at, "unclear", "short", message, severity="info", epoch=up.epoch)


def _undecided(at: Features, found: list[Finding]) -> list[Finding]:
    """``unclear``, if the two likeliest causes are as sure and ask for opposite moves."""
    causes = sorted((f for f in found if f.code not in BENIGN), key=lambda f: -f.confidence)[:2]
    if len(causes) < 2 or causes[0].confidence - causes[1].confidence > thresholds.TIE:
        return []
    first, second = causes
    roles = sorted(_less(first) & _more(second) | _more(first) & _less(second))
    if not roles:
        return []
    message = say(
        "{code} and {second_code} are equally likely and ask for opposite moves of {roles}: "
        "change nothing on this trial's word alone.",
        code=first.code,
        second_code=second.code,
        roles=roles,
    )
    codes = [f.code for f in causes]
    return [verdict(at, "unclear", "opposites", message, severity="info", causes=codes)]


def _less(finding: Finding) -> set[str]:
    """Roles of which a finding's first move wants less."""
    return {p for p, amount, turn in _moved(finding) if amount < turn}


def _more(finding: Finding) -> set[str]:
    return {p for p, amount, turn in _moved(finding) if amount > turn}


def _moved(finding: Finding) -> list[tuple[str, float, float]]:
    moves = [(a.parameter or "", a.amount) for a in finding.advice[:2] if a.action in RELATIVE]
    return [
        (role, float(amount), OPPOSITE[role])
        for role, amount in moves
        if role in OPPOSITE and isinstance(amount, int | float)
    ]


def best_training(history: History, trial: TrialRecord) -> float | None:
    """The best training metric that others on the same data had by this trial's epoch.

    Of many the newest count, or each trial of a large study would cost more than the one before.
    """
    name = Features(trial, history).named.train_metric
    if name is None:
        return None
    ends = []
    for other in list(history.trials.values())[-MOST_OTHERS:]:
        alike = other.number != trial.number and other.proxy == trial.proxy
        if alike and other.state != "failed" and other.reports:
            curve = shares(other, name).until(trial.epoch)
            ends += [curve.end] if len(curve) else []
    return max(ends, default=None)
