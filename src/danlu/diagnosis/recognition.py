"""Which reported metric is what: training or validation, a loss or a share of right answers."""

from dataclasses import dataclass
from functools import lru_cache

from danlu.core.metric import TRAINING, VALIDATION, split_of, words
from danlu.core.spec import Objective

LOSSES = ("loss", "nll", "mse", "crossentropy", "ce", "bce", "entropy")
RIGHT = ("accuracy", "acc", "f1", "auc", "auroc", "precision", "recall", "iou", "dice", "r2",
         "kappa", "mcc", "map", "score", "top1", "sensitivity", "specificity")  # fmt: skip
WRONG = ("error", "err", "wer", "cer")
ACCURACY = ("accuracy", "acc", "top1")  # of which the best constant answer's value is known
PERCENT = 1.5  # shares do not exceed one by so much; percents do as soon as anything is learnt


@dataclass(frozen=True, slots=True)
class Named:
    """Names of the metrics that the verdicts read; None for what is not reported.

    Attributes:
        train_loss: The loss on training data.
        val_loss: The loss on validation data.
        train_metric: A metric of at most one that grows, or an error rate, on training data.
        val_metric: The same on validation data: the objective, if it is one.
    """

    train_loss: str | None = None
    val_loss: str | None = None
    train_metric: str | None = None
    val_metric: str | None = None


@lru_cache(maxsize=256)
def recognise(names: tuple[str, ...], objective: Objective) -> Named:
    """Find losses and metrics by their names; a bare name is training's beside ``val_…``."""
    losses = _pair([n for n in names if is_loss(n)], objective, bare_is_training=True)
    shares = [n for n in names if is_share(n)]
    return Named(*losses, *_pair(shares, objective, bare_is_training=False))


def is_loss(name: str) -> bool:
    """Whether it is what training makes small; ``entropy`` alone is of a policy or of answers."""
    found = set(words(name)) & set(LOSSES)
    return bool(found) and (found != {"entropy"} or "cross" in words(name))


def is_share(name: str) -> bool:
    """Whether it is a share of right answers, of wrong ones, or a score of at most one."""
    if is_loss(name):
        return False
    return bool(set(words(name)) & {*RIGHT, *WRONG})


def counts_errors(name: str) -> bool:
    """Whether a share is one of wrong answers: smaller is better."""
    return bool(set(words(name)) & set(WRONG)) and not set(words(name)) & set(RIGHT)


def is_accuracy(name: str) -> bool:
    """Whether it is the share of right answers, or one minus it."""
    return bool(set(words(name)) & {*ACCURACY, "error", "err"})


def is_balanced(name: str) -> bool:
    """Whether every class counts alike."""
    return "balanced" in words(name) or words(name)[-1] == "bacc"


def _pair(
    found: list[str], objective: Objective, *, bare_is_training: bool
) -> tuple[str | None, str | None]:
    """Training's and validation's metric of one quantity, the objective's quantity first."""
    order = sorted(found, key=lambda n: n != objective.metric)
    stems = list(dict.fromkeys(split_of(n)[1].lower() for n in order))
    pairs = [_of_stem(stem, order, bare_is_training) for stem in stems]
    # Both sides of one quantity tell more than the objective alone.
    return max(pairs, key=lambda p: (p[0] is not None) + (p[1] is not None), default=(None, None))


def _of_stem(stem: str, names: list[str], bare_is_training: bool) -> tuple[str | None, str | None]:
    splits: dict[str | None, str] = {}
    for name in names:
        split, own = split_of(name)
        if own.lower() == stem:
            splits.setdefault("train" if split in TRAINING else split, name)
    val = next((splits[s] for s in VALIDATION if s in splits), None)
    train, bare = splits.get("train"), splits.get(None)
    if bare is not None and train is None and (val is not None or bare_is_training):
        return bare, val
    return train, val or bare
