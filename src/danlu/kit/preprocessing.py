"""From samples to arrays for a model: fitted on the training data only, saved with the model.

Each kind of sample has its own `Preprocessing`; all are plain values that go to JSON and back, so
that a saved model predicts on new data exactly as it was trained.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from danlu.core.sentence import say
from danlu.core.space import nearest
from danlu.errors import DataError
from danlu.kit.reading import Samples
from danlu.kit.settings import Settings
from danlu.kit.tables import Columns, as_text, numbers_of

Inputs: TypeAlias = tuple[npt.NDArray[Any], ...]

LIMIT = 10.0  # standard deviations; what lies beyond says no more than that it is far
LENGTH_PERCENTILE = 95  # of the texts fit into the length that is taken by itself
MOST_WORDS = 50_000  # in a vocabulary; the most frequent ones
WORD = re.compile(r"\w+(?:'\w+)?|[^\w\s]")
PADDING, UNKNOWN = 0, 1  # codes of no word, and of a word that is not in the vocabulary


@dataclass(frozen=True)
class Shape:
    """What a model must take in and give out.

    Attributes:
        kind: ``"table"``, ``"images"``, ``"sequences"`` or ``"text"``.
        outputs: Classes, or 1 for regression.
        numeric: Numeric columns of a table.
        categories: Number of codes of each categorical column.
        channels: Of images.
        height: Of images, in pixels.
        width: Of images, in pixels.
        features: Of each step of a sequence.
        length: Of the longest sequence or text.
        vocabulary: Number of codes of words, padding and unknown included.
    """

    kind: str
    outputs: int
    numeric: int = 0
    categories: tuple[int, ...] = ()
    channels: int = 0
    height: int = 0
    width: int = 0
    features: int = 0
    length: int = 0
    vocabulary: int = 0


@dataclass(frozen=True)
class TablePreprocessing:
    """Standardised numbers with a flag where one was missing, and codes of categories.

    Inputs are ``(numbers, codes)``, float32 (n, p) and int64 (n, q), each only if there are any.

    Attributes:
        means: Of each numeric column; a missing number is taken as it.
        scales: Standard deviations.
        flagged: Numeric columns with missing values, each gets a further 0/1 column.
        categories: Column → its values; code 0 is a missing or unknown one.
    """

    kind: ClassVar[str] = "table"
    means: Mapping[str, float]
    scales: Mapping[str, float]
    flagged: Sequence[str]
    categories: Mapping[str, Sequence[str]]

    @classmethod
    def fit(cls, samples: Samples, settings: Settings) -> "TablePreprocessing":  # noqa: ARG003
        columns: Columns = samples.x
        numeric = {n: c for n, c in columns.items() if c.dtype.kind == "f"}
        return cls(
            means={
                n: _or(float(np.nanmean(c)) if _any(c) else 0.0, 0.0) for n, c in numeric.items()
            },
            scales={
                n: _or(float(np.nanstd(c)) if _any(c) else 0.0, 1.0) for n, c in numeric.items()
            },
            flagged=[n for n, c in numeric.items() if np.isnan(c).any()],
            categories={
                n: sorted({t for t in c if t is not None})
                for n, c in columns.items()
                if c.dtype.kind != "f"
            },
        )

    def apply(self, samples: Samples) -> Inputs:
        columns: Columns = samples.x
        if missing := [n for n in (*self.means, *self.categories) if n not in columns]:
            raise DataError(say(
                "column {missing} is missing, which the model was trained with.{hint}",
                missing=repr(missing[0]), hint=nearest(missing[0], tuple(columns)),
            ))  # fmt: skip
        inputs = []
        if self.means:
            inputs.append(self._numbers(columns))
        if self.categories:
            codes = [_codes(as_text(columns[n]), known) for n, known in self.categories.items()]
            inputs.append(np.stack(codes, axis=1))
        return tuple(inputs)

    def _numbers(self, columns: Columns) -> npt.NDArray[np.float32]:
        raw = {n: numbers_of(n, columns[n]) for n in self.means}
        parts = [(raw[n] - self.means[n]) / self.scales[n] for n in self.means]
        parts = [np.nan_to_num(np.clip(p, -LIMIT, LIMIT)) for p in parts]
        flags = [np.isnan(raw[n]).astype(np.float64) for n in self.flagged]
        return np.stack([*parts, *flags], axis=1).astype(np.float32)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns of ``numbers``."""
        return (*self.means, *(f"{name} is missing" for name in self.flagged))

    def shape(self, outputs: int) -> Shape:
        sizes = tuple(len(known) + 1 for known in self.categories.values())
        return Shape("table", outputs, len(self.means) + len(self.flagged), sizes)


def _or(value: float, other: float) -> float:
    return value if np.isfinite(value) and value != 0.0 else other


def _any(column: npt.NDArray[np.float64]) -> bool:
    return bool(np.any(~np.isnan(column)))


def _codes(texts: npt.NDArray[Any], known: Sequence[str]) -> npt.NDArray[np.int64]:
    code = {value: i + 1 for i, value in enumerate(known)}
    return np.array([code.get(t, 0) for t in texts], dtype=np.int64)


@dataclass(frozen=True)
class ImagePreprocessing:
    """Images standardised by channel, float32 (n, C, H, W)."""

    kind: ClassVar[str] = "images"
    means: Sequence[float]
    scales: Sequence[float]
    size: Sequence[int]

    @classmethod
    def fit(cls, samples: Samples, settings: Settings) -> "ImagePreprocessing":  # noqa: ARG003
        x = samples.x
        return cls(
            means=[float(m) for m in x.mean((0, 2, 3), dtype=np.float64)],
            scales=[_or(float(s), 1.0) for s in x.std((0, 2, 3), dtype=np.float64)],
            size=[int(s) for s in x.shape[1:]],
        )

    def apply(self, samples: Samples) -> Inputs:
        x = samples.x
        if list(x.shape[1:]) != list(self.size):
            raise DataError(say(
                "images must have channels × height × width {size}, as in training, but "
                "have {shape}.",
                size=tuple(self.size), shape=x.shape[1:],
            ))  # fmt: skip
        means, scales = (np.array(v, dtype=np.float32) for v in (self.means, self.scales))
        return (((x - means[:, None, None]) / scales[:, None, None]).astype(np.float32),)

    def shape(self, outputs: int) -> Shape:
        channels, height, width = self.size
        return Shape("images", outputs, channels=channels, height=height, width=width)


@dataclass(frozen=True)
class SequencePreprocessing:
    """Sequences standardised by feature and padded with zeros at their ends.

    Inputs are float32 (n, L, features) and the lengths, int64 (n,); what is longer than any
    training sequence loses its end.
    """

    kind: ClassVar[str] = "sequences"
    means: Sequence[float]
    scales: Sequence[float]
    length: int

    @classmethod
    def fit(cls, samples: Samples, settings: Settings) -> "SequencePreprocessing":
        steps = np.concatenate(samples.x).astype(np.float64)
        longest = max(len(s) for s in samples.x)
        return cls(
            means=[float(m) for m in steps.mean(0)],
            scales=[_or(float(s), 1.0) for s in steps.std(0)],
            length=min(longest, settings.max_len or longest),
        )

    def apply(self, samples: Samples) -> Inputs:
        x = np.zeros((len(samples.x), self.length, len(self.means)), dtype=np.float32)
        lengths = np.array([min(len(s), self.length) for s in samples.x], dtype=np.int64)
        for i, sequence in enumerate(samples.x):
            if sequence.shape[1] != len(self.means):
                raise DataError(say(
                    "sequences must have {count} features, but sequence {number} has {features}.",
                    count=len(self.means), number=i + 1, features=sequence.shape[1],
                ))  # fmt: skip
            part = sequence[: self.length]
            x[i, : len(part)] = (part - self.means) / self.scales
        return x, lengths

    def shape(self, outputs: int) -> Shape:
        return Shape("sequences", outputs, features=len(self.means), length=self.length)


@dataclass(frozen=True)
class TextPreprocessing:
    """Texts as codes of their words, int64 (n, L), padded with 0 at their ends.

    Attributes:
        words: The vocabulary, most frequent first; the code of the first one is 2.
        length: In words; what comes after is cut off.
    """

    kind: ClassVar[str] = "text"
    words: Sequence[str]
    length: int
    _code: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def fit(cls, samples: Samples, settings: Settings) -> "TextPreprocessing":
        texts = [tokens(t) for t in samples.x]
        counts = Counter(word for text in texts for word in set(text))
        frequent = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
        words = [word for word, n in frequent if n >= settings.min_freq]
        if not words:
            raise DataError(say(
                "no word occurs in {min_freq} training texts: lower min_freq, or find more "
                "texts.",
                min_freq=settings.min_freq,
            ))  # fmt: skip
        lengths = [len(t) for t in texts]
        length = settings.max_len or int(np.percentile(lengths, LENGTH_PERCENTILE))
        return cls(words, max(1, length))

    def apply(self, samples: Samples) -> Inputs:
        if not self._code:
            self._code.update({word: i + 2 for i, word in enumerate(self.words)})
        codes = np.zeros((len(samples.x), self.length), dtype=np.int64)
        for i, text in enumerate(samples.x):
            # An empty text is one unknown word, as a mean over no words would not be a number.
            found = [self._code.get(w, UNKNOWN) for w in tokens(text)[: self.length]] or [UNKNOWN]
            codes[i, : len(found)] = found
        return (codes,)

    def shape(self, outputs: int) -> Shape:
        return Shape("text", outputs, length=self.length, vocabulary=len(self.words) + 2)


def tokens(text: str) -> list[str]:
    """Words and marks of punctuation, in lower case."""
    return WORD.findall(text.lower())


Preprocessing: TypeAlias = (
    TablePreprocessing | ImagePreprocessing | SequencePreprocessing | TextPreprocessing
)
KINDS: Mapping[str, Any] = {
    p.kind: p
    for p in (TablePreprocessing, ImagePreprocessing, SequencePreprocessing, TextPreprocessing)
}


def encode(preprocessing: Preprocessing) -> dict[str, Any]:
    """The preprocessing as plain JSON."""
    table = {n: v for n, v in asdict(preprocessing).items() if not n.startswith("_")}
    return {"kind": preprocessing.kind, **table}


def decode(table: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing that `encode` gave."""
    rest = {n: v for n, v in table.items() if n != "kind"}
    return KINDS[table["kind"]](**rest)  # type: ignore[no-any-return]
