"""Short runs beside a control: M16, BL4, M21 (practice, sections A2 and A3)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of
from danlu.preflight.baselines import baselines_of
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.fitting import fits, learns_a_small_set, working_rate
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    BATCH,
    Inputs,
    batch_size,
    loss_of,
    model_of,
    optimizer_of,
    outputs,
    own_rate,
    right,
    seed_all,
    shuffled_batches,
    step_of,
    take,
    tensors_of,
    train_on,
)

MOST_VAL = 1_000  # validation samples on which runs are compared


@dataclass(frozen=True, slots=True)
class Ramp:
    """A learning-rate range test.

    Attributes:
        rates: Learning rate at each step.
        losses: Smoothed loss at each step.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def fall(self) -> float:
        """The largest relative fall below what came before."""
        highest, fall = -math.inf, 0.0
        for loss in self.losses:
            highest = max(highest, loss)
            fall = max(fall, (highest - loss) / max(abs(highest), 1e-12))
        return fall

    @property
    def steepest(self) -> float:
        """Where the loss falls fastest, over some steps: a single one is noise."""
        known = [loss for loss in self.losses if math.isfinite(loss)]
        width = min(limit.RANGE_WIDTH, len(known) - 1)
        falls = [a - b for a, b in zip(known, known[width:], strict=False)]
        return self.rates[falls.index(max(falls)) + width // 2] if width > 0 else self.rates[0]

    @property
    def diverging(self) -> float:
        """From where on the loss is twice its minimum before; the last rate if nowhere."""
        lowest = math.inf
        for rate, loss in zip(self.rates, self.losses, strict=True):
            if loss > limit.RANGE_DIVERGED * lowest:
                return rate
            lowest = min(lowest, loss)
        return self.rates[-1]


@remembered
def ramp_of(problem: Problem) -> Ramp:
    """Train with a learning rate that grows exponentially (Smith 2018)."""
    model = model_of(problem)
    optimizer = optimizer_of(problem, model)
    low, high = limit.RANGE
    if "Adam" in type(optimizer).__name__:
        high = limit.RANGE_ADAM
    growth = (high / low) ** (1 / (limit.RANGE_STEPS - 1))
    tensors = tensors_of(problem)
    seed_all(0)
    batches = shuffled_batches(tensors.x_train, tensors.y_train, batch_size(problem))
    rates: list[float] = []
    losses: list[float] = []
    average, rate = 0.0, low
    _set_rate(optimizer, rate)
    for loss in train_on(step_of(problem), model, optimizer, batches, limit.RANGE_STEPS):
        average = limit.RANGE_BETA * average + (1 - limit.RANGE_BETA) * loss
        smooth = average / (1 - limit.RANGE_BETA ** (len(losses) + 1))
        if not math.isfinite(smooth) or (losses and smooth > limit.RANGE_STOP * min(losses)):
            rates.append(rate)
            losses.append(math.inf)
            break
        rates.append(rate)
        losses.append(smooth)
        rate *= growth
        _set_rate(optimizer, rate)
    return Ramp(tuple(rates), tuple(losses))


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def rate_range(problem: Problem) -> Iterator[Finding]:
    """The loss falls at some learning rate; from where to where, as advice for the search."""
    ramp, own = ramp_of(problem), own_rate(problem)
    if all(math.isnan(loss) for loss in ramp.losses):
        raise Skipped(say("the step returns no loss"))
    limits = (ramp.diverging / 1000, ramp.diverging / 2)
    start = min(ramp.steepest, ramp.diverging / 10)
    shown = say(
        "search {low:.1g} … {high:.1g}, begin at {start:.1g}",
        low=limits[0],
        high=limits[1],
        start=start,
    )
    advice = (
        Advice("raise low", "lr", limits[0], "optimisation"),
        Advice("lower high", "lr", limits[1], "optimisation"),
        Advice("set", "lr", start, "optimisation"),
    )
    if ramp.fall < limit.RANGE_DESCENT and learns_a_small_set(problem):
        shown = say("falls by {fall:.1%} only, yet a small set is learned", fall=ramp.fall)
        yield well("M16", shown, "", fall=ramp.fall, lr=own)
    elif ramp.fall < limit.RANGE_DESCENT:
        yield wrong(
            "M16", "warning" if fits(problem)[-1].passed(problem) else "error",
            say(
                "the loss falls at no learning rate from {rates:.0e} to {rates2:.0e} (by "
                "{fall:.1%} at most): model, loss or data is at fault, not the rate.",
                rates=ramp.rates[0], rates2=ramp.rates[-1], fall=ramp.fall,
            ),
            say("falls by {fall:.1%}", fall=ramp.fall), f"≥ {limit.RANGE_DESCENT:.0%}",
            look_at("loss does not fall", "code"), fall=ramp.fall,
        )  # fmt: skip
    elif own >= ramp.diverging / limit.RANGE_MARGIN:
        yield wrong(
            "M16",
            "warning",
            say(
                "the loss diverges from a learning rate of {diverging:.1g} on, and the config "
                "has {own:g}: begin at {start:.1g} and search up to {limits:.1g}.",
                diverging=ramp.diverging,
                own=own,
                start=start,
                limits=limits[1],
            ),
            say("own {own:g}, diverges at {diverging:.1g}", own=own, diverging=ramp.diverging),
            "",
            *advice,
            lr=own,
            diverging=ramp.diverging,
            steepest=ramp.steepest,
        )
    else:
        yield well("M16", shown, "", diverging=ramp.diverging, steepest=ramp.steepest, lr=own)


@dataclass(frozen=True, slots=True)
class Run:
    """What a short run reached on validation data.

    Attributes:
        losses: Of each validation sample.
        right: Share of right answers, or R².
        train_right: The same on training data, as they were shown.
    """

    losses: torch.Tensor
    right: float
    train_right: float


@remembered
def true_run(problem: Problem) -> Run:
    tensors = tensors_of(problem)
    return short_run(problem, tensors.x_train, tensors.y_train, tensors.x_val)


def short_run(problem: Problem, x: Inputs, y: torch.Tensor, x_val: Inputs) -> Run:
    """Train two epochs, within bounds, with the learning rate that works."""
    tensors = tensors_of(problem)
    model = model_of(problem, regularised=False)
    optimizer = optimizer_of(problem, model, rate=working_rate(problem), regularised=False)
    size = min(BATCH, len(y))
    wanted = limit.CONTROL_EPOCHS * max(1, len(y) // size)
    steps = min(max(wanted, limit.CONTROL_STEPS), limit.CONTROL_MOST_STEPS)
    seed_all(0)
    for _ in train_on(step_of(problem), model, optimizer, shuffled_batches(x, y, size), steps):
        pass
    model.eval()
    x_val, y_val = take(x_val, slice(MOST_VAL)), tensors.y_val[:MOST_VAL]
    with torch.no_grad():
        found = outputs(model, x_val)
        each = [float(loss_of(problem, found[i : i + 1], y_val[i : i + 1])) for i in
                range(len(y_val))]  # fmt: skip
    few = take(x, slice(MOST_VAL))
    return Run(
        torch.tensor(each), right(problem, model, x_val, y_val),
        right(problem, model, few, y[:MOST_VAL]),
    )  # fmt: skip


def uses_input(problem: Problem) -> Iterator[Finding]:
    """BL4: with its inputs the model learns more than without them."""
    if not fits(problem)[-1].passed(problem):
        raise Skipped(say("one batch cannot be fitted either"))
    tensors = tensors_of(problem)
    real = true_run(problem)
    blind = short_run(problem, _blind(tensors.x_train), tensors.y_train, _blind(tensors.x_val))
    gain = blind.losses - real.losses
    error = float(gain.std() / math.sqrt(max(1, len(gain))))
    sigmas = float(gain.mean()) / max(error, 1e-12)
    shown = say(
        "validation loss {seeing:.3g}, blind {blind:.3g}",
        seeing=float(real.losses.mean()),
        blind=float(blind.losses.mean()),
    )
    if not math.isfinite(sigmas) or sigmas < limit.CONTROL_SIGMAS:
        yield wrong(
            "BL4", "warning",  # no error: it did learn one batch, so the input reaches the output
            say(
                "after two epochs the model does no better on validation data than one that is "
                "blind to its inputs: what it learns does not carry over. Is the learning rate "
                "too high, or are labels or validation data mixed up?"
            ),
            shown, say("better by {bound:g} standard errors", bound=limit.CONTROL_SIGMAS),
            look_at("input tells nothing"), sigmas=sigmas,
        )  # fmt: skip
    else:
        yield well(
            "BL4",
            shown,
            say("better by {bound:g} standard errors", bound=limit.CONTROL_SIGMAS),
            sigmas=sigmas,
        )


def _blind(x: Inputs) -> Inputs:
    """Inputs that tell nothing: zeros, or those of other samples where there are identifiers."""
    if all(part.is_floating_point() for part in x):
        return tuple(torch.zeros_like(part) for part in x)
    return take(x, torch.randperm(len(x[0]), generator=torch.Generator().manual_seed(2)))


def permuted_labels(problem: Problem) -> Iterator[Finding]:
    """M21: labels that belong to their inputs are fitted sooner than shuffled ones."""
    if not fits(problem)[-1].passed(problem):
        raise Skipped(say("one batch cannot be fitted either"))
    arrays, tensors = arrays_of(problem), tensors_of(problem)
    if arrays.form != "labels":
        raise Skipped(say("needs a class for each sample"))
    order = torch.randperm(len(tensors.y_train), generator=torch.Generator().manual_seed(1))
    real = true_run(problem)
    control = short_run(problem, tensors.x_train, tensors.y_train[order], tensors.x_val)
    if control.train_right > limit.MEMORISED:
        raise Skipped(say("the model learns so few samples by heart, whatever their labels"))
    base = baselines_of(problem).metric
    error = math.sqrt(max(base * (1 - base), 1e-3) / len(tensors.y_train))
    advantage = (real.train_right - base) / max(control.train_right - base, error)
    shown = say(
        "{right:.0%} fitted, shuffled labels {shuffled:.0%}",
        right=real.train_right,
        shuffled=control.train_right,
    )
    if advantage < limit.SIGNAL_RATIO:
        yield wrong(
            "M21",
            "warning",
            say(
                "the model fits shuffled labels as well as the given ones: the labels carry "
                "little signal. Do they belong to these inputs (sorted apart, joined wrongly)?"
            ),
            shown,
            say("≥ {bound:g} times as well", bound=limit.SIGNAL_RATIO),
            look_at("labels carry no signal"),
            ratio=advantage,
        )
    else:
        yield well(
            "M21",
            shown,
            say("≥ {bound:g} times as well", bound=limit.SIGNAL_RATIO),
            ratio=advantage,
        )
