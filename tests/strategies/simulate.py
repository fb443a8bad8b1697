"""Studies in memory: a strategy against an objective with known curves."""

from collections.abc import Callable, Mapping
from typing import Any

from danlu.core.decision import Continue, Finish, Start
from danlu.core.event import Began, Continued, Failed, Finished, Paused, Reported, Started
from danlu.core.history import History, empty
from danlu.core.space import Space
from danlu.core.spec import Objective, Spec
from danlu.strategies.base import Strategy

Curve = Callable[[Mapping[str, Any], int], float]


def begin(space: Space, epochs: int, *, direction: str = "min", seed: int = 0) -> History:
    objective = Objective.parse(f"{direction} metric")
    return empty(Spec("test", space, objective, epochs, seed), [Began(0.0)])


def launched(history: History, decision: Start | Continue) -> tuple[History, int]:
    """The history after a decision was recorded, and the trial's number."""
    at = history.last_at + 1.0
    if isinstance(decision, Start):
        n = history.next_number
        seed = history.spec.trial_seed(n)
        event: Any = Started(at, n, decision.config, decision.until, seed, decision.proxy)
    else:
        n = decision.trial
        event = Continued(at, n, decision.until, history.trials[n].attempt)
    return history.after(event), n


def trained(history: History, n: int, curve: Curve) -> History:
    """The history after trial n trained to its ``until``; a NaN ends it as failed."""
    t = history.trials[n]
    for epoch in range(t.epoch + 1, t.until + 1):
        value = curve(t.config, epoch)
        history = history.after(Reported(history.last_at + 1.0, n, epoch, {"metric": value}))
        if value != value:
            return history.after(Failed(history.last_at + 1.0, n, "not finite", "diverged"))
    closing = Finished if t.until >= history.spec.epochs else Paused
    return history.after(closing(history.last_at + 1.0, n))


def run(
    strategy: Strategy,
    space: Space,
    curve: Curve,
    *,
    epochs: int = 1,
    trainings: float = 10.0,
    direction: str = "min",
    seed: int = 0,
    slots: int = 1,
) -> History:
    """A study up to a budget; with several slots all of them train in step."""
    history = begin(space, epochs, direction=direction, seed=seed)
    while history.trainings < trainings:
        decisions = strategy.decide(space, history, slots)
        numbers = []
        for d in decisions:
            if isinstance(d, Start | Continue):
                history, n = launched(history, d)
                numbers.append(n)
        for n in numbers:
            history = trained(history, n, curve)
        if not numbers or any(isinstance(d, Finish) for d in decisions):
            break
    return history


def configs(history: History) -> list[tuple[Any, ...]]:
    return [tuple(t.config.items()) for t in history.trials.values()]
