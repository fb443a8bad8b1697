"""The kit's networks: plain modules, built from a trial's params and the shape of the data.

Initialisation: He (2015) before ReLU and GELU, Glorot (2010) before tanh; recurrent matrices are
orthogonal (Saxe et al. 2014) and an LSTM's forget gates begin at 1 (Jozefowicz et al. 2015). The
output layer keeps torch's own, small one, so that the loss begins near that of guessing.

A module holds no number of a trial but the p of its `nn.Dropout` layers: everything else is in
tensors and sizes, so that trials of equal sizes can be trained together.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from danlu.kit.params import Params
from danlu.kit.preprocessing import PADDING, Shape

Builder: TypeAlias = Callable[[Mapping[str, Any], Shape], nn.Module]

ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "silu": nn.SiLU,
}  # fmt: skip
MOST_DIM = 50  # of the embedding of a categorical column
POOLED_SIDE = 4  # pixels that large feature maps are averaged to before the last layer
LARGE_SIDE = 8


def build(params: Params, shape: Shape) -> nn.Module:
    """The network for a kind of data.

    Args:
        params: ``layers``, ``units``, ``activation``, ``dropout``, ``norm``, ``init``; for images
            ``filters`` and ``kernel``; for sequences ``cell``, ``bidirectional`` and ``pooling``;
            for text ``embedding_dim``, ``pooling`` and ``cell``.
        shape: Of the data.
    """
    kinds = {
        "table": TableModel,
        "images": ImageModel,
        "sequences": SequenceModel,
        "text": TextModel,
    }
    model: nn.Module = kinds[shape.kind](params, shape)
    initialise(model, params)
    return model


class TableModel(nn.Module):
    """A multi-layer perceptron over numbers (n, p) and embedded codes (n, q)."""

    def __init__(self, params: Params, shape: Shape) -> None:
        super().__init__()
        # About 1.6 · V^0.56 dimensions for V values, a rule of thumb of tabular practice.
        dims = [min(MOST_DIM, round(1.6 * size**0.56)) for size in shape.categories]
        self.embeddings = nn.ModuleList(
            nn.Embedding(size, dim) for size, dim in zip(shape.categories, dims, strict=True)
        )
        self.body = perceptron(params, shape.numeric + sum(dims), shape.outputs)
        self.has_numbers = shape.numeric > 0

    def forward(self, *inputs: Tensor) -> Tensor:
        parts = [inputs[0]] if self.has_numbers else []
        if self.embeddings:
            codes = inputs[-1]
            parts += [table(codes[:, i]) for i, table in enumerate(self.embeddings)]
        out: Tensor = self.body(torch.cat(parts, dim=1))
        return out


def perceptron(params: Params, width: int, outputs: int) -> nn.Sequential:
    """Hidden layers, each linear, normalised, activated and dropped out, and the output layer."""
    layers: list[nn.Module] = []
    bias = params.norm != "batch"  # which has one of its own, and would take this one away
    for _ in range(params.layers):
        layers += [nn.Linear(width, params.units, bias=bias), *_norm(params.norm, params.units)]
        layers += [ACTIVATIONS[params.activation](), nn.Dropout(params.dropout)]
        width = params.units
    return nn.Sequential(*layers, nn.Linear(width, outputs))


def _norm(norm: str, width: int) -> list[nn.Module]:
    kinds: Mapping[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm1d, "layer": nn.LayerNorm,
    }  # fmt: skip
    return [kinds[norm](width)] if norm != "none" else []


class ImageModel(nn.Module):
    """Convolutions over images (n, C, H, W): filters double and sides halve with each layer."""

    def __init__(self, params: Params, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, side = shape.channels, (shape.height, shape.width)
        for i in range(params.layers):
            filters = params.filters * 2**i
            layers += [_convolution(params, channels, filters)]
            layers += [*_norm2d(params.norm, filters), ACTIVATIONS[params.activation]()]
            channels = filters
            if min(side) >= 2:
                layers.append(nn.MaxPool2d(2))
                side = (side[0] // 2, side[1] // 2)
        if max(side) > LARGE_SIDE:
            layers.append(nn.AdaptiveAvgPool2d(POOLED_SIDE))
            side = (POOLED_SIDE, POOLED_SIDE)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(params.dropout))
        self.head = nn.Linear(channels * side[0] * side[1], shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


def _convolution(params: Params, channels: int, filters: int) -> nn.Module:
    kernel, bias = params.kernel, params.norm != "batch"
    if kernel % 2:
        return nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=bias)
    before, after = (kernel - 1) // 2, kernel // 2  # so that images keep their size
    padding = nn.ZeroPad2d((before, after, before, after))
    return nn.Sequential(padding, nn.Conv2d(channels, filters, kernel, bias=bias))


def _norm2d(norm: str, filters: int) -> list[nn.Module]:
    if norm == "none":
        return []
    # One group is layer normalisation over channels and pixels.
    return [nn.BatchNorm2d(filters) if norm == "batch" else nn.GroupNorm(1, filters)]


class Recurrent(nn.Module):
    """GRU or LSTM layers over padded sequences (n, L, width) with their lengths (n,).

    Padding stands at the ends, so that it reaches no state that is used: outputs beyond a length
    are ignored, and the backward direction reads each sequence reversed within its length.
    """

    def __init__(self, params: Params, width: int) -> None:
        super().__init__()
        cell = {"gru": nn.GRU, "lstm": nn.LSTM}[params.cell]
        directions = 2 if params.bidirectional else 1
        widths = [width] + [params.units * directions] * (params.layers - 1)
        self.forwards = nn.ModuleList(cell(w, params.units, batch_first=True) for w in widths)
        backwards = widths if params.bidirectional else []
        self.backwards = nn.ModuleList(cell(w, params.units, batch_first=True) for w in backwards)
        self.dropouts = nn.ModuleList(nn.Dropout(params.dropout) for _ in widths)
        self.width = params.units * directions

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(x.shape[1], device=x.device)
        reverse = (lengths[:, None] - 1 - steps).remainder(x.shape[1])  # its own inverse
        for i, forwards in enumerate(self.forwards):
            out = forwards(x)[0]
            if self.backwards:
                turned = self.backwards[i](_taken(x, reverse))[0]
                out = torch.cat([out, _taken(turned, reverse)], dim=2)
            x = self.dropouts[i](out)
        return x


def _taken(x: Tensor, steps: Tensor) -> Tensor:
    """The steps (n, L) of x (n, L, width)."""
    return x.gather(1, steps[:, :, None].expand(-1, -1, x.shape[2]))


class Pooling(nn.Module):
    """Steps (n, L, width), of which some are there (n, L), to (n, width)."""

    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        self.kind = kind
        self.score = nn.Linear(width, 1) if kind == "attention" else None

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        if self.kind == "last":
            last = there.sum(1) - 1
            return _taken(x, last[:, None]).squeeze(1)
        mask = there[:, :, None]
        if self.kind == "max":
            return x.masked_fill(~mask, -torch.inf).amax(1)
        if self.score is not None:
            weights: Tensor = self.score(x).masked_fill(~mask, -torch.inf).softmax(1)
            return (x * weights).sum(1)
        return (x * mask).sum(1) / mask.sum(1)


class SequenceModel(nn.Module):
    """Recurrent layers over sequences (n, L, features) with lengths (n,), pooled over time."""

    def __init__(self, params: Params, shape: Shape) -> None:
        super().__init__()
        self.recurrent = Recurrent(params, shape.features)
        self.pooling = Pooling(params.pooling, self.recurrent.width)
        norm = [nn.LayerNorm(self.recurrent.width)] if params.norm == "layer" else []
        self.head = nn.Sequential(*norm, nn.Linear(self.recurrent.width, shape.outputs))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        there = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        out: Tensor = self.head(self.pooling(self.recurrent(x, lengths), there))
        return out


class TextModel(nn.Module):
    """Embedded words (n, L), through recurrent layers if there is a cell, pooled, a perceptron."""

    def __init__(self, params: Params, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, params.embedding_dim, padding_idx=PADDING)
        self.dropout = nn.Dropout(params.dropout)
        recurrent = params.cell != "none"
        self.recurrent = Recurrent(params, params.embedding_dim) if recurrent else None
        width = self.recurrent.width if self.recurrent else params.embedding_dim
        self.pooling = Pooling(params.pooling, width)
        # With recurrent layers those are the layers, and the head is linear.
        self.head = (
            nn.Linear(width, shape.outputs)
            if recurrent
            else perceptron(params, width, shape.outputs)
        )

    def forward(self, words: Tensor) -> Tensor:
        there = words != PADDING
        x = self.dropout(self.embedding(words))
        if self.recurrent is not None:
            x = self.recurrent(x, there.sum(1))
        out: Tensor = self.head(self.pooling(x, there))
        return out


def initialise(model: nn.Module, params: Params) -> None:
    """Set the weights of hidden layers by the rule ``init``; biases are zero."""
    hidden = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)][:-1]
    rule = params.init
    if rule == "auto":
        rule = "glorot" if params.activation == "tanh" else "he"
    for layer in hidden:
        _RULES[rule](layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    for module in model.modules():
        if isinstance(module, nn.RNNBase):
            _initialise_recurrent(module)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=EMBEDDING_STD)
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx].detach())


EMBEDDING_STD = 0.1  # small beside 1: words are told apart by training, not by chance


def _he(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


_RULES: Mapping[str, Callable[[Tensor], Any]] = {
    "he": _he, "glorot": nn.init.xavier_uniform_, "orthogonal": nn.init.orthogonal_,
}  # fmt: skip


def _initialise_recurrent(module: nn.RNNBase) -> None:
    for name, weight in module.named_parameters():
        if name.startswith("weight_ih"):
            for gate in weight.detach().split(module.hidden_size):
                nn.init.xavier_uniform_(gate)
        elif name.startswith("weight_hh"):
            for gate in weight.detach().split(module.hidden_size):
                nn.init.orthogonal_(gate)
        else:
            nn.init.zeros_(weight)
            if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                weight.detach()[module.hidden_size : 2 * module.hidden_size] = 1.0


def parameters_of(model: nn.Module) -> int:
    """How many numbers a model learns."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


__all__: Sequence[str] = [
    "Builder", "ImageModel", "Pooling", "Recurrent", "SequenceModel", "TableModel", "TextModel",
    "build", "initialise", "parameters_of", "perceptron",
]  # fmt: skip
