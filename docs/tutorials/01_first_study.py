"""Tutorial 1: a first study, in one file and in a few seconds.

Run it with ``python docs/tutorials/01_first_study.py``; the tests do the same.
"""

import math
import random

import danlu

# %% 1. What may vary
#
# Each parameter has a range, a scale and a default. A learning rate lives on a log scale: the step
# from 0.001 to 0.01 matters as much as the one from 0.01 to 0.1. The default is what you would
# train without tuning; the search begins there.

space = danlu.Space(
    lr=danlu.Float(1e-4, 1.0, log=True, default=1e-3),
    dropout=danlu.Float(0.0, 0.7, default=0.5),
)


# %% 2. How to train
#
# The function trains one config, epoch by epoch, as far as the trial wants for now. This one only
# pretends: its curves fall towards a level that depends on the parameters, as those of a network
# would. A real one saves its model and optimiser with ``trial.save(model, optimizer)``.


def train(trial: danlu.Trial) -> None:
    """Curves like those of a network that learns best at lr = 0.02 and dropout = 0.2."""
    noise = random.Random(trial.seed)
    level = 0.1 * math.log10(trial.params["lr"] / 0.02) ** 2 + (trial.params["dropout"] - 0.2) ** 2
    for epoch in trial.epochs():
        train_loss = level + 2.0 * math.exp(-epoch / 4)
        val_loss = level + 0.05 + 2.0 * math.exp(-epoch / 5) + noise.gauss(0, 0.005)
        trial.report(epoch, train_loss=train_loss, val_loss=val_loss)


# %% 3. Run it
#
# "20x" is as much compute as 20 full trainings. Many more configs than that are tried, most
# of them for a few epochs only. Run the file again: the study is there, so nothing is left to do.

if __name__ == "__main__":
    study = danlu.Study("tutorial", space=space, objective="min val_loss", epochs=20)
    best = study.run(train, workers=2, budget="20x")

    # %% 4. Look at it
    #
    # ``danlu show tutorial`` in the terminal tells the same, and ``danlu report`` draws it.

    assert best is not None
    print(f"best of {len(study.trials)} trials: #{best.number} with val_loss {best.value:.3f}")
    print(f"  {dict(best.params)}")
    print(f"  why it was trained: {best.why}")
    print(f"  report: {study.report('tutorial.html')}")
