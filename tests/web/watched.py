"""A study to be watched: its trials take the time that a file beside the store says."""

import math
import sys
import time
from pathlib import Path

import danlu

SPACE = danlu.Space(
    lr=danlu.Float(1e-4, 1.0, log=True, default=1e-2),
    optimizer=danlu.Choice("sgd", "adam", default="adam"),
)
EPOCHS = 12


def train(trial: danlu.Trial) -> None:
    off = abs(math.log10(float(trial.params["lr"] or 1)) + 2.0)
    for epoch in trial.epochs(trial.restore()):
        time.sleep(float(Path("pace").read_text()))
        if trial.number == 3:
            print("about to fail", flush=True)
            raise ValueError("no such column: <b>age</b>")
        loss = 0.05 + 0.1 * off + 2.0 * math.exp(-0.4 * epoch)
        trial.report(epoch, train_loss=loss * 0.8, val_loss=loss + 0.01 * epoch)
        trial.save()


if __name__ == "__main__":
    study = danlu.Study(
        "watched", space=SPACE, objective="min val_loss", epochs=EPOCHS, budget="900 trials",
        strategy="random", store=sys.argv[1],
    )  # fmt: skip
    study.run(train, workers=2)
