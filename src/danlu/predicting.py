"""Predictions for people: of a study's trials, and those worth drawing."""

from collections.abc import Sequence
from typing import Protocol

from danlu.core.history import History
from danlu.core.prediction import Prediction
from danlu.core.sentence import say
from danlu.errors import StudyError
from danlu.strategies import prediction

MOST_OPEN = 60  # open trials that are predicted for a report, the best
STEPS = 10  # about as many epochs a prediction is drawn at
FEWEST = 3  # trials of which at least two epochs must be known before anything is drawn …
DEEPEST = 0.25  # … and the share of the full length that one must have reached: with digits cut at
# 2 of 30 epochs half the true ends lay in the intervals, with one trial to epoch 8 five sixths


class _Recorded(Protocol):
    """What has a history: a `Study`."""

    @property
    def history(self) -> History: ...


def predict(study: History | _Recorded, epochs: Sequence[int] = ()) -> list[Prediction]:
    """What each trial would reach if it were trained on, from the curves of all trials.

    Values are in the objective's own units. Each prediction has a median and an interval to which
    the model gives a probability of 0.9. Trials on a proxy, failed ones and those without a
    value are left out, and so are epochs that a trial has passed.

    Args:
        study: A `Study` or its `History`.
        epochs: For which epochs, from 1 to the full length; the full length if not given.

    Returns:
        Predictions by trial and epoch; empty while no trial has a finite value.

    Raises:
        StudyError: If an epoch lies outside the full length of a trial.
        StoreError: If the study cannot be read.
    """
    history = study if isinstance(study, History) else study.history
    last = history.spec.epochs
    for epoch in epochs:
        if not 1 <= epoch <= last:
            raise StudyError(say(
                "epochs to predict must be from 1 to {last}, the full length of a trial, "
                "but got {epoch}.",
                last=last, epoch=epoch,
            ))  # fmt: skip
    return prediction.predict(history, epochs)


def predict_open(
    history: History, *, path: bool = False, most: int = MOST_OPEN
) -> list[Prediction]:
    """Predictions of the best open trials, for tables and charts.

    Args:
        history: All that happened; too little of it gives no prediction.
        path: At several epochs on the way, not only at the end.
        most: For how many trials.
    """
    last = history.spec.epochs
    wanted = [t.number for t in history.ranked if t.open and t.epoch < last][:most]
    if not wanted or not _enough(history):
        return []
    return prediction.predict(history, _on_the_way(last) if path else (last,), set(wanted))


def _enough(history: History) -> bool:
    """Whether the curves tell how curves go on in this study."""
    curves = [t.curve(history.objective.metric) for t in history.ranked]
    deepest = max((curve[-1][0] for curve in curves if curve), default=0)
    known = sum(len(curve) > 1 for curve in curves)
    return known >= FEWEST and deepest >= DEEPEST * history.spec.epochs


def _on_the_way(last: int) -> list[int]:
    """Epochs up to the last in equal ratios: a curve turns most at its beginning."""
    return sorted({round(last ** (i / STEPS)) for i in range(1, STEPS + 1)})
