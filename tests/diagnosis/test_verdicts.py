"""Each verdict on a curve that shows it, and on its healthy twin that does not."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.diagnosis.trials import SPACE, TASK, USUAL, codes, falling, healthy, said, study
from tests.zoo import spec

from danlu.core.codec import encode_number
from danlu.core.event import Finished, Learned, Reported, Started
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.spec import Objective
from danlu.core.task import UNKNOWN, Task
from danlu.diagnosis.curve import Curve
from danlu.diagnosis.verdicts import BENIGN, verdicts

NOISE = random.Random(1)


def flat(level: float, noise: float, n: int = 30) -> list[float]:
    return [level + NOISE.gauss(0.0, noise) for _ in range(n)]


AT_CHANCE = {
    "train_loss": flat(2.303, 0.001),
    "train_accuracy": flat(0.1, 0.004),
    "val_loss": flat(2.304, 0.001),
    "val_accuracy": flat(0.1, 0.004),
}
TURNED = [*falling(2.3, 0.5, 0.4, 12), *(0.52 + 0.05 * e for e in range(18))]
JUMPING = [2.3 if e % 2 else 1.2 for e in range(30)]
HALF = [0.5] * 30

FAULTY: dict[str, tuple[str, dict[str, list[float]]]] = {
    "a loss that blows up": (
        "diverged", healthy() | {"train_loss": [1.5 * 1.3**e for e in range(30)],
                                 "train_accuracy": HALF[:10] + [0.12] * 20},
    ),
    "nothing moves": ("not_learning", AT_CHANCE),
    "killed by the first steps": (
        "lr_too_high", AT_CHANCE | {"train_loss": [40.0, 9.0, *flat(2.31, 0.002, 28)]}
    ),
    "creeps": (
        "lr_too_low",
        AT_CHANCE | {"train_loss": [2.31 - 0.002 * e for e in range(30)],
                     "val_loss": [2.31 - 0.002 * e for e in range(30)]},
    ),
    "only the biases learn": (
        "not_learning", AT_CHANCE | {"val_loss": falling(2.38, 2.3026, 0.5)}
    ),
    "validation knows nothing": (
        "val_at_chance", healthy() | {"val_accuracy": flat(0.1, 0.005), "val_loss": [3.0] * 30}
    ),
    "one answer for all": (
        "collapse", healthy() | {"val_accuracy": [0.3] * 30, "val_top_share": [0.97] * 30}
    ),
    "up and down": (
        "lr_too_high", healthy() | {"train_loss": JUMPING, "train_accuracy": HALF}
    ),
    "large loss, good answers": (
        "lr_too_high", healthy() | {"train_loss": flat(40.0, 0.1)}
    ),
    "clipped all the time": ("lr_too_high", healthy() | {"clip_share": [0.9] * 30}),
    "validation beats training": (
        "train_handicapped", healthy() | {"train_accuracy": falling(0.1, 0.75)}
    ),
    "right but unsure": (
        "train_handicapped", healthy() | {"train_loss": falling(2.3, 0.7)}
    ),
    "turns up, with a gap": (
        "overfit",
        healthy() | {"val_loss": TURNED, "train_accuracy": falling(0.1, 1.0),
                     "val_accuracy": [*falling(0.1, 0.85, 0.4, 12), *falling(0.84, 0.8, 0.1, 18)]},
    ),
    "memorised": (
        "overfit",
        healthy() | {"val_loss": falling(2.3, 0.8), "train_loss": falling(2.3, 0.01),
                     "train_accuracy": falling(0.1, 1.0),
                     "val_accuracy": [*falling(0.1, 1.0, n=4), *[0.75] * 26]},
    ),
    "measured otherwise from the first epoch on": (
        "val_handicapped", healthy() | {"val_accuracy": falling(0.1, 0.6)}
    ),
    "training gets worse": (
        "lr_too_high",
        healthy() | {"train_loss": [*falling(2.3, 1.5, n=8), *(1.5 + 0.03 * e for e in range(22))],
                     "train_accuracy": HALF},
    ),
    "gradients that grow": (
        "lr_too_high",
        healthy() | {"grad_norm": [1.0] * 30, "grad_norm_max": [*[2.0] * 8, *[30.0] * 22]},
    ),
    "turns up, answers as good": ("overconfident", healthy() | {"val_loss": TURNED}),
    "softmax twice": (
        "loss_metric_mismatch", healthy() | {"train_loss": falling(2.3, 1.47)}
    ),
    "slow": (
        "lr_too_low", {"train_loss": falling(2.3, 0.05, 0.02), "val_loss": falling(2.3, 0.1, 0.02),
                       "train_accuracy": falling(0.1, 0.9, 0.02),
                       "val_accuracy": falling(0.1, 0.9, 0.02)},
    ),
    "worse than a linear model": (
        "underfit", {"train_loss": falling(2.3, 0.9), "val_loss": falling(2.3, 0.92),
                     "train_accuracy": falling(0.1, 0.7), "val_accuracy": falling(0.1, 0.7)},
    ),
    "late spikes": (
        "late_spikes",
        healthy() | {"train_loss": [v + (0.3 if e in (15, 23) else 0.0)
                                    for e, v in enumerate(healthy()["train_loss"])]},
    ),
    "a metric that jumps": ("noisy_val", healthy() | {"val_accuracy": flat(0.8, 0.05)}),
    "unfinished": ("still_improving", healthy(n=8, rate=0.2)),
    "level": (
        "plateau", healthy() | {"train_loss": [2.0, 1.0, 0.5, *[0.1] * 27],
                                "val_accuracy": [0.3, 0.6, 0.9, *[0.95] * 27],
                                "val_loss": [2.0, 1.0, 0.5, *[0.15] * 27]},
    ),
    "done early": (
        "saturated_early",
        healthy(rate=2.0) | {"val_accuracy": [0.8, 0.9, 0.96, 0.96, *[0.95] * 26]},
    ),
}  # fmt: skip
KNOWN = replace(TASK, linear_metric=0.9)


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_named_by_its_curves(name: str) -> None:
    code, curves = FAULTY[name]
    found = {f.code: f for f in said(curves, KNOWN)}
    assert code in found
    assert 0.0 < found[code].confidence <= 1.0
    assert found[code].message.endswith(".")
    assert found[code].evidence


@pytest.mark.parametrize("rate", [0.15, 0.3, 0.6])
def test_a_healthy_training_is_given_no_fault(rate: float) -> None:
    for n in (5, 8, 12, 20, 30, 60):
        found = codes(healthy(n, rate), KNOWN)
        # At first nobody can tell a slow start from a slow training.
        assert set(found) <= BENIGN | {"lr_too_low", "underfit"}, (n, found)
        if n >= 30:
            assert set(found) <= BENIGN


def test_noise_of_a_real_training_is_no_fault() -> None:
    rng = random.Random(3)
    noisy = {
        name: [v + rng.gauss(0.0, 0.005 if "acc" in name else 0.004) for v in values]
        for name, values in healthy(40).items()
    }
    assert set(codes(noisy, KNOWN)) <= BENIGN


def test_the_loss_before_the_first_step_tells_a_wrong_scale() -> None:
    (first, *_) = said(healthy() | {"initial_loss": [300.0]}, KNOWN)
    assert (first.code, first.advice[0].amount) == ("bad_scale", "inputs")
    assert "bad_scale" not in codes(healthy() | {"initial_loss": [2.4]}, KNOWN)


def test_uneven_classes_are_no_wrong_scale() -> None:
    priors = (0.99, 0.01)
    task = replace(TASK, classes=2, priors=priors, baseline_loss=0.056, baseline_metric=0.99)
    assert "bad_scale" not in codes(
        {"train_loss": falling(0.7, 0.05), "initial_loss": [0.7]}, task
    )


def test_causes_come_before_symptoms() -> None:
    assert codes(AT_CHANCE | {"val_top_share": [1.0] * 30}) == ["not_learning"]
    killed = FAULTY["up and down"][1] | {"val_loss": TURNED}
    assert codes(killed, KNOWN)[0] == "lr_too_high"


def test_a_trial_with_five_epochs_is_less_sure_than_one_with_ten() -> None:
    short, long = (said({k: v[:n] for k, v in AT_CHANCE.items()}) for n in (5, 10))
    assert short[0].confidence == pytest.approx(long[0].confidence / 2, abs=1e-3)
    assert codes({k: v[:4] for k, v in AT_CHANCE.items()}) == ["unclear"]


def test_an_error_rate_in_percent_is_read_as_a_share() -> None:
    curves = healthy()
    rates = {k.replace("accuracy", "error"): [100 * (1 - x) for x in v]
             for k, v in curves.items() if "acc" in k}  # fmt: skip
    losses = {k: v for k, v in curves.items() if "loss" in k}
    task = replace(TASK, baseline_metric=0.9)
    assert codes(losses | rates, task, metric="min val_error") == codes(curves)
    stuck = {k: [90.0] * 30 for k in rates}
    assert codes(stuck, task, metric="min val_error")[0] == "not_learning"


def test_the_steps_are_not_blamed_once_the_learning_rate_has_decayed() -> None:
    rough = [2.3, 1.2] * 8 + falling(1.2, 0.1, 0.3, 14)
    curves = healthy() | {"train_loss": rough}
    assert "lr_too_high" in codes(curves, KNOWN)
    assert "lr_too_high" not in codes(curves | {"lr": falling(0.1, 0.001)}, KNOWN)


def test_running_averages_with_dropout_are_given_more_noise() -> None:
    jumping = [x + (0.25 if e % 2 else 0.0) for e, x in enumerate(falling(2.3, 0.2, 0.15))]
    curves = healthy() | {"train_loss": jumping}
    blind = replace(KNOWN, eval_mode_train=False)
    config = USUAL | {"dropout": 0.8}
    assert "lr_too_high" in codes(curves, KNOWN, config=config)
    assert "lr_too_high" not in codes(curves, blind, config=config)


def test_a_rise_that_does_not_matter_is_no_overfitting() -> None:
    tiny = [*falling(2.3, 0.02, 0.8, 12), *(0.02 + 0.001 * e for e in range(18))]
    assert not {"overfit", "overconfident"} & set(codes(healthy(rate=1.0) | {"val_loss": tiny}))


def test_losses_that_never_change_are_no_plateau() -> None:
    still = {"train_loss": [0.7] * 10, "val_loss": [0.71] * 10}
    assert codes(still)[0] == "not_learning"
    assert "plateau" not in codes(still)
    assert "not_learning" not in codes(still | {"val_loss": [*[0.71] * 9, 0.7]})
    assert "not_learning" not in codes({"train_loss": [0.0] * 10})  # nothing is left to learn


def test_a_rise_of_validation_alone_is_told_but_not_explained() -> None:
    rise = {"val_loss": [0.5 + 0.03 * abs(e - 8) for e in range(30)]}
    assert codes(rise) == ["unclear"]
    assert "good" in codes({"val_loss": falling(2.3, 0.5)})


def test_gaps_in_a_curve_are_no_noise() -> None:
    values = falling(2.3, 0.1, 0.15)
    kept = (0, 1, 4, 8, 9, 10, 16, 17, 18, 19, 20)
    whole = Curve(tuple(range(1, 22)), tuple(values[:21])).noise
    gaps = Curve(tuple(e + 1 for e in kept), tuple(values[e] for e in kept)).noise
    assert whole is not None
    assert gaps is not None
    assert gaps < 2.0 * whole
    assert Curve((1, 2, 4, 8, 16, 32), (1.0,) * 6).noise is None


def test_where_decay_alone_makes_weights_grow_it_is_blamed_for_the_breakdown() -> None:
    broken = {"train_loss": [2.3, math.inf], "val_loss": [2.3, math.inf]}
    first = said(broken, config=USUAL | {"lr": 2.0, "weight_decay": 6.0})[0]
    assert first.code == "not_finite"
    assert first.advice[1].parameter == "weight decay"
    assert "decay alone" in first.message
    usual = said(broken, config=USUAL | {"lr": 2.0, "weight_decay": 0.01})[0]
    assert usual.advice[1].parameter == "lr"
    assert "Try a learning rate" in usual.message


def test_training_learned_by_heart_is_overfitting_though_answers_still_get_better() -> None:
    by_heart = {
        "train_loss": falling(2.3, 0.02, 0.4), "train_accuracy": falling(0.1, 1.0, 0.4),
        "val_loss": TURNED, "val_accuracy": [0.4, 0.5, *(0.5 + 0.006 * e for e in range(28))],
    }  # fmt: skip
    assert "overfit" in codes(healthy() | by_heart)
    assert "overconfident" not in codes(healthy() | by_heart)


def test_a_weaker_trial_underfits_beside_a_better_one() -> None:
    weak = healthy() | {"train_accuracy": falling(0.1, 0.8), "val_accuracy": falling(0.1, 0.8)}
    history = study(weak)
    assert "underfit" not in [f.code for f in verdicts(history, history.trials[1])]
    history = history.after(Started(0.0, 2, USUAL, 30, 0))
    for e in range(30):
        metrics = {name: values[e] for name, values in healthy().items()}
        history = history.after(Reported(0.0, 2, e + 1, metrics))
    assert "underfit" in [f.code for f in verdicts(history, history.trials[1])]
    assert {f.code for f in verdicts(history, history.trials[2])} <= BENIGN


def test_strong_regularisation_is_the_first_thing_to_let_go() -> None:
    weak = FAULTY["worse than a linear model"][1]
    first = {f.code: f.advice[0] for f in said(weak, KNOWN, config=USUAL | {"dropout": 0.6})}
    assert first["underfit"].parameter == "dropout"
    stuck = said(AT_CHANCE, config=USUAL | {"weight_decay": 1.0})[0]
    assert (stuck.advice[0].action, stuck.advice[0].parameter) == ("set", "weight decay")


def test_dropout_that_leaves_nothing_is_blamed_where_training_does_not_fit() -> None:
    config = USUAL | {"dropout": 0.95}
    for curves in (AT_CHANCE, FAULTY["worse than a linear model"][1]):
        assert "train_handicapped" in codes(curves, KNOWN, config=config)
    assert "train_handicapped" not in codes(healthy(), KNOWN, config=config)


def test_the_less_was_learnt_the_more_the_learning_rate_is_raised() -> None:
    crept = next(f for f in said(FAULTY["creeps"][1]) if f.code == "lr_too_low")
    slow = next(f for f in said(FAULTY["slow"][1]) if f.code == "lr_too_low")
    amounts = [f.advice[0].amount for f in (crept, slow)]
    assert amounts == [100.0, 10.0]


def test_two_causes_that_ask_for_opposite_moves_are_left_open() -> None:
    # Validation beats training (less dropout), and turns up for good (more of it).
    curves = healthy() | {
        "train_accuracy": falling(0.1, 0.6), "clip_share": [0.9] * 30,
        "val_loss": FAULTY["slow"][1]["val_loss"], "train_loss": FAULTY["slow"][1]["train_loss"],
    }  # fmt: skip
    found = codes(curves, replace(KNOWN, eval_mode_train=False))
    assert ("unclear" in found) == (found[0] == "unclear")


# ---- whatever is missing or mad

NAMES = st.sampled_from(
    ["train_loss", "loss", "val_loss", "train_acc", "val_acc", "val_error", "lr", "clip_share",
     "val_top_share", "val_entropy", "initial_loss", "grad_norm"]
)  # fmt: skip
REPORTS = st.dictionaries(
    st.integers(1, 60), st.dictionaries(NAMES, st.floats(), max_size=6), max_size=40
)
TASKS = st.builds(
    Task, kind=st.sampled_from([None, "classification", "regression"]),
    n_train=st.none() | st.integers(0, 10**6), n_val=st.none() | st.integers(0, 1000),
    classes=st.none() | st.integers(0, 100), priors=st.none() | st.just((0.99, 0.01)),
    baseline_loss=st.none() | st.floats(), baseline_metric=st.none() | st.floats(),
    linear_metric=st.none() | st.floats(), initial_loss=st.none() | st.floats(),
    eval_mode_train=st.none() | st.booleans(),
)  # fmt: skip
OBJECTIVES = st.sampled_from(["max val_acc", "min val_loss", "min loss", "min val_error"])


def history_of(reports: dict[int, dict[str, float]], task: Task, objective: str) -> History:
    given = spec(SPACE, objective=Objective.parse(objective))
    history = empty(given, [Learned(0.0, task), Started(0.0, 1, USUAL, 60, 0)])
    return history.after(*(Reported(0.0, 1, e, m) for e, m in reports.items()), Finished(0.0, 1))


def sound(found: list[Finding]) -> bool:
    """Whether all of it can be told and stored."""
    numbers = [v for f in found for v in f.evidence.values() if isinstance(v, float)]
    return all(0 <= f.confidence <= 1 and f.message for f in found) and all(
        encode_number(v) == v for v in numbers
    )


@given(REPORTS, TASKS, OBJECTIVES)
def test_gaps_and_mad_numbers_never_raise(
    reports: dict[int, dict[str, float]], task: Task, objective: str
) -> None:
    history = history_of(reports, task, objective)
    assert sound(verdicts(history, history.trials[1]))


@given(
    st.lists(st.floats(-1e308, 1e308), max_size=40),
    st.sampled_from(["train_loss", "val_loss", "val_acc"]),
    TASKS,
)
def test_one_curve_alone_never_raises(values: list[float], name: str, task: Task) -> None:
    history = history_of({e + 1: {name: v} for e, v in enumerate(values)}, task, "min val_loss")
    assert sound(verdicts(history, history.trials[1]))


@given(st.sampled_from(sorted(FAULTY)), st.integers(-10, 10))
def test_the_unit_of_the_loss_changes_no_verdict(name: str, power: int) -> None:
    factor, (_, curves) = 2.0**power, FAULTY[name]
    scaled = {k: [v * factor for v in vs] if "loss" in k else vs for k, vs in curves.items()}
    # Facts of cross-entropy have a unit: here the loss is an error of regression.
    task = Task(kind="regression", n_val=1000, baseline_loss=2.3, initial_loss=2.4)
    other = replace(task, baseline_loss=2.3 * factor, initial_loss=2.4 * factor)
    assert codes(scaled, other) == codes(curves, task)


@pytest.mark.parametrize("name", FAULTY)
def test_nothing_known_of_the_task_is_enough_for_silence_or_a_verdict(name: str) -> None:
    found = codes(FAULTY[name][1], UNKNOWN)
    assert found
    assert "not_learning" not in found  # nobody knows what chance is


def test_a_slow_training_is_seen_though_nothing_is_known_of_the_task() -> None:
    assert "lr_too_low" in codes(FAULTY["slow"][1], UNKNOWN)
    assert "lr_too_low" not in codes(healthy(), UNKNOWN)


def test_no_report_gives_no_verdict_and_nan_one() -> None:
    history = empty(spec(), [Started(0.0, 1, {}, 9, 0)])
    assert verdicts(history, history.trials[1]) == []
    history = history.after(Reported(0.0, 1, 1, {"val_loss": math.nan}))
    assert [f.code for f in verdicts(history, history.trials[1])] == ["not_finite"]


def test_uneven_classes_explain_one_answer_for_all_before_overfitting_does() -> None:
    uneven = replace(KNOWN, priors=(0.92, *[0.08 / 9] * 9), baseline_metric=0.92)
    curves = FAULTY["turns up, with a gap"][1] | {"val_top_share": [0.97] * 30}
    assert codes(curves, uneven)[0] == "collapse"
    assert "overfit" not in codes(curves, uneven)


def test_a_gap_of_few_samples_says_nothing_of_how_they_are_measured() -> None:
    curves = healthy() | {"val_accuracy": falling(0.1, 0.7)}
    few = replace(KNOWN, n_train=40, n_val=40)
    unknown = replace(KNOWN, n_train=None)
    for task in (few, unknown):
        assert "val_handicapped" not in codes(curves, task)
    assert "val_handicapped" in codes(curves, KNOWN)


def test_validation_that_jumps_where_training_does_not_is_noisy() -> None:
    rng = random.Random(2)
    smooth = healthy()
    jumps = [v + 1.5 + rng.gauss(0.0, 0.08) for v in smooth["val_loss"]]
    rough = [v + 1.5 + rng.gauss(0.0, 0.08) for v in smooth["train_loss"]]
    alone = said(smooth | {"val_loss": jumps})
    (noisy,) = (f for f in alone if f.code == "noisy_val")
    assert noisy.evidence["rule"] == "apart", noisy.message
    assert "evaluation mode" in noisy.message
    assert "noisy_val" not in codes(smooth | {"val_loss": jumps, "train_loss": rough})
    averages = replace(TASK, eval_mode_train=None)  # with dropout on they are smoother by nature
    assert "noisy_val" not in codes(smooth | {"val_loss": jumps}, averages)
