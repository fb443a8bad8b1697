"""One training: data, settings and the ways in which its code may be wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from faults.data import Data
from faults.models import Network


@dataclass(frozen=True)
class Settings:
    """What a person would tune, and what the code around it does.

    The second group is right by default; faults change it.

    Attributes:
        clip: Largest norm of the gradient, 0 for no limit.
        init: ``""`` for PyTorch's, ``"zero"``, ``"constant"``, ``"dead"``, ``"large"``.
        activation: ``"relu"``, ``"tanh"``, ``"sigmoid"`` or ``"none"``.
        shuffle: Whether training samples are shuffled each epoch.
        zero_grad: Whether gradients are reset before each step.
        sign: −1 climbs the loss instead of going down.
        softmax: Whether the network ends in a softmax, before a loss that applies one.
        frozen: Whether only the last layer is trained.
        val_in_train_mode: Whether validation leaves dropout and batch statistics on.
    """

    optimizer: str = "adam"
    lr: float = 2e-3
    momentum: float = 0.0
    weight_decay: float = 0.0
    dropout: float = 0.1
    label_smoothing: float = 0.0
    layers: int = 1
    width: int = 64
    batch_size: int = 32
    batch_norm: bool = False
    clip: float = 0.0
    epochs: int = 30

    init: str = ""
    activation: str = "relu"
    shuffle: bool = True
    zero_grad: bool = True
    sign: float = 1.0
    softmax: bool = False
    frozen: bool = False
    val_in_train_mode: bool = False


@dataclass(frozen=True)
class Case:
    """A training that can be run: `faults.training.train`.

    Attributes:
        part: Data and family, one of `PARTS`.
        fault: Name of the fault, or ``"healthy"``.
        seed: Of split, weights, dropout and order of samples.
        data: What it trains on.
        settings: How it trains.
    """

    part: str
    fault: str
    seed: int
    data: Data
    settings: Settings = field(default_factory=Settings)

    def model(self) -> nn.Module:
        """The network with its first weights: the same at each call."""
        torch.manual_seed(self.seed)
        return Network(self.part.partition("-")[2], self.data, self.settings)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of outputs ``(n, classes)``."""
        smoothing = self.settings.label_smoothing
        return nn.functional.cross_entropy(outputs, targets, label_smoothing=smoothing)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser over the parameters that are trained."""
        s, trained = self.settings, self.trained(model)
        if s.optimizer == "sgd":
            return torch.optim.SGD(trained, s.lr, momentum=s.momentum, weight_decay=s.weight_decay)
        return torch.optim.Adam(trained, s.lr, weight_decay=s.weight_decay)

    def trained(self, model: nn.Module) -> list[nn.Parameter]:
        """The parameters that the optimiser gets."""
        parameters: Iterable[nn.Parameter] = model.parameters()
        if self.settings.frozen:
            parameters = model.head.parameters()  # type: ignore[union-attr,operator,assignment]
        return list(parameters)
