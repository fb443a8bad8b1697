"""A report file that anyone may have written: what is usable is taken, and nothing breaks."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.executors.driving import job

from danlu.core.event import Observed, Reported, Saved
from danlu.executors.launched import Files, Launched, Reading
from danlu.worker.spool import LONGEST_LINE, METRIC, MOST_METRICS

DEEP = b'{"epoch": 1, "val_loss": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"
LINES = {
    "too long": b'{"epoch": 1, "val_loss": 1, "x": "' + b"y" * LONGEST_LINE + b'"}',
    "too deep": DEEP,
    "no JSON": b'{"epoch": 1, "val_loss": 1',
    "no table": b'[{"epoch": 1, "val_loss": 1}]',
    "no number": b'{"epoch": 1, "val_loss": "low"}',
    "no metric": b'{"epoch": 1}',
    "no text": b'\xff\xfe{"epoch": 1, "val_loss": 1}',
    "a name that is none": b'{"epoch": 1, "<script>": 1, "a\\u0000b": 1}',
    "a number of digits": b'{"epoch": 1, "val_loss": ' + b"9" * 10_000 + b"}",
}


def read(folder: Path, content: bytes) -> list[Any]:
    files = Files(folder / "1", 1)
    files.folder.mkdir(exist_ok=True)
    files.reports.write_bytes(content)
    mine = job(folder, until=10**9, epochs=10**9)
    return Launched(mine, files, Reading(mine, files, None, script=False)).events(final=True)


@pytest.mark.parametrize("kind", LINES)
def test_a_line_that_is_no_report_is_left_out_and_the_next_one_is_taken(
    tmp_path: Path, kind: str
) -> None:
    events = read(tmp_path, LINES[kind] + b'\n{"epoch": 2, "val_loss": 0.5}\n')
    assert [(e.epoch, e.metrics) for e in events] == [(2, {"val_loss": 0.5})]


def test_one_report_of_too_many_metrics_keeps_the_first_ones(tmp_path: Path) -> None:
    line = {"epoch": 1, "val_loss": 0.5} | {f"m{n}": n for n in range(2000)}
    (event,) = read(tmp_path, json.dumps(line).encode())
    assert len(event.metrics) == MOST_METRICS
    assert event.metrics["val_loss"] == 0.5


def test_ever_new_names_of_metrics_come_to_an_end_and_known_ones_go_on(tmp_path: Path) -> None:
    lines = [{"epoch": e, "val_loss": 1.0} | {f"m{e}_{n}": n for n in range(50)}
             for e in range(1, 21)]  # fmt: skip
    events = read(tmp_path, "\n".join(map(json.dumps, lines)).encode())
    assert len(events) == 20
    assert all("val_loss" in e.metrics for e in events)
    assert len({name for e in events for name in e.metrics}) == MOST_METRICS


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["epoch", "danlu", "at"]) | st.text(max_size=5), inner)
    ),
    max_leaves=6,
)
tables = st.dictionaries(
    st.sampled_from(["epoch", "danlu", "at", "capability", "val_loss"]) | st.text(max_size=5),
    anything | st.sampled_from(["saved", "observed", "checkpoint"]),
    max_size=6,
)
lines = tables.map(lambda t: json.dumps(t).encode()) | st.binary(max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(lines, max_size=8))
def test_whatever_is_written_gives_events_that_a_store_takes(
    tmp_path: Path, written: list[bytes]
) -> None:
    last = 0
    for event in read(tmp_path, b"\n".join(written)):
        assert isinstance(event, Reported | Saved | Observed)
        if isinstance(event, Reported):
            assert last < event.epoch < 2**63
            last = event.epoch
            assert all(METRIC.fullmatch(name) for name in event.metrics)
            assert all(type(value) is float for value in event.metrics.values())
        elif isinstance(event, Saved):
            assert 0 <= event.epoch < 2**63
