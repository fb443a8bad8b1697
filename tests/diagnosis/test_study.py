import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.diagnosis.studies import SPACE, configs, falling, optimum, spec, study

from danlu.core.decision import Proxy
from danlu.core.event import Began, Diagnosed, Event, Observed, Paused, Reported, Started
from danlu.core.finding import Finding, settled, standing
from danlu.core.history import History, empty
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective
from danlu.core.task import Task
from danlu.diagnosis.exhaustion import conditions
from danlu.diagnosis.ranges import fisher
from danlu.diagnosis.study import study_findings, study_news
from danlu.diagnosis.survey import Survey
from danlu.language import in_language
from danlu.noise import jumps, noise_of


def found(history: History, code: str) -> list[Finding]:
    return [f for f in study_findings(history) if f.code == code]


def tuned(count: int = 30, seed: int = 0, **best: float) -> History:
    """A study whose loss has its optimum at a place of the unit cube."""
    return study([(c, falling(optimum(c, **best))) for c in configs(count, seed)])


# ---- ranges


def test_a_best_at_the_end_of_its_range_asks_for_a_wider_one() -> None:
    (finding,) = found(tuned(lr=1.2), "boundary")
    assert finding.evidence["parameter"] == "lr"
    assert finding.evidence["side"] == "high"
    (advice,) = finding.advice
    assert (advice.action, advice.parameter, advice.amount) == ("raise high", "lr", 1.0)


def test_a_best_inside_its_range_asks_for_nothing() -> None:
    assert not found(tuned(lr=0.5, dropout=0.4), "boundary")


def test_a_range_is_extended_to_its_hard_limit_and_no_further() -> None:
    space = SPACE.replaced({"lr": Float(1e-4, 1e-1, log=True, limits=(1e-6, 0.3))})
    history = study([(c, falling(optimum(c, lr=1.2))) for c in configs(30)], spec(space))
    assert found(history, "boundary")[0].advice[0].amount == 0.3
    at_limit = SPACE.replaced({"lr": Float(1e-4, 1e-1, log=True, limits=(1e-6, 1e-1))})
    assert not found(replace(history, spec=spec(at_limit)), "boundary")


def test_a_hard_range_is_for_a_person_to_widen() -> None:
    space = SPACE.replaced({"lr": Float(1e-4, 1e-1, log=True)})
    history = study([(c, falling(optimum(c, lr=1.2))) for c in configs(30)], spec(space))
    (finding,) = found(history, "boundary")
    assert finding.severity == "info"
    assert finding.advice[0].action == "check"


@pytest.mark.parametrize(("least", "told"), [(1e-6, False), (1e-3, True)])
def test_a_weight_decay_that_does_as_good_as_nothing_is_no_boundary(
    least: float, told: bool
) -> None:
    """Where the range ends far above that, less of it may well be better."""
    space = Space(weight_decay=Float(least, 0.1, log=True, limits=(1e-9, 1.0)))
    trials = [
        (c, falling(0.2 + space.to_unit(c)["weight_decay"])) for c in configs(60, space=space)
    ]
    assert bool(found(study(trials, spec(space)), "boundary")) is told


def test_a_best_that_lies_at_the_low_end_for_its_linear_scale_alone_is_no_boundary() -> None:
    space = Space(lr=Float(1e-3, 1e4, limits=(1e-6, 1e5)))
    trials = [(c, falling(0.2 + space.to_unit(c)["lr"])) for c in configs(60, space=space)]
    assert not found(study(trials, spec(space)), "boundary")


def test_no_dropout_at_all_is_no_boundary() -> None:
    assert not found(tuned(dropout=-0.3), "boundary")


def test_one_lucky_trial_at_the_end_is_no_boundary() -> None:
    chosen = [c for c in configs(60) if SPACE.to_unit(c)["lr"] < 0.8][:30]
    edge = {**chosen[0], "lr": 0.1}
    curves = [(c, falling(optimum(c, lr=0.5))) for c in chosen]
    assert not found(study([*curves, (edge, falling(0.1))]), "boundary")


def test_learning_rates_that_all_diverge_just_above_the_best_are_no_boundary() -> None:
    trials = [
        (c, None if SPACE.to_unit(c)["lr"] > 0.93 else falling(optimum(c, lr=1.0)))
        for c in [*configs(40), *({**c, "lr": 0.08 + 0.005 * i} for i, c in enumerate(configs(3)))]
    ]
    history = study(trials)
    (finding,) = found(history, "stability_limited")
    assert finding.evidence["parameter"] == "lr"
    assert "warm-up" in finding.message
    assert not found(history, "boundary")


def test_a_region_that_fails_is_cut_with_room_beside_the_best() -> None:
    trials = [
        (c, None if c["dropout"] > 0.6 else falling(optimum(c, dropout=0.3))) for c in configs(40)
    ]
    (finding,) = found(study(trials), "infeasible")
    (advice,) = finding.advice
    assert (advice.action, advice.parameter) == ("lower high", "dropout")
    best = study(trials).best
    assert best is not None
    assert isinstance(advice.amount, float)
    assert float(best.config["dropout"]) + 0.07 < advice.amount < 0.65  # type: ignore[arg-type]


@pytest.mark.parametrize("takes", [None, True])
def test_shares_of_the_data_that_training_never_reads_are_told(takes: bool | None) -> None:
    kept = spec(SPACE, epochs=3)
    events: list[Event] = [Began(0.0)]
    for n, config in enumerate(configs(3), 1):
        events += [Started(0.0, n, config, 1, n, Proxy(0.3)), Reported(0.0, n, 1, {"val_loss": 1})]
    assert not found(empty(kept, events), "shares_unread")  # it may read it yet
    events += [Paused(0.0, 1), Paused(0.0, 2)]
    events += [Observed(0.0, 1, "data_fraction")] if takes else []
    told = found(empty(kept, events), "shares_unread")
    assert [f.evidence["trials"] for f in told] == ([] if takes else [[1, 2]])


def test_failures_all_over_the_space_cut_nothing() -> None:
    rng = random.Random(3)
    trials = [(c, None if rng.random() < 0.3 else falling(optimum(c))) for c in configs(40)]
    assert not found(study(trials), "infeasible")


def test_fishers_test_agrees_with_a_count_by_hand() -> None:
    # 4 of 4 beyond, 4 of 8 in all: one of the 70 ways to choose 4 of 8.
    assert fisher(4, 4, 4, 8) == pytest.approx(1 / 70)


# ---- parameters


def test_a_parameter_without_effect_is_frozen_where_it_is() -> None:
    trials = [(c, falling(optimum(c, lr=0.5), 0.03)) for c in configs(60)]
    history = study(trials)
    names = [f.evidence["parameter"] for f in found(history, "flat")]
    assert set(names) == {"dropout", "units"}
    (advice,) = found(history, "flat")[0].advice
    assert advice.action == "freeze"
    assert history.best is not None
    assert advice.amount == history.best.config[str(advice.parameter)]


def test_a_small_effect_above_the_noise_is_not_called_flat() -> None:
    trials = [(c, falling(optimum(c, lr=0.5) + 0.06 * c["dropout"], 0.001)) for c in configs(60)]
    assert "dropout" not in [f.evidence["parameter"] for f in found(study(trials), "flat")]


def test_parameters_that_make_up_for_each_other_are_redundant() -> None:
    def loss(config: Mapping[str, Any]) -> float:
        place = SPACE.to_unit(config)
        return 0.2 + abs(place["lr"] + place["dropout"] - 1.0)

    trials = [(c, falling(loss(c), 0.001)) for c in configs(80)]
    (finding,) = found(study(trials), "redundant")
    assert {finding.evidence["parameter"], finding.evidence["other"]} == {"lr", "dropout"}
    assert "against each other" in finding.message


# ---- leaders


def test_leaders_that_overfit_are_told_before_they_are_compared() -> None:
    history = tuned(lr=0.5)
    leaders = [t.number for t in history.ranked[:3]]
    carried = study(
        [(t.config, [v for _, v in t.curve("val_loss")]) for t in history.trials.values()],
        findings={leaders[0]: ["overfit"], leaders[2]: ["overfit"]},
    )
    (finding,) = found(carried, "best_problem")
    assert finding.evidence["problem"] == "overfit"
    assert finding.evidence["trials"] == [leaders[0], leaders[2]]


def test_a_best_far_above_its_neighbours_may_be_luck() -> None:
    centre = {"lr": 1e-2, "dropout": 0.4, "units": 90}
    near = [{**centre, "dropout": 0.4 + 0.01 * i} for i in range(1, 6)]
    others = [(c, falling(0.6)) for c in configs(20)]
    lucky = study([(centre, falling(0.2)), *((c, falling(0.4)) for c in near), *others])
    assert found(lucky, "fragile_best")[0].evidence["trial"] == 1
    sound = study([(centre, falling(0.2)), *((c, falling(0.201)) for c in near), *others])
    assert not found(sound, "fragile_best")


def repeated(spread: float, count: int = 24) -> History:
    """A study of configs two apart in a hundred, the best of which was trained often."""
    rng = random.Random(1)
    chosen = configs(count)
    trials = [(c, falling(0.2 + 0.02 * i, 0.0)) for i, c in enumerate(chosen)]
    again = [(chosen[0], falling(0.2 + rng.gauss(0.0, spread), 0.0)) for _ in range(8)]
    return study([*trials, *again])


def test_seeds_that_differ_more_than_configs_end_the_comparison() -> None:
    (finding,) = found(repeated(0.08), "seed_noise")
    assert finding.evidence["freedom"] == 8
    assert "seeds" in [a.parameter for a in finding.advice]
    assert not found(repeated(0.005), "seed_noise")


def test_most_good_trials_still_improving_ask_for_more_epochs() -> None:
    trials = [(c, falling(0.2 + 0.0001 * i, 0.01)) for i, c in enumerate(configs(12))]
    improving = {n: ["still_improving"] for n in range(1, 10)}
    (finding,) = found(study(trials, findings=improving), "budget_bound")
    assert finding.advice[0].parameter == "epochs"
    assert not found(study(trials, findings={1: ["still_improving"]}), "budget_bound")


def test_good_configs_all_over_a_range_make_it_free() -> None:
    trials = [(c, falling(optimum(c, lr=0.5), 0.03)) for c in configs(60)]
    freed = {f.evidence["parameter"] for f in found(study(trials), "duplicate_winners")}
    assert "dropout" in freed
    assert "lr" not in freed


# ---- noise


def test_the_noise_of_a_curve_does_not_see_its_trend() -> None:
    rng = random.Random(0)
    clean = [2.0 - 0.1 * e for e in range(40)]
    noisy = [v + rng.gauss(0.0, 0.05) for v in clean]
    assert jumps(clean) == pytest.approx(0.0, abs=1e-12)
    assert jumps(noisy) == pytest.approx(0.05, rel=0.5)
    assert jumps([1.0, 2.0, math.nan, 3.0]) is None


def test_repeats_tell_the_noise_once_there_are_enough() -> None:
    history = repeated(0.05)
    noise = noise_of(history, [c.trials for c in Survey(history).tried])
    assert noise.freedom == 8
    assert noise.sd == pytest.approx(0.05, rel=0.6)


def test_few_validation_samples_are_noise_without_any_repeat() -> None:
    accuracy = spec(objective=Objective("val_accuracy", "max"))
    history = study([(configs(1)[0], [0.8])], accuracy, Task("classification", n_val=100))
    assert Survey(history).noise.sd == pytest.approx(0.04)


# ---- the end of a search


def test_a_budget_that_ends_first_says_what_is_missing() -> None:
    history = study(
        [(c, falling(optimum(c, lr=0.5))) for c in configs(12)], spec(budget=Budget(trials=12))
    )
    history = replace(history, spec=spec(budget=Budget(trainings=12.0)))
    (finding,) = found(history, "budget_ended")
    assert len(finding.evidence["missing"]) + len(finding.evidence["holds"]) == 6
    assert "no more progress" in " ".join(finding.evidence["missing"])
    told = in_language(finding.message, "zh")
    assert re.search(r"[a-z]+ [a-z]+ [a-z]+", told) is None, "each part is told in the language"


def test_a_search_that_tried_all_around_its_best_is_exhausted() -> None:
    space = Space(lr=Float(1e-4, 1e-1, log=True, limits=(1e-6, 10.0)), layers=Int(1, 9))
    rng = random.Random(0)
    chosen: list[dict[str, Any]] = [
        space.from_unit({n: rng.random() for n in space}) for _ in range(30)
    ]
    centre: dict[str, Any] = {"lr": 3.2e-3, "layers": 5}
    near = [{**centre, "lr": 3.2e-3 * 1.05**i} for i in range(-9, 10) if i]
    near += [{**centre, "layers": n, "lr": 3.2e-3 * f} for n in (4, 6) for f in (0.9, 1.0, 1.1)]

    def loss(config: dict[str, Any]) -> float:
        place = space.to_unit(config)
        return 0.2 + 0.3 * (place["lr"] - 0.5) ** 2 + 0.05 * (place["layers"] - 0.5) ** 2

    history = study(
        [(c, falling(loss(c), 0.01, seed=i)) for i, c in enumerate([*chosen, centre, *near])],
        spec(space, budget=Budget(trainings=500.0)),
    )
    assert [c.said for c in conditions(Survey(history)) if not c.holds] == []
    assert found(history, "space_limited")
    early = study([(t.config, [v for _, v in t.curve("val_loss")])
                   for t in list(history.trials.values())[:19]], history.spec)  # fmt: skip
    assert not found(early, "space_limited")


# ---- what is recorded


def after(history: History, findings: Sequence[Finding]) -> History:
    return history.after(*(Diagnosed(99.0, None, f) for f in findings))


def test_a_finding_is_recorded_once_and_settled_when_it_holds_no_longer() -> None:
    narrow = tuned(lr=1.2)
    news = study_news(narrow)
    assert "boundary" in [f.code for f in news]
    assert study_news(after(narrow, news)) == []
    wide = after(tuned(lr=0.5), [f for f in news if f.code == "boundary"])
    (told,) = [f for f in study_news(wide) if f.code == "boundary"]
    assert "No longer so" in told.message
    assert "boundary" not in [f.code for f in standing(after(wide, [told]).findings)]


def test_the_last_finding_on_a_matter_stands() -> None:
    old, new = (
        Finding("boundary", "info", 1.0, text, {"parameter": "lr", "side": "high"})
        for text in ("old", "new")
    )
    other = Finding("boundary", "info", 1.0, "other", {"parameter": "lr", "side": "low"})
    assert standing([old, other, new]) == [other, new]
    assert standing([old, other, new, settled(new)]) == [other]


def test_what_pre_flight_found_is_not_settled_by_the_study() -> None:
    history = after(tuned(lr=0.5), [Finding("D05", "warning", 1.0, "copies")])
    assert "D05" not in [f.code for f in study_news(history)]


def test_trials_on_proxies_are_judged_until_the_real_task_has_enough() -> None:
    trials = [(c, falling(optimum(c, lr=1.2))) for c in configs(30)]
    assert found(study(trials, proxy=Proxy(0.25)), "boundary")


def test_an_empty_study_is_silent() -> None:
    assert study_findings(empty(spec())) == []
