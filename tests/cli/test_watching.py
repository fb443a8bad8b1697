"""A running study is shown as lines, as JSON, and as a view that fits its terminal."""

import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.cli.conftest import ADAM, SGD, SPEC, events, json_lines, reports

from danlu.cli.changes import changes
from danlu.cli.lines import JsonLines, PlainLines
from danlu.cli.live import LiveView
from danlu.core.event import Began, Continued, Ended, Event, Lost, Paused, Reported, Started
from danlu.core.history import History, empty
from danlu.core.spec import Budget, Spec
from danlu.reporting.progress import progress_of


def run_of(spec: Spec, *happened: Event) -> History:
    return empty(spec, happened)


def shown(history: History, width: int, height: int = 24) -> list[str]:
    """The lines of the live view on a terminal of that size."""
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, force_terminal=True, color_system=None)
    view = LiveView(empty(history.spec), console)
    view(history)
    console.print(view.draw())
    return out.getvalue().splitlines()


def running(trials: int = 2) -> History:
    """A run that goes on, its workers at work."""
    begun = [Began(90.0, workers=trials)]
    started = [Started(91.0 + n, n, ADAM if n % 2 else SGD, 3, n, stage="coarse")
               for n in range(1, trials + 1)]  # fmt: skip
    reported = [e for n in range(1, trials + 1) for e in reports(n, [0.9 / n, 0.8 / n])]
    return run_of(SPEC, *begun, *started, *reported)


def test_plain_lines_tell_all_but_epochs_once(history: History) -> None:
    out = io.StringIO()
    view = PlainLines(History(SPEC), out)
    for end in range(1, len(events()) + 1):
        view(empty(SPEC, events()[:end]))
    view(history)
    lines = [line[10:] for line in out.getvalue().splitlines()]
    assert lines == [
        "#1 starts (coarse): lr 0.01  optimizer sgd  momentum 0.9 – the default config",
        "#1 is the best so far: val_loss 0.9 at epoch 1",
        "#1 finished at epoch 3, 0.7",
        "#2 starts (fine): lr 0.02  optimizer adam – near the best",
        "#2 is the best so far: val_loss 0.6 at epoch 1",
        "#2 warning: Validation loss rises: overfitting.",
        "#2 finished at epoch 3, 0.4",
        "#3 starts: lr 0.02  optimizer adam",
        "#3 failed: ValueError: no data",
        "#4 starts on 25% of the data: lr 0.01  optimizer sgd  momentum 0.9",
        "#4 paused at epoch 1, 0.3 on 25% of the data",
    ]


def test_json_lines_tell_every_event(history: History) -> None:
    out = io.StringIO()
    JsonLines(History(SPEC), out)(history)
    rows = json_lines(out.getvalue())
    assert [row["event"] for row in rows].count("reported") == 7
    assert rows[0]["event"] == "started"
    assert rows[0]["trial"] == 1
    assert rows[0]["config"] == SGD
    assert {row["study"] for row in rows} == {"digits"}
    assert rows[-1] == {
        "event": "ended", "at": 114.0, "study": "digits",
        "outcome": "done", "why": "the budget of 4 full trainings is spent",
    }  # fmt: skip
    best = [row for row in rows if row["event"] == "best"]
    assert best[-1]["value"] == 0.4


def test_json_lines_are_json_even_with_values_that_are_no_numbers() -> None:
    before = run_of(SPEC, Began(1.0), Started(2.0, 1, ADAM, 3, 1))
    after = before.after(Reported(3.0, 1, 1, {"val_loss": math.nan, "x": math.inf}))
    out = io.StringIO()
    JsonLines(before, out)(after)
    (row,) = [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]
    assert row["metrics"] == {"val_loss": "NaN", "x": "Infinity"}


def test_what_happened_before_a_run_is_not_told_again(history: History) -> None:
    goes_on = history.after(Began(200.0), Continued(201.0, 4, 3, 1, why="promising"))
    kinds = [c.kind for c in changes(history, goes_on)]
    assert kinds == ["continued"]


def test_a_lost_worker_and_the_end_of_a_second_run_are_told(history: History) -> None:
    again = history.after(Began(200.0), Continued(201.0, 4, 3, 1))
    over = again.after(Lost(202.0, 4, "killed"), Ended(203.0, "interrupted", "Ctrl-C"))
    assert [(c.kind, c.text) for c in changes(again, over)] == [
        ("lost", "lost: killed"),
        ("ended", "interrupted: Ctrl-C"),
    ]


@given(st.lists(st.integers(1, len(events())), max_size=6))
def test_however_often_one_looks_each_event_is_told_once(looks: Sequence[int]) -> None:
    every = events()
    out = io.StringIO()
    view = JsonLines(History(SPEC), out)
    for end in [*sorted(looks), len(every)]:
        view(empty(SPEC, every[:end]))
    rows = json_lines(out.getvalue())
    told = [(row["event"], row["trial"], row.get("epoch")) for row in rows if "trial" in row]
    facts = [t for t in told if t[0] not in ("best", "improved")]
    assert len(set(facts)) == len(facts)
    assert {t[:2] for t in facts if t[0] != "reported"} == {
        ("started", 1), ("finished", 1), ("started", 2), ("finding", 2), ("finished", 2),
        ("started", 3), ("failed", 3), ("started", 4), ("paused", 4),
    }  # fmt: skip


def test_the_live_view_shows_progress_best_curves_and_events() -> None:
    history = running().after(Paused(95.0, 1), Continued(96.0, 1, 3, 1))
    lines = shown(history, 120)
    text = "\n".join(lines)
    assert lines[0].startswith("digits · min val_loss · coarse · 2 trials, 2 running")
    assert "1.3 of 4x" in lines[1]
    assert "best #2  val_loss 0.4 at epoch 2" in text
    assert "#1  epoch 2/3  train " in text
    assert "val" in text
    assert "#2 is the best so far: val_loss 0.4" in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("height", [8, 12, 24])
def test_the_live_view_never_outgrows_its_terminal(width: int, height: int) -> None:
    lines = shown(running(40), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_the_live_view_of_a_study_without_results_or_budget_is_whole() -> None:
    spec = replace(SPEC, budget=Budget())
    lines = shown(run_of(spec, Began(1.0), Started(2.0, 1, ADAM, 3, 1)), 80)
    assert "no result yet" in lines
    assert any("#1  epoch 0/3" in line for line in lines)


def test_curves_of_a_trial_share_one_scale() -> None:
    events_ = [Reported(95.0 + i, 1, i + 1, {"train_loss": t, "val_loss": 1.0})
               for i, t in enumerate([1.0, 0.5, 0.0])]  # fmt: skip
    history = run_of(SPEC, Began(90.0), Started(91.0, 1, ADAM, 3, 1), *events_)
    (line,) = [line for line in shown(history, 120) if line.startswith("#1")]
    assert "train █" in line
    assert "val ███" in line


@pytest.mark.parametrize(
    ("budget", "share", "text"),
    [
        ("4x", 0.5, "2.0 of 4x"),
        ("8 trials", 0.25, "2 of 8 trials"),
        ("40s", 0.25, "10 s of 40 s"),
        ("4x, 8 trials", 0.5, "2.0 of 4x, 2 of 8 trials"),
        (None, None, "2x"),
    ],
)
def test_progress_is_that_of_the_limit_which_ends_first(
    budget: str | None, share: float | None, text: str
) -> None:
    trials: list[Event] = []
    for n in (1, 2):
        trials += [Started(1.0, n, ADAM, 3, n), *reports(n, [1, 1, 1], 2.0), Paused(5.0, n)]
    spec = replace(SPEC, budget=Budget.parse(budget))
    progress = progress_of(run_of(spec, Began(0.0), *trials, Ended(10.0, "done")))
    assert progress.share == (None if share is None else pytest.approx(share))
    assert progress.text == text
    if share is not None:
        assert progress.left_s == pytest.approx(10.0 / share - 10.0)
