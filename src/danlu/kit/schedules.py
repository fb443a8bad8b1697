"""Learning rates over a trial's full horizon, whatever slice is trained now.

All kinds but ``plateau`` are functions of how far training has come, so that a paused trial is
the beginning of the full one; ``plateau`` follows the validation loss and keeps its state. Cosine:
Loshchilov & Hutter 2017, without restarts; warm-up: Goyal et al. 2017.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

from danlu.kit.params import Params

# Of the initial rate: where warm-up begins, cosine and linear end, and plateau stops falling.
SMALLEST = 1e-3
PATIENCE_SHARE = 10  # plateau waits a tenth of the horizon,
LEAST_PATIENCE = 3  # but at least so many epochs
SIGNIFICANT = 0.1  # standard errors by which a loss must fall to count as better
STEPS = 5  # of the kind ``step`` over the horizon, if its length is not given


def planned(params: Params, progress: float, horizon: int) -> float:
    """The learning rate as a share of the initial one.

    Args:
        params: The trial's: ``schedule``, ``warmup``, ``decay_factor``, ``decay_every``.
        progress: Share of the horizon that is trained, in [0, 1).
        horizon: Full length of a trial in epochs.
    """
    if progress < params.warmup:
        return SMALLEST + (1.0 - SMALLEST) * progress / params.warmup
    rest = (progress - params.warmup) / max(1e-12, 1.0 - params.warmup)
    match params.schedule:
        case "cosine":
            return SMALLEST + (1.0 - SMALLEST) * (1.0 + math.cos(math.pi * rest)) / 2.0
        case "linear":
            return 1.0 - (1.0 - SMALLEST) * rest
        case "step":
            every = params.decay_every or max(1, horizon // STEPS)
            # The small addend keeps the last step of an epoch from being rounded into the next.
            return float(params.decay_factor ** int(progress * horizon / every + 1e-9))
        case _:
            return 1.0


@dataclass
class Plateau:
    """Lowers the rate when the validation loss has stopped falling; also watches for the end.

    Attributes:
        factor: By which the rate is multiplied.
        wait: Epochs without a better loss before that.
        rate: The present share of the initial rate.
        best: The lowest loss that counted.
        since: Epochs since then, or since the rate was lowered.
        stale: Epochs since the lowest loss, lowered rate or not.
    """

    factor: float
    wait: int
    rate: float = 1.0
    best: float = math.inf
    since: int = 0
    stale: int = 0

    @classmethod
    def of(cls, params: Params, horizon: int) -> "Plateau":
        wait = max(LEAST_PATIENCE, horizon // PATIENCE_SHARE)
        return cls(params.decay_factor if params.schedule == "plateau" else 1.0, wait)

    def see(self, loss: float, error: float) -> None:
        """Take up the validation loss of an epoch and its standard error."""
        if loss < self.best - SIGNIFICANT * error:
            self.best, self.since, self.stale = loss, 0, 0
            return
        self.since, self.stale = self.since + 1, self.stale + 1
        if self.since >= self.wait:
            self.rate, self.since = max(SMALLEST, self.rate * self.factor), 0

    def state_dict(self) -> dict[str, Any]:
        """All of its state, for a checkpoint."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that was saved."""
        vars(self).update(state)
