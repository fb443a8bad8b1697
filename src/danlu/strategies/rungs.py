"""Comparing trials at equal epochs."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from operator import itemgetter
from typing import TypeAlias

from danlu.core.decision import FULL, Proxy, Stop
from danlu.core.history import History
from danlu.core.identity import Same
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.spec import Objective, Spec
from danlu.strategies.lines import IN_FULL

Ranking: TypeAlias = list[tuple[float, int]]
"""(loss, number of the trial), best first; an infinite loss is a failure."""


def ladder(first: int, epochs: int, eta: int) -> tuple[int, ...]:
    """Epochs at which trials are compared: ``first``, then times ``eta``, ending at ``epochs``.

    A rung so near the end that it would save little is left out.
    """
    rungs = []
    rung = first
    while rung * math.sqrt(eta) <= epochs and rung < epochs:
        rungs.append(rung)
        rung *= eta
    return (*rungs, epochs)


def loss_at(trial: TrialRecord, epoch: int, objective: Objective) -> float | None:
    """The best loss of a trial up to an epoch; None if it did not get there.

    Infinite if it failed on its way there or never had a finite value. Training that ended by
    itself, before its ``until``, counts as trained to any epoch.
    """
    if trial.epoch >= epoch:
        return _best_until(trial, epoch, objective)
    if trial.state == "failed":
        return math.inf if trial.until >= epoch else None
    if trial.state == "finished" and trial.epoch < trial.until:
        return _best_until(trial, epoch, objective)
    return None


def _best_until(trial: TrialRecord, epoch: int, objective: Objective) -> float:
    """The best loss up to an epoch; the inner loop of all halving."""
    if trial.value is None:
        return math.inf
    if trial.value_epoch <= epoch:
        return objective.loss(trial.value)
    best = math.inf
    for report in trial.reports:
        if report.epoch > epoch:
            break
        loss = objective.loss(report.metrics.get(objective.metric, math.nan))
        if -math.inf < loss < best:
            best = loss
    return best


def ranked_at(history: History, epoch: int, proxy: Proxy = FULL) -> Ranking:
    """The trials with this proxy that got to an epoch, compared there."""
    return ranked_rungs(history, (epoch,), proxy)[0]


def ranked_rungs(history: History, rungs: Sequence[int], proxy: Proxy = FULL) -> list[Ranking]:
    """`ranked_at` for each of several growing epochs, in one pass over the trials."""
    known, objective = _losses(Same(history.spec), tuple(rungs)), history.objective
    rankings: list[Ranking] = [[] for _ in rungs]
    for number, t in history.trials.items():
        if t.proxy is not proxy and t.proxy != proxy:
            continue
        entry = known.get(number)
        if entry is None or entry[0] is not t:
            known[number] = entry = (t, _losses_of(t, rungs, objective))
        for ranking, loss in zip(rankings, entry[1], strict=False):
            ranking.append((loss, number))
    for ranking in rankings:
        ranking.sort(key=itemgetter(0))  # stable: trials come in the order of their numbers
    return rankings


def _losses_of(
    trial: TrialRecord, rungs: Sequence[int], objective: Objective
) -> tuple[float, ...]:
    """The losses of a trial at the rungs that it got to."""
    losses = (loss_at(trial, rung, objective) for rung in rungs)
    return tuple(takewhile(lambda loss: loss is not None, losses))  # type: ignore[arg-type]


@lru_cache(maxsize=16)
def _losses(
    spec: Same[Spec],  # noqa: ARG001
    rungs: tuple[int, ...],  # noqa: ARG001
) -> dict[int, tuple[TrialRecord, tuple[float, ...]]]:
    """Number → a trial and its losses at the rungs it got to; filled as they are asked for.

    Kept, as from one decision to the next few trials of ten thousand change.
    """
    return {}


def stops(history: History, rungs: Sequence[int], eta: int) -> list[Stop]:
    """Ends running trials that are not in the best 1/eta of the rung they passed last."""
    rankings = ranked_rungs(history, rungs)
    found = []
    for t in history.running:
        passed = [k for k, rung in enumerate(rungs[:-1]) if rung <= t.epoch and rung < t.until]
        if not passed or not t.proxy.full or t.stage in IN_FULL:
            continue
        ranking, rung = rankings[passed[-1]], rungs[passed[-1]]
        place = next(i for i, (_, number) in enumerate(ranking, 1) if number == t.number)
        if len(ranking) >= eta and place > len(ranking) // eta:
            why = say(
                "{place} of {ranking} at epoch {rung}, not in the best 1/{eta}",
                place=place,
                ranking=len(ranking),
                rung=rung,
                eta=eta,
            )
            found.append(Stop(t.number, why=say("#{number} is {why}", number=t.number, why=why)))
    return found
