"""Tuning without torch: a linear classifier trained by scikit-learn, one pass an epoch."""

import numpy as np
from sklearn.datasets import load_wine
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import danlu


class Saved:
    """Gives an estimator the two methods that ``trial.save`` and ``trial.restore`` use."""

    def __init__(self, model: SGDClassifier) -> None:
        self.model = model

    def state_dict(self) -> dict:
        return {"coef": self.model.coef_, "intercept": self.model.intercept_, "t": self.model.t_}

    def load_state_dict(self, state: dict) -> None:
        self.model.coef_, self.model.intercept_ = state["coef"], state["intercept"]
        self.model.t_, self.model.classes_ = state["t"], np.arange(3)


def train(trial: danlu.Trial) -> None:
    """One config, epoch by epoch."""
    x, y = load_wine(return_X_y=True)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.4, stratify=y, random_state=0)
    scaler = StandardScaler().fit(x)
    x, x_val = scaler.transform(x), scaler.transform(x_val)
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="constant",
        eta0=trial.params["lr"],
        alpha=trial.params["l2"],
        random_state=trial.seed,
    )
    start = trial.restore(Saved(model))
    for epoch in trial.epochs(start):
        model.partial_fit(x, y, classes=np.arange(3))
        trial.report(
            epoch,
            train_loss=log_loss(y, model.predict_proba(x)),
            val_loss=log_loss(y_val, model.predict_proba(x_val)),
            val_accuracy=model.score(x_val, y_val),
        )
        trial.save(Saved(model))


if __name__ == "__main__":
    study = danlu.Study(
        "wine",
        space=danlu.Space(
            lr=danlu.Float(1e-5, 1.0, log=True, default=1e-2),
            l2=danlu.Float(1e-6, 1e-1, log=True, default=1e-4),
        ),
        objective="min val_loss",
        epochs=20,
    )
    best = study.run(train, workers=2, budget="10x")
    if best is not None:
        print(f"best: trial {best.number}, val_loss {best.value:.4f}, {dict(best.params)}")
