import csv
import json
import sys
from pathlib import Path

import pytest
from tests.reporting import histories

from danlu.core.codec import decode_number
from danlu.core.history import empty
from danlu.errors import DanluError
from danlu.reporting import tables


def test_each_trial_and_each_epoch_is_one_row() -> None:
    history = histories.staged()
    trials, epochs = tables.trial_rows(history), tables.report_rows(history)
    assert len(trials) == len(history.trials)
    assert len(epochs) == sum(len(t.reports) for t in history.trials.values())
    assert len({tuple(row) for row in trials}) == len({tuple(row) for row in epochs}) == 1


def test_inactive_parameters_are_empty_and_names_do_not_collide() -> None:
    history = histories.staged()
    row = next(r for r in tables.trial_rows(history) if r["param_optimizer"] == "adam")
    assert row["param_momentum"] is None
    assert row["param_batch_size"] == 64


def test_csv_holds_all_trials_and_epochs(tmp_path: Path) -> None:
    history = histories.staged()
    first, second = tables.write_csv(history, tmp_path / "deep" / "folder")
    with first.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    best = history.best
    assert best is not None
    assert float(rows[best.number - 1]["value"]) == best.value
    assert first.name == "trials.csv"
    assert second.read_text("utf-8").count("\n") == 1 + len(tables.report_rows(history))


def test_a_csv_file_may_be_named(tmp_path: Path) -> None:
    written = tables.write_csv(histories.single(), tmp_path / "mine.csv")
    assert [p.name for p in written] == ["mine.csv", "mine-epochs.csv"]


def test_json_holds_numbers_that_are_not_finite(tmp_path: Path) -> None:
    history = histories.staged(objective="min val_loss")
    [file] = tables.write_json(history, tmp_path)
    table = json.loads(file.read_text("utf-8"))
    values = [decode_number(row["val_loss"]) for row in table["epochs"]]
    assert any(v != v for v in values)
    assert table["study"]["name"] == "digits"


def test_parquet_comes_back_as_it_went(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    history = histories.staged()
    first, second = tables.write_parquet(history, tmp_path)
    assert pd.read_parquet(first)["value"].max() == max(
        t.value for t in history.trials.values() if t.value is not None
    )
    assert len(pd.read_parquet(second)) == len(tables.report_rows(history))


def test_hostile_and_mixed_values_can_be_exported(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    for history in (histories.hostile(), empty(histories.spec())):
        for write in (tables.write_csv, tables.write_json, tables.write_parquet):
            assert all(file.stat().st_size for file in write(history, tmp_path))


def test_no_text_in_a_csv_is_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-cmd|'/c calc'!A1", "@SUM(A1)", "\t=1", "\r=1", "plain"]
    for file in tables.write_csv(histories.payloads(texts), tmp_path):
        with file.open(encoding="utf-8", newline="") as opened:
            head, *rows = csv.reader(opened)
        for cell in (*head, *(cell for row in rows for cell in row)):
            assert not cell.startswith(("=", "@", "\t", "\r")), cell
            assert not cell.startswith(("+", "-")) or float(cell) < 0, cell
        assert any(cell == "'=1+1" for cell in (*head, *rows[0]))


def test_missing_pandas_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DanluError, match=r"danlu\[frames\]"):
        tables.to_pandas(histories.single())


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DanluError, match="file"):
        tables.write_csv(histories.single(), tmp_path / "file" / "below")
