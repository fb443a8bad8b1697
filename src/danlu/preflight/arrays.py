"""The data of a problem as NumPy arrays, or one sentence that says why it is none."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np

from danlu.core.sentence import say
from danlu.core.task import Kind
from danlu.errors import CheckError
from danlu.preflight.conversion import Array, numbers, phrase
from danlu.preflight.memo import remembered
from danlu.preflight.problem import Data, Problem

Form: TypeAlias = Literal["labels", "positions", "several", "numbers"]

NEEDED = ("x_train", "y_train", "x_val", "y_val")
SIDE = ("groups_train", "groups_val", "times_train", "times_val")


@dataclass(frozen=True, eq=False)
class Arrays:
    """Data in memory, checked for shape and type.

    Attributes:
        given: What the arrays were made of.
        x_train: The inputs, one array for each argument of the model.
        y_train: Targets.
        x_val: As ``x_train``.
        y_val: As ``y_train``.
        sides: Groups and times, where they are given.
        form: ``"labels"``: a class for each sample; ``"positions"``: one for each position;
            ``"several"``: several yes or no; ``"numbers"``: real numbers.
        one_hot: Whether labels are given as rows with a single 1.
    """

    given: Data
    x_train: tuple[Array, ...]
    y_train: Array
    x_val: tuple[Array, ...]
    y_val: Array
    sides: Mapping[str, Array]
    form: Form
    one_hot: bool

    @property
    def kind(self) -> Kind:
        return "regression" if self.form == "numbers" else "classification"

    @cached_property
    def labels_train(self) -> Array:
        """Class numbers, (n,) or (n, …); -1 where the target is not finite."""
        return _labels(self.y_train, one_hot=self.one_hot)

    @cached_property
    def labels_val(self) -> Array:
        return _labels(self.y_val, one_hot=self.one_hot)

    @cached_property
    def classes(self) -> int | None:
        """Number of classes; None where the target is none."""
        if self.form not in ("labels", "positions"):
            return None
        if self.one_hot:
            return int(self.y_train.shape[1])
        return int(max(self.labels_train.max(), 1)) + 1

    @cached_property
    def counts(self) -> Array:
        """Training samples of each class, (classes,)."""
        labels = self.labels_train.ravel()
        return np.asarray(np.bincount(labels[labels >= 0], minlength=self.classes or 0))

    @cached_property
    def priors(self) -> Array:
        """Share of each class in the training data, (classes,)."""
        return np.asarray(self.counts / max(1, self.counts.sum()))

    @cached_property
    def rows(self) -> tuple[Array, Array]:
        """The training and validation rows that simple models look at, in their order."""
        width = sum(int(np.prod(x.shape[1:])) for x in self.x_train)
        most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_VALUES // max(1, width)))
        return some_rows(len(self.y_train), most), some_rows(len(self.y_val), most)

    @cached_property
    def features(self) -> tuple[Array, Array] | None:
        """Those rows as (n, columns) of numbers; None where all inputs are ids."""
        numeric = [i for i in range(len(self.x_train)) if not self.is_ids(i)]
        if not numeric:
            return None
        train, val = (
            np.hstack([_flat(x[i][rows]) for i in numeric])
            for x, rows in zip((self.x_train, self.x_val), self.rows, strict=True)
        )
        return (train, val) if train.shape[1] == val.shape[1] and train.shape[1] else None

    @cached_property
    def described(self) -> tuple[Array, Array] | None:
        """Inputs of `rows` for simple models: the features, or how often each token occurs."""
        if self.tokens is None:
            return self.features
        train, val = (t[rows] for t, rows in zip(self.tokens, self.rows, strict=True))
        size = int(min(MOST_TOKENS, max(train.max(initial=0), val.max(initial=0)) + 1))
        return bag_of_tokens(train, size), bag_of_tokens(val, size)

    @cached_property
    def tokens(self) -> tuple[Array, Array] | None:
        """Training and validation sequences of ids, (n, length); the first that are given."""
        ids = [i for i in range(len(self.x_train)) if self.is_ids(i) and self.x_train[i].ndim == 2]
        return (self.x_train[ids[0]], self.x_val[ids[0]]) if ids else None

    def is_ids(self, index: int) -> bool:
        """Whether an argument holds identifiers (tokens, categories, lengths)."""
        if self.x_train[index].dtype.kind not in "iu":
            return False
        if self.given.ids is not None:
            return self.given.ids
        known = self.given.padding is not None or self.given.unknown is not None
        return known or len(self.x_train) > 1

    def column(self, index: int) -> str:
        """How messages call a column of the features."""
        names = self.given.names
        if self.features is None:
            return say("token {index}", index=index)
        fits = len(names) == self.features[0].shape[1]
        return str(names[index]) if fits else say("column {index}", index=index)


MOST_ROWS, FEWEST_ROWS = 10_000, 200  # for simple models
MOST_VALUES = 30_000_000  # of them in memory: a quarter of a gigabyte
MOST_TOKENS = 5_000  # columns of a bag of tokens
MOST_CLASSES = 100_000  # a larger class number is taken as a mistake, unless samples are as many


def _flat(x: Array) -> Array:
    return x.reshape(len(x), -1).astype(np.float64)


def some_rows(n: int, most: int, seed: int = 0) -> Array:
    """At most ``most`` of n rows, drawn without order, sorted."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def bag_of_tokens(sequences: Array, size: int) -> Array:
    """How often each token occurs, (n, size), as log(1 + count)."""
    rows = np.repeat(np.arange(len(sequences)), sequences.reshape(len(sequences), -1).shape[1])
    ids = np.clip(sequences.ravel().astype(np.int64), 0, size - 1)
    counts = np.zeros((len(sequences), size))
    np.add.at(counts, (rows, ids), 1.0)
    return np.log1p(counts)


def _labels(y: Array, *, one_hot: bool) -> Array:
    if one_hot:
        return np.asarray(y.argmax(1))
    if y.dtype.kind == "f":
        return np.where(np.isfinite(y), y, -1).astype(np.int64)
    return y.astype(np.int64)


@remembered
def data_of(problem: Problem) -> Data:
    """The data of a problem, loaded once.

    Raises:
        CheckError: If it cannot be loaded, or parts are missing.
    """
    try:
        given = problem.data() if callable(problem.data) else problem.data
    except Exception as error:
        raise CheckError(
            say("the data cannot be loaded: {problem}.", problem=phrase(error))
        ) from error
    if isinstance(given, Data):
        return given
    if isinstance(given, Mapping):
        return _from_mapping(given)
    if isinstance(given, list | tuple) and len(given) == len(NEEDED):
        return Data(**dict(zip(NEEDED, given, strict=True)))
    raise CheckError(say(
        "the data must be a danlu.Data, a mapping with its names, or the four "
        "arrays {needed}, but got {kind}.",
        needed=list(NEEDED), kind=_kind(given),
    ))  # fmt: skip


def _from_mapping(given: Mapping[str, Any]) -> Data:
    known = {f.name for f in fields(Data)}
    if unknown := [name for name in given if name not in known]:
        raise CheckError(say(
            "the data has {unknown}, which means nothing here; known are {fields}.",
            unknown=repr(unknown[0]), fields=[f.name for f in fields(Data)],
        ))  # fmt: skip
    if missing := [name for name in NEEDED if given.get(name) is None]:
        raise CheckError(say("the data lacks {missing}.", missing=list(missing)))
    return Data(**given)


@remembered
def arrays_of(problem: Problem) -> Arrays:
    """The data as arrays, of equal lengths and at least one row each.

    Raises:
        CheckError: With one sentence, if the data is missing, empty, ragged or holds text.
    """
    data = data_of(problem)
    x_train, x_val = _inputs(data.x_train, "x_train"), _inputs(data.x_val, "x_val")
    y_train, y_val = _column(data.y_train, "y_train"), _column(data.y_val, "y_val")
    _same_length(x_train, y_train, "train")
    _same_length(x_val, y_val, "val")
    _same_shapes(x_train, x_val)
    if y_train.shape[1:] != y_val.shape[1:]:
        raise CheckError(say(
            "y_train has the shape {y_train}, but y_val {y_val}: they must agree from "
            "the second axis on.",
            y_train=_shape(y_train), y_val=_shape(y_val),
        ))  # fmt: skip
    sides = {name: _side(data, name, x_train, x_val) for name in SIDE}
    form, one_hot = _form(problem, y_train, y_val)
    found = {name: side for name, side in sides.items() if side is not None}
    return Arrays(data, x_train, y_train, x_val, y_val, found, form, one_hot)


def _inputs(given: Any, name: str) -> tuple[Array, ...]:
    if not isinstance(given, tuple):
        return (numbers(given, name),)
    if not given:
        raise CheckError(say("{name} is an empty tuple: at least one array is needed.", name=name))
    return tuple(numbers(part, f"{name}[{i}]") for i, part in enumerate(given))


def _column(given: Any, name: str) -> Array:
    """Targets; a single column (n, 1) of classes counts as (n,)."""
    array = numbers(given, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    return array


def _same_length(x: tuple[Array, ...], y: Array, part: str) -> None:
    lengths = {len(a) for a in (*x, y)}
    if len(lengths) > 1:
        raise CheckError(say(
            "x_{part} has {rows} rows, but y_{part} has {count}: each sample needs one "
            "input and one target.",
            part=part, rows=" and ".join(str(len(a)) for a in x), count=len(y),
        ))  # fmt: skip


def _same_shapes(train: tuple[Array, ...], val: tuple[Array, ...]) -> None:
    if len(train) != len(val):
        raise CheckError(say(
            "x_train has {train} arrays, but x_val has {val}.",
            train=len(train), val=len(val),
        ))  # fmt: skip
    for a, b in zip(train, val, strict=True):
        sequences = a.dtype.kind in "iu" or a.ndim > 2  # may be padded to different lengths
        if a.ndim != b.ndim or (a.shape[1:] != b.shape[1:] and not sequences):
            raise CheckError(say(
                "x_train has the shape {train}, but x_val {val}: they must agree from the second "
                "axis on.",
                train=_shape(a), val=_shape(b),
            ))  # fmt: skip


def _side(data: Data, name: str, x_train: Any, x_val: Any) -> Array | None:
    given = getattr(data, name)
    if given is None:
        return None
    try:
        array = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given)
    except (ValueError, TypeError) as error:
        raise CheckError(
            say("{name} is no array: {problem}.", name=name, problem=phrase(error))
        ) from error
    rows = len((x_train if name.endswith("train") else x_val)[0])
    if array.shape != (rows,):
        raise CheckError(say(
            "{name} must have one value a sample ({rows}), but is {shape}.",
            name=name, rows=rows, shape=array.shape,
        ))  # fmt: skip
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _form(problem: Problem, y_train: Array, y_val: Array) -> tuple[Form, bool]:
    """What the targets are, and whether they are one-hot."""
    binary = all(_only(y, 0, 1) for y in (y_train, y_val))
    if problem.kind == "regression" or _squared(problem.loss):
        return "numbers", False
    numbered = y_train.dtype.kind in "iu" and "crossentropy" in name_of_loss(problem.loss)
    if y_train.ndim > 1 and numbered and "binary" not in name_of_loss(problem.loss):
        return "positions", False
    if y_train.ndim == 2 and binary and (y_train.sum(1) == 1).all():
        return "labels", True
    if y_train.ndim == 2 and binary:
        return "several", False
    whole = y_train.dtype.kind in "iu" or problem.kind == "classification"
    whole = whole or (binary and y_train.ndim == 1) or _of_classes(problem.loss)
    if not whole:
        return "numbers", False
    _check_classes(y_train)
    return ("labels" if y_train.ndim == 1 else "positions"), False


def _check_classes(y: Array) -> None:
    """Refuse targets that can be no class numbers.

    Raises:
        CheckError: If the largest is far above the number of samples.
    """
    top = float(np.nanmax(y, initial=0))
    if np.isfinite(top) and top > max(MOST_CLASSES, 10 * len(y)):
        raise CheckError(say(
            "y_train holds {top:.15g} among {count} samples, which is no class number "
            'from 0: number the classes 0, 1, 2, …, or say kind="regression" if it is '
            "a quantity.",
            top=top, count=len(y),
        ))  # fmt: skip


def _only(y: Array, *values: int) -> bool:
    return bool(np.isin(y, values).all())


def name_of_loss(loss: Any) -> str:
    """Its name in lower case without underscores, or nothing: ``"crossentropyloss"``."""
    name = getattr(loss, "__name__", type(loss).__name__)
    return str(name).lower().replace("_", "")


def _squared(loss: Any) -> bool:
    return any(word in name_of_loss(loss) for word in ("mse", "l1loss", "huber", "smoothl1"))


def _of_classes(loss: Any) -> bool:
    return any(word in name_of_loss(loss) for word in ("crossentropy", "nll", "bce"))


def _shape(array: Array) -> str:
    return "(" + ", ".join(map(str, array.shape)) + ")"


def _kind(value: Any) -> str:
    return f"{type(value).__name__}" if value is not None else "None"
