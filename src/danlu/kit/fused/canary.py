"""Whether training together gives what training alone gives, and is worth it: tried, not assumed.

The first steps of a new stack are taken again by its first and its last row alone, by the loop's
own step, with the same batches and the same dropout.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from danlu.kit.fused.clock import Clock
from danlu.kit.fused.row import Row
from danlu.kit.fused.stack import Stack
from danlu.kit.loop import batches, epoch_seed, learning_rates, step, training_loss

STEPS = 4  # that are compared; the quickest of them counts, since the first ones warm up
TOLERANCE = 1e-4  # relative, of the losses: float32 differs by some 1e-6 after so few steps
GAIN = 1.3  # training together must be so many times as quick to be worth it


@dataclass(frozen=True)
class Verdict:
    """What the comparison found.

    Attributes:
        alone_s: Seconds of the processor for a step of one row alone.
        why: Why the rows are not to be trained together, as a sentence; empty if they are.
    """

    alone_s: float
    why: str = ""


def tried(stack: Stack) -> Verdict:
    """Compare the first steps of an epoch that has begun; the rows stay as they were.

    The stack has then taken these steps: begin its epoch again from new, or let it go.
    """
    first, last = stack.rows[0], stack.rows[-1]
    rates = stack.begin_epoch()
    n = min(STEPS, rates.shape[1])
    losses, together_s = [], math.inf
    for i in range(n):
        clock = Clock(stack.device)
        found = stack.step(i)
        losses.append((float(found[0]), float(found[-1])))
        together_s = min(together_s, clock.spent_s() / len(stack.rows))
    alone = [_alone(row, n) for row in (first, last)]
    alone_s = min(seconds for _, seconds in alone)
    for (row, (own, _)), mine in zip(
        zip((first, last), alone, strict=True), zip(*losses, strict=True), strict=True
    ):
        if not _same(mine, own):
            return Verdict(alone_s, _differs(row, mine, own))
    return Verdict(alone_s, slow(alone_s, together_s))


def slow(alone_s: float, together_s: float, least: float = GAIN) -> str:
    """The sentence for rows that gain too little; empty if they gain enough.

    Args:
        alone_s: Seconds of a step of one row alone.
        together_s: Seconds of a row's share of a step together.
        least: Gain that is enough.
    """
    gain = alone_s / together_s
    if gain >= least:
        return ""
    return f"a step together takes {1 / gain:.2f} times as long as alone."


def _alone(row: Row, steps: int) -> tuple[list[float], float]:
    """The losses of some steps by the loop, and the quickest one's seconds; leaves no trace."""
    begun, setup, epoch = row.begun, row.setup, row.epoch + 1
    kept = deepcopy((begun.model.state_dict(), begun.optimizer.state_dict()))
    rates = learning_rates(
        setup.params, begun.plateau, epoch,
        len(order := batches(setup.part, setup.params, epoch_seed(row.trial.seed, -epoch))),
        row.trial.horizon,
    )  # fmt: skip
    begun.seed_masks(row.trial.seed, epoch)
    begun.model.train()
    loss_of = training_loss(setup.params, setup.part)
    losses, quickest = [], math.inf
    for batch, lr in list(zip(order, rates, strict=True))[:steps]:
        clock = Clock(setup.part.y.device)
        losses.append(float(step(begun, loss_of, setup.part, batch, lr, setup.params)[0]))
        quickest = min(quickest, clock.spent_s())
    begun.model.load_state_dict(kept[0])
    begun.optimizer.load_state_dict(kept[1])
    return losses, quickest


def _same(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether losses agree up to rounding, as far as they are finite in both."""
    return all(
        math.isclose(p, q, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for p, q in zip(a, b, strict=True)
        if math.isfinite(p) or math.isfinite(q)
    )


def _differs(row: Row, together: Sequence[float], alone: Sequence[float]) -> str:
    pairs = enumerate(zip(together, alone, strict=True), 1)
    i, (p, q) = max(pairs, key=lambda pair: abs(pair[1][0] - pair[1][1]))
    return (
        f"trial {row.trial.number} has a loss of {p:.6g} together, but {q:.6g} alone after "
        f"{i} steps."
    )
