"""Objectives with a known optimum, their learning curves, and a simulated study that runs them.

The simulation is the real loop without processes: workers train epochs that take simulated
seconds, asynchronously, and every step is an event folded into the history.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from danlu.core.decision import FULL, Continue, Decision, Finish, Note, Proxy, Start, Stop
from danlu.core.event import (
    Began,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Noted,
    Paused,
    Reported,
    Started,
    Stopped,
)
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Config, Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.strategies.base import Strategy, last_lines

Curve = Callable[[Config, int, int, Proxy], float]
"""(config, epoch, seed, proxy) → objective."""

SPACE = Space(
    lr=Float(1e-5, 1.0, log=True, default=1e-3),
    units=Int(16, 512, log=True),
    layers=Int(1, 4),
    dropout=Float(0.0, 0.8),
    optimizer=Choice("sgd", "adam", "rmsprop", default="adam"),
    momentum=Float(0.0, 0.99, default=0.9, when={"optimizer": ("sgd",)}),
)
"""What a person would tune on a small network, with a condition."""


def spec(space: Space = SPACE, **given: object) -> Spec:
    """A study's spec with sensible values for what is not given."""
    values: dict[str, object] = {
        "name": "zoo",
        "space": space,
        "objective": Objective("val_loss", "min"),
        "epochs": 30,
        "budget": Budget(trainings=20.0),
    }
    return Spec(**(values | given))  # type: ignore[arg-type]


def final_loss(config: Config) -> float:
    """The loss of `SPACE`'s configs after endless training: 0.1 at its best, up to about 2."""
    position = SPACE.to_unit(config)
    loss = 0.1 + 4.0 * (position["lr"] - 0.55) ** 2 + 0.5 * (position["units"] - 0.7) ** 2
    loss += 0.1 * (position["layers"] - 0.6) ** 2 + 0.4 * (position["dropout"] - 0.3) ** 2
    loss += {"adam": 0.0, "rmsprop": 0.03, "sgd": 0.1}[str(config["optimizer"])]
    if "momentum" in position:
        loss += 0.2 * (position["momentum"] - 0.9) ** 2
    return loss


def learning_curve(config: Config, epoch: int, seed: int, proxy: Proxy = FULL) -> float:
    """A falling curve that ends at `final_loss`; slow for small learning rates, a bit noisy.

    Learning rates above 0.3 diverge to NaN; less data adds to the loss, more for large networks.
    """
    position = SPACE.to_unit(config)
    if position["lr"] > 0.9:
        return math.nan if epoch > 2 else 3.0
    speed = 0.08 + 0.6 * position["lr"]
    noise = random.Random(f"{seed}:{epoch}").gauss(0.0, 0.005)
    lack = (1.0 - proxy.data_fraction) * (0.2 + 0.2 * position["units"])
    return final_loss(config) + lack + (2.3 - 0.1) * math.exp(-speed * epoch) + noise


@dataclass
class Simulation:
    """Runs a strategy until its budget is spent or it finishes.

    Attributes:
        strategy: What decides.
        spec: The study.
        curve: What training reports, as ``spec.objective``'s metric; an exception fails it.
        workers: How many trials train at once.
        can_pause: Whether trials pause at ``until``; otherwise they end there.
        takes_fraction: Whether training accepts a data fraction.
        epoch_s: Simulated seconds of an epoch on all data.
        most_events: Where a search that never ends is cut off, with an error.
        past: The study so far, if this is not its first run.
        extra: Further metrics that training of a config reports at every epoch.
        found: What rules find when a trial pauses or ends: in it, and in the study.
    """

    strategy: Strategy
    spec: Spec
    curve: Curve = learning_curve
    workers: int = 1
    can_pause: bool = True
    takes_fraction: bool | None = None
    epoch_s: float = 1.0
    most_events: int = 20_000
    past: History | None = None
    extra: Callable[[Config], dict[str, float]] = lambda _: {}
    found: Callable[[History, int], Iterable[tuple[int | None, Finding]]] = lambda *_: ()
    decisions: list[Decision] = field(default_factory=list)

    def run(self) -> History:
        """The history at the end."""
        past = empty(self.spec) if self.past is None else replace(self.past, spec=self.spec)
        began = Began(past.last_at, self.workers, self.can_pause, self.takes_fraction)
        self.history = past.after(began)
        self.queue: list[tuple[float, int, int]] = []
        self.order = itertools.count()
        self.ended = ""
        while self._decided() or self.queue:
            if not self.queue:
                break
            at, _, number = heapq.heappop(self.queue)
            self._epoch(at, number)
            if self.history.version > self.most_events:
                raise AssertionError(f"no end after {self.most_events} events")
        self._fold(Ended(self.history.last_at, "done", self.ended))
        return self.history

    def _decided(self) -> bool:
        """Asks the strategy while slots are free; whether anything was launched."""
        free = self.workers - len(self.history.running)
        if self.ended:
            return False
        if spent(self.history):
            self._say_the_last()
            return False
        decisions = self.strategy.decide(self.spec.space, self.history, free)
        self.decisions += decisions
        for decision in decisions:
            if isinstance(decision, Finish):
                self.ended = decision.why
            elif not (isinstance(decision, Start) and no_trials_left(self.history)):
                self._launch(decision)
        return bool(decisions)

    def _say_the_last(self) -> None:
        """As the tuner does once nothing trains any more."""
        for entry in [] if self.history.running else last_lines(self.strategy, self.history):
            self.decisions.append(Note(entry))
            self._launch(Note(entry))

    def _launch(self, decision: Decision) -> None:
        at = self.history.last_at
        number = decision.trial if isinstance(decision, Continue | Stop) else 0
        self.history = self.history.after(recorded(self.history, decision))
        if not isinstance(decision, Stop | Note):
            self._push(at, number or len(self.history.trials))

    def _push(self, at: float, number: int) -> None:
        t = self.history.trials[number]
        heapq.heappush(
            self.queue, (at + self.epoch_s * t.proxy.data_fraction, next(self.order), number)
        )

    def _epoch(self, at: float, number: int) -> None:
        t = self.history.trials[number]
        if t.state != "running":
            return
        try:
            value = self.curve(t.config, t.epoch + 1, t.seed, t.proxy)
        except ArithmeticError as error:
            self._fold(Failed(at, number, "exception", str(error)))
            return
        metrics = {self.spec.objective.metric: value, **self.extra(t.config)}
        self._fold(Reported(at, number, t.epoch + 1, metrics))
        if not math.isnan(value) and t.epoch + 1 < t.until:
            self._push(at, number)
            return
        for trial, finding in self.found(self.history, number):
            self._fold(Diagnosed(at, trial, finding))
        if math.isnan(value):
            self._fold(Failed(at, number, "not finite", "the loss is NaN"))
        elif self.can_pause and t.until < self.spec.epochs:
            self._fold(Paused(at, number))
        else:
            self._fold(Finished(at, number))

    def _fold(self, event: Event) -> None:
        self.history = self.history.after(event)


def recorded(history: History, decision: Decision) -> Event:
    """The event that a tuner writes for a decision."""
    at = history.last_at
    if isinstance(decision, Start):
        number, d = history.next_number, decision
        seed = history.spec.trial_seed(number) if d.seed is None else d.seed
        return Started(at, number, d.config, d.until, seed, d.proxy, d.stage, d.why)
    if isinstance(decision, Continue):
        t = history.trials[decision.trial]
        return Continued(at, t.number, decision.until, t.attempt, decision.stage, decision.why)
    if isinstance(decision, Stop):
        return Stopped(at, decision.trial, decision.why)
    if isinstance(decision, Note):
        return Noted(at, decision.entry)
    return Ended(at, "done", decision.why)


def spent(history: History) -> bool:
    """Whether a tuner would start nothing more."""
    budget = history.spec.budget
    full = budget.trainings is not None and (
        history.trainings + history.committed > budget.trainings - 1e-9
    )
    return full or (budget.seconds is not None and history.seconds >= budget.seconds)


def no_trials_left(history: History) -> bool:
    budget = history.spec.budget
    return budget.trials is not None and len(history.trials) >= budget.trials


def found(history: History) -> float:
    """The true loss of the config that the study would recommend."""
    assert history.best is not None
    return final_loss(history.best.config)
