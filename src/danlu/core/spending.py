"""What the budget still allows, and decisions as the events that carry them out."""

from danlu.core.decision import Continue, Start
from danlu.core.event import Continued, Started
from danlu.core.history import History
from danlu.core.sentence import say


def spent(history: History, now: float) -> str:
    """Why nothing more may be begun, or an empty string."""
    budget = history.spec.budget
    if out_of_time(history, now):
        return say("the time of {seconds:g} s is used up", seconds=budget.seconds)
    if budget.trainings is not None and history.trainings >= budget.trainings - 1e-9:
        if budget.trainings == 1:
            return say("the budget of one full training is spent")
        return say(
            "the budget of {trainings:g} full trainings is spent", trainings=budget.trainings
        )
    return ""


def out_of_time(history: History, now: float) -> bool:
    """Whether a budget of seconds is used up."""
    limit = history.spec.budget.seconds
    seconds = history.seconds + max(0.0, now - history.last_at if history.active else 0.0)
    return limit is not None and seconds >= limit


LOG_LINES = 10  # of a failed trial, to show why
FAILED_STARTS = 3  # when the first trials all fail without a report, more of them will


def failed_starts(history: History) -> str:
    """Why it is no use to begin more trials: the first all failed before their first report."""
    trials = history.trials.values()
    failed = [t for t in trials if t.state == "failed"]
    if len(failed) < FAILED_STARTS or any(t.reports for t in trials):
        return ""
    last = failed[-1]
    log = "\n".join(last.log.splitlines()[-LOG_LINES:])
    text = say(
        "the first {failed} trials all failed before their first report. Trial {number}: "
        "{message}",
        failed=len(failed), number=last.number, message=last.message,
    )  # fmt: skip
    return text + f"\n{log}" if log.strip() else text


def affordable(history: History, data_fraction: float) -> int:
    """Epochs that the budget still allows beyond what running trials will take."""
    budget = history.spec.budget.trainings
    if budget is None:
        return history.spec.epochs
    left = budget - history.trainings - history.committed
    return max(0, int(left * history.spec.epochs / data_fraction + 1e-6))


def started(history: History, decision: Start, now: float) -> Started | None:
    """The start of a trial, None if the budget does not allow it.

    Raises:
        ConfigError: If its config does not belong to the space.
    """
    spec, number = history.spec, history.next_number
    if spec.budget.trials is not None and number > spec.budget.trials:
        return None
    until = min(decision.until, spec.epochs)
    left = affordable(history, decision.proxy.data_fraction)
    if left < until:
        if history.trials or not left:
            return None
        until = left  # a budget below one training: see at least its beginning
    seed = spec.trial_seed(number) if decision.seed is None else decision.seed
    config = spec.space.check(decision.config)
    return Started(now, number, config, until, seed, decision.proxy, decision.stage, decision.why)


def continued(history: History, decision: Continue, now: float) -> Continued | None:
    """The next slice of a trial, as far as the budget allows; None if it allows nothing."""
    trial = history.trials[decision.trial]
    until = min(decision.until, history.spec.epochs)
    until = min(until, trial.epoch + affordable(history, trial.proxy.data_fraction))
    if until <= trial.epoch:
        return None
    return Continued(now, trial.number, until, trial.attempt, decision.stage, decision.why)
