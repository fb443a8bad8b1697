"""Training with torch; loaded by name, so that the test process need not import it."""

import torch
from torch import nn

import danlu


def count_threads(trial: danlu.Trial) -> None:
    for epoch in trial.epochs():
        trial.report(epoch, val_loss=torch.get_num_threads())


def train(trial: danlu.Trial) -> None:
    """A small regression whose every draw counts: dropout, shuffling and momentum."""
    torch.manual_seed(trial.seed)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    y = (3 * x).sin()
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, trial.horizon)
    for epoch in trial.epochs(trial.restore(model, optimizer, schedule)):
        for _ in range(4):
            batch = torch.randperm(64)[:16]
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
        schedule.step()
        trial.report(epoch, val_loss=nn.functional.mse_loss(model(x), y))
        trial.save(model, optimizer, schedule)
