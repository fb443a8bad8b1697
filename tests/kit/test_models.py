"""Every family builds for every choice, learns, and ignores padding."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from danlu.kit.models import build, parameters_of
from danlu.kit.params import Params
from danlu.kit.preprocessing import Shape

pytestmark = pytest.mark.torch

TABLE = Shape("table", 3, numeric=4, categories=(5, 2))
IMAGES = Shape("images", 3, channels=1, height=9, width=12)
SEQUENCES = Shape("sequences", 3, features=4, length=6)
TEXT = Shape("text", 3, length=6, vocabulary=11)

LENGTHS = torch.tensor([6, 1, 3])
WORDS = torch.tensor([[2, 3, 4, 5, 6, 7], [8, 0, 0, 0, 0, 0], [9, 10, 1, 0, 0, 0]])
INPUTS: dict[str, tuple[torch.Tensor, ...]] = {
    "table": (torch.randn(3, 4), torch.tensor([[0, 1], [4, 0], [2, 1]])),
    "images": (torch.randn(3, 1, 9, 12),),
    "sequences": (torch.randn(3, 6, 4), LENGTHS),
    "text": (WORDS,),
}

NORMS = ("none", "batch", "layer")
POOLINGS = ("last", "mean", "max", "attention")


def cases(shape: Shape, **choices: Sequence[Any]) -> list[tuple[Shape, dict[str, Any]]]:
    """The shape with every combination of the choices."""
    return [(shape, dict(zip(choices, v, strict=True))) for v in product(*choices.values())]


CASES = [
    *cases(TABLE, layers=(0, 1, 3), norm=NORMS),
    *cases(TABLE, activation=("relu", "gelu", "tanh", "silu"), init=("auto", "orthogonal")),
    *cases(IMAGES, layers=(1, 2, 6), kernel=(1, 4), norm=NORMS),
    *cases(SEQUENCES, cell=("gru", "lstm"), bidirectional=(False, True), pooling=POOLINGS),
    *cases(SEQUENCES, layers=(2,), norm=("none", "layer")),
    *cases(TEXT, cell=("none", "gru", "lstm"), pooling=POOLINGS),
]


@pytest.mark.parametrize(("shape", "config"), CASES, ids=[f"{s.kind}-{c}" for s, c in CASES])
def test_every_choice_gives_outputs_and_a_gradient_to_every_parameter(
    shape: Shape, config: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    model = build(Params.of({"units": 8, "filters": 4, "embedding_dim": 6, **config}), shape)
    outputs = model(*INPUTS[shape.kind])
    assert outputs.shape == (3, 3)
    outputs.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("cell", ["none", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(pooling: str, cell: str, bidirectional: bool) -> None:
    config = {"pooling": pooling, "cell": cell, "bidirectional": bidirectional, "layers": 2}
    model = build(Params.of({"units": 5, "embedding_dim": 4, **config}), TEXT).eval()
    words = torch.tensor([[2, 3, 4], [5, 6, 0]])
    longer = torch.cat([words, torch.zeros(2, 4, dtype=torch.long)], dim=1)
    assert torch.allclose(model(words), model(longer), atol=1e-6)
    alone = model(torch.tensor([[5, 6]]))
    assert torch.allclose(model(words)[1], alone[0], atol=1e-6)


def test_the_backward_direction_equals_torch_on_packed_sequences() -> None:
    model = build(Params.of({"units": 5, "bidirectional": True, "pooling": "mean"}), SEQUENCES)
    ours: Any = model.eval()
    x, lengths = INPUTS["sequences"]
    known = nn.GRU(4, 5, batch_first=True, bidirectional=True)
    state = dict(ours.recurrent.forwards[0].state_dict())
    state |= {f"{n}_reverse": p for n, p in ours.recurrent.backwards[0].state_dict().items()}
    known.load_state_dict(state)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    wanted, _ = nn.utils.rnn.pad_packed_sequence(known(packed)[0], batch_first=True)
    there = (torch.arange(6) < lengths[:, None])[:, :, None]
    assert torch.allclose(ours.recurrent(x, lengths) * there, wanted, atol=1e-6)


def test_one_seed_gives_one_network() -> None:
    networks = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        networks.append(build(Params.of({"units": 8}), TABLE).state_dict())
    same = [all(torch.equal(networks[0][n], other[n]) for n in other) for other in networks]
    assert same == [True, True, False]


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_signals_keep_their_size_through_many_layers(activation: str) -> None:
    torch.manual_seed(0)
    params = Params.of({"layers": 6, "units": 256, "activation": activation, "dropout": 0.0})
    model: Any = build(params, Shape("table", 2, numeric=64))
    hidden = torch.randn(512, 64)
    for layer in list(model.body)[:-1]:
        hidden = layer(hidden)
    assert 0.1 < hidden.std().item() < 3


@pytest.mark.parametrize(
    ("init", "activation", "deviation"),
    [
        ("auto", "relu", (2 / 300) ** 0.5),  # He et al. 2015: 2 / fan-in
        ("he", "tanh", (2 / 300) ** 0.5),
        ("auto", "tanh", (2 / 500) ** 0.5),  # Glorot & Bengio 2010: 2 / (fan-in + fan-out)
        ("glorot", "gelu", (2 / 500) ** 0.5),
        ("orthogonal", "relu", 300**-0.5),
    ],
)
def test_weights_begin_as_their_rule_says(init: str, activation: str, deviation: float) -> None:
    torch.manual_seed(0)
    params = Params.of({"units": 200, "init": init, "activation": activation})
    model: Any = build(params, Shape("table", 3, numeric=300))
    weight = model.body[0].weight
    assert weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert model.body[0].bias.abs().max() == 0
    if init == "orthogonal":
        assert torch.allclose(weight @ weight.T, torch.eye(200), atol=1e-5)


def test_an_lstm_begins_by_remembering() -> None:
    params = Params.of({"cell": "lstm", "units": 4})
    gates: Any = build(params, SEQUENCES)
    bias = gates.recurrent.forwards[0].bias_ih_l0
    assert bias.tolist() == [0] * 4 + [1] * 4 + [0] * 8


def test_large_images_do_not_make_large_heads() -> None:
    params = Params.of({"layers": 2, "filters": 8})
    model = build(params, Shape("images", 2, channels=3, height=128, width=96))
    assert model(torch.randn(2, 3, 128, 96)).shape == (2, 2)
    assert parameters_of(model) < 3_000
