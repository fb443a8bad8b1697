"""Realistic histories for the report: curves with a gap, divergence, stages, failures."""

import math
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from danlu.core.decision import Proxy
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
from danlu.core.finding import Advice, Finding
from danlu.core.history import History, empty
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Value
from danlu.core.prediction import Prediction
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective, Spec

BEGIN = 1_780_000_000.0

SPACE = Space(
    lr=Float(1e-5, 1.0, log=True, default=1e-3),
    dropout=Float(0.0, 0.7, default=0.2),
    units=Int(16, 512, log=True, default=128),
    layers=Int(1, 4, default=2),
    optimizer=Choice("sgd", "adam", "rmsprop", default="adam"),
    momentum=Float(0.0, 0.99, default=0.9, when={"optimizer": ("sgd",)}),
    batch_size=64,
)


def spec(objective: str = "max val_accuracy", epochs: int = 30, **changes: Any) -> Spec:
    given: dict[str, Any] = {"name": "digits", "space": SPACE, "budget": Budget(20.0), **changes}
    return Spec(objective=Objective.parse(objective), epochs=epochs, **given)


def quality(config: Mapping[str, Any]) -> float:
    """How far a config is from the best one, about 0 to 3."""
    off = (math.log10(config["lr"]) + 2.6) / 1.3
    size = abs(math.log2(config["units"] / 200)) * 0.12
    drop = (config["dropout"] - 0.3) ** 2 * 1.6
    kind = {"adam": 0.0, "rmsprop": 0.08, "sgd": 0.2 - 0.15 * config.get("momentum", 0.0)}
    return float(off * off + size + drop + kind[config["optimizer"]])


def metrics(
    config: Mapping[str, Any], epoch: int, rng: random.Random, fraction: float = 1.0
) -> dict[str, float]:
    """One epoch's training and validation loss and accuracy."""
    off = quality(config)
    speed = 0.35 / (1.0 + off)
    floor = 0.02 + 0.25 * off
    train = floor * 0.35 + 2.25 * math.exp(-speed * epoch) + 0.003
    overfit = 0.012 * (1 - config["dropout"]) * max(0.0, epoch * speed - 4.5)
    val = train + 0.045 + floor * 0.25 + overfit + 0.12 * (1 - fraction)
    if config["lr"] > 0.3 and epoch > 2:
        train = val = 2.3 * 3.0 ** (epoch - 2)
    train *= math.exp(rng.gauss(0, 0.02))
    val *= math.exp(rng.gauss(0, 0.035))
    return {
        "train_loss": train,
        "val_loss": val if val < 50 else math.nan,
        "train_accuracy": max(0.1, min(1.0, math.exp(-0.8 * train))),
        "val_accuracy": max(0.1, min(1.0, math.exp(-0.8 * val) + rng.gauss(0, 0.003))),
    }


class Tape:
    """Writes events on a clock."""

    def __init__(self, spec: Spec, seed: int = 0) -> None:
        self.spec = spec
        self.rng = random.Random(seed)
        self.at = BEGIN
        self.events: list[Event] = [Began(self.at, workers=2, process="pid 7 on oven")]
        self.count = 0

    def draw(
        self, around: Mapping[str, Value] | None = None, width: float = 1.0
    ) -> dict[str, Value]:
        space = self.spec.space
        middle = {} if around is None else space.to_unit(around)
        point = {
            n: min(1.0, max(0.0, middle.get(n, 0.5) + width * (self.rng.random() - 0.5)))
            for n in space
        }
        return space.from_unit(point)

    def start(self, config: Mapping[str, Value], until: int, **more: Any) -> int:
        self.count += 1
        seed = self.spec.trial_seed(self.count)
        self.events.append(Started(self.tick(0.02), self.count, config, until, seed, **more))
        return self.count

    def train(
        self, trial: int, config: Mapping[str, Value], first: int, last: int, fraction: float = 1.0
    ) -> None:
        for epoch in range(first, last + 1):
            values = metrics(config, epoch, self.rng, fraction)
            self.events.append(Reported(self.tick(0.4 * fraction), trial, epoch, values))
            if not math.isfinite(values["val_loss"]):
                message = f"val_loss became NaN at epoch {epoch}."
                self.events.append(Failed(self.tick(), trial, "not finite", message, "loss nan"))
                return
        self.events.append(Paused(self.tick(), trial) if last < self.spec.epochs else
                           Finished(self.tick(), trial))  # fmt: skip

    def tick(self, seconds: float = 0.01) -> float:
        self.at += seconds
        return self.at

    def history(self) -> History:
        return empty(self.spec, self.events)


def staged(trials: int = 40, seed: int = 0, epochs: int = 30, **changes: Any) -> History:
    """A finished coarse-to-fine study with overfitting, divergence, failures and confirmation."""
    tape = Tape(spec(epochs=epochs, **changes), seed)
    default = tape.spec.space.default()
    configs: dict[int, dict[str, Value]] = {}
    number = tape.start(default, epochs, stage="default", why="The default config comes first.")
    configs[number] = default
    tape.train(number, default, 1, epochs)
    coarse, wide = trials * 5 // 8, Proxy(0.5)
    for _ in range(coarse):
        config = tape.draw()
        n = tape.start(config, 5, proxy=wide, stage="wide", why="Random over the wide ranges.")
        tape.train(n, config, 1, 5, 0.5)
    middle = tape.history()
    best = min((t for t in middle.trials.values() if t.state != "failed"),
               key=lambda t: quality(t.config)).config  # fmt: skip
    for i in range(max(1, trials - coarse - 5)):
        config = tape.draw(best, 0.35)
        why = "Near trial 1, in ranges narrowed around the good results."
        n = tape.start(config, epochs // 3, stage="narrow", why=why)
        configs[n] = config
        if i == 3:
            log = "Traceback …\ntorch.OutOfMemoryError: CUDA out of memory"
            tape.events.append(
                Failed(tape.tick(2), n, "exception", "OutOfMemoryError: CUDA out of memory", log)
            )
            continue
        tape.train(n, config, 1, epochs // 3)
        if not tape.history().trials[n].open:
            continue
        if quality(config) > 0.35:
            tape.events.append(Stopped(tape.tick(), n, "Worse than the median at epoch 10."))
        else:
            again = Continued(tape.tick(), n, epochs, 1, why="Among the best third.")
            tape.events.append(again)
            tape.train(n, config, epochs // 3 + 1, epochs)
    top = tape.history().ranked[0]
    for _ in range(3):
        n = tape.start(top.config, epochs, stage="confirm", why="The best again, a fresh seed.")
        tape.train(n, top.config, 1, epochs)
    found = Finding("overfitting", "warning", 0.8, "Validation loss rises since epoch 14 while "
                    "training loss falls: overfitting. Try more dropout, or stop near epoch 14.",
                    advice=(Advice("raise", "dropout"),))  # fmt: skip
    tape.events.append(Diagnosed(tape.tick(), top.number, found))
    study = Finding("boundary", "info", 0.7, "The best lr lies well inside its range; "
                    "all trials that diverged had an lr above 0.3.")  # fmt: skip
    tape.events.append(Diagnosed(tape.tick(), None, study))
    tape.events.append(Ended(tape.tick(), "done", "The budget of 20 full trainings is spent."))
    return tape.history()


def running(trials: int = 12, seed: int = 1) -> History:
    """A study in the middle of its run: two trials train."""
    tape = Tape(spec("min val_loss"), seed)
    for i in range(trials):
        config = tape.draw()
        n = tape.start(config, 30, stage="wide", why="Random over the wide ranges.")
        if i < trials - 2:
            tape.train(n, config, 1, 30)
            continue
        for epoch in range(1, 9 + i % 2):
            values = metrics(config, epoch, tape.rng)
            tape.events.append(Reported(tape.tick(0.4), n, epoch, values))
    return tape.history()


def promising() -> tuple[History, list[Prediction]]:
    """Two paused trials and a finished one, and where the paused ones lead."""
    tape = Tape(spec())
    for last, off in ((12, 0.0), (6, 0.02), (30, 0.04)):
        n = tape.start(tape.draw(), 30)
        for epoch in range(1, last + 1):
            value = 0.97 - off - 0.4 / epoch
            at = tape.tick(0.4)
            values = {"train_accuracy": value + 0.01, "val_accuracy": value, "val_loss": 1 - value}
            tape.events.append(Reported(at, n, epoch, values))
        tape.events.append(Paused(tape.tick(), n) if last < 30 else Finished(tape.tick(), n))
    return tape.history(), [
        Prediction(1, 15, 0.955, 0.95, 0.96),
        Prediction(1, 30, 0.9741, 0.968, 0.9808),
        Prediction(2, 30, 0.98, 0.94, 0.99),
    ]


def several(trials: int = 12) -> History:
    """Trials of three objectives with a constraint."""
    further = (Objective("params", "min"), Objective("latency_ms", "min"))
    kept = (Constraint.parse("latency_ms < 20"),)
    tape = Tape(spec(epochs=10, further=further, constraints=kept))
    for _ in range(trials):
        config: Mapping[str, Any] = tape.draw()
        n = tape.start(config, 10, why="Random.")
        size = {"params": config["units"] * 785.0, "latency_ms": 2 + config["units"] / 20}
        for epoch in range(1, 11):
            values = metrics(config, epoch * 3, tape.rng) | size
            tape.events.append(Reported(tape.tick(0.4), n, epoch, values))
        tape.events.append(Finished(tape.tick(), n))
    return tape.history()


@cache
def large(trials: int = 1000, epochs: int = 100) -> History:
    """Many full trials, for sizes and times."""
    tape = Tape(spec("min val_loss", epochs, budget=Budget(trials=trials)))
    for _ in range(trials):
        config = tape.draw()
        n = tape.start(config, epochs, why="Random.")
        tape.train(n, config, 1, epochs)
    tape.events.append(Ended(tape.tick(), "done", "The search is finished."))
    return tape.history()


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202e\ud800"


def hostile() -> History:
    """Names and messages that try to break out of the page."""
    space = Space(
        {
            "lr": Float(1e-4, 1e-1, log=True),
            "kind": Choice(HOSTILE, "</title>", "plain", None, True),
            "constructor": Int(1, 9),
            "__proto__": Int(1, 9),
        }
    )
    tape = Tape(spec("min val_loss", 4, space=space))
    for i in range(9):
        config = {**tape.draw(), "kind": space["kind"].from_unit(i / 9)}
        n = tape.start(config, 4, stage=HOSTILE, why=HOSTILE)
        for epoch in range(1, 5):
            values = {
                "val_loss": 1.0 / epoch + 0.1 * i,
                "train_loss": 0.9 / epoch,
                HOSTILE: i + 1.0,
            }
            tape.events.append(Reported(tape.tick(), n, epoch, values))
        finding = Finding("x", "error", 1.0, HOSTILE)
        tape.events.append(Diagnosed(tape.tick(), n, finding))
        tape.events.append(Failed(tape.tick(), n, HOSTILE, HOSTILE, HOSTILE) if i == 5 else
                           Finished(tape.tick(), n))  # fmt: skip
    tape.events.append(Diagnosed(tape.tick(), None, Finding("x", "error", 1.0, HOSTILE)))
    tape.events.append(Ended(tape.tick(), "failed", HOSTILE))
    return tape.history()


def payloads(texts: Sequence[str]) -> History:
    """A trial for each of some texts, which stand wherever a text can stand."""
    space = Space({"lr": Float(1e-4, 1e-1, log=True), "kind": Choice(*texts)})
    tape = Tape(spec("min val_loss", 2, space=space))
    for i, text in enumerate(texts):
        config: dict[str, Value] = {"lr": 1e-3, "kind": text}
        n = tape.start(config, 2, stage=text, why=text)
        for epoch in (1, 2):
            values = {"val_loss": 1.0 / epoch + i, "train_loss": 1.0, text: i + 1.0}
            tape.events.append(Reported(tape.tick(), n, epoch, values))
        tape.events.append(Diagnosed(tape.tick(), n, Finding("x", "warning", 1.0, text)))
        tape.events.append(Failed(tape.tick(), n, text, text, text) if i % 2 else
                           Finished(tape.tick(), n, text))  # fmt: skip
    tape.events.append(Noted(tape.tick(), Entry(texts[0], texts[1], texts[2], texts[3])))
    tape.events.append(Ended(tape.tick(), "failed", texts[0]))
    return tape.history()


def only_failures() -> History:
    """Three trials that all failed to start."""
    tape = Tape(spec())
    for _ in range(3):
        n = tape.start(tape.draw(), 30, why="Random.")
        tape.events.append(Failed(tape.tick(1), n, "exit", "exit status 1", "No module 'x'"))
    tape.events.append(Ended(tape.tick(), "failed", "The first three trials all failed to start."))
    return tape.history()


def single(epochs: int = 1, names: tuple[str, ...] = ("val_accuracy",)) -> History:
    """One trial with one evaluation of some metrics."""
    tape = Tape(spec(epochs=epochs))
    config = SPACE.default()
    n = tape.start(config, epochs)
    values = metrics(config, 3, tape.rng)
    tape.events.append(Reported(tape.tick(), n, 1, {k: values[k] for k in names}))
    tape.events.append(Finished(tape.tick(), n))
    return tape.history()


def one_trial(names: tuple[str, ...]) -> History:
    """One trial of 30 epochs that overfits, with some of its metrics."""
    tape = Tape(spec("min val_loss"))
    n = tape.start(SPACE.default(), 30)
    for epoch in range(1, 31):
        values = metrics(SPACE.default(), epoch, tape.rng)
        tape.events.append(Reported(tape.tick(), n, epoch, {k: values[k] for k in names}))
    tape.events.append(Finished(tape.tick(), n))
    tape.events.append(Ended(tape.tick(), "done", "The search is finished."))
    return tape.history()


def extreme() -> History:
    """A failed trial with the only value that a chart can show, beside absurd ones."""
    tape = Tape(spec("min val_loss", 2))
    for value in (0.7, 1e308, -1e308, 5e-324, math.inf):
        n = tape.start(tape.draw(), 2)
        tape.events.append(Reported(tape.tick(), n, 1, {"val_loss": value, "train_loss": 1.0}))
        if n == 1:
            tape.events.append(Failed(tape.tick(), n, "exit", "exit status 1"))
    tape.start(tape.draw(), 2)
    return tape.history()
