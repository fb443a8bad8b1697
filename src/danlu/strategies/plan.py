"""The stages of a staged search: how long, on how much data, and how many trials of each."""

import math
from dataclasses import dataclass

from danlu.core.decision import FULL, Proxy
from danlu.core.history import History
from danlu.core.space import Space
from danlu.strategies.budgeting import bare_pace, total

COARSE_SHARE = 0.35  # of the budget; the fine stage takes what is left by the others
COARSE_TRIAL_SHARE = 0.5  # of a budget in trials
CONFIRM_SHARE = 0.2
CONFIRM_TRIAL_SHARE = 0.15
SMALL = 10.0  # full trainings; with fewer, two for the confirmation are more than their share
FINALISTS, FRESH_SEEDS = 3, 3
MOST_SEEDS = 10  # Bouthillier et al. 2021 ask for 29 pairs, which hardly any budget pays for
ETA = 3  # one of how many trials goes on from half length
SUBSET = Proxy(data_fraction=0.25)
CLASSES_SHARE, LEAST_CLASSES = 3, 3  # a third of the classes; two are told apart too easily
SUBSET_WORTH_S = 30.0  # seconds of a full training below which a subset saves too little


RATES = 8  # learning rates tried for each optimizer before anything else varies …
MOST_RATES = 24
RATES_SHARE = 1 / 3  # … at most, of the coarse trials
ORDER_PAYS = 10.0  # full trainings; with fewer there is no time for one thing after another
ORDER_DIMENSIONS = 3  # fewer are searched together as quickly


@dataclass(frozen=True)
class Moves:
    """Which moves the plan makes.

    Attributes:
        order: Learning rate (and optimizer) first, with all else at its default.
        narrow: Shrink the ranges to where the best results lie.
        findings: Verdicts on trials and on the study move the ranges.
        proxy_check: Train some of the worse configs on too, so that it is known sooner whether
            short trainings, and those on a part of the data, rank configs as full ones do.
            Without it the check goes by what is trained anyway. Off: it does not pay.
        model: Half of the fine draws come from the model of the curves.
    """

    order: bool = False
    narrow: bool = True
    findings: bool = True
    proxy_check: bool = False
    model: bool = True


@dataclass(frozen=True)
class Plan:
    """What the stages of a study take, in full trainings, epochs and trials.

    Attributes:
        moves: Which moves it makes.
        budget: Full trainings in all.
        proxy: What coarse trials are trained on.
        coarse_epochs: How long coarse trials are.
        half_epochs: How long fine trials are before the best of them go on to the full length.
        coarse_trials: How many of them.
        confirm_runs: How many full trainings are kept for the confirmation.
    """

    moves: Moves
    budget: float
    proxy: Proxy
    coarse_epochs: int
    half_epochs: int
    coarse_trials: int
    confirm_runs: int


def plan(space: Space, history: History, moves: Moves) -> Plan:
    """The plan that fits the budget, as far as the pace of training is known."""
    spec, budget = history.spec, total(history)
    proxy = proxy_of(history)
    half = max(1, math.ceil(spec.epochs / 2))
    coarse = coarse_epochs(spec.epochs)
    if not proxy.full:
        coarse = min(half, 2 * coarse)  # a subset has fewer steps an epoch, which is what hurts
    if budget < SMALL and not history.can_pause:
        coarse = half = spec.epochs  # too little to train short ones in vain
    wide = max(16, 8 * len(space.free))
    coarse_trials = min(wide, int(COARSE_SHARE * budget / history.cost(coarse, proxy)))
    if spec.budget.trials is not None:
        coarse_trials = min(coarse_trials, int(COARSE_TRIAL_SHARE * spec.budget.trials))
    runs = _confirm_runs(history, budget)
    return Plan(moves, budget, proxy, coarse, half, max(1, coarse_trials), runs)


def coarse_epochs(epochs: int) -> int:
    """About a fifth of the full length; at least 5 epochs of 20 and more, 3 of 6 and more.

    The order of trials after a single epoch says next to nothing about their order at the end,
    and a verdict on their curves takes five.
    """
    least = next((n for full, n in ((20, 5), (6, 3)) if epochs >= full), 1)
    return max(least, round(0.2 * epochs))


def proxy_of(history: History) -> Proxy:
    """What coarse trials are trained on: all, or where that saves enough a part.

    A part of the data where training takes it, else of the classes. What trials began with stays.
    """
    used = next((t.proxy for t in history.trials.values() if not t.proxy.full), None)
    if used is not None:
        return used
    classes = history.task.classes
    if history.takes_fraction is True:
        proxy = SUBSET
    elif history.takes_classes is True and classes and classes >= 2 * LEAST_CLASSES:
        proxy = Proxy(classes=max(LEAST_CLASSES, math.ceil(classes / CLASSES_SHARE)))
    else:
        return FULL
    seconds = bare_pace(history)
    return FULL if seconds is None or seconds < SUBSET_WORTH_S else proxy


def _confirm_runs(history: History, budget: float) -> int:
    trials = history.spec.budget.trials
    # The default config too; then the two that are left, if they are hard to tell apart.
    most = (FINALISTS + 1) * FRESH_SEEDS + 2 * (MOST_SEEDS - FRESH_SEEDS)
    if budget < SMALL:
        return 0
    if trials is None:
        return min(most, max(2, int(CONFIRM_SHARE * budget)))
    return min(most, max(2, int(CONFIRM_TRIAL_SHARE * trials)))
