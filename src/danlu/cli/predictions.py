"""Predictions of a study's open trials; the model is loaded only when there are any."""

from danlu.core.history import History
from danlu.core.prediction import Prediction


def predictions_of(history: History, *, path: bool = False) -> list[Prediction]:
    """What the best open trials would reach; with ``path`` at epochs on the way too."""
    last = history.spec.epochs
    if not any(t.open and t.reports and t.epoch < last for t in history.trials.values()):
        return []
    from danlu.predicting import predict_open

    return predict_open(history, path=path)
