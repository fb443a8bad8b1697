"""The networks: an encoder by family, a stack of linear layers, a head."""

from typing import Any

import torch
from torch import Tensor, nn

from faults.data import VOCABULARY, Data

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "none": nn.Identity}


class Rows(nn.Module):
    """The last state of a GRU over the rows of an image."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(features, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.gru(x)[0]
        return states[:, -1]


class Bag(nn.Module):
    """The mean of a text's word vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)

    def forward(self, x: Tensor) -> Tensor:
        vectors: Tensor = self.embedding(x)
        return vectors.mean(1)


class Network(nn.Module):
    """Encoder, ``layers`` linear layers of ``width`` units with dropout, and a head."""

    def __init__(self, family: str, data: Data, settings: Any) -> None:
        super().__init__()
        act = ACTIVATIONS[settings.activation]
        body, size = _encoder(family, data, settings.width, act)
        for _ in range(settings.layers):
            body.append(nn.Linear(size, settings.width))
            size = settings.width
            if settings.batch_norm:
                body.append(nn.BatchNorm1d(size))
            body += [act(), nn.Dropout(settings.dropout)]
        self.body = nn.Sequential(*body)
        self.head = nn.Linear(size, data.classes)
        self.out = nn.Softmax(1) if settings.softmax else nn.Identity()
        _initialise(self, settings.init)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.out(self.head(self.body(x)))
        return outputs


def _encoder(family: str, data: Data, width: int, act: Any) -> tuple[list[nn.Module], int]:
    """Modules before the linear layers, and the number of their outputs."""
    if family == "cnn":
        few, many = max(1, width // 8), max(1, width // 4)
        convolutions: list[nn.Module] = [
            nn.Conv2d(1, few, 3, padding=1), act(), nn.MaxPool2d(2),
            nn.Conv2d(few, many, 3, padding=1), act(), nn.MaxPool2d(2), nn.Flatten(),
        ]  # fmt: skip
        return convolutions, many * 4
    if family == "gru":
        return [Rows(data.x_train.shape[2], width)], width
    if family == "bag":
        return [Bag(width)], width
    return [], data.x_train.shape[1]


@torch.no_grad()
def _initialise(network: Network, how: str) -> None:
    """Spoil the first weights in the way that is named."""
    for name, p in network.named_parameters():
        bias = "bias" in name
        if how == "zero":
            p.zero_()
        elif how == "constant":
            p.fill_(0.0 if bias else 0.1)
        elif how == "large" and not bias:
            p.normal_(0.0, 3.0)
        elif how == "dead" and bias and name.startswith("body"):
            p.fill_(-20.0)
