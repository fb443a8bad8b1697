"""What is advised for one of the best configs is tried, judged, and followed on or not."""

from dataclasses import replace

import pytest
from tests.strategies.pasts import HALF, Row, past, verdict

from danlu.core.decision import FULL
from danlu.core.event import Diagnosed, Noted, Paused, Reported, Started
from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Config, Space
from danlu.strategies.advised import Rung, advised, advising, answered, followed
from danlu.strategies.ranges import current, range_of
from danlu.strategies.rungs import ranked_at

SPACE = Space(
    lr=Float(1e-5, 1e-3, log=True, limits=(1e-7, 0.1)),
    dropout=Float(0.0, 0.8),
    units=Int(4, 512, log=True),
    norm=Choice("none", "batch"),
    clip=Choice(False, True),
)
TOO_LOW = verdict("lr_too_low", "multiply", "lr", 30.0)
OVERFIT = verdict("overfit", "add", "dropout", 0.2)


def config(lr: float = 1e-4, dropout: float = 0.3, units: int = 64) -> Config:
    return {"lr": lr, "dropout": dropout, "units": units, "norm": "none", "clip": False}


def next_line(history: History) -> Entry | None:
    at = rung(history)
    return answered(SPACE, history, at) or advising(SPACE, history, at)


def rung(history: History) -> Rung:
    return Rung("fine", HALF, FULL, ranked_at(history, HALF))


def after(*rows: Row) -> History:
    return past(SPACE, rows)


BEST = Row(config(), {HALF: 0.5}, (TOO_LOW,))
WORSE = Row(config(lr=2e-4), {HALF: 0.9}, (verdict("underfit", "multiply", "width", 4),))


def tried(loss: float) -> list[Row]:
    """The best config, the line of what is advised for it, and the trial that follows it."""
    line = next_line(after(BEST, WORSE))
    assert line is not None
    return [BEST, WORSE, Row(line.data["config"], {HALF: loss}, (TOO_LOW,), note=line)]


def test_the_advice_on_the_best_is_followed_and_all_else_stays() -> None:
    history = after(BEST, WORSE)
    line = next_line(history)
    assert line is not None
    assert line.code == "advice"
    assert line.seen == "#1, 1 of the best 2 at epoch 15: lr_too_low"
    assert line.done == "#1 with lr 0.0001 → 0.003"
    start = advised(history.after(Noted(9.0, line)), rung(history), HALF)
    assert start is not None
    assert start.config == config(lr=3e-3)
    assert (start.until, start.stage) == (HALF, "fine")


def test_nothing_is_begun_twice_and_no_further_advice_comes_while_one_is_tried() -> None:
    line = next_line(after(BEST, WORSE))
    assert line is not None
    noted = after(BEST, WORSE).after(Noted(9.0, line))
    assert next_line(noted) is None
    running = noted.after(Started(9.0, 3, line.data["config"], HALF, 3, stage="fine"))
    assert advised(running, rung(running), HALF) is None
    assert next_line(running) is None


@pytest.mark.parametrize(
    ("loss", "better", "word"), [(0.4, True, "1 of 1"), (0.6, False, "0 of 1")]
)
def test_what_became_of_it_stands_in_the_log_book(loss: float, better: bool, word: str) -> None:
    line = next_line(after(*tried(loss)))
    assert line is not None
    assert line.code == "outcome"
    assert line.data["better"] is better
    assert word in line.why


def test_a_trial_that_fails_was_no_help() -> None:
    *before, child = tried(0.1)
    line = next_line(after(*before, replace(child, losses={3: 0.1}, failed=True)))
    assert line is not None
    assert line.data["better"] is False


def told(history: History) -> History:
    """The history with the line that is due."""
    line = next_line(history)
    assert line is not None
    return history.after(Noted(50.0, line))


def test_a_new_best_outside_the_ranges_extends_them_at_once() -> None:
    history = told(told(after(*tried(0.4))))
    assert history.logbook[-1].code == "reach"
    low, high = range_of(current(SPACE, history.logbook)["lr"])
    assert low == 1e-5
    assert high == pytest.approx(3e-3 * 100**0.1, rel=1e-3)


def test_what_helped_is_followed_on_from_the_new_best_up_to_the_hard_limits() -> None:
    history = told(told(told(after(*tried(0.4)))))
    line = history.logbook[-1]
    assert line.code == "advice"
    assert line.data["parent"] == 3
    assert line.data["config"] == config(lr=0.09)


def test_what_did_not_help_gives_way_to_another_draw_and_is_then_tried_half_as_far() -> None:
    history = told(after(*tried(0.6)))
    assert next_line(history) is None
    line = next_line(begun(history, config(dropout=0.1), 0.1))
    assert line is not None
    assert line.data["config"] == config(lr=5.477e-4, dropout=0.1)


def test_what_did_not_help_twice_is_not_tried_again() -> None:
    history = begun(told(after(*tried(0.6))), config(dropout=0.1), 0.1)
    history = told(history)
    history = told(begun(history, history.logbook[-1].data["config"], 0.3))
    assert [e.data["better"] for e in history.logbook if e.code == "outcome"] == [False, False]
    history = begun(history, config(dropout=0.2), 0.05)
    line = next_line(history)
    assert line is None or line.data["code"] != "lr_too_low"


def begun(history: History, given: Config, loss: float) -> History:
    """The history with one more trial of which the same is said."""
    n = history.next_number
    return history.after(
        Started(60.0, n, given, HALF, n, stage="fine"),
        Reported(60.0, n, HALF, {"val_loss": loss}),
        Diagnosed(60.0, n, TOO_LOW), Paused(60.0, n),
    )  # fmt: skip


@pytest.mark.parametrize(
    "found",
    [
        (),
        (verdict("noisy_val", "multiply", "batch size", 2),),
        (verdict("overfit", "add", "dropout", 0.2, sure=0.3),),
        (Finding("still_improving", "info", 0.9, "…", advice=(Advice("multiply", "lr", 2.0),)),),
        (verdict("not_learning", "check", "", "weights"),),
    ],
)
def test_without_advice_that_is_sure_and_about_a_parameter_nothing_is_tried(
    found: tuple[Finding, ...],
) -> None:
    assert next_line(after(Row(config(), {HALF: 0.5}, found))) is None


def test_what_is_said_of_all_of_the_best_is_surer_than_what_is_said_of_one() -> None:
    unsure = verdict("lr_too_low", "multiply", "lr", 30.0, sure=0.3)
    one, two, three = (
        after(*(Row(config(lr=1e-4 * n), {HALF: 0.5 + n}, (unsure,)) for n in range(1, most + 1)))
        for most in (1, 2, 3)
    )
    assert [next_line(h) is not None for h in (one, two, three)] == [False, True, True]


def test_if_all_failed_there_is_nothing_to_follow() -> None:
    assert next_line(after(Row(config(), {HALF: 0.5}, (TOO_LOW,), failed=True))) is None


@pytest.mark.parametrize(
    ("advice", "name", "value"),
    [
        (Advice("multiply", "lr", 1e6), "lr", 0.1),
        (Advice("multiply", "lr", 1e-9), "lr", 1e-7),
        (Advice("add", "dropout", 0.2), "dropout", 0.5),
        (Advice("set", "dropout", 0.2), "dropout", 0.2),
        (Advice("add", "dropout", 5), "dropout", 0.8),
        (Advice("multiply", "units", 4), "units", 256),
        (Advice("set", "norm", "batch"), "norm", "batch"),
        (Advice("enable", "clip", True), "clip", True),
    ],
)
def test_advice_changes_one_value_within_the_hard_limits(
    advice: Advice, name: str, value: object
) -> None:
    found = followed(SPACE, config(), advice, name)
    assert found == {**config(), name: value}


@pytest.mark.parametrize(
    ("advice", "name"),
    [
        (Advice("multiply", "units", 0.5), "units"),  # a large model is regularised, not shrunk
        (Advice("set", "dropout", 0.3), "dropout"),
        (Advice("raise low", "lr", 3.0), "lr"),
        (Advice("multiply", "lr", None), "lr"),
        (Advice("multiply", "lr", "much"), "lr"),
        (Advice("set", "norm", "layer"), "norm"),
        (Advice("enable", "clip", 1.0), "clip"),
    ],
)
def test_advice_that_is_not_about_a_value_or_changes_nothing_is_not_followed(
    advice: Advice, name: str
) -> None:
    assert followed(SPACE, config(), advice, name) is None
