"""Which metrics belong on one chart: training and validation of the same quantity."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from danlu.core.history import History
from danlu.core.metric import TRAINING, VALIDATION, split_of
from danlu.core.spec import Direction, Objective
from danlu.errors import StudyError


@dataclass(frozen=True, slots=True)
class MetricPair:
    """What one chart of curves shows.

    Attributes:
        label: Name of the quantity, such as ``"loss"``.
        train: Name of the metric on training data (drawn dashed), if there is one.
        val: Name of the metric on validation data, or of one that has no split (drawn solid).
        direction: Whether lower or higher is better; None where that is not known.
    """

    label: str
    train: str | None
    val: str | None
    direction: Direction | None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n in (self.train, self.val) if n is not None)


def pair_metrics(names: Iterable[str], objective: Objective) -> list[MetricPair]:
    """Pair metrics by their names, the objective's pair first.

    ``train_X`` goes with ``val_X``, ``train/X`` with ``val/X``, ``X_train`` with ``X_valid``, and
    a bare ``X`` is the training side of ``val_X``. Whatever has no partner stands alone.
    """
    stems: dict[str, dict[str | None, str]] = {}
    for name in names:
        split, stem = split_of(name)
        stems.setdefault(stem, {}).setdefault("train" if split in TRAINING else split, name)
    pairs = [pair for stem, splits in stems.items() for pair in _pairs_of(stem, splits, objective)]
    return sorted(pairs, key=lambda p: objective.metric not in p.names)


def _pairs_of(stem: str, splits: dict[str | None, str], objective: Objective) -> list[MetricPair]:
    validations = [splits[s] for s in VALIDATION if s in splits]
    bare, train = splits.get(None), splits.get("train")
    if train is None and validations:
        train, bare = bare, None
    val = validations[0] if validations else None
    alone = [*validations[1:], *([bare] if bare else [])]
    pairs = []
    if train or val:
        label = stem if train and val else train or val or stem
        pairs.append(MetricPair(label, train, val, direction_of(val or train or stem, objective)))
    return [*pairs, *(MetricPair(n, None, n, direction_of(n, objective)) for n in alone)]


def direction_of(name: str, objective: Objective) -> Direction | None:
    """Whether a metric should fall or grow, from the objective or its own name."""
    if name == objective.metric:
        return objective.direction
    try:
        return Objective.parse(re.sub(r"\s+", "_", name)).direction
    except StudyError:
        return None


def metric_names(history: History) -> list[str]:
    """Names of all metrics that any trial reported, in the order of their first appearance."""
    return list(dict.fromkeys(n for t in history.trials.values() for n in t.metric_names()))
