"""Bad data get one clear sentence before anything is trained; good data are understood."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from danlu.errors import DanluError, DataError
from danlu.kit.reading import Labelled, read
from danlu.kit.settings import Settings


def load(data: Any, target: str | None = None, **more: Any) -> Labelled:
    return read(Settings.of({"data": data, "target": target, **more}))


def csv(folder: Path, *lines: str) -> str:
    path = folder / "data.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


ROWS = [f"{i % 7},{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(30)]


def test_numbers_categories_and_the_target_of_a_table_are_told_apart(tmp_path: Path) -> None:
    found = load(csv(tmp_path, "n,c,label", *ROWS), "label")
    assert found.samples.kind == "table"
    assert found.samples.x["n"].dtype == float
    assert list(found.samples.x["c"][:2]) == ["a", "b"]
    assert found.target.classes == ("x", "y", "z")
    assert found.target.y[:4].tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("missing", ["", "NA", "?", "nan", "null"])
def test_missing_values_are_seen(tmp_path: Path, missing: str) -> None:
    found = load(csv(tmp_path, "n,c,label", *ROWS, f"{missing},{missing},x"), "label")
    assert np.isnan(found.samples.x["n"][-1])
    assert found.samples.x["c"][-1] is None


def test_a_table_with_semicolons_is_read(tmp_path: Path) -> None:
    rows = [row.replace(",", ";") for row in ["n,c,label", *ROWS]]
    assert load(csv(tmp_path, *rows), "label").target.classes == ("x", "y", "z")


def test_parquet_and_data_frames_read_like_csv(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"n": [1.5, None, 2.0] * 4, "c": ["a", "b", None] * 4, "y": [0, 1, 1] * 4}
    )
    frame.to_parquet(tmp_path / "data.parquet")
    for data in (frame, str(tmp_path / "data.parquet")):
        found = load(data, "y")
        assert np.isnan(found.samples.x["n"][1])
        assert found.samples.x["c"][2] is None
        assert found.target.classes == ("0", "1")


def test_classes_that_are_numbers_are_in_their_order() -> None:
    found = load((np.zeros((24, 1)) + np.arange(24)[:, None], np.arange(24) % 12))
    assert found.target.classes == tuple(map(str, range(12)))
    assert found.target.y.tolist() == [i % 12 for i in range(24)]


@pytest.mark.parametrize(
    ("labels", "regression"),
    [
        (np.arange(40) % 3, False),
        (np.arange(40) % 3 + 0.5, True),
        (np.arange(40), True),
        (np.array(["a", "b"] * 20), False),
        (np.array([True, False] * 20), False),
    ],
)
def test_what_is_predicted_is_found_from_the_target(labels: Any, regression: bool) -> None:
    import pandas as pd

    frame = pd.DataFrame({"x": np.arange(40.0) % 11, "y": labels})
    assert load(frame, "y").target.regression is regression


def test_useless_columns_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [f"{i % 7},1,id{i},{'ab'[i % 2]}" for i in range(40)]
    found = load(csv(tmp_path, "n,same,id,label", *rows), "label")
    assert list(found.samples.x) == ["n"]
    assert [note.split("'")[1] for note in found.notes] == ["same", "id"]


@pytest.mark.parametrize("name", ["", "id", "Index"])
def test_a_column_that_counts_the_rows_is_left_out_and_said(tmp_path: Path, name: str) -> None:
    rows = [f"{i},{i % 7},{'ab'[i % 2]}" for i in range(40)]
    found = load(csv(tmp_path, f"{name},n,label", *rows), "label")
    assert list(found.samples.x) == ["n"]
    assert "it only counts the rows" in found.notes[0]
    kept = load(csv(tmp_path, f"{name},n,label", *rows[::-1]), "label")
    assert len(kept.samples.x) == 2
    texts = [f"{i},a film that is {w},{w}" for i, w in enumerate(["good", "bad"] * 20)]
    assert load(csv(tmp_path, f"{name},review,label", *texts), "label").samples.kind == "text"


def test_a_text_among_numbers_is_left_out_with_the_way_out(tmp_path: Path) -> None:
    rows = [f"{i % 7},a film that is {w} {i},{w}" for i, w in enumerate(["good", "bad"] * 20)]
    path = csv(tmp_path, "n,review,label", *rows)
    assert 'model = "text"' in load(path, "label").notes[0]
    assert load(path, "label", model="text").samples.kind == "text"


def test_decimal_commas_are_read_where_semicolons_separate(tmp_path: Path) -> None:
    rows = [f"{i},{i}5;{'' if i == 3 else i};a,{i % 3};{'xy'[i % 2]}" for i in range(20)]
    found = load(csv(tmp_path, "n;m;c;label", *rows), "label").samples.x
    assert found["n"][:2].tolist() == [0.05, 1.15]
    assert found["m"][4] == 4.0
    assert np.isnan(found["m"][3])
    assert found["c"][0] == "a,0"


def test_a_column_of_many_words_is_text(tmp_path: Path) -> None:
    rows = [f"a film that is {w},{w}" for w in ["good", "bad"] * 5]
    found = load(csv(tmp_path, "review,label", *rows), "label")
    assert found.samples.kind == "text"
    assert found.samples.x[0] == "a film that is good"


def test_a_folder_of_images_has_a_class_for_each_folder(tmp_path: Path) -> None:
    for name, shade in (("dark", 20), ("light", 220)):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("L", (6, 5), shade + i).save(tmp_path / name / f"{i}.png")
    found = load(str(tmp_path))
    assert found.samples.x.shape == (6, 1, 5, 6)
    assert found.target.classes == ("dark", "light")


def test_a_file_of_arrays_reads_like_the_arrays(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 3, 4)), np.arange(20) % 2
    np.savez(tmp_path / "data.npz", x=x, y=y)
    found = load(str(tmp_path / "data.npz"))
    assert found.samples.kind == "sequences"
    assert np.allclose(found.samples.x[3], x[3])


def test_a_function_gives_data(tmp_path: Path) -> None:
    (tmp_path / "mine_for_reading.py").write_text(
        "def load():\n    return {'x': [[1.0], [2.0]] * 4, 'y': [0, 1] * 4}\n"
    )
    assert len(load(f"{tmp_path}/mine_for_reading.py:load").samples) == 8


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / "same_name_for_reading.py"
        file.write_text(
            f"def load():\n    return {{'x': [[1], [2]] * 3, 'y': ['{folder}', 'c'] * 3}}\n"
        )
        assert load(f"{file}:load").target.classes == (folder, "c")


def test_a_module_that_cannot_be_imported_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "half_a_reader.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(DataError, match="cannot be imported: ModuleNotFoundError"):
        load(f"{tmp_path}/half_a_reader.py:load")


def test_validation_data_may_come_apart(tmp_path: Path) -> None:
    train = csv(tmp_path, "n,c,label", *ROWS)
    (tmp_path / "val.csv").write_text("label,c,n\ny,a,3\nz,q,4\n")
    found = load(train, "label", val=str(tmp_path / "val.csv"))
    assert found.n_val == 2
    assert found.target.y[-2:].tolist() == [1, 2]
    assert found.samples.x["n"][-2:].tolist() == [3.0, 4.0]
    assert found.samples.x["c"][-2:].tolist() == ["a", "q"]
    (tmp_path / "val.csv").write_text("label,c,n\ny,a,much\n")
    with pytest.raises(DataError, match="column 'n' must hold numbers, but is 'much' in row 1"):
        load(train, "label", val=str(tmp_path / "val.csv"))


PAIR = (np.zeros((6, 1)) + np.arange(6)[:, None], [0, 1] * 3)

BAD: list[tuple[Any, dict[str, Any], str]] = [
    ("no.csv", {}, r"no file no\.csv"),
    ("no/such/folder", {}, "no file or folder"),
    ("no_such_module:load", {}, "no module 'no_such_module'"),
    ("json:nothing", {}, "no function 'nothing'"),
    (7, {}, "but got int"),
    ({"a": 1}, {}, "arrays x and y are needed"),
    ((np.zeros((0, 2)), []), {}, "no samples"),
    ((np.zeros((4, 2)), [0, 1, 0]), {}, "4 samples, but 3 labels"),
    ((np.zeros((4, 2)), [1, 1, 1, 1]), {}, "one class only"),
    ((np.arange(4.0)[:, None], [1.5, 1.5, 1.5, 1.5]), {}, "in every row"),
    ((np.arange(9.0)[:, None], [*"aaaabbbb", "c"]), {}, "class 'c' .* one sample only"),
    ((np.arange(4.0)[:, None], [0.5, float("nan"), 1, 2]), {}, "1 label is missing.* row 2"),
    ((np.arange(4.0)[:, None], [0.5, float("inf"), 1, 2]), {}, "infinite"),
    ((np.arange(4.0)[:, None], [[0, 1]] * 4), {}, "one value a sample"),
    ((np.array([["a"], ["b"]] * 2), [0, 1] * 2), {"model": "mlp"}, "must hold numbers"),
    ((np.full((4, 1), np.inf), [0, 1] * 2), {}, "infinite, 4 times in all, first in row 1"),
    (([np.zeros((3, 2)), np.zeros((4, 3))] * 2, [0, 1] * 2), {}, "3 features, but the first"),
    (([np.zeros((0, 2)), np.zeros((4, 2))] * 2, [0, 1] * 2), {}, "sequence 1 must have shape"),
    ((np.full((4, 8, 8), np.nan), [0, 1] * 2), {}, "pixels are NaN"),
    ((np.zeros((4, 7, 8, 8)), [0, 1] * 2), {}, "1, 3 or 4 channels"),
    (PAIR, {"model": "mpl"}, "Did you mean 'mlp'"),
    (PAIR, {"metric": "acuracy"}, "Did you mean 'accuracy'"),
    (PAIR, {"val": 1.5}, "share between 0 and 1"),
    (PAIR, {"vla": 0.5}, "'vla' is no setting.* Did you mean 'val'"),
    (PAIR, {"kind": "clustering"}, "kind must be"),
    ({"x": PAIR[0]}, {}, "labels are missing: an array y"),
    ({"x": PAIR[0], "y": PAIR[1], "x_val": PAIR[0]}, {}, "an array y_val is needed"),
    ({"x": PAIR[0], "y": PAIR[1], "groups": [1] * 6}, {}, "all samples are of one group, '1'"),
    ({"x": PAIR[0], "y": PAIR[1], "groups": [1, 2, None] * 2}, {}, "missing in 2 of 6 .* row 3"),
    (([np.zeros((3, 3, 3)), np.zeros((3, 3, 4))] * 2, [0, 1] * 2), {}, "the same channels"),
    (([np.zeros(3), np.zeros((3, 4))] * 2, [0, 1] * 2), {"model": "cnn"}, "image 1 must be an"),
]


@pytest.mark.parametrize(("data", "more", "words"), BAD)
def test_bad_data_are_one_sentence(data: Any, more: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        load(data, **more)
    assert "\n" not in str(caught.value)


def test_a_million_classes_are_refused_at_once() -> None:
    n = 1_000_000
    with pytest.raises(DataError, match="1,000,000 classes"):
        load((np.zeros((n, 1)), np.arange(n)), kind="classification")


BAD_FILES: list[tuple[list[str], dict[str, Any], str]] = [
    (["n,label"], {}, "has no rows|no rows"),
    (["n, n,label", "1,2,a", "3,4,b"], {}, "two columns are named 'n'"),
    (["n,label", *(f"{i if i != 4 else 'abc'},{i % 2}" for i in range(40))], {},
     "1 text: 'abc' in row 5.* categorical"),
    (["n,label", *(f"{i % 5},{i % 2 if i != 4 else ''}" for i in range(40))], {},
     "1 label is missing in the target 'label', the first in row 5"),
    (["n,lable", "1,a", "2,b"], {}, "no column 'label' .*Did you mean 'lable'"),
    (["n,label", "1,a", "2,b,3,4", "5,6"], {}, "cannot be read as a table"),
    (["n,label", *(f"1,{i % 2}" for i in range(9))], {}, "'n' is left out: it is constant"),
    (["n,label", *(f"{i},{i % 2}" for i in range(9))], {"drop": ["m"]}, "no column 'm'"),
    (["n,label", *(f"{i},{i % 2}" for i in range(9))], {"groups": "m"}, "no column 'm'"),
    (["n,label", *(f"{i},{i % 2}" for i in range(9))], {"model": "text"}, "text = "),
    (["n,label", *(f"{i},id{i}" for i in range(9))], {}, "9 classes in 9 rows"),
    (["n,label", *(f"{i},{'ab'[i % 2]}" for i in range(9))], {"kind": "regression"},
     "regression needs numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "more", "words"), BAD_FILES)
def test_a_bad_file_is_one_sentence(
    tmp_path: Path, lines: list[str], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        load(csv(tmp_path, *lines), "label", **more)
    assert "\n" not in str(caught.value)


def test_images_of_different_sizes_are_named_and_can_be_resized(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("RGB", (8, 8 + 4 * (name == "b"))).save(tmp_path / name / f"{i}.png")
    with pytest.raises(DataError, match=r"a.0\.png has 8×8 .* b.0\.png 8×12: say size = 8"):
        load(str(tmp_path))
    assert load(str(tmp_path), size=6).samples.x.shape == (4, 3, 6, 6)


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "fake.png").write_text("no image")
    with pytest.raises(DataError, match=r"fake\.png is no image"):
        load(str(tmp_path))


def test_a_broken_file_of_arrays_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataError, match=r"broken\.npz cannot be read as NumPy arrays"):
        load(str(tmp_path / "broken.npz"))


def test_a_failing_function_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "broken_reader.py").write_text("def load():\n    raise KeyError('x')\n")
    with pytest.raises(DataError, match=r"broken_reader\.py:load failed with KeyError: 'x'"):
        load(f"{tmp_path}/broken_reader.py:load")


def told(data: str, target: str, **more: Any) -> Labelled | str:
    """The data, or why they cannot be used."""
    try:
        return load(data, target, **more)
    except DanluError as error:
        return str(error).strip()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode()))
def test_any_bytes_are_data_or_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    found = told(str(path), "b")
    if isinstance(found, Labelled):
        assert len(found.samples) == len(found.target.y)
    else:
        assert "\n" not in found


CELL = st.sampled_from(["", "1", "2.5", "-3e4", "a", "b", "NA", "inf", "é", "x y z w"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=12),
    more=st.fixed_dictionaries(
        {}, optional={"kind": st.sampled_from(["auto", "regression"]), "groups": st.just("a")}
    ),
)
def test_any_table_is_data_or_one_sentence(
    tmp_path: Path, rows: list[tuple[str, ...]], more: dict[str, Any]
) -> None:
    path = csv(tmp_path, "a,b,label", *(",".join(row) for row in rows))
    found = told(path, "label", **more)
    if isinstance(found, Labelled):
        assert len(found.samples) == len(rows)
    else:
        assert "\n" not in found


def test_images_of_16_bits_keep_their_shades(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for i in range(2):
            shades = (np.arange(16, dtype=np.uint16) * 4000 + i).reshape(4, 4)
            Image.fromarray(shades).save(tmp_path / name / f"{i}.png")
    x = load(str(tmp_path)).samples.x
    assert np.allclose(x[0].ravel(), np.arange(16) * 4000 / 257)


def test_arrays_of_images_of_different_sizes_are_told_and_can_be_resized() -> None:
    rng = np.random.default_rng(0)
    small, large = rng.integers(0, 255, (6, 8, 3)), rng.integers(0, 255, (10, 12, 3))
    pair = ([small, large] * 4, [0, 1] * 4)
    with pytest.raises(DataError, match=r"image 1 has 8×6 .* image 2 12×10: say size = 6"):
        load(pair)
    found = load(pair, size=5)
    assert found.samples.kind == "images"
    assert found.samples.x.shape == (8, 3, 5, 5)
    assert np.allclose(found.samples.x[0].mean((1, 2)), small.mean((0, 1)), atol=25)
    gray = load(([small[:, :, 0], large[:, :, 0]] * 4, [0, 1] * 4), model="cnn", size=5)
    assert gray.samples.x.shape == (8, 1, 5, 5)
    turned = load((np.stack([small.transpose(2, 0, 1)] * 8), [0, 1] * 4), size=4)
    assert turned.samples.x.shape == (8, 3, 4, 4)


def test_images_that_lie_in_no_folder_of_a_class_are_told(tmp_path: Path) -> None:
    for i in range(3):
        Image.new("L", (4, 4), i).save(tmp_path / f"{i}.png")
    with pytest.raises(DataError, match=r"image 0\.png lies in no folder of a class"):
        load(str(tmp_path))


def test_padded_sequences_are_cut_to_their_lengths(tmp_path: Path) -> None:
    x, y, lengths = np.random.default_rng(0).normal(size=(6, 5, 2)), [0, 1] * 3, [1, 5, 2, 3, 4, 5]
    np.savez(tmp_path / "data.npz", x=x, y=y, lengths=lengths)
    found = load(str(tmp_path / "data.npz")).samples
    assert found.kind == "sequences"
    assert [len(s) for s in found.x] == lengths
    assert np.allclose(found.x[2], x[2, :2])
    with pytest.raises(DataError, match="lengths must be 6 whole numbers, one for each sequence"):
        load({"x": x, "y": y, "lengths": [1, 2]})
    apart = load({"x": x, "y": y, "lengths": lengths, "x_val": x[:2], "y_val": y[:2],
                  "lengths_val": [3, 4]})  # fmt: skip
    assert [len(s) for s in apart.samples.x] == [*lengths, 3, 4]


def test_groups_of_training_are_kept_where_validation_comes_apart(tmp_path: Path) -> None:
    train = csv(tmp_path, "n,g,label", *(f"{i},{i // 3},{i % 2}" for i in range(24)))
    (tmp_path / "val.csv").write_text("n,label\n3,1\n4,0\n")
    found = load(train, "label", groups="g", val=str(tmp_path / "val.csv"))
    groups: Any = found.samples.groups
    assert [*groups[:4], *groups[-2:]] == ["0", "0", "0", "1", None, None]
