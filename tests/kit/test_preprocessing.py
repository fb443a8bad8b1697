"""Preprocessing is fitted on training data only, survives JSON, and bears with new data."""

import json
from typing import Any

import numpy as np
import pytest
from tests.kit.conftest import DATA, mixed

from danlu.errors import DataError
from danlu.kit.prepared import prepare
from danlu.kit.preprocessing import KINDS, UNKNOWN, decode, encode, tokens
from danlu.kit.reading import Samples, read
from danlu.kit.settings import Settings

pytestmark = pytest.mark.torch


def frame() -> Any:
    import pandas as pd

    return pd.DataFrame(mixed())


def settings(data: Any, **more: Any) -> Settings:
    return Settings.of({"data": data, "min_freq": 1, **more})


def test_only_training_data_are_fitted_to() -> None:
    x = np.zeros((100, 1)) + np.arange(100)[:, None]
    wanted = settings((x, np.arange(100) % 2))
    prepared = prepare(read(wanted), wanted)
    train = prepared.whole.x[0]
    assert train.mean().item() == pytest.approx(0, abs=1e-6)
    assert train.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    assert abs(prepared.whole.x_val[0].mean().item()) > 1e-3


def test_tables_have_flags_for_missing_numbers_and_codes_for_categories() -> None:
    wanted = settings(frame(), target="label")
    samples = read(wanted).samples
    fitted = KINDS["table"].fit(samples, wanted)
    numbers, codes = fitted.apply(samples)
    assert numbers.shape == (60, 3)  # size, weight, and whether size is missing
    assert numbers[0].tolist()[::2] == [0.0, 1.0]
    assert set(codes[:, 0]) == {0, 1, 2}
    shape = fitted.shape(2)
    assert (shape.numeric, shape.categories) == (3, (3,))


def test_new_categories_and_missing_columns_are_borne_or_named() -> None:
    wanted = settings(frame(), target="label")
    fitted = KINDS["table"].fit(read(wanted).samples, wanted)
    new = {"size": np.array(["1.5", ""]), "weight": np.array([1e9, -1e9]),
           "colour": np.array(["blue", "red"])}  # fmt: skip
    numbers, codes = fitted.apply(Samples("table", new))
    assert codes[:, 0].tolist() == [0, 2]
    assert numbers[:, 1].tolist() == [10, -10]  # far is far
    with pytest.raises(DataError, match="column 'weight' is missing"):
        fitted.apply(Samples("table", {k: v for k, v in new.items() if k != "weight"}))
    with pytest.raises(DataError, match="'weight' must hold numbers, but is 'heavy' in row 2"):
        fitted.apply(Samples("table", {**new, "weight": np.array(["1", "heavy"])}))


@pytest.mark.parametrize("data", [*DATA.values(), frame], ids=[*DATA, "mixed"])
def test_preprocessing_survives_json(data: Any) -> None:
    wanted = settings(data(), target="label" if data is frame else None)
    samples = read(wanted).samples
    fitted = KINDS[samples.kind].fit(samples, wanted)
    again = decode(json.loads(json.dumps(encode(fitted))))
    for a, b in zip(fitted.apply(samples), again.apply(samples), strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_words_become_codes_by_frequency_and_rare_ones_unknown() -> None:
    samples = Samples("text", ["The film, the end.", "film film!", "bad", ""])
    wanted = Settings.of({"data": "", "min_freq": 2, "max_len": 4})
    fitted = KINDS["text"].fit(samples, wanted)
    assert list(fitted.words) == ["film"]  # in two texts; "the" twice, but in one
    (codes,) = fitted.apply(samples)
    assert codes.tolist() == [[1, 2, 1, 1], [2, 2, 1, 0], [UNKNOWN, 0, 0, 0], [UNKNOWN, 0, 0, 0]]


def test_words_and_marks_are_told_apart() -> None:
    assert tokens("It's GOOD-ish, no?") == ["it's", "good", "-", "ish", ",", "no", "?"]


def test_long_sequences_lose_their_end_and_others_are_named() -> None:
    fitted = KINDS["sequences"].fit(
        Samples("sequences", [np.ones((3, 2)), np.zeros((2, 2))]), Settings("")
    )
    x, lengths = fitted.apply(Samples("sequences", [np.ones((9, 2)), np.ones((1, 2))]))
    assert x.shape == (2, 3, 2)
    assert lengths.tolist() == [3, 1]
    assert np.all(x[1, 1:] == 0)
    with pytest.raises(DataError, match="must have 2 features"):
        fitted.apply(Samples("sequences", [np.ones((3, 5))]))


def test_texts_of_which_no_word_is_frequent_are_refused() -> None:
    wanted = Settings.of(
        {"data": (["a b", "c d"] * 3, [0, 1] * 3), "min_freq": 99, "model": "text"}
    )
    with pytest.raises(DataError, match="lower min_freq"):
        prepare(read(wanted), wanted)
