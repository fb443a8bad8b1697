"""The coarse stage: the default config, learning rates, then wide ranges, all of them short."""

from collections.abc import Iterator

from danlu.catalogue.roles import role_of
from danlu.core.decision import Start, part
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Value
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.advised import Rung, advised, advising, answered
from danlu.strategies.budgeting import fits, trials_left
from danlu.strategies.draws import expected_config, fixed
from danlu.strategies.encoding import usual_config
from danlu.strategies.fresh import fresh_config
from danlu.strategies.plan import (
    MOST_RATES,
    ORDER_DIMENSIONS,
    ORDER_PAYS,
    RATES,
    RATES_SHARE,
    Plan,
)
from danlu.strategies.ranges import changes, current, limits_of, outside, tidy, told, with_ranges
from danlu.strategies.rungs import loss_at, ranked_at

REOPEN = 3.0  # times the best learning rates, on both sides, for the rest of the coarse stage
REOPEN_LINEAR = 0.15  # of the width, on a linear scale
LEAST_RATES = 4  # results with learning rates before they narrow anything
BEST_RATES = 4  # one of how many counts as the best
LR, OPTIMIZER = "lr", "optimizer"


def coarse(space: Space, history: History, p: Plan) -> Start | Entry | None:
    """The next trial of the stage, or a line that is due before it; None when it is over."""
    stages = [t.stage for t in history.trials.values()]
    number = stages.count("coarse") + 1
    if "fine" in stages or "confirm" in stages or number > p.coarse_trials:
        return None
    cost = history.cost(p.coarse_epochs, p.proxy)
    if not fits(history, cost, p.budget) or trials_left(history) < 1:
        return None
    if p.moves.findings and number > 1 + rates(space, p):
        rung = Rung(
            "coarse", p.coarse_epochs, p.proxy, ranked_at(history, p.coarse_epochs, p.proxy)
        )
        found = answered(space, history, rung) or advised(history, rung, p.coarse_epochs)
        if found is not None or (found := advising(space, history, rung)) is not None:
            return found
    config, what = _config(space, history, p, number)
    if config is None:
        return None
    data = "" if p.proxy.full else say(", {part}", part=part(p.proxy))
    length = say(
        "{coarse_epochs} of {epochs} epochs{data}",
        coarse_epochs=p.coarse_epochs,
        epochs=history.spec.epochs,
        data=data,
    )
    why = say(
        "coarse {number}/{coarse_trials}: {what}, {length}",
        number=number,
        coarse_trials=p.coarse_trials,
        what=what,
        length=length,
    )
    return Start(config, p.coarse_epochs, p.proxy, "coarse", why=why)


def _config(
    space: Space, history: History, p: Plan, number: int
) -> tuple[dict[str, Value] | None, str]:
    """The config of a coarse trial, None if all were tried; and what it is, in words."""
    if number == 1:
        return usual_config(space), say("the default config")
    if number <= 1 + rates(space, p):
        alone = fresh_config((rate_space(space),), history)
        if alone is not None:  # a few choices are soon used up
            return alone, say("the learning rate alone")
    return expected_config(current(space, history.logbook), space, history), say("wide ranges")


def rates(space: Space, p: Plan) -> int:
    """How many coarse trials vary the learning rate alone; 0 where that would not pay."""
    found = _first(space)
    if not any(role_of(n, space[n]) == LR for n in found) or not p.moves.order:
        return 0
    if p.budget < ORDER_PAYS or len(space.free) - len(found) < ORDER_DIMENSIONS:
        return 0
    choices = [len(c.values) for n in found if isinstance(c := space[n], Choice)]
    wanted = min(MOST_RATES, RATES * max(choices, default=1))
    return min(wanted, int(RATES_SHARE * p.coarse_trials))


def _first(space: Space) -> list[str]:
    """The parameters that come first: learning rates and the optimizer."""
    return [n for n in space.free if role_of(n, space[n]) in (LR, OPTIMIZER)]


def rate_space(space: Space) -> Space:
    """The space with all else at its usual value."""
    first, default = _first(space), usual_config(space)
    kept = {
        n: p if n in first or p.constant else fixed(p, default.get(n, p.middle()))
        for n, p in space.parameters.items()
    }
    return space.replaced(kept)


def rates_seen(space: Space, history: History, p: Plan) -> Iterator[Entry]:
    """The line at the end of the first look at learning rates: the ranges for what follows."""
    count = rates(space, p)
    if not count or any(e.code == "order" for e in history.logbook):
        return
    alone = rate_space(space)
    trials = [t for t in history.trials.values() if not outside(alone, t.config)][: count + 1]
    if len(trials) <= count or any(t.state == "running" for t in trials):
        return
    trials = [t for t in trials if t.proxy == p.proxy]  # the first may be on all of the data
    losses = [(loss_at(t, p.coarse_epochs, history.objective), t) for t in trials]
    ranked = sorted(
        ((loss, t.number, t) for loss, t in losses if loss is not None and loss < float("inf")),
        key=lambda row: row[:2],
    )
    seen = say(
        "{trials} learning rates with all else at its default, {ranked} trained well",
        trials=len(trials),
        ranked=len(ranked),
    )
    best = [t for *_, t in ranked]
    ranges = {
        n: r
        for n in _first(space)
        if isinstance(q := space[n], Float | Int) and (r := _reopened(q, n, best)) is not None
    }
    box = with_ranges(space, ranges)
    moved = changes(space, box)
    if not moved:
        why = say("not enough evidence: {least_rates} results are needed", least_rates=LEAST_RATES)
        yield Entry("order", "coarse", seen, say("nothing: all ranges stay"), why)
        return
    before = {n: [space[n].low, space[n].high] for n in moved}  # type: ignore[union-attr]
    data = {"ranges": moved, "before": before, "trials": len(history.trials)}
    why = say("the learning rate matters most; the best value of all else depends on it")
    yield Entry("order", "coarse", seen, told(space, moved), why, data)


def _reopened(p: Float | Int, name: str, best: list[TrialRecord]) -> list[object] | None:
    """Around the best values of a learning rate; None with too few results."""
    values = [float(v) for t in best if isinstance(v := t.config.get(name), int | float)]
    if len(values) < LEAST_RATES:
        return None
    top = values[: max(2, len(values) // BEST_RATES)]
    least, most = limits_of(p)
    if p.log:
        low, high = min(top) / REOPEN, max(top) * REOPEN
    else:
        margin = REOPEN_LINEAR * (p.high - p.low)
        low, high = min(top) - margin, max(top) + margin
    return tidy(p, max(least, p.low, low), min(most, p.high, high))
