"""From what a person calls their data to samples and a target, checked before any training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
from danlu.errors import DataError
from danlu.kit.arrays import Kind, array_of, cut_to, inputs
from danlu.kit.settings import Settings
from danlu.kit.sources import load
from danlu.kit.tables import Columns, as_numbers, as_text, numbers_of, taken, typed
from danlu.kit.target import Target, read_target, same_classes

KIND_OF = {"mlp": "table", "cnn": "images", "rnn": "sequences", "text": "text"}
FAMILY_OF = {"table": "mlp", "images": "cnn", "sequences": "rnn", "text": "text"}

TEXT_WORDS = 3.0  # a column of so many words on average is text, not categories
MOST_CATEGORIES = 0.5  # a column of text with more different values than this share is an id
COUNTERS = ("", "id", "index", "row", "no", "nr")  # names of columns that may number the rows
FEW_CATEGORIES = 20  # so many different values are always categories


@dataclass(frozen=True)
class Samples:
    """Samples as they were read.

    Attributes:
        kind: What one sample is.
        x: ``table``: columns by name; ``images``: (n, C, H, W); ``sequences``: n arrays of
            (T, features); ``text``: n texts.
        labels: (n,), None when there are none (for prediction).
        groups: (n,) text, samples of one group stay on one side of the split; or None.
        names: Of the files of images, else empty.
    """

    kind: Kind
    x: Any
    labels: npt.NDArray[Any] | None = None
    groups: npt.NDArray[Any] | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        if self.kind == "table":
            return len(next(iter(self.x.values())))
        return len(self.x)


@dataclass(frozen=True)
class Labelled:
    """Samples with a checked target, and further ones for validation if they came apart.

    Attributes:
        samples: All samples; those for validation come last.
        target: Of all samples.
        n_val: How many of them are for validation; None = still to be split.
        notes: What was assumed or left out, as sentences.
    """

    samples: Samples
    target: Target
    n_val: int | None
    notes: tuple[str, ...]


def read(settings: Settings) -> Labelled:
    """The data that settings name.

    Raises:
        DataError: With one sentence on what is wrong with them.
    """
    raw = load(settings.data, settings)
    samples, notes = arranged(raw, settings)
    if samples.labels is None:
        if "columns" in raw:
            raise DataError(say('which column to predict is missing: say target = "…".'))
        raise DataError(say("the labels are missing: an array y beside x is needed."))
    _check_folders(samples.names)
    _check_groups(samples.groups, settings.groups or "groups")
    name = settings.target or ("folders" if samples.names else "y")
    plain = samples.kind != "table"
    if isinstance(settings.val, str):
        return _with_validation(samples, settings, name, plain, notes)
    if raw.get("x_val") is not None:
        further = _given_for_validation(raw, samples.kind, settings)
        return _joined(samples, further, settings, name, plain, notes)
    _check_length(samples)
    target = read_target(samples.labels, settings.kind, name, numbers_are_classes=plain)
    return Labelled(samples, target, None, notes)


def _check_folders(names: Sequence[str]) -> None:
    """Each image must lie in a folder of its class."""
    loose = [name for name in names if len(Path(name).parts) == 1]
    if loose:
        raise DataError(say(
            "image {loose} lies in no folder of a class: put the images of each class "
            "into a folder that is named like it.",
            loose=loose[0],
        ))  # fmt: skip


def _check_groups(groups: npt.NDArray[Any] | None, name: str) -> None:
    if groups is None:
        return
    missing = [i + 1 for i, group in enumerate(groups) if group is None]
    if missing:
        raise DataError(say(
            "the group is missing in {count} of {total} samples, the first is row "
            "{row}: fill {name} in, or remove these rows.",
            count=len(missing), total=len(groups), row=missing[0], name=repr(name),
        ))  # fmt: skip
    if len(set(groups)) < 2:
        raise DataError(say(
            "all samples are of one group, {groups} in {name}: at least two are "
            "needed, one to train and one to validate on.",
            groups=repr(groups[0]), name=repr(name),
        ))  # fmt: skip


def read_samples(data: Any, settings: Settings, kind: Kind) -> Samples:
    """New samples for a model that was trained on samples of this kind.

    Raises:
        DataError: With one sentence on what is wrong with them.
    """
    raw = load(data, settings)
    samples, _ = arranged(raw, settings, kind)
    if not len(samples):
        raise DataError(say("there are no samples to predict."))
    return samples


def _given_for_validation(raw: Mapping[str, Any], kind: Kind, settings: Settings) -> Samples:
    if raw.get("y_val") is None:
        raise DataError(say("x_val comes without its labels: an array y_val is needed, too."))
    x = cut_to(raw["x_val"], raw.get("lengths_val"))
    return Samples(kind, inputs(x, kind, settings.size), np.asarray(raw["y_val"]))


def _with_validation(
    samples: Samples, settings: Settings, name: str, plain: bool, notes: tuple[str, ...]
) -> Labelled:
    raw = load(settings.val, settings)
    further, _ = arranged(raw, settings, samples.kind)
    return _joined(samples, further, settings, name, plain, notes)


def _joined(
    samples: Samples, further: Samples, settings: Settings, name: str, plain: bool,
    notes: tuple[str, ...],
) -> Labelled:  # fmt: skip
    assert samples.labels is not None
    if further.labels is None or not len(further):
        raise DataError(say("the validation data have no samples with a label."))
    _check_length(samples)
    _check_length(further)
    target = read_target(samples.labels, settings.kind, name, numbers_are_classes=plain)
    y = np.concatenate([target.y, same_classes(further.labels, target, name)])
    groups = samples.groups
    if groups is not None:  # of training: shares of it take whole groups
        groups = np.concatenate([groups, np.full(len(further), None)])
    both = replace(
        samples, x=_concatenated(samples, further), labels=None, groups=groups, names=()
    )
    return Labelled(both, Target(y, target.classes), len(further), notes)


def _concatenated(a: Samples, b: Samples) -> Any:
    if a.kind == "table":
        return {n: np.concatenate([c, _alike(n, c, b.x)]) for n, c in a.x.items()}
    if a.kind == "images":
        if a.x.shape[1:] != b.x.shape[1:]:
            raise DataError(say(
                "validation images have shape {val}, but training ones {train}.",
                val=b.x.shape[1:], train=a.x.shape[1:],
            ))  # fmt: skip
        return np.concatenate([a.x, b.x])
    return [*a.x, *b.x]


def _alike(name: str, column: npt.NDArray[Any], further: Columns) -> npt.NDArray[Any]:
    """The further values of a column, numbers or texts as they are in the first ones."""
    found, _ = taken(further, name, "model")
    return numbers_of(name, found) if column.dtype.kind == "f" else as_text(found)


def _check_length(samples: Samples) -> None:
    labels = samples.labels
    if labels is not None and len(samples) != len(labels):
        raise DataError(say(
            "there are {samples} samples, but {labels} labels.",
            samples=len(samples), labels=len(labels),
        ))  # fmt: skip


def arranged(
    raw: Any, settings: Settings, known: Kind | None = None
) -> tuple[Samples, tuple[str, ...]]:
    """Samples of what was loaded, and what was assumed.

    Args:
        raw: As `load` gives it.
        settings: What to predict, by which kind of model.
        known: What samples are, if that was found before: then nothing is left out, and the
            target need not be there.
    """
    if "columns" in raw:
        return _arranged_columns(raw["columns"], settings, known)
    if "x" not in raw:
        raise DataError(
            say("arrays x and y are needed, but there are {raw}.", raw=list(map(str, raw)))
        )
    if not len(raw["x"]):
        raise DataError(say("there are no samples: x is empty."))
    given = cut_to(raw["x"], raw.get("lengths"))
    kind = known or ("sequences" if given is not raw["x"] else _kind_of(given, settings.model))
    labels = None if raw.get("y") is None else np.asarray(raw["y"])
    groups = None if raw.get("groups") is None else as_text(np.asarray(raw["groups"]))
    x = inputs(given, kind, settings.size)
    return Samples(kind, x, labels, groups, raw.get("names", ())), ()


def _kind_of(x: Any, model: str) -> Kind:
    if model in KIND_OF:
        return KIND_OF[model]  # type: ignore[return-value]
    if isinstance(x, Sequence) and len(x) and isinstance(x[0], str):
        return "text"
    if isinstance(x, Sequence) and len({np.shape(item) for item in x}) > 1:
        return "images" if all(np.ndim(item) == 3 for item in x) else "sequences"
    array = array_of(x)
    if array.dtype.kind in "OUS":
        return "text" if array.ndim == 1 and isinstance(array[0], str) else "sequences"
    if array.ndim == 4 or (array.ndim == 3 and array.shape[1] == array.shape[2]):
        return "images"
    return "sequences" if array.ndim == 3 else "table"


def _arranged_columns(
    columns: Mapping[str, npt.NDArray[Any]], settings: Settings, known: Kind | None
) -> tuple[Samples, tuple[str, ...]]:
    if known in ("images", "sequences"):
        raise DataError(say("{known} are needed, but this is a table.", known=known))
    if not columns or not len(next(iter(columns.values()))):
        raise DataError(say("the table has no rows."))
    rest = dict(columns)
    labels, rest = _taken_out(rest, settings.target, "target", known)
    groups, rest = _taken_out(rest, settings.groups, "groups", known)
    for name in settings.drop:
        _, rest = _taken_out(rest, name, say("columns to drop"), known)
    texts = None if groups is None else as_text(groups)
    counters = [] if known else [n for n, column in rest.items() if _counts(n, column)]
    rest = {n: column for n, column in rest.items() if n not in counters}
    counted = tuple(
        say("column {name} is left out: it only counts the rows.", name=repr(n)) for n in counters
    )
    text = settings.text or _text_column(rest, "text" if known == "text" else settings.model)
    if known == "text" or (text is not None and known is None):
        column, _ = taken(rest, text or "text", "text")
        return Samples(
            "text", ["" if t is None else t for t in as_text(column)], labels, texts
        ), counted
    if known is not None:
        return Samples("table", rest, labels, texts), ()
    features, notes = _features(typed(rest, settings.categorical))
    return Samples("table", features, labels, texts), (*counted, *notes)


def _taken_out(
    columns: dict[str, npt.NDArray[Any]], name: str | None, what: str, known: Kind | None
) -> tuple[npt.NDArray[Any] | None, dict[str, npt.NDArray[Any]]]:
    """A column, if it is there, and the others; further samples may lack it."""
    if name is None or (known is not None and name not in columns):
        return None, columns
    return taken(columns, name, what)


def _text_column(columns: Mapping[str, npt.NDArray[Any]], model: str) -> str | None:
    """The column that is text: wanted by a model of texts, or the only one and of many words."""
    if model not in ("auto", "text") and ":" not in model:
        return None
    wordy = [name for name, column in columns.items() if _words(column) >= TEXT_WORDS]
    if model == "text" and len(wordy) != 1:
        raise DataError(say('which column holds the text is not clear: say text = "…".'))
    return wordy[0] if len(wordy) == 1 and (len(columns) == 1 or model == "text") else None


def _words(column: npt.NDArray[Any]) -> float:
    if column.dtype.kind in "iufb" or not len(column):
        return 0.0
    texts = [t for t in as_text(column[:1000]) if t is not None]
    return sum(len(t.split()) for t in texts) / max(1, len(texts))


def _features(columns: Columns) -> tuple[Columns, tuple[str, ...]]:
    """The columns that tell something, and a note on each other one."""
    kept: Columns = {}
    notes = []
    for name, column in columns.items():
        if problem := _useless(column):
            notes.append(
                say("column {name} is left out: {problem}.", name=repr(name), problem=problem)
            )
        else:
            kept[name] = column
    if not kept:
        raise DataError(" ".join([say("no column is left to learn from:"), *notes]))
    return kept, tuple(notes)


def _counts(name: str, column: npt.NDArray[Any]) -> bool:
    """Whether a column that is named like one is but the number of the row."""
    if name.lower() not in COUNTERS and not name.startswith("Unnamed: "):
        return False
    numbers, stray = as_numbers(as_text(column))
    return not stray and bool(np.all(np.diff(numbers) == 1.0))


def _useless(column: npt.NDArray[Any]) -> str | None:
    if column.dtype.kind == "f":
        known = column[~np.isnan(column)]
        if not len(known):
            return say("it is empty")
        return say("it is constant") if np.ptp(known) == 0 else None
    values = {t for t in column if t is not None}
    if len(values) < 2:
        return say("it is constant") if values else say("it is empty")
    if len(values) > max(FEW_CATEGORIES, MOST_CATEGORIES * len(column)):
        if _words(column) >= TEXT_WORDS:
            return say('it is text, which model = "text" learns from, and from nothing else')
        return say("its {count} different texts are rather an id", count=len(values))
    return None
