"""Studies whose diagnosis is known, made of configs and their curves."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from danlu.core.decision import FULL, Proxy
from danlu.core.event import (
    Began,
    Diagnosed,
    Event,
    Failed,
    Finished,
    Learned,
    Reported,
    Started,
)
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.core.task import UNKNOWN, Task

SPACE = Space(
    lr=Float(1e-4, 1e-1, log=True, default=1e-3, limits=(1e-6, 10.0)),
    dropout=Float(0.0, 0.8, default=0.2),
    units=Int(16, 512, log=True, default=64, limits=(4, 4096)),
)

Curve = Sequence[float] | None
"""Values of the objective, epoch by epoch; None for a trial that fails with a loss that is NaN."""


def spec(space: Space = SPACE, **given: Any) -> Spec:
    values: dict[str, Any] = {
        "name": "known",
        "space": space,
        "objective": Objective("val_loss", "min"),
        "epochs": 10,
        "budget": Budget(trainings=40.0),
    }
    return Spec(**(values | given))


def study(
    trials: Iterable[tuple[Mapping[str, Any], Curve]],
    study_spec: Spec | None = None,
    task: Task = UNKNOWN,
    findings: Mapping[int, Sequence[str]] | None = None,
    proxy: Proxy = FULL,
    extra: Callable[[int, int], Mapping[str, float]] = lambda trial, epoch: {},
) -> History:
    """A study of finished trials; a curve shorter than the full length ends there all the same."""
    made = study_spec or spec()
    events: list[Event] = [Began(0.0), Learned(0.0, task)]
    for number, (config, curve) in enumerate(trials, start=1):
        at = float(number)
        seed = made.trial_seed(number)
        events.append(Started(at, number, config, made.epochs, seed, proxy))
        for epoch, value in enumerate(curve or (), start=1):
            metrics = {made.objective.metric: value, **extra(number, epoch)}
            events.append(Reported(at, number, epoch, metrics))
        closing: Event = Finished(at, number)
        if curve is None:
            closing = Failed(at, number, "not_finite", "val_loss is NaN")
        events.append(closing)
        codes = (findings or {}).get(number, ())
        events += [Diagnosed(at, number, Finding(c, "warning", 0.8, f"it is {c}")) for c in codes]
    return empty(made, events)


def configs(count: int, seed: int = 0, space: Space = SPACE) -> list[dict[str, Any]]:
    """Random configs."""
    rng = random.Random(seed)
    return [space.from_unit({n: rng.random() for n in space}) for _ in range(count)]


def falling(end: float, noise: float = 0.004, epochs: int = 10, seed: int = 0) -> list[float]:
    """A curve that falls to its end."""
    rng = random.Random(f"{end}:{seed}")
    return [end + 2.0 * 0.5**e + rng.gauss(0.0, noise) for e in range(1, epochs + 1)]


def optimum(config: Mapping[str, Any], **best: float) -> float:
    """A loss that grows with the distance from the best place, in the unit cube."""
    place = SPACE.to_unit(config)
    return 0.2 + sum((place[name] - where) ** 2 for name, where in best.items())
