"""A model that was trained on all data, saved, loaded and used."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.kit.conftest import DATA, mixed, table

from danlu.errors import ConfigError, DataError
from danlu.kit.final import train_on_all
from danlu.kit.saved import Model
from danlu.kit.settings import Settings

pytestmark = pytest.mark.torch

CONFIG = {"units": 8, "layers": 1, "batch_size": 8, "filters": 4, "embedding_dim": 8, "lr": 0.02}


def trained(data: Any, target: str | None = None, epochs: int = 4, **more: Any) -> Model:
    settings = Settings.of({"data": data, "target": target, "min_freq": 1, **more})
    return train_on_all(settings, CONFIG, epochs, epochs, seed=1)


@pytest.mark.parametrize("family", DATA)
def test_a_saved_model_predicts_what_the_trained_one_does(tmp_path: Path, family: str) -> None:
    x, y = DATA[family]()
    model = trained((x, y))
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    samples = model.read({"x": x})
    assert np.array_equal(again.outputs(samples), model.outputs(samples))
    assert np.allclose(again.outputs(samples).sum(1), 1)
    told = again.predict({"x": x})
    assert np.mean([a == str(b) for a, b in zip(told, y, strict=True)]) > 0.6


def test_all_data_are_trained_on() -> None:
    x, y = table(61)
    seen: list[dict[str, Any]] = []
    settings = Settings.of({"data": (x, y)})
    train_on_all(
        settings, {**CONFIG, "batch_size": 1}, 1, 1, watch=lambda line: seen.append(dict(line))
    )
    assert seen[0]["epoch"] == 1
    wide = trained((np.vstack([x, np.full((2, 5), 1e3)]), [*y, 0, 0]))
    assert wide.preprocessing.apply(wide.read({"x": x}))[0].std() < 0.1  # the far rows are in it


def test_numbers_are_predicted_in_the_units_of_the_data() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = 1000 + 50 * x[:, 0]
    told: Any = trained((x, y), epochs=12).predict({"x": x})
    assert np.corrcoef(told, y)[0, 1] > 0.9
    assert abs(np.mean(told) - 1000) < 20


def test_new_tables_need_no_target_and_may_hold_more_columns(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(mixed())
    model = trained(frame, "label")
    new = frame.drop(columns="label").assign(more=1)
    assert model.predict(new) == model.predict(frame)
    with pytest.raises(DataError, match="column 'size' is missing"):
        model.predict(new.drop(columns="size"))
    with pytest.raises(DataError, match="no rows"):
        model.predict(new[:0])


def test_a_long_schedule_can_end_early() -> None:
    settings = Settings.of({"data": table()})
    seen: list[float] = []
    train_on_all(settings, CONFIG, 2, 10, watch=lambda line: seen.append(line["lr"]))
    assert len(seen) == 2
    assert seen[-1] > 0.01  # of a cosine over ten epochs


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "model.json").unlink(), "there is no model in"),
        (lambda f: (f / "model.json").write_text("{"), "is damaged"),
        (lambda f: (f / "model.json").write_text('{"format": 99}'), "format 99"),
        (lambda f: (f / "weights.pt").write_bytes(b"x"), "train it again"),
        (lambda f: (f / "weights.pt").unlink(), "is damaged"),
    ],
)
def test_a_damaged_model_is_told(tmp_path: Path, damage: Any, words: str) -> None:
    trained(table(), epochs=1).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=words):
        Model.load(tmp_path)


def test_the_files_hold_no_code(tmp_path: Path) -> None:
    trained(table(), epochs=1).save(tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["model.json", "weights.pt"]
    assert json.loads((tmp_path / "model.json").read_text())["classes"] == ["0", "1", "2"]
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert all(isinstance(w, torch.Tensor) for w in weights.values())


def test_a_config_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="dropout must lie in"):
        train_on_all(Settings.of({"data": table()}), {"dropout": 2.0}, 1, 1)
    with pytest.raises(ConfigError, match="Did you mean 'units'"):
        train_on_all(Settings.of({"data": table()}), {"unit": 20}, 1, 1)


def test_a_training_that_breaks_down_gives_no_model() -> None:
    wild = {**CONFIG, "optimizer": "sgd", "lr": 1e30}
    with pytest.raises(DataError, match="broke down in epoch 1, and nothing is saved"):
        train_on_all(Settings.of({"data": table()}), wild, 4, 4)


@pytest.mark.parametrize("family", DATA)
@pytest.mark.parametrize("other", [*DATA, "frame", "empty", "number"])
def test_data_of_another_kind_are_refused_or_predicted(family: str, other: str) -> None:
    import pandas as pd

    model = models(family)
    others = {"frame": pd.DataFrame(mixed()), "empty": {"x": []}, "number": 7}
    given = others[other] if other in others else {"x": DATA[other]()[0]}
    try:
        told = model.predict(given)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert len(told) > 0


@cache
def models(family: str) -> Model:
    return trained(DATA[family](), epochs=1)
