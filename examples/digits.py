"""Handwritten digits (1,797 images of 8 × 8) with a small network: what a train function needs.

Run it by the study file beside it, ``danlu run examples/digits.toml``, or as it is:
``python examples/digits.py``.
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.functional import cross_entropy

import danlu


def load(fraction: float = 1.0) -> tuple[torch.Tensor, ...]:
    """Training and validation data; only the training data is reduced, keeping its classes."""
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x / 16.0, dtype=torch.float32)
    y = torch.tensor(y)
    train, val = train_test_split(range(len(y)), test_size=500, stratify=y, random_state=0)
    if fraction < 1.0:
        train, _ = train_test_split(train, train_size=fraction, stratify=y[train], random_state=0)
    return x[train], y[train], x[val], y[val]


def build(params) -> nn.Module:
    """A network."""
    layers: list[nn.Module] = []
    width = 64
    for _ in range(params["layers"]):
        layers += [nn.Linear(width, params["units"]), nn.ReLU(), nn.Dropout(params["dropout"])]
        width = params["units"]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def optimizer_of(weights, params) -> torch.optim.Optimizer:
    """The optimiser of some weights."""
    if params["optimizer"] == "sgd":
        return torch.optim.SGD(weights, lr=params["lr"], momentum=params["momentum"])
    kind = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}[params["optimizer"]]
    return kind(weights, lr=params["lr"])


# What is checked before the first trial: `danlu check examples/digits.toml` prints it.
problem = danlu.Problem(data=load, build=build, loss=cross_entropy, optimizer=optimizer_of)


def train(trial: danlu.Trial) -> None:
    """Train one config, epoch by epoch, as far as the trial wants."""
    torch.manual_seed(trial.seed)
    x, y, x_val, y_val = load(trial.data_fraction)
    model = build(trial.params)
    optimizer = optimizer_of(model.parameters(), trial.params)
    start = trial.restore(model, optimizer)
    for epoch in trial.epochs(start):
        model.train()
        for batch in torch.randperm(len(y)).split(trial.params["batch_size"]):
            optimizer.zero_grad()
            cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        train_loss, train_accuracy = evaluate(model, x, y)
        val_loss, val_accuracy = evaluate(model, x_val, y_val)
        trial.report(
            epoch,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=val_loss,
            val_accuracy=val_accuracy,
        )
        trial.save(model, optimizer)


@torch.no_grad()
def evaluate(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Loss and accuracy."""
    model.eval()
    scores = model(x)
    return cross_entropy(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    study = danlu.Study(
        "digits-python",
        space=danlu.Space(
            lr=danlu.Float(1e-4, 1.0, log=True, default=0.05),
            units=danlu.Int(16, 512, log=True, default=128),
            layers=danlu.Int(1, 3, default=1),
            dropout=danlu.Float(0.0, 0.7, default=0.2),
            optimizer=danlu.Choice("sgd", "adam", "rmsprop", default="adam"),
            momentum=danlu.Float(0.0, 0.99, default=0.9, when={"optimizer": "sgd"}),
            batch_size=64,
        ),
        objective="max val_accuracy",
        epochs=30,
    )
    best = study.run(train, workers=2, budget="5x", problem=problem)
    if best is not None:
        print(f"best: trial {best.number}, {best.value:.4f}, {dict(best.params)}")
