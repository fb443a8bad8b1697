"""All rules: each looks at one trial's curves and tells what is wrong with it.

The first ones only: what makes further training a waste. A rule is a pure function that never
raises, whatever is missing; it sees the trial as it is now, so that it can be asked after each
epoch, and is silent when it has too little to go by.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from danlu.core.codec import encode_number
from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.record import TrialRecord

Rule: TypeAlias = Callable[[History, TrialRecord], Iterable[Finding]]
"""The study so far, and one of its trials → findings."""

STOP = Advice("stop")
LOWER_LR = Advice("multiply", "lr", 0.1, "optimisation")

DIVERGED_FACTOR = 3.0  # a noisy but healthy loss stays below this multiple of its start
DIVERGED_EPOCHS = 3  # one or two bad epochs may be a spike from which training recovers
START_EPOCHS = 2  # warm-up may raise the loss at first


def not_finite(history: History, trial: TrialRecord) -> Iterator[Finding]:
    """The objective or a loss is NaN or infinite: nothing that follows can be trusted."""
    for report in trial.reports:
        for name, value in report.metrics.items():
            if math.isfinite(value) or not (name == history.objective.metric or _is_loss(name)):
                continue
            word = "NaN" if math.isnan(value) else "infinite"
            yield Finding(
                "not_finite", "error", 1.0,
                f"{name} is {word} at epoch {report.epoch}: training broke down. Try a learning "
                "rate ten times smaller, or clip gradients.",
                {"metric": name, "epoch": report.epoch, "value": encode_number(value)},
                (STOP, LOWER_LR),
            )  # fmt: skip
            return


def diverged(_: History, trial: TrialRecord) -> Iterator[Finding]:
    """The training loss stays far above its start (practice of most tools: 2 to 10 times).

    The start is the highest of the first epochs, of the validation loss too where there is one:
    it gives the scale of the task to a training loss that begins near zero. Losses that are
    negative at first have no such scale and are not judged.
    """
    name = _training_loss(trial)
    curve = [] if name is None else trial.curve(name)
    if len(curve) < START_EPOCHS + DIVERGED_EPOCHS:
        return
    starts = [
        v for n in trial.metric_names() if _is_loss(n) for _, v in trial.curve(n)[:START_EPOCHS]
    ]
    start, last = _highest(starts), curve[-DIVERGED_EPOCHS:]
    if start is None or not all(v > DIVERGED_FACTOR * start for _, v in last):
        return
    first, end = last[0][0], last[-1]
    yield Finding(
        "diverged", "error", 0.9,
        f"{name} has been more than {DIVERGED_FACTOR:g} times its start ({start:.4g}) since epoch "
        f"{first} and is {end[1]:.4g} at epoch {end[0]}: training diverges. Try a learning rate "
        "ten times smaller, warm-up, or clip gradients.",
        {"metric": name, "start": start, "epochs": [e for e, _ in last],
         "values": [encode_number(v) for _, v in last]},
        (STOP, LOWER_LR),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (not_finite, diverged)


def _words(name: str) -> list[str]:
    return re.split(r"[^a-z0-9]+", name.lower())


def _is_loss(name: str) -> bool:
    return any(word in ("loss", "nll", "mse", "crossentropy") for word in _words(name))


def _training_loss(trial: TrialRecord) -> str | None:
    """The metric that is the loss on the training data: by its name, or plain ``loss``."""
    losses = [name for name in trial.metric_names() if _is_loss(name)]
    trained = [name for name in losses if {"train", "training"} & set(_words(name))]
    return next(iter(trained), "loss" if "loss" in losses else None)


def _highest(values: Sequence[float]) -> float | None:
    """The highest of some losses; None without any, or if one is not finite and positive."""
    return max(values) if values and all(0 < v < math.inf for v in values) else None


def new_findings(
    history: History, trial: TrialRecord, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """What the rules find in a trial that was not found before."""
    known = {finding.code for finding in trial.findings}
    return [f for rule in rules for f in rule(history, trial) if f.code not in known]


def says_stop(finding: Finding) -> bool:
    """Whether the advice is to train no further."""
    return any(advice.action == STOP.action for advice in finding.advice)
