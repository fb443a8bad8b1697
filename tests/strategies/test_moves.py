"""The moves of the staged plan: each on evidence, each undone or refused when it should be."""

from dataclasses import replace

import pytest
from tests.strategies.pasts import HALF, Row, look_at, past, ranges, verdict

from danlu.core.decision import Proxy
from danlu.core.finding import Advice, Finding
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Config, Space
from danlu.strategies.findings import answer
from danlu.strategies.looks import due, lines
from danlu.strategies.moves import narrow, widen
from danlu.strategies.proxies import check_proxy, verdict_of
from danlu.strategies.reopening import reopen
from danlu.strategies.rungs import ranked_at
from danlu.strategies.votes import shift

SPACE = Space(
    lr=Float(1e-5, 1.0, log=True, limits=(1e-7, 10.0)),
    dropout=Float(0.0, 0.8),
    units=Int(16, 512, log=True),
    optimizer=Choice("sgd", "adam"),
)


def config(lr: float = 1e-3, dropout: float = 0.3, units: int = 64) -> Config:
    return {"lr": lr, "dropout": dropout, "units": units, "optimizer": "adam"}


def rows(count: int, *findings: Finding, lr: float = 1e-3) -> list[Row]:
    """Trials of which the first is the best, all with the same verdicts."""
    return [Row(config(lr * 1.1**i), {HALF: 0.5 + 0.01 * i}, findings) for i in range(count)]


def span(p: Parameter) -> tuple[float, float]:
    assert not isinstance(p, Choice)
    return p.low, p.high


OVERFIT = verdict("overfit", "add", "dropout", 0.1)
UNDERFIT = verdict("underfit", "add", "dropout", -0.2)
LONGER = Finding(
    "still_improving", "info", 0.9, "It still improves.",
    advice=(Advice("multiply", "epochs", 2, "budget"), Advice("multiply", "lr", 2)),
)  # fmt: skip
TOO_LOW = verdict("lr_too_low", "multiply", "lr", 10.0)


# ---- votes


def test_a_verdict_that_enough_trials_share_moves_the_range_it_advises() -> None:
    look = look_at(past(SPACE, rows(6, OVERFIT)))
    (entry,) = shift(look)
    assert entry.code == "shift"
    assert span(ranges(look, [entry])["dropout"]) == (0.1, 0.8)
    assert entry.data["codes"] == ["overfit"]
    assert "dropout [0, 0.8] → [0.1, 0.8]" in entry.done


def test_an_advice_names_a_parameter_by_its_role_or_by_its_name() -> None:
    space = Space(learning_rate=Float(1e-5, 1.0, log=True), drop_rate=Float(0.0, 0.8))
    told = [
        verdict("lr_too_low", "multiply", "lr", 10.0),
        verdict("overfit", "add", "drop_rate", 0.1),
    ]
    trials = [
        Row({"learning_rate": 0.01 + i / 1000, "drop_rate": 0.4}, {HALF: 0.5 + i}, tuple(told))
        for i in range(6)
    ]
    look = look_at(past(space, trials))
    box = ranges(look, shift(look))
    assert span(box["learning_rate"]) == (1e-4, 1.0)
    assert span(box["drop_rate"]) == (0.1, 0.8)


@pytest.mark.parametrize(
    ("count", "findings"),
    [
        (2, (OVERFIT,)),  # two votes of 0.8 weigh less than 2
        (6, (verdict("overfit", "add", "dropout", 0.1, sure=0.3),)),
        (6, (OVERFIT, UNDERFIT)),  # as many against it
        (6, (verdict("good", "check", ""),)),
        (6, (LONGER,)),  # the plan trains longer anyway
    ],
)
def test_without_enough_evidence_no_range_moves_and_the_log_book_says_so(
    count: int, findings: tuple[Finding, ...]
) -> None:
    look = look_at(past(SPACE, rows(count, *findings)))
    (entry,) = shift(look)
    assert entry.done == "nothing"
    assert "not enough evidence" in entry.why
    assert ranges(look, [entry]) == SPACE


def test_a_verdict_of_few_among_many_other_verdicts_moves_nothing() -> None:
    others = rows(30, verdict("plateau", "check", "", sure=0.9), lr=1e-2)
    look = look_at(past(SPACE, [*rows(4, OVERFIT), *others]))
    (entry,) = shift(look)
    assert entry.done == "nothing"


def test_the_two_best_configs_stay_inside() -> None:
    best = [Row(config(dropout=d), {HALF: 0.1 + d / 100}, (OVERFIT,)) for d in (0.02, 0.03)]
    look = look_at(past(SPACE, [*best, *rows(6, OVERFIT)]))
    (entry,) = shift(look)
    assert span(ranges(look, [entry])["dropout"])[0] == 0.02


def test_a_range_moves_at_most_by_half_of_its_width() -> None:
    far = verdict("lr_too_low", "multiply", "lr", 1e4)
    look = look_at(past(SPACE, rows(6, far, lr=0.1)))
    (entry,) = shift(look)
    assert span(ranges(look, [entry])["lr"])[0] == pytest.approx(10**-2.5, rel=1e-3)


def test_a_large_model_is_regularised_and_not_shrunk() -> None:
    smaller = verdict("overfit", "multiply", "width", 0.5)
    look = look_at(past(SPACE, rows(8, smaller)))
    assert [e.done for e in shift(look)] == ["nothing"]


def test_the_same_end_is_not_moved_back_and_the_contradiction_is_said() -> None:
    look = look_at(past(SPACE, rows(6, OVERFIT)))
    (moved,) = shift(look)
    back = verdict("underfit", "lower low", "dropout")
    later = [Row(config(1e-3 * 1.2**i), {HALF: 0.4 + i}, (back,), note=moved if i == 0 else None)
             for i in range(6)]  # fmt: skip
    again = look_at(past(SPACE, [*rows(6, OVERFIT), *later]), 2)
    held = [e for e in shift(again) if e.code == "hold"]
    assert len(held) == 1
    assert "contradicts itself" in held[0].why
    assert span(ranges(again, held)["dropout"]) == (0.1, 0.8)


def test_trials_that_moved_a_range_do_not_move_it_again() -> None:
    look = look_at(past(SPACE, rows(6, OVERFIT)))
    (moved,) = shift(look)
    after = [*rows(6, OVERFIT), Row(config(0.1), {HALF: 0.9}, note=moved)]
    (entry,) = shift(look_at(past(SPACE, after), 2))
    assert entry.done == "nothing"


# ---- controls


def shifted_past(*losses: tuple[float, float]) -> list[Row]:
    """Six trials with a verdict, the shift it caused, then (lr, loss) of further draws."""
    before = rows(6, TOO_LOW, lr=0.1)
    (moved,) = [e for e in shift(look_at(past(SPACE, before))) if e.code == "shift"]
    assert moved.data["ranges"]["lr"] == [1e-4, 1.0]
    drawn = [Row(config(lr), {HALF: loss}) for lr, loss in losses]
    drawn[0] = Row(drawn[0].config, drawn[0].losses, note=moved)
    return [*before, *drawn]


def test_a_shift_that_hurts_is_undone_by_a_control_and_its_verdict_counts_half() -> None:
    history = past(SPACE, shifted_past((0.1, 0.6), (0.2, 0.6), (0.05, 0.55), (2e-5, 0.2)))
    look = look_at(history, 2)
    (undone,) = widen(look)
    assert undone.code == "undo"
    assert span(ranges(look, [undone])["lr"]) == (1e-5, 1.0)
    assert undone.data["codes"] == ["lr_too_low"]
    notes = [undone, None, None, None]
    again = [Row(config(0.1 + i / 100), {HALF: 0.9 + i}, (TOO_LOW,), note=note)
             for i, note in enumerate(notes)]  # fmt: skip
    drawn = shifted_past((0.1, 0.6), (0.2, 0.6), (0.05, 0.55), (2e-5, 0.2))
    (entry,) = shift(look_at(past(SPACE, [*drawn, *again]), 3))
    assert entry.done == "nothing"  # 4 × 0.8 halved, and halved again in the worse half


def test_a_control_that_is_no_better_leaves_the_ranges_as_they_are() -> None:
    look = look_at(past(SPACE, shifted_past((0.1, 0.6), (0.2, 0.6), (0.05, 0.5), (2e-5, 0.7))), 2)
    (entry,) = widen(look)
    assert entry.done == "the ranges stay"


def test_few_draws_from_the_new_ranges_are_no_evidence_against_them() -> None:
    look = look_at(past(SPACE, shifted_past((0.1, 0.6), (2e-5, 0.2))), 2)
    (entry,) = widen(look)
    assert "not enough evidence" in entry.why


# ---- narrowing


def test_narrowing_says_what_it_saw_and_what_became_of_each_range() -> None:
    look = look_at(past(SPACE, rows(20)))
    (entry,) = narrow(look)
    low, high = span(ranges(look, [entry])["lr"])
    assert 1e-5 < low < 1e-3 < high < 1.0
    assert entry.seen == "the best 5 of 20 results at epoch 15"
    assert "lr [1e-05, 1] → [" in entry.done
    assert entry.data["before"]["lr"] == [1e-5, 1.0]


def test_what_matters_is_told_when_there_are_results_enough() -> None:
    def trial(i: int) -> Row:
        lr, units = 10 ** (-5 + 5 * i / 40), 16 + 12 * (i * 7 % 41)
        return Row(config(lr, 0.8 * (i * 17 % 41) / 41, units), {HALF: abs(i - 20) / 20})

    (told,) = narrow(look_at(past(SPACE, [trial(i) for i in range(41)])))
    assert told.why.startswith("of the differences lr ")
    (untold,) = narrow(look_at(past(SPACE, rows(8))))
    assert "cannot be told yet" in untold.why


def test_what_was_learned_on_few_classes_holds_for_learning_rates_only() -> None:
    few = Proxy(classes=4)
    trials = [Row(r.config, {12: r.losses[HALF]}, stage="coarse", proxy=few) for r in rows(20)]
    history = past(SPACE, trials)
    look = replace(look_at(history, 0), ranking=ranked_at(history, 12, few))
    assert look.plan.proxy == few
    (entry,) = narrow(look)
    assert set(entry.data["ranges"]) == {"lr"}


def test_five_results_are_not_enough_to_narrow() -> None:
    (entry,) = narrow(look_at(past(SPACE, rows(5))))
    assert entry.done == "nothing"
    assert "not enough evidence" in entry.why


def test_looks_come_at_eight_results_and_then_whenever_they_have_doubled() -> None:
    assert [due(n) for n in (0, 7, 8, 15, 16, 31, 32, 64)] == [0, 0, 1, 1, 2, 2, 3, 4]


# ---- findings about the study


def test_a_boundary_extends_the_range_at_most_twice_and_never_beyond_the_hard_limits() -> None:
    wanted = verdict("boundary", "raise high", "lr", 10.0)
    trials, seen = rows(8, lr=0.5), [wanted]
    look = look_at(past(SPACE, trials, seen))
    (first,) = answer(look)
    assert span(ranges(look, [first])["lr"]) == (1e-5, 10.0)
    trials[0] = Row(trials[0].config, trials[0].losses, note=first)
    again = look_at(past(SPACE, trials, [wanted, wanted]), 2)
    (second,) = answer(again)
    assert second.done == "nothing"
    assert "hard limits [1e-07, 10]" in second.why


def test_a_range_without_limits_is_hard() -> None:
    look = look_at(past(SPACE, rows(8), [verdict("boundary", "raise high", "dropout")]))
    (entry,) = answer(look)
    assert entry.done == "nothing"
    assert ranges(look, [entry]) == SPACE


def test_what_fails_is_cut_off_but_never_the_two_best() -> None:
    cut = verdict("infeasible", "lower high", "lr", 1.05e-3)
    look = look_at(past(SPACE, rows(8), [cut]))
    (entry,) = answer(look)
    assert entry.code == "cut"
    assert span(ranges(look, [entry])["lr"]) == pytest.approx((1e-5, 1.1e-3))


def test_what_is_flat_is_frozen_at_the_best_value_but_never_the_learning_rate() -> None:
    flat = [verdict("flat", "freeze", "units"), verdict("flat", "freeze", "lr")]
    look = look_at(past(SPACE, rows(8), flat))
    box = ranges(look, answer(look))
    assert box["units"].constant
    assert span(box["units"]) == (64, 64)
    assert span(box["lr"]) == (1e-5, 1.0)


def test_what_was_frozen_is_searched_again_once_another_range_goes_beyond_what_was_seen() -> None:
    seen = [verdict("flat", "freeze", "units"), verdict("boundary", "raise high", "lr", 10.0)]
    look = look_at(past(SPACE, rows(8, lr=0.5), seen))
    frozen, extended = answer(look)
    trials = rows(8, lr=0.5)
    trials[0] = Row(trials[0].config, trials[0].losses, note=frozen)
    assert list(reopen(look_at(past(SPACE, trials, seen), 2))) == []
    trials[1] = Row(trials[1].config, trials[1].losses, note=extended)
    look = look_at(past(SPACE, trials, seen), 2)
    (freed,) = reopen(look)
    assert span(ranges(look, [freed])["units"]) == (16, 512)
    trials[2] = Row(trials[2].config, trials[2].losses, note=freed)
    assert list(reopen(look_at(past(SPACE, trials, seen), 3))) == []


def test_a_finding_that_is_not_sure_moves_nothing_and_is_answered_once() -> None:
    doubtful = verdict("flat", "freeze", "units", sure=0.4)
    look = look_at(past(SPACE, rows(8), [doubtful]))
    (entry,) = answer(look)
    assert "not enough evidence: confidence 0.40" in entry.why
    trials = rows(8)
    trials[0] = Row(trials[0].config, trials[0].losses, note=entry)
    assert list(answer(look_at(past(SPACE, trials, [doubtful]), 2))) == []


def test_what_nothing_is_done_about_is_said_once_however_often_it_is_found() -> None:
    flat = verdict("flat", "freeze", "lr")
    (entry,) = answer(look_at(past(SPACE, rows(8), [flat])))
    assert entry.why.startswith("the learning rate is never frozen")
    trials = rows(8)
    trials[0] = Row(trials[0].config, trials[0].losses, note=entry)
    newer = verdict("flat", "freeze", "lr", sure=0.9)
    assert list(answer(look_at(past(SPACE, trials, [flat, newer]), 2))) == []


def test_a_choice_is_dropped_on_advice_unless_the_best_config_has_it() -> None:
    drops = [verdict("infeasible", "drop choice", "optimizer", v) for v in ("sgd", "adam")]
    look = look_at(past(SPACE, rows(8), drops[:1]))
    assert ranges(look, answer(look))["optimizer"] == Choice("adam")
    look = look_at(past(SPACE, rows(8), drops[1:]))
    assert [e.done for e in answer(look)] == ["nothing"]


# ---- proxies


def doubles(*losses: tuple[float, float]) -> list[Row]:
    return [
        Row(config(10 ** (-4 + i / 10)), {6: cheap, HALF: dear}, stage="coarse")
        for i, (cheap, dear) in enumerate(losses)
    ]


def test_a_proxy_that_ranks_configs_otherwise_is_dropped_and_what_it_said_is_taken_back() -> None:
    reversed_order = doubles(*[(2 + i / 10, 1.0 - i / 10) for i in range(10)])
    narrowed = Entry(
        "narrow", "coarse", "", "", "", {"look": 0, "trials": 3, "ranges": {"lr": [1e-4, 1e-3]}}
    )
    reversed_order[3] = Row(reversed_order[3].config, reversed_order[3].losses, note=narrowed)
    look = look_at(past(SPACE, reversed_order))
    written = lines(look, (check_proxy,))
    (broken,) = [e for e in written if e.data["rung"] == "epoch 6"]
    assert broken.data["verdict"] == "proxy_broken"
    assert "rank correlation -1.00" in broken.seen
    assert "decides nothing from now on" in broken.done
    assert span(ranges(look, written)["lr"]) == (1e-5, 1.0)


def test_a_proxy_that_ranks_configs_alike_is_trusted() -> None:
    look = look_at(past(SPACE, doubles(*[(i / 10, 0.5 + i / 10) for i in range(10)])))
    verdicts = {e.data["rung"]: e.data["verdict"] for e in check_proxy(look)}
    assert verdicts == {"epoch 6": "proxy_ok", "epoch 15": "proxy_unchecked"}


def test_a_proxy_with_seven_doubles_or_with_winners_only_is_not_judged() -> None:
    seven = doubles(*[(2 + i / 10, 1.0 - i / 10) for i in range(7)])
    cheap_only = [Row(config(0.5 + i / 100), {6: 9.0 + i}, stage="coarse") for i in range(20)]
    ten = doubles(*[(2 + i / 10, 1.0 - i / 10) for i in range(10)])
    for trials in (seven, [*ten, *cheap_only]):
        entry = next(iter(check_proxy(look_at(past(SPACE, trials)))))
        assert entry.data["verdict"] == "proxy_unchecked"
        assert "not enough evidence" in entry.why


def test_a_verdict_on_a_proxy_is_said_again_only_when_it_changes() -> None:
    alike = doubles(*[(i / 10, 0.5 + i / 10) for i in range(10)])
    first = list(check_proxy(look_at(past(SPACE, alike))))
    for i, entry in enumerate(first):
        alike[i] = Row(alike[i].config, alike[i].losses, note=entry)
    history = past(SPACE, alike)
    assert verdict_of(history, "epoch 6") == "proxy_ok"
    assert list(check_proxy(look_at(history, 2))) == []


def test_a_part_of_the_data_is_checked_with_the_configs_trained_on_all_of_it_too() -> None:
    part = Proxy(data_fraction=0.25)
    cheap = [
        Row(config(10 ** (-4 + i / 10)), {12: i / 10}, stage="coarse", proxy=part)
        for i in range(10)
    ]
    dear = [Row(r.config, {HALF: 1.0 - i / 10}) for i, r in enumerate(cheap)]
    entries = list(check_proxy(look_at(past(SPACE, [*cheap, *dear]))))
    (broken,) = [e for e in entries if e.data["rung"] == "epoch 12 on 25% of the data"]
    assert broken.data["verdict"] == "proxy_broken"
