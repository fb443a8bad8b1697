r"""A training script as many have one: arguments in, lines of text out. It knows nothing of danlu.

It is tuned as it stands by ``danlu run examples/script.toml``, or without any file by::

    danlu run -n script --objective "min val_loss" --epochs 20 \\
        --metrics 'train loss (?P<train_loss>\\S+), val loss (?P<val_loss>\\S+)' \\
        -- python examples/train.py --lr~'log(1e-4,1)' --units~'logint(8,256)' --epochs 20
"""

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-2)
parser.add_argument("--units", type=int, default=32)
parser.add_argument("--weight-decay", type=float, default=0.0)
parser.add_argument("--optimizer", choices=["sgd", "adam"], default="adam")
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x, y = load_breast_cancer(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
scaler = StandardScaler().fit(x_train)
x_train, x_val = (torch.tensor(scaler.transform(a), dtype=torch.float32) for a in (x_train, x_val))
y_train, y_val = (torch.tensor(b, dtype=torch.float32) for b in (y_train, y_val))

model = nn.Sequential(nn.Linear(30, args.units), nn.ReLU(), nn.Linear(args.units, 1))
loss_of = nn.BCEWithLogitsLoss()
decay = {"lr": args.lr, "weight_decay": args.weight_decay}
optimizer = (
    torch.optim.Adam(model.parameters(), **decay)
    if args.optimizer == "adam"
    else torch.optim.SGD(model.parameters(), momentum=args.momentum, **decay)
)

for epoch in range(1, args.epochs + 1):
    for batch in torch.randperm(len(y_train)).split(32):
        optimizer.zero_grad()
        loss_of(model(x_train[batch]).squeeze(1), y_train[batch]).backward()
        optimizer.step()
    with torch.no_grad():
        train_loss = loss_of(model(x_train).squeeze(1), y_train).item()
        val_loss = loss_of(model(x_val).squeeze(1), y_val).item()
    print(f"epoch {epoch}: train loss {train_loss:.4f}, val loss {val_loss:.4f}")
