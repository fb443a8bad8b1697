"""Checks that the model can fit a little: M13, M14, M15 (practice, section A3)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import arrays_of
from danlu.preflight.beginning import spread_of_outputs
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Problem
from danlu.preflight.rig import (
    BATCH,
    balanced_batch,
    chance,
    largest_dropout,
    loss_of,
    mean_loss,
    model_of,
    optimizer_of,
    outputs,
    own_decay,
    own_rate,
    right,
    same_batch,
    seed_all,
    shuffled_batches,
    step_of,
    take,
    tensors_of,
    train_on,
)

EVERY = 20  # steps between looks at whether it is fitted


@dataclass(frozen=True, slots=True)
class Fit:
    """One batch trained on again and again.

    Attributes:
        rate: Learning rate; None for the config's own optimiser.
        first: Loss before.
        loss: Loss after.
        right: Share of right answers after; R² for numbers.
        steps: How many were taken.
        spread: Of the outputs over inputs, relative to their size.
    """

    rate: float | None
    first: float
    loss: float
    right: float
    steps: int
    spread: float

    def passed(self, problem: Problem) -> bool:
        form = arrays_of(problem).form
        if form == "numbers":
            return self.right > 1 - limit.ONE_BATCH_MSE
        all_right = 1.0 if form == "labels" else limit.NEARLY_ALL  # of thousands of positions
        return self.loss < limit.ONE_BATCH_LOSS and self.right >= all_right

    def nearly(self, problem: Problem) -> bool:
        """Whether more steps would have done it."""
        if arrays_of(problem).kind == "regression":
            return self.right > limit.NEARLY_FITTED
        return self.loss < limit.ONE_BATCH_NEARLY * self.first and self.right >= limit.NEARLY_ALL


def fit_one_batch(
    problem: Problem, rate: float | None = None, *, regularised: bool = False
) -> Fit:
    """Train on 16 samples for up to 300 steps."""
    model = model_of(problem, regularised=regularised)
    optimizer = optimizer_of(problem, model, rate=rate, regularised=regularised)
    if regularised and rate is not None:
        for group in optimizer.param_groups:
            group["weight_decay"] = own_decay(problem)
    x, y = balanced_batch(problem)
    model.train()
    first = mean_loss(problem, model, x, y)
    seed_all(0)
    taken = 0
    losses = train_on(step_of(problem), model, optimizer, same_batch(x, y), limit.ONE_BATCH_STEPS)
    for taken, loss in enumerate(losses, start=1):
        if not math.isfinite(loss) and taken > 1:
            break
        if taken % EVERY == 0 and not regularised:
            found = _fit(problem, model, rate, first, taken)
            if found.passed(problem):
                return found
    if regularised:
        model.eval()
    return _fit(problem, model, rate, first, taken)


def _fit(problem: Problem, model: nn.Module, rate: float | None, first: float, steps: int) -> Fit:
    x, y = balanced_batch(problem)
    training = model.training
    found = Fit(rate, first, mean_loss(problem, model, x, y), right(problem, model, x, y), steps,
                spread_of_outputs(model, x))  # fmt: skip
    model.train(training)
    return found


@remembered
def fits(problem: Problem) -> tuple[Fit, ...]:
    """One batch with the own learning rate and, if that fails, with the sweep's."""
    found = [fit_one_batch(problem)]
    for rate in limit.SWEEP:
        if found[-1].passed(problem):
            break
        found.append(fit_one_batch(problem, rate))
    return tuple(found)


def working_rate(problem: Problem) -> float | None:
    """The learning rate that fitted one batch; None if it is the own one, or none did."""
    last = fits(problem)[-1]
    return last.rate if last.passed(problem) else None


def one_batch(problem: Problem) -> Iterator[Finding]:
    """The model can learn 16 samples by heart."""
    own, *sweep = fits(problem)
    last = fits(problem)[-1]
    shown = say(
        "loss {loss:.2g}, {right:.0%} right after {steps} steps",
        loss=last.loss,
        right=last.right,
        steps=last.steps,
    )
    bounds = say("loss < {bound:g}, all right", bound=limit.ONE_BATCH_LOSS)
    if not sweep or own.nearly(problem):
        yield well("M13", shown, bounds, loss=own.loss)
    elif last.passed(problem):
        yield _own_rate_fails(problem, own, last, bounds)
    else:
        best = min(fits(problem), key=lambda f: f.loss if math.isfinite(f.loss) else math.inf)
        nearly = best.nearly(problem)
        yield wrong(
            "M13", "warning" if nearly else "error",
            say(
                "the model cannot learn {one_batch} samples by heart, at any learning rate (loss "
                "{loss:.3g}, {right:.0%} right): {signature}",
                one_batch=limit.ONE_BATCH, loss=best.loss, right=best.right,
                signature=_signature(problem, best),
            ),
            say("loss {loss:.3g}, {right:.0%} right", loss=best.loss, right=best.right), bounds,
            look_at("cannot overfit one batch", "code"), loss=best.loss, right=best.right,
        )  # fmt: skip


def _own_rate_fails(problem: Problem, own: Fit, passed: Fit, bounds: str) -> Finding:
    """Which way the config's learning rate is off."""
    rate = own_rate(problem)
    falls = math.isfinite(own.loss) and own.loss <= own.first
    slow = falls and (passed.rate or 0.0) > rate
    word = say("low") if slow else say("high for so few samples, or the optimiser is set oddly")
    return wrong(
        "M13",
        "warning",
        say(
            "with its own learning rate {rate:g} the model does not learn {one_batch} samples by "
            "heart (loss {loss:.3g}), with Adam at {passed_rate:g} it does: the learning rate is "
            "too {word}.",
            rate=rate,
            one_batch=limit.ONE_BATCH,
            loss=own.loss,
            passed_rate=passed.rate,
            word=word,
        ),
        say(
            "own loss {loss:.2g}, at {rate:g} {loss2:.2g}",
            loss=own.loss,
            rate=passed.rate,
            loss2=passed.loss,
        ),
        bounds,
        Advice("multiply", "lr", 10.0 if slow else 0.1, "optimisation"),
        own_loss=own.loss,
        lr=rate,
    )


def _signature(problem: Problem, best: Fit) -> str:
    """What the level at which it stalls says of the cause."""
    classes = arrays_of(problem).classes
    if all(not math.isfinite(f.loss) or f.loss > limit.RISING * f.first for f in fits(problem)):
        return say(
            "the loss rises from the first step, so its sign is flipped, or it is maximised."
        )
    if classes and abs(best.loss - math.log(1 + (classes - 1) / math.e)) < limit.FLOOR:
        return say(
            "it stalls where a softmax that is applied twice does. Give the loss logits, "
            "without a softmax in the model."
        )
    if arrays_of(problem).kind == "regression" and best.nearly(problem):
        return say("it comes near; centre and scale the target, whose size asks for many steps.")
    if best.spread < limit.OUTPUT_SD:
        return say("every input gives the same output; a layer is dead, or the input is not used.")
    if best.loss > 0.8 * best.first:
        return say("hardly anything changes; look for frozen, detached or constant weights.")
    return say("too few units, a frozen body, or labels that do not belong to their inputs.")


def regulariser(problem: Problem) -> Iterator[Finding]:
    """Dropout and weight decay of the config leave room to learn."""
    dropout, decay = largest_dropout(model_of(problem)), own_decay(problem)
    if dropout == 0 and decay == 0:
        raise Skipped(say("no dropout and no weight decay"))
    if not fits(problem)[-1].passed(problem):
        raise Skipped(say("one batch cannot be fitted without them either"))
    found = fit_one_batch(problem, working_rate(problem), regularised=True)
    share = found.loss / max(chance(problem), 1e-12)
    shown = say("loss {loss:.2g}, {share:.2f} of chance", loss=found.loss, share=share)
    if share > limit.REGULARISED or not math.isfinite(share):
        advice = (
            Advice("multiply", "weight decay", 1e-4, "regularisation")
            if decay > 0
            else Advice("set", "dropout", 0.5, "regularisation")
        )
        yield wrong(
            "M14",
            "warning",
            say(
                "with weight decay {decay:g} and dropout {dropout:g} one batch stays at a loss "
                "of {loss:.3g}. torch adds weight_decay × weights to the gradient of the mean "
                "loss: an L2 of 1 in textbooks (on the summed loss) is 1 / n here.",
                decay=decay,
                dropout=dropout,
                loss=found.loss,
            ),
            shown,
            say("≤ {bound:g} of chance", bound=limit.REGULARISED),
            advice,
            loss=found.loss,
            decay=decay,
            dropout=dropout,
        )
    else:
        yield well("M14", shown, say("≤ {bound:g} of chance", bound=limit.REGULARISED))


@remembered
def small_set_fit(problem: Problem) -> tuple[float, int]:
    """The share of a small training set that the model learns without regularisation, its size.

    Raises:
        Skipped: Where samples have no class, or not even one batch is learned.
    """
    arrays = arrays_of(problem)
    if arrays.form != "labels":
        raise Skipped(say("needs a class for each sample"))
    if not fits(problem)[-1].passed(problem):
        raise Skipped(say("one batch cannot be fitted either"))
    per_class = limit.SMALL_SET_PER_CLASS * (arrays.classes or 1)
    size = min(limit.SMALL_SET_MOST, per_class, len(arrays.y_train))
    model = model_of(problem, regularised=False)
    optimizer = optimizer_of(problem, model, rate=working_rate(problem), regularised=False)
    x, y = balanced_batch(problem, size)
    seed_all(0)
    batch = min(BATCH, size)
    epoch = max(1, size // batch)
    reached = 0.0
    steps = train_on(step_of(problem), model, optimizer, shuffled_batches(x, y, batch),
                     limit.SMALL_SET_EPOCHS * epoch)  # fmt: skip
    for taken, _ in enumerate(steps, start=1):
        if taken % epoch == 0:
            model.eval()
            reached = max(reached, right(problem, model, x, y))
            model.train()
        if reached >= limit.SMALL_SET_ACCURACY:
            break
    return reached, size


def learns_a_small_set(problem: Problem) -> bool:
    """Whether model, loss and step are known to work: some hundred samples can be learned."""
    try:
        return small_set_fit(problem)[0] >= limit.SMALL_SET_ACCURACY
    except Skipped:
        return False


def small_set(problem: Problem) -> Iterator[Finding]:
    """The model has the capacity to fit some hundred samples."""
    reached, size = small_set_fit(problem)
    shown = say("{reached:.0%} of {size} samples", reached=reached, size=size)
    if reached < limit.SMALL_SET_ACCURACY:
        yield wrong(
            "M15", "warning",
            say(
                "without regularisation the model fits {reached:.0%} of {size} training samples "
                "in {small_set_epochs} epochs: too small, or the labels do not follow from the "
                "inputs. Raise the lower bounds of units and layers.",
                reached=reached, size=size, small_set_epochs=limit.SMALL_SET_EPOCHS,
            ),
            shown, f"≥ {limit.SMALL_SET_ACCURACY:.0%}",
            Advice("raise low", "width", 2.0, "capacity"), reached=reached,
        )  # fmt: skip
    else:
        yield well("M15", shown, f"≥ {limit.SMALL_SET_ACCURACY:.0%}")


def trained_mode_gap(problem: Problem) -> Iterator[Finding]:
    """M17: training and evaluation mode agree after an epoch; validation runs in the latter."""
    tensors = tensors_of(problem)
    if (finding := _evaluates_in_training_mode(problem)) is not None:
        yield finding
        return
    model = model_of(problem, regularised=False)
    optimizer = optimizer_of(problem, model, rate=working_rate(problem))
    seed_all(0)
    n = len(tensors.y_train)
    size = min(BATCH, n)
    batches = shuffled_batches(tensors.x_train, tensors.y_train, size)
    for _ in train_on(step_of(problem), model, optimizer, batches, min(max(20, n // size), 200)):
        pass
    rows = slice(min(n, limit.PROBE))
    x, y = take(tensors.x_train, rows), tensors.y_train[rows]
    model.eval()
    evaluated = mean_loss(problem, model, x, y)
    model.train()
    with torch.no_grad():
        training = float(loss_of(problem, outputs(model, x), y))
    gap = abs(evaluated - training) / max(training, 0.1 * chance(problem), 1e-12)
    shown = say(
        "loss {training:.3g} in training, {evaluated:.3g} in evaluation mode",
        training=training,
        evaluated=evaluated,
    )
    if gap > limit.MODE_GAP:
        yield wrong(
            "M17",
            "warning",
            say(
                "after an epoch the same samples have a loss of {training:.3g} in training mode "
                "and {evaluated:.3g} in evaluation mode, without dropout: batch normalisation "
                "has not settled. Larger batches or momentum, or layer normalisation.",
                training=training,
                evaluated=evaluated,
            ),
            shown,
            say("≤ {bound:.0%} apart", bound=limit.MODE_GAP),
            look_at("batch normalisation", "code"),
            gap=gap,
        )
    else:
        yield well("M17", shown, say("≤ {bound:.0%} apart", bound=limit.MODE_GAP), gap=gap)


def _evaluates_in_training_mode(problem: Problem) -> Finding | None:
    """A finding if the loop's own validation leaves dropout or batch statistics on."""
    if problem.evaluate is None:
        return None
    model, tensors = model_of(problem).train(), tensors_of(problem)
    modes: list[bool] = []
    model.register_forward_pre_hook(lambda m, _: modes.append(m.training))
    size = slice(limit.PROBE)
    x = take(tensors.x_val, size)
    problem.evaluate(model, x if len(x) > 1 else x[0], tensors.y_val[size])
    matters = largest_dropout(model) > 0 or any(
        "Norm" in type(m).__name__ for m in model.modules()
    )
    if not any(modes) or not matters:
        return None
    return wrong(
        "M17", "error",
        say(
            "validation runs in training mode, with dropout or batch statistics on: call "
            "model.eval() before it, and model.train() after."
        ),
        "model.training is True", "False", look_at("model.eval()", "code"),
    )  # fmt: skip
