"""The fine stage: promising trials go on, new ones come from narrowed ranges."""

import math
from collections.abc import Iterator

from danlu.core.decision import FULL, Continue, Start
from danlu.core.history import History
from danlu.core.parameter import Float, Int
from danlu.core.space import Config, Space
from danlu.strategies.budgeting import fits, trials_left
from danlu.strategies.fresh import config_key, fresh_config
from danlu.strategies.narrowing import narrowed, relative_width, top_count
from danlu.strategies.plan import FINALISTS, SUBSET, Plan, coarse_epochs
from danlu.strategies.rungs import Ranking, ranked_at

ETA = 3  # one of how many trials goes on from half length
PROMISING = 6  # one of how many coarse trials goes on to half length
CONTROL = 6  # one of how many draws comes from the whole space, lest the narrowing be wrong

REOPEN_SHARE = 0.15  # of a budget; less comes and goes with the estimate of the pace


def fine(space: Space, history: History, p: Plan) -> Start | Continue | None:
    """The next step of the fine stage; None when it is over or must wait for coarse trials."""
    stages = [t.stage for t in history.trials.values()]
    limit = p.budget - p.confirm_runs + _confirmed(history)
    over = stages[-1:] == ["confirm"] and not _grown(history, p, limit)
    if over or ("fine" not in stages and _too_early(history, p)):
        return None
    unreserved = limit - _finishing(history, p)
    halfway = ranked_at(history, p.half_epochs)
    return (
        _promotion(history, halfway, len(halfway) // ETA, limit)
        or _going_on(history, p, unreserved)
        or _draw(space, history, p, halfway, unreserved)
        or _promotion(history, halfway, FINALISTS, limit)
    )


def _confirmed(history: History) -> float:
    """What the confirmation has taken so far, and will by what runs."""
    confirm = [t for t in history.trials.values() if t.stage == "confirm"]
    return sum(history.cost(t.until if t.open else t.epoch, t.proxy) for t in confirm)


def _grown(history: History, p: Plan, limit: float) -> bool:
    """Whether the budget was raised so much that the search goes on after a confirmation."""
    more = max(2.0, REOPEN_SHARE * p.budget)
    return fits(history, more, limit) and trials_left(history) >= 1 + p.confirm_runs


def _too_early(history: History, p: Plan) -> bool:
    """Whether coarse trials still run and less than half of them are known."""
    known = sum(len(ranking) for _, ranking in coarse_rankings(history, p))
    running = any(t.stage == "coarse" for t in history.running)
    return running and known < p.coarse_trials / 2


def coarse_rankings(history: History, p: Plan) -> list[tuple[int, Ranking]]:
    """(epoch, ranking) of trials at coarse length: on all data, and on a part where there are any.

    They are kept apart: a result on a part of the data says nothing beside one on all of it.
    """
    rankings = [(e := coarse_epochs(history.spec.epochs), ranked_at(history, e))]
    if not p.proxy.full:
        rankings.append((p.coarse_epochs, ranked_at(history, p.coarse_epochs, SUBSET)))
    return rankings


def _promotion(history: History, halfway: Ranking, top: int, limit: float) -> Continue | None:
    """The best paused trial among the top at half length goes on to the full one."""
    full = history.spec.epochs
    for place, (loss, number) in enumerate(halfway[:top], 1):
        t = history.trials[number]
        if not history.can_pause or t.state != "paused" or t.epoch >= full or math.isinf(loss):
            continue
        if fits(history, history.cost(full - t.epoch), limit):
            why = f"fine: #{number} ranks {place} of {len(halfway)} at half length"
            return Continue(number, full, "fine", f"{why}, on to epoch {full}")
    return None


def _going_on(history: History, p: Plan, limit: float) -> Start | Continue | None:
    """A promising coarse trial goes on; one on a part of the data begins again on all of it."""
    half = p.half_epochs
    tried = {config_key(t.config) for t in history.trials.values() if t.proxy.full}
    for epoch, number, what in _promising(history, p):
        t = history.trials[number]
        why = f"fine: #{number} ranks {what} at epoch {epoch}"
        if t.proxy.full and t.state == "paused" and t.epoch < half and history.can_pause:
            if fits(history, history.cost(half - t.epoch), limit):
                return Continue(number, half, "fine", f"{why}, on to epoch {half}")
        elif not t.proxy.full and config_key(t.config) not in tried and _room(history, p, limit):
            why = f"{why} on {t.proxy.data_fraction:.0%} of the data, now on all of it"
            return Start(t.config, _length(history, p), FULL, "fine", why=why)
    return None


def _promising(history: History, p: Plan) -> Iterator[tuple[int, int, str]]:
    """(epoch, trial, its place) of the best coarse trials."""
    for epoch, ranking in coarse_rankings(history, p):
        for place, (loss, number) in enumerate(ranking[: math.ceil(len(ranking) / PROMISING)], 1):
            if math.isfinite(loss):
                yield epoch, number, f"{place} of {len(ranking)}"


def _draw(space: Space, history: History, p: Plan, halfway: Ranking, limit: float) -> Start | None:
    """A new config from the narrowed ranges, or now and then from the whole space."""
    if not _room(history, p, limit):
        return None
    number, until = history.next_number, _length(history, p)
    length = f"{until} of {history.spec.epochs} epochs"
    box, evidence = narrowed_space(space, history, p, halfway)
    if number % CONTROL == 0 or box == space:
        config = fresh_config((space,), history)
        reason = "control, drawn from the whole space" if box != space else evidence
    else:
        config = fresh_config((box, space), history)
        reason = f"{_narrowest(space, box)} {evidence}"
    if config is None:
        return None
    return Start(config, until, FULL, "fine", why=f"fine: {reason}, {length}")


def narrowed_space(space: Space, history: History, p: Plan, halfway: Ranking) -> tuple[Space, str]:
    """The ranges for new configs, and around which results they lie.

    Narrowed first around the best at coarse length, then again around the best at half length.
    """
    coarse = max((ranking for _, ranking in coarse_rankings(history, p)), key=_valued)
    box, evidence = space, "too few results to narrow the ranges"
    for ranking in (coarse, halfway):
        known = _valued(ranking)
        configs: list[Config] = [history.trials[number].config for _, number in ranking]
        smaller = narrowed(box, space, configs, len(ranking) - known)
        if smaller != box:
            box, evidence = smaller, f"around the best {top_count(known)} of {len(ranking)}"
    return box, evidence


def _valued(ranking: Ranking) -> int:
    return sum(math.isfinite(loss) for loss, _ in ranking)


def _narrowest(space: Space, box: Space) -> str:
    """What was changed most, in words."""
    ranges = {
        name: p
        for name, p in box.parameters.items()
        if isinstance(p, Float | Int) and p != space[name]
    }
    if not ranges:
        choice = next(n for n in space if box.parameters.get(n) != space[n])
        return f"{choice} without its worst choices"
    name = min(ranges, key=lambda n: relative_width(space[n], ranges[n]))
    p = ranges[name]
    verb = "narrowed" if relative_width(space[name], p) < 1 else "widened"
    return f"{name} {verb} to [{p.low:.3g}, {p.high:.3g}]"


def _length(history: History, p: Plan) -> int:
    """How long a new fine trial is trained at first: what cannot pause trains on."""
    return p.half_epochs if history.can_pause else history.spec.epochs


def _room(history: History, p: Plan, limit: float) -> bool:
    """Whether a new fine trial fits."""
    cost = history.cost(_length(history, p))
    return fits(history, cost, limit) and trials_left(history) >= 1 + p.confirm_runs


def _finishing(history: History, p: Plan) -> float:
    """What it takes to bring one trial to full length, two if there will be a confirmation."""
    full = history.spec.epochs
    if not history.can_pause:
        return 0.0
    there = sum(t.proxy.full and t.state != "failed" and t.until >= full
                for t in history.trials.values())  # fmt: skip
    wanted = 2 if p.confirm_runs else 1
    return max(0, wanted - there) * history.cost(full - p.half_epochs)
