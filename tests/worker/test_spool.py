"""The report file: what is taken as a metric, and which lines are read."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import ReportError
from danlu.worker.spool import (
    LONGEST_LINE,
    Tail,
    evaluation,
    number,
    numbers_of,
    parse_line,
    write_line,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, 0.5),
        (3, 3.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.array(0.5), 0.5),
        (np.array([0.5]), 0.5),
        (10**400, math.inf),
        (-(10**400), -math.inf),
    ],
)
def test_numbers_of_all_kinds_are_taken(value: Any, expected: float) -> None:
    assert number("val_loss", value) == expected


@pytest.mark.parametrize(
    "value", ["0.5", b"1", None, True, [0.5], {}, np.zeros(3), np.array(["x"]), 1j, object()]
)
def test_what_is_no_number_is_refused_with_its_name(value: Any) -> None:
    with pytest.raises(ReportError, match=r"^val_loss must be"):
        number("val_loss", value)


@pytest.mark.parametrize("epoch", [1.0, 1.5, "1", True, np.float64(2)])
def test_an_epoch_must_be_a_whole_number(epoch: Any) -> None:
    with pytest.raises(ReportError, match="whole numbers"):
        evaluation(epoch, {"loss": 1.0}, {})


def test_an_epoch_of_numpy_is_fine() -> None:
    epoch: Any = np.int64(3)
    assert evaluation(epoch, None, {"loss": 1.0})["epoch"] == 3


@pytest.mark.parametrize("name", ["", "1st", "epoch", "at", "danlu", "a b\n", "x" * 200, 3])
def test_a_name_that_cannot_be_a_metrics_is_refused(name: Any) -> None:
    with pytest.raises(ReportError, match="cannot be the name of a metric"):
        evaluation(1, {name: 0.5}, {})


@pytest.mark.parametrize("metrics", [0.5, [0.5], "loss"])
def test_metrics_that_are_no_mapping_are_refused_with_an_example(metrics: Any) -> None:
    with pytest.raises(ReportError, match=r"write report\(3, loss=0.4\)"):
        evaluation(1, metrics, {})


def test_a_report_without_metrics_or_with_far_too_many_is_refused() -> None:
    with pytest.raises(ReportError, match="at least one"):
        evaluation(1, None, {})
    with pytest.raises(ReportError, match="at most 256"):
        evaluation(1, {f"m{i}": 1.0 for i in range(300)}, {})


def test_infinities_and_nan_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "reports"
    write_line(path, evaluation(1, None, {"a": math.nan, "b": -math.inf}))
    (line,) = Tail(path).lines()
    read = numbers_of(parse_line(line) or {})
    assert math.isnan(read["a"])
    assert read["b"] == -math.inf


@given(st.binary(max_size=200))
def test_any_line_can_be_parsed_without_an_error(line: bytes) -> None:
    numbers_of(parse_line(line) or {})


def test_of_a_strangers_line_only_numbers_are_taken() -> None:
    line = b'{"epoch": 1, "loss": 0.5, "note": "ok", "1st": 2, "none": null, "big": 1e999}'
    assert numbers_of(parse_line(line) or {}) == {"loss": 0.5, "big": math.inf}
    assert parse_line(b"[" * 10_000) is None
    assert parse_line(b"1" * 10_000) is None


def test_lines_are_read_once_whole_and_whatever_ends_them(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert list(tail.lines()) == [], "the file is not there yet"
    path.write_bytes(b"one\r\ntwo\r 50%\r 100%\nthr")
    assert list(tail.lines()) == [b"one", b"two", b" 50%", b" 100%"]
    with path.open("ab") as file:
        file.write(b"ee\nfour")
    assert list(tail.lines()) == [b"three"]
    assert list(tail.lines(final=True)) == [b"four"]
    assert list(tail.lines(final=True)) == []


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_huge_line_is_left_out_and_the_next_one_read(tmp_path: Path, pieces: int) -> None:
    path, tail, found = tmp_path / "log", Tail(tmp_path / "log"), []
    for _ in range(pieces):
        with path.open("ab") as file:
            file.write(b"x" * (3 * LONGEST_LINE))
        found += list(tail.lines())
    with path.open("ab") as file:
        file.write(b"\nnext\n" + b"y" * (LONGEST_LINE + 1))
    assert [*found, *tail.lines(final=True)] == [b"next"]


@given(st.lists(st.binary(max_size=30)), st.data())
def test_pieces_however_cut_give_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("tail") / "log"
    tail, found, whole = Tail(path), [], b"\n".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        with path.open("ab") as file:
            file.write(whole[begin:end])
        found += list(tail.lines())
    found += list(tail.lines(final=True))
    assert found == [line for line in whole.replace(b"\r", b"\n").split(b"\n") if line]


def test_a_line_is_json_with_its_time(tmp_path: Path) -> None:
    write_line(tmp_path / "reports", evaluation(2, {"val/top-5": 0.9}, {"loss": 0.1}))
    table = json.loads((tmp_path / "reports").read_text())
    assert table.pop("at") > 1.7e9
    assert table == {"epoch": 2, "val/top-5": 0.9, "loss": 0.1}
