"""Checks that validation tells the truth: D05, D06, D07, D12, D14 (practice, section A1)."""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import Arrays, arrays_of, some_rows
from danlu.preflight.baselines import baselines_of
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.problem import Problem
from danlu.preflight.simple import (
    area_under_curve,
    columns,
    distances,
    folds,
    neighbour_probabilities,
    out_of_fold,
    standardised,
)

CHUNK = 10_000_000  # values that are rounded at once
DROPPED = 16  # values of the last four bits, which are rounded off


def shared_rows(problem: Problem) -> Iterator[Finding]:
    """Validation samples do not occur in training, and equal samples have equal labels."""
    arrays = arrays_of(problem)
    train, val = _row_keys(arrays.x_train), _row_keys(arrays.x_val)
    known = set(train)
    shared = float(np.mean([key in known for key in val]))
    shown = say("{shared:.1%} of validation", shared=shared)
    if shared > limit.SHARED_WARNING:
        yield wrong(
            "D05", "error" if shared > limit.SHARED_ERROR else "warning",
            say(
                "{shared:.1%} of the validation rows also occur in training: validation will not "
                "see overfitting. Remove duplicates before splitting, and split by group.",
                shared=shared,
            ),
            shown, f"≤ {limit.SHARED_WARNING:.1%}", look_at("duplicates"), share=shared,
        )  # fmt: skip
    elif (conflict := _conflicting(arrays, train)) > limit.CONFLICTING:
        yield wrong(
            "D05",
            "warning",
            say(
                "{conflict:.1%} of the training rows occur with different labels: no model can "
                "get them all right. Look at how labels were made.",
                conflict=conflict,
            ),
            say("{conflict:.1%} conflicting", conflict=conflict),
            f"≤ {limit.CONFLICTING:.0%}",
            look_at("labels"),
            conflicting=conflict,
        )
    elif (near := _near_shared(arrays)) > limit.NEAR_SHARED:
        yield wrong(
            "D05",
            "warning",
            say(
                "{near:.1%} of the validation rows have a training row that is nearly equal: "
                "copies of one source? Split by group.",
                near=near,
            ),
            say("{near:.1%} nearly equal", near=near),
            f"≤ {limit.NEAR_SHARED:.0%}",
            look_at("near duplicates"),
            near=near,
        )
    else:
        yield well("D05", shown, f"≤ {limit.SHARED_WARNING:.1%}", share=shared)


def _row_keys(parts: tuple[Array, ...]) -> list[bytes]:
    """A key for each row; equal rows have equal keys."""
    keys: list[bytes] = []
    size = max(1, CHUNK // max(1, sum(x[0].size for x in parts)))
    for begin in range(0, len(parts[0]), size):
        rows = slice(begin, begin + size)
        chunk = [_rounded(x[rows].reshape(len(x[rows]), -1)) for x in parts]
        for i in range(len(chunk[0])):
            row = b"|".join(c[i].tobytes() for c in chunk)
            keys.append(blake2b(row, digest_size=16).digest())
    return keys


def _rounded(x: Array) -> Array:
    """Real numbers cut to six significant digits: twenty bits of a float32's mantissa."""
    if x.dtype.kind != "f":
        return x.astype(np.int64)
    with np.errstate(over="ignore"):
        bits = (x.astype(np.float32) + np.float32(0.0)).view(np.uint32)  # no negative zero
    return (bits + np.uint32(DROPPED // 2)) & np.uint32(2**32 - DROPPED)


def _conflicting(arrays: Arrays, keys: list[bytes]) -> float:
    """Share of training rows that occur with more than one label."""
    if arrays.form != "labels":
        return 0.0
    seen: dict[bytes, set[int]] = {}
    for key, label in zip(keys, arrays.labels_train.tolist(), strict=True):
        seen.setdefault(key, set()).add(label)
    return float(np.mean([len(seen[key]) > 1 for key in keys]))


def _near_shared(arrays: Arrays) -> float:
    """Share of validation rows that have a training row nearly at the same place."""
    if arrays.features is None or arrays.features[0].shape[1] < 2:
        return 0.0
    train, val = standardised(*arrays.features)
    train = train[some_rows(len(train), limit.NEAR_ROWS)]
    val = val[some_rows(len(val), limit.NEAR_ROWS)]
    nearest = np.sqrt(distances(val, train).min(1))
    others = distances(train, train)
    np.fill_diagonal(others, np.inf)
    typical = float(np.sqrt(np.median(others.min(1))))
    return float((nearest < limit.NEAR_DISTANCE * typical).mean()) if typical > 0 else 0.0


def groups_and_times(problem: Problem) -> Iterator[Finding]:
    """No group stands on both sides of the split, and validation is not older than training."""
    arrays = arrays_of(problem)
    sides = arrays.sides
    if not {"groups_train", "groups_val"} <= sides.keys() and not (
        {"times_train", "times_val"} <= sides.keys()
    ):
        raise Skipped(say("no groups and no times are given"))
    if {"groups_train", "groups_val"} <= sides.keys():
        both = np.intersect1d(sides["groups_train"], sides["groups_val"])
        if both.size:
            yield wrong(
                "D06",
                "error",
                say(
                    "training and validation share groups ({size}, such as {both}): "
                    "validation knows them already. Split by group.",
                    size=both.size,
                    both=both[0],
                ),
                say("groups on both sides: {size}", size=both.size),
                "0",
                look_at("split by group"),
            )
            return
    if {"times_train", "times_val"} <= sides.keys():
        last, early = sides["times_train"].max(), sides["times_val"].min()
        if early < last:
            yield wrong(
                "D06", "error",
                say(
                    "validation begins at {early}, before training ends at {last}: the model is "
                    "judged on a past that it has seen. Split by time.",
                    early=early, last=last,
                ),
                f"{early} < {last}", say("validation after training"), look_at("split by time"),
            )  # fmt: skip
            return
    yield well("D06", say("no group on both sides"), "0")


def giveaway(problem: Problem) -> Iterator[Finding]:
    """No single column tells the label nearly by itself: that would be a leak."""
    arrays = arrays_of(problem)
    if arrays.form != "labels" or arrays.features is None:
        raise Skipped(say("needs classes and columns of numbers"))
    rows = some_rows(len(arrays.features[0]), limit.GIVEAWAY_ROWS)
    x, y = arrays.features[0][rows], arrays.labels_train[arrays.rows[0]][rows]
    classes = arrays.classes or 0
    telling = _telling_columns(x, y, classes)
    skills = [_skill(_cut(x[:, j]), y, classes) for j in telling]
    best = int(np.argmax(skills))
    together = baselines_of(problem).linear_metric or 0.0
    name = arrays.column(int(telling[best]))
    shown = say("{name} alone {best:.2f}", name=name, best=skills[best])
    if skills[best] > limit.GIVEAWAY_SKILL and together - skills[best] < limit.GIVEAWAY_LEAD:
        yield wrong(
            "D07", "warning",
            say(
                "{name} alone predicts the label (skill {skills:.3f}): is it known before the "
                "label is, or made from it? If it leaks, drop it.",
                name=name, skills=skills[best],
            ),
            shown, f"≤ {limit.GIVEAWAY_SKILL:g}", look_at("leaked label"), skill=skills[best],
            column=name,
        )  # fmt: skip
    else:
        yield well("D07", shown, f"≤ {limit.GIVEAWAY_SKILL:g}", skill=skills[best])


def _telling_columns(x: Array, y: Array, classes: int) -> Array:
    """The columns whose means differ most between classes."""
    means = np.stack([x[y == c].mean(0) for c in range(classes) if (y == c).any()])
    spread = means.std(0) / np.maximum(x.std(0), 1e-12)
    return np.argsort(-spread)[: limit.GIVEAWAY_COLUMNS]


def _cut(column: Array) -> Array:
    """The quantile in which each value lies."""
    edges = np.quantile(column, np.linspace(0, 1, limit.GIVEAWAY_BINS + 1)[1:-1])
    return np.searchsorted(np.unique(edges), column, side="right")


def _skill(cut: Array, y: Array, classes: int) -> float:
    """Balanced accuracy above chance of the most frequent class in each quantile, held out."""
    predicted = np.empty_like(y)
    for rest, held in folds(y, 3):
        table = np.zeros((limit.GIVEAWAY_BINS + 1, classes))
        np.add.at(table, (cut[rest], y[rest]), 1.0)
        table /= np.maximum(table.sum(0), 1.0)  # shares of a class: rare ones count as much
        predicted[held] = table[cut[held]].argmax(1)
    present = [c for c in range(classes) if (y == c).any()]
    balanced = float(np.mean([(predicted[y == c] == c).mean() for c in present]))
    chance = 1 / len(present)
    return (balanced - chance) / max(1e-12, 1 - chance)


def shift(problem: Problem) -> Iterator[Finding]:
    """Training and validation come from one population."""
    arrays = arrays_of(problem)
    labels, certain = _label_shift(arrays)
    if certain > limit.LABEL_SHIFT:
        yield wrong(
            "D12", "warning",
            say(
                "the classes have other shares in validation than in training (Cramér's V "
                "{labels:.2f}). Split stratified by class.",
                labels=labels,
            ),
            f"V = {labels:.2f}", f"≤ {limit.LABEL_SHIFT:g}", look_at("stratify the split"),
            v=labels,
        )  # fmt: skip
        return
    if arrays.described is None:
        raise Skipped(say("the inputs are no columns"))
    auc, error, column = _told_apart(arrays)
    shown = f"AUC {auc:.2f} ± {error:.2f}"
    certain = auc - limit.SHIFT_ERRORS * error
    if certain > limit.SHIFT_WARNING:
        grave = certain > limit.SHIFT_ERROR
        yield wrong(
            "D12", "error" if grave else "warning",
            say(
                "validation can be told from training by its inputs (AUC {auc:.2f}), most by "
                "{column}: they come from different populations or were prepared differently. "
                "Split at random, and prepare both alike.",
                auc=auc, column=column,
            ),
            shown, f"≤ {limit.SHIFT_WARNING:g}", look_at("split"), auc=auc, column=column,
        )  # fmt: skip
    else:
        yield well("D12", shown, f"≤ {limit.SHIFT_WARNING:g}", auc=auc)


def _label_shift(arrays: Arrays) -> tuple[float, float]:
    """Cramér's V of class against part, corrected for small samples (Bergsma 2013).

    And the part of it that is beyond the chance of a random split: χ² with so many degrees of
    freedom has the standard deviation √(2 · freedom).
    """
    if arrays.form != "labels":
        return 0.0, 0.0
    classes = int(max(arrays.labels_train.max(), arrays.labels_val.max())) + 1
    table = np.stack(
        [
            np.bincount(labels[labels >= 0], minlength=classes)
            for labels in (arrays.labels_train, arrays.labels_val)
        ]
    ).astype(float)
    table = table[:, table.sum(0) > 0]
    n = table.sum()
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi = ((table - expected) ** 2 / expected).sum() / n
    free = table.shape[1] - 1
    chances = free, free + limit.SHIFT_ERRORS * np.sqrt(2 * free)
    scale = max(1e-12, 1 - 1 / (n - 1))
    corrected, certain = (np.sqrt(max(0.0, phi - c / (n - 1)) / scale) for c in chances)
    return float(corrected), float(certain)


def _told_apart(arrays: Arrays) -> tuple[float, float, str]:
    """AUC of telling validation from training by a linear model, its error, the main column."""
    assert arrays.described is not None
    train, val = arrays.described
    train = train[some_rows(len(train), limit.SHIFT_ROWS)]
    val = val[some_rows(len(val), limit.SHIFT_ROWS)]
    both = np.vstack([train, val])
    (x,) = standardised(both)
    part = np.repeat([0, 1], [len(train), len(val)])
    scores = out_of_fold(columns(both)[0], part, 2)[:, 1]
    auc = area_under_curve(scores, part == 1)
    apart = np.abs(x[part == 1].mean(0) - x[part == 0].mean(0))
    return auc, _auc_error(auc, len(val), len(train)), arrays.column(int(apart.argmax()))


def _auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    a = min(max(auc, 0.5), 0.999)
    one, two = a / (2 - a), 2 * a * a / (1 + a)
    variance = a * (1 - a) + (positives - 1) * (one - a * a) + (negatives - 1) * (two - a * a)
    return float(np.sqrt(variance / (positives * negatives)))


def label_noise(problem: Problem) -> Iterator[Finding]:
    """Two simple models do not agree against many labels (as confident learning asks one).

    A label is contradicted when both a linear model and nearest neighbours, neither of which saw
    it, give another class at least the probability that this class's own samples have on average
    (Northcutt et al. 2021).
    """
    arrays = arrays_of(problem)
    if arrays.form != "labels" or arrays.described is None:
        raise Skipped(say("needs classes and columns of numbers"))
    rows = some_rows(len(arrays.described[0]), limit.NOISE_ROWS)
    (x,) = columns(arrays.described[0][rows])
    y, classes = arrays.labels_train[arrays.rows[0]][rows], arrays.classes or 0
    if np.bincount(y, minlength=classes).min() < limit.FEW_PER_CLASS:
        raise Skipped(say("some classes have too few samples"))
    linear = out_of_fold(x, y, classes)
    share = float(_contradicted(linear, x, y, classes).mean())
    shown = say("{share:.1%} contradicted", share=share)
    if share <= limit.NOISE_INFO:
        yield well("D14", shown, f"≤ {limit.NOISE_INFO:.0%}", share=share)
        return
    told, advice = (
        say(
            "about {share:.0%} of the labels look wrong: expect a ceiling near {ceiling:.0%}. "
            "Look at some of them, or try label smoothing.",
            share=share, ceiling=1 - share,
        ),
        Advice("enable", "label smoothing", 0.1, "regularisation", "labels contradict"),
    ) if _beats_constant(linear, y) else (
        say(
            "a linear model learns nothing of the labels (right: {right:.0%}): either the task "
            "needs a deeper one, or labels do not belong to their inputs (sorted apart, joined "
            "wrongly).",
            right=float((linear.argmax(1) == y).mean()),
        ),
        Advice("check", group="data", amount="labels", why="whether they belong to their samples"),
    )  # fmt: skip
    yield wrong(
        "D14", "warning" if share > limit.NOISE_WARNING else "info", told,
        shown, f"≤ {limit.NOISE_INFO:.0%}", advice, confidence=0.6, share=share,
    )  # fmt: skip


def _beats_constant(linear: Array, y: Array) -> bool:
    """Whether a model that saw no label is right more often than one answer, beyond luck."""
    most = float(np.bincount(y).max() / len(y))
    right = float((linear.argmax(1) == y).mean())
    return right - most > 3 * float(np.sqrt(most * (1 - most) / len(y)))


def _contradicted(linear: Array, x: Array, y: Array, classes: int) -> Array:
    """Which labels both models contradict, naming the same other class."""
    near = neighbour_probabilities(x, y, x, classes, itself=True)
    other = linear.argmax(1)
    certain = other != y
    for found in (linear, near):
        own = np.array([found[y == c, c].mean() for c in range(classes)])
        certain &= (found.argmax(1) == other) & (found[np.arange(len(y)), other] >= own[other])
    return np.asarray(certain)
