"""Checks of the inputs: D01, D08, D09, D15 (practice, section A1)."""

from collections.abc import Iterator

import numpy as np

from danlu.core.finding import Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import Arrays, arrays_of
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.problem import Problem


def finite(problem: Problem) -> Iterator[Finding]:
    """Every value is a finite number: one NaN makes the loss NaN."""
    arrays = arrays_of(problem)
    for name, y in (("y_train", arrays.y_train), ("y_val", arrays.y_val)):
        if broken := int((~np.isfinite(y)).sum()):
            yield wrong(
                "D01",
                "error",
                say(
                    "not finite in {name}: {broken} of {size} targets. The loss becomes NaN "
                    "at the first batch that holds one. Drop those samples.",
                    broken=broken,
                    size=y.size,
                    name=name,
                ),
                say("{broken} in {name}", broken=broken, name=name),
                "0",
                look_at("targets that are not finite"),
                count=broken,
            )
            return
    for name, parts in (("x_train", arrays.x_train), ("x_val", arrays.x_val)):
        if broken := sum(int((~np.isfinite(x)).sum()) for x in parts):
            where, share = _worst_column(arrays, parts)
            yield wrong(
                "D01",
                "error",
                say(
                    "not finite in {name}: {broken} in all, most of them in {where} "
                    "({share:.1%} of its rows). The loss becomes NaN at the first batch that "
                    "holds one. Fill them in (median, and a column that says so), or drop ",
                    broken=broken,
                    name=name,
                    where=where,
                    share=share,
                )
                + (say("the column.") if share > limit.NULL_SHARE else say("the rows.")),
                say("{broken} in {name}", broken=broken, name=name),
                "0",
                look_at("inputs that are not finite"),
                count=broken,
                share=share,
            )
            return
    yield well("D01", say("all values are finite"), say("0 that are not"))


def _worst_column(arrays: Arrays, parts: tuple[Array, ...]) -> tuple[str, float]:
    """The column with most values that are not finite, and their share of its rows."""
    flat = [~np.isfinite(x.reshape(len(x), -1)) for x in parts if x.dtype.kind == "f"]
    shares = np.hstack(flat).mean(0)
    worst = int(shares.argmax())
    return arrays.column(worst), float(shares[worst])


def constant_columns(problem: Problem) -> Iterator[Finding]:
    """Columns that are the same for nearly every sample tell nothing."""
    arrays = arrays_of(problem)
    train = _features(arrays)[0]
    width = train.shape[1]
    still = int(sum(_top_share(column) >= limit.CONSTANT_SHARE for column in train.T))
    shown = say("{still} of {width} columns", still=still, width=width)
    if still > limit.CONSTANT_COLUMNS * width and not _is_image(arrays):
        yield wrong(
            "D08", "warning",
            say(
                "{still} of {width} columns are the same for nearly every sample: drop them, or "
                "look whether they were read rightly.",
                still=still, width=width,
            ),
            shown, f"≤ {limit.CONSTANT_COLUMNS:.0%}", look_at("constant columns"), count=still,
        )  # fmt: skip
    else:
        yield well("D08", shown, "", count=still)


def _top_share(column: Array) -> float:
    """Share of the most frequent value."""
    counts = np.unique(column, return_counts=True)[1]
    return float(counts.max() / column.size)


def _is_image(arrays: Arrays) -> bool:
    """Whether columns are pixels: borders of images are constant by nature."""
    assert arrays.features is not None
    train = arrays.features[0]
    return any(x.ndim > 2 for x in arrays.x_train) or bool(train.min() >= 0 and train.max() <= 1)


def scale(problem: Problem) -> Iterator[Finding]:
    """Inputs are of the size that initial weights are made for: standard deviation near 1."""
    arrays = arrays_of(problem)
    train = _features(arrays)[0]
    if problems := _scale_problems(arrays, train):
        yield wrong(
            "D09", "warning",
            say(
                "{problems}: standardise each column by the training data's mean and standard "
                "deviation, or divide pixels by 255.",
                problems=problems[0],
            ),
            problems[0], f"|x| ≤ {limit.LARGEST_INPUT:g}", look_at("standardise"),
            largest=float(np.abs(train).max()),
        )  # fmt: skip
    else:
        yield well(
            "D09",
            say(
                "|x| up to {value:.3g}, standard deviation {std:.2g}",
                value=np.abs(train).max(),
                std=train.std(),
            ),
            f"|x| ≤ {limit.LARGEST_INPUT:g}",
        )


def _scale_problems(arrays: Arrays, train: Array) -> list[str]:
    """What is wrong with the scale, the gravest first."""
    found = []
    large = np.abs(train) > limit.LARGEST_INPUT
    if large.mean() > limit.OUTLIERS:
        found.append(say("inputs reach {largest:.4g}", largest=np.abs(train).max()))
    integers = [x for x in arrays.x_train if x.dtype.kind in "iu" and not arrays.is_ids(0)]
    if integers and len(arrays.x_train) == 1 and not found and integers[0].max() > 1:
        found.append(
            say(
                "inputs are whole numbers ({dtype}) up to {integers}",
                dtype=integers[0].dtype,
                integers=integers[0].max(),
            )
        )
    low, high = limit.INPUT_SD
    if _bounded(arrays, train):
        sd = float(train.std())
        return (
            found
            if low <= sd <= high
            else [*found, say("inputs have a deviation of {sd:.2g}", sd=sd)]
        )
    deviations = train.std(0)
    deviations = deviations[deviations > 0]
    outside = (deviations < low) | (deviations > high)
    if outside.size and outside.mean() > limit.SD_COLUMNS:
        found.append(say(
            "{outside:.0%} of the columns have a deviation outside {low:g} … {high:g}",
            outside=outside.mean(), low=low, high=high,
        ))  # fmt: skip
    elif deviations.size and deviations.max() > limit.SD_RATIO * deviations.min():
        found.append(
            say(
                "columns differ {deviations:.0f}-fold in deviation",
                deviations=deviations.max() / deviations.min(),
            )
        )
    return found


def _bounded(arrays: Arrays, train: Array) -> bool:
    """Whether columns share one scale: pixels, other grids, or values within [-1, 1]."""
    return any(x.ndim > 2 for x in arrays.x_train) or bool(np.abs(train).max() <= 1)


def sequences(problem: Problem) -> Iterator[Finding]:
    """Few words are unknown, few sequences cut off, and little of a batch is padding."""
    arrays = arrays_of(problem)
    if arrays.tokens is None:
        raise Skipped(say("the inputs are no sequences of tokens"))
    train = arrays.tokens[0]
    unknown, padding = arrays.given.unknown, arrays.given.padding
    words = train != padding if padding is not None else np.ones_like(train, dtype=bool)
    shares = {
        "unknown": float((train[words] == unknown).mean()) if unknown is not None else 0.0,
        "padding": float(1 - words.mean()),
        "full": float(words.all(1).mean()) if padding is not None else 0.0,
        "empty": float((~words.any(1)).mean()),
    }
    if text := _sequence_problem(shares):
        yield wrong("D15", "warning", text, _shares(shares), "", look_at("sequences"), **shares)
    else:
        yield well(
            "D15",
            _shares(shares),
            say("unknown ≤ {bound:.0%}", bound=limit.UNKNOWN_TOKENS),
            **shares,
        )


def _sequence_problem(shares: dict[str, float]) -> str:
    if shares["unknown"] > limit.UNKNOWN_TOKENS:
        return (say(
            "{share:.0%} of the tokens are unknown: take a larger vocabulary or smaller units.",
            share=shares['unknown'],
        ))  # fmt: skip
    if shares["empty"] > 0:
        return say("{share:.1%} of the sequences are empty: drop them.", share=shares["empty"])
    if shares["padding"] > limit.PADDING:
        return (say(
            "{share:.0%} of the tokens are padding: sort batches by length, or cut long "
            "sequences.",
            share=shares['padding'],
        ))  # fmt: skip
    if shares["full"] > limit.FULL_SEQUENCES and shares["padding"] > 0:
        return (say(
            "{share:.0%} of the sequences fill the whole length and may be cut off: allow "
            "longer ones.",
            share=shares['full'],
        ))  # fmt: skip
    return ""


def _shares(shares: dict[str, float]) -> str:
    return say(
        "unknown {unknown:.1%}, padding {padding:.0%}, full length {full:.0%}",
        unknown=shares["unknown"], padding=shares["padding"], full=shares["full"],
    )  # fmt: skip


def _features(arrays: Arrays) -> tuple[Array, Array]:
    if arrays.features is None:
        raise Skipped(say("the inputs are identifiers, not numbers"))
    return arrays.features
