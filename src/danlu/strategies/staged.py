"""Coarse to fine, as practitioners do: wide and short, then narrow and long, then once more.

1. Coarse: the default config, then configs from the whole space, trained for a fifth of the
   epochs (and on a part of the data where that saves enough).
2. Fine: the most promising of them go on, and new configs come from ranges narrowed around the
   best; at half length the best third goes on to the full one.
3. Confirm: the best few configs once more, in full and with fresh seeds, because the best of
   many single runs flatters itself.

Without pausing, fine trials train on, and are stopped at coarse and at half length unless they
are in the best third there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from danlu.core.decision import Continue, Decision, Finish, Start
from danlu.core.event import Continued, Started
from danlu.core.history import History
from danlu.core.space import Space
from danlu.strategies.budgeting import fits, trials_left
from danlu.strategies.confirm import confirm
from danlu.strategies.fine import ETA, fine
from danlu.strategies.fresh import fresh_config
from danlu.strategies.plan import Plan, coarse_epochs, plan
from danlu.strategies.rungs import stops


@dataclass(frozen=True)
class Staged:
    """Coarse to fine within the budget; without one, within 20 full trainings. Has no keys."""

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        decisions: list[Decision] = []
        if not history.can_pause:
            decisions += stops(history, _rungs(space, history), ETA)
        now = history
        for _ in range(free_slots):
            decision = following(space, now)
            if decision is None:
                break
            decisions.append(decision)
            now = recorded(now, decision)
        if free_slots and not decisions and not history.running:
            decisions.append(Finish(_summary(history)))
        return decisions


def _rungs(space: Space, history: History) -> tuple[int, ...]:
    """Where trials that cannot pause are compared."""
    epochs, half = history.spec.epochs, plan(space, history).half_epochs
    return tuple(sorted({coarse_epochs(epochs), half, epochs}))


def following(space: Space, history: History) -> Start | Continue | None:
    """What a free slot does next; None if nothing fits or all depends on what runs."""
    p = plan(space, history)
    return coarse(space, history, p) or fine(space, history, p) or confirm(history, p.budget)


def recorded(history: History, decision: Start | Continue) -> History:
    """The history as it will be once the decision is recorded."""
    at = history.last_at
    if isinstance(decision, Continue):
        attempt = history.trials[decision.trial].attempt
        event = Continued(at, decision.trial, decision.until, attempt, decision.stage)
        return history.after(event)
    number = history.next_number
    seed = history.spec.trial_seed(number) if decision.seed is None else decision.seed
    d = decision
    return history.after(Started(at, number, d.config, d.until, seed, d.proxy, d.stage))


def coarse(space: Space, history: History, p: Plan) -> Start | None:
    """The next trial of the coarse stage; None when it is over."""
    stages = [t.stage for t in history.trials.values()]
    number = stages.count("coarse") + 1
    if "fine" in stages or "confirm" in stages or number > p.coarse_trials:
        return None
    cost = history.cost(p.coarse_epochs, p.proxy)
    if not fits(history, cost, p.budget) or trials_left(history) < 1:
        return None
    config = fresh_config((space,), history) if stages else space.default()
    if config is None:
        return None
    what = "wide ranges" if stages else "the default config"
    data = "" if p.proxy.full else f", {p.proxy.data_fraction:.0%} of the data"
    length = f"{p.coarse_epochs} of {history.spec.epochs} epochs{data}"
    why = f"coarse {number}/{p.coarse_trials}: {what}, {length}"
    return Start(config, p.coarse_epochs, p.proxy, "coarse", why=why)


def _summary(history: History) -> str:
    best = history.best
    if best is None or best.value is None:
        return f"the plan is done: none of {len(history.trials)} trials gave a value"
    spent = f"{history.trainings:.3g} full trainings"
    metric = f"{history.objective.metric} {best.value:.4g}"
    return f"coarse, fine and confirm are done after {spent}: the best is #{best.number}, {metric}"
