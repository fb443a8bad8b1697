"""One trial among others that are trained together, with a network of its own to go home to."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from danlu.kit.loop import Begun, Evaluation, Setup, begin, broken, gradients, initial, named
from danlu.kit.models import parameters_of
from danlu.worker.trial import Trial


class Trains(Protocol):
    """A training of the kit: what makes the network of a trial and chooses its data."""

    def setup(self, trial: Trial) -> Setup: ...


@dataclass
class Row:
    """A trial that is trained together with others.

    Its network and optimiser are torch's own, as in `danlu.kit.loop`; while it trains in a stack
    they stand as they were when it joined, and are brought up to date when it leaves.

    Attributes:
        trial: What trains.
        setup: Its data and params.
        begun: Network, optimiser, schedule and stream of dropout.
        epoch: The last epoch that is trained.
        first: Metrics of its first report besides the usual ones.
        came_at: When it was launched, on the monotonic clock.
        tell: Writes a line to its log.
        broken: Whether training broke down, and goes on no more.
    """

    trial: Trial
    setup: Setup
    begun: Begun
    epoch: int
    first: dict[str, float] = field(default_factory=dict)
    came_at: float = field(default_factory=time.monotonic)
    tell: Callable[[str], None] = print
    broken: bool = False

    def __post_init__(self) -> None:
        self._size = parameters_of(self.begun.model)

    @classmethod
    def of(cls, trains: Trains, trial: Trial) -> "Row":
        """Build a trial's network, restored from its checkpoint if it has one."""
        setup = trains.setup(trial)
        begun = begin(trial, setup.build, setup.params, setup.part)
        first = {} if begun.start else initial(begun.model, setup.part)
        return cls(trial, setup, begun, begun.start, first)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """What it learns; first what weight decay acts on."""
        found = [(n, p) for n, p in self.begun.model.named_parameters() if p.requires_grad]
        return dict(sorted(found, key=lambda pair: pair[1].ndim <= 1))

    @property
    def others(self) -> dict[str, Tensor]:
        """Running statistics, and what is not trained."""
        model = self.begun.model
        frozen = {n: p.detach() for n, p in model.named_parameters() if not p.requires_grad}
        return {**frozen, **dict(model.named_buffers())}

    @property
    def over(self) -> bool:
        """Whether it has nothing left to train for now."""
        patience = self.setup.patience
        if self.broken or self.epoch >= self.trial.until:
            return True
        return bool(patience) and self.begun.plateau.stale >= patience

    def report(
        self, told: Evaluation, val: Evaluation, lr: float, norms: Tensor, seconds: float
    ) -> None:
        """Report an epoch as the loop does; ``seconds`` is this trial's share."""
        metric, clip = self.setup.metric, self.setup.params.clip
        self.epoch += 1
        self.begun.plateau.see(val.metrics["loss"], val.error)
        self.trial.report(
            self.epoch,
            named("train", told, metric)
            | {f"val_{name}": value for name, value in val.metrics.items()}
            | {"lr": lr, **gradients(norms, clip), **self.first},
            parameters=self._size,
            seconds=seconds,
        )
        self.first = {}

    def break_down(self, lr: float, why: str) -> None:
        """Report an epoch in which training broke down as the loop does."""
        self.epoch += 1
        self.broken = True
        self.tell(why)
        self.trial.report(self.epoch, broken(self.setup.metric), lr=lr)

    def save(self, *, now: bool = False) -> None:
        """Keep its state, when it is due or now; it must be up to date."""
        begun = self.begun
        self.trial.save(begun.model, begun.optimizer, begun.plateau, now=now)
