"""The last stage: the best configs once more with fresh seeds."""

from collections.abc import Sequence

from danlu.core.decision import Start
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.strategies.budgeting import TOLERANCE, fits
from danlu.strategies.fresh import config_key
from danlu.strategies.plan import FINALISTS, FRESH_SEEDS
from danlu.strategies.rungs import ranked_at


def confirm(history: History, budget: float) -> Start | None:
    """The next repetition, all finalists with one seed before the next; None when done.

    All finalists have the same seeds, so that luck with a seed favours none of them. The
    finalists are chosen once all other trials have ended.
    """
    others = [t for t in history.trials.values() if t.stage != "confirm"]
    if any(t.state in ("running", "lost") for t in others) or not fits(history, 1.0, budget):
        return None
    room = _room(history, others, budget)
    finalists = _finalists(history, FINALISTS if room >= 2 * FINALISTS else 2)
    if room < 2 or len(finalists) < 2:
        return None
    seeds = min(FRESH_SEEDS, room // len(finalists))
    for s in range(1, seeds + 1):
        for t in finalists:
            again = _again(history, t)
            # Negative numbers are no trial's, so these seeds are fresh.
            seed = history.spec.trial_seed(-s)
            if all(a.seed != seed for a in again):
                mean = _mean([t, *again])
                why = f"confirm: #{t.number} again with seed {s + 1} of {seeds + 1}, {mean}"
                return Start(t.config, history.spec.epochs, stage="confirm", seed=seed, why=why)
    return None


def _room(history: History, others: Sequence[TrialRecord], budget: float) -> int:
    """How many repetitions the budget pays for, those begun included."""
    spent = sum(history.cost(len(t.reports), t.proxy) for t in others)
    room = int(budget - spent + TOLERANCE)
    trials = history.spec.budget.trials
    return room if trials is None else min(room, trials - len(others))


def _finalists(history: History, count: int) -> list[TrialRecord]:
    """The trials with the best distinct configs among those trained in full."""
    best: dict[object, TrialRecord] = {}
    for _, number in ranked_at(history, history.spec.epochs):
        t = history.trials[number]
        fit = t.value is not None and t.state != "failed" and history.feasible(t)
        if fit and t.stage != "confirm":
            best.setdefault(config_key(t.config), t)
    return list(best.values())[:count]


def _again(history: History, trial: TrialRecord) -> list[TrialRecord]:
    """The repetitions of a trial's config so far."""
    key = config_key(trial.config)
    return [
        t for t in history.trials.values() if t.stage == "confirm" and config_key(t.config) == key
    ]


def _mean(trials: Sequence[TrialRecord]) -> str:
    values = [t.value for t in trials if t.value is not None and not t.open]
    return f"mean so far {sum(values) / len(values):.4g}"
