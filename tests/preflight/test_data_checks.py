"""Each check of the data: a faulty example that it names, and healthy data that it passes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.preflight.problems import CLASSES, COLUMNS, HEALTHY, blobs, found, problem, severities

from danlu.preflight import baselines, inputs, leaks, targets
from danlu.preflight.examine import DATA_LAYERS, model_layers
from danlu.preflight.findings import Check
from danlu.preflight.problem import Problem

pytestmark = pytest.mark.torch
RNG = np.random.default_rng(1)
B = blobs()
X, Y = B["x_train"], B["y_train"]


def with_nan(x: Any, rows: int) -> Any:
    spoiled = x.copy()
    spoiled[:rows, 3] = np.nan
    return spoiled


def labels(y: Any, **changed: int) -> Any:
    return np.where(y == changed["old"], changed["new"], y)


def rare(n: int) -> dict[str, Any]:
    """Class 3 with n training samples."""
    kept = np.concatenate([np.flatnonzero(Y != 3), np.flatnonzero(Y == 3)[:n]])
    return {"x_train": X[kept], "y_train": Y[kept]}


def sorted_by_class() -> dict[str, Any]:
    order = np.argsort(Y, kind="stable")
    return {"x_train": X[order], "y_train": Y[order], "shuffle": False}


def batches_of_one_class() -> Any:
    order = np.argsort(Y, kind="stable")
    return [(X[order[i : i + 32]], Y[order[i : i + 32]]) for i in range(0, 320, 32)]


def noisy_labels() -> Any:
    wrong = RNG.random(len(Y)) < 0.4
    return np.where(wrong, RNG.integers(0, CLASSES, len(Y)), Y)


TOKENS = RNG.integers(2, 50, (400, 20))
FAULTS: list[tuple[str, Check, Problem, str]] = [
    ("NaN in x", inputs.finite, problem(x_train=with_nan(X, 40)), "error"),
    ("NaN in y", inputs.finite, problem(y_val=np.full(120, np.nan), kind="classification"),
     "error"),
    ("a negative class", targets.label_range, problem(y_train=labels(Y, old=0, new=-1)), "error"),
    ("a class only in validation", targets.label_range,
     problem(y_val=labels(B["y_val"], old=0, new=7)), "error"),
    ("a gap in the classes", targets.label_range,
     problem(y_train=labels(Y, old=1, new=5), y_val=labels(B["y_val"], old=1, new=5)), "error"),
    ("one class", targets.label_range, problem(y_train=np.zeros(400, int)), "error"),
    ("a class missing in validation", targets.label_range,
     problem(y_val=labels(B["y_val"], old=0, new=1)), "warning"),
    ("a single sample of a class", targets.samples_per_class, problem(**rare(1)), "error"),
    ("few samples of a class", targets.samples_per_class, problem(**rare(6)), "warning"),
    ("imbalance", targets.imbalance, problem(**rare(5)), "warning"),
    ("validation from training", leaks.shared_rows, problem(x_val=X[:120], y_val=Y[:120]),
     "error"),
    ("some shared rows", leaks.shared_rows,
     problem(x_val=np.vstack([X[:3], B["x_val"][3:]])), "warning"),
    ("conflicting labels", leaks.shared_rows,
     problem(x_train=np.vstack([X, X[:40]]), y_train=np.append(Y, (Y[:40] + 1) % 4)), "warning"),
    ("nearly equal rows", leaks.shared_rows,
     problem(x_val=X[:120] + 1e-5, y_val=Y[:120]), "warning"),
    ("a group on both sides", leaks.groups_and_times,
     problem(groups_train=np.arange(400), groups_val=np.arange(120)), "error"),
    ("validation before training", leaks.groups_and_times,
     problem(times_train=np.arange(400), times_val=np.arange(120)), "error"),
    ("the label among the inputs", leaks.giveaway,
     problem(x_train=np.column_stack([X, Y]), x_val=np.column_stack([B["x_val"], B["y_val"]])),
     "warning"),
    ("constant columns", inputs.constant_columns,
     problem(x_train=np.hstack([X, np.full((400, 6), 3.0)]),
             x_val=np.hstack([B["x_val"], np.full((120, 6), 3.0)])), "warning"),
    ("large inputs", inputs.scale, problem(x_train=X * 1000, x_val=B["x_val"] * 1000), "warning"),
    ("pixels up to 255", inputs.scale,
     problem(x_train=RNG.integers(0, 255, (400, 8, 8)), x_val=RNG.integers(0, 255, (120, 8, 8))),
     "warning"),
    ("sorted and not shuffled", targets.order, problem(**sorted_by_class()), "error"),
    ("batches of one class", targets.batch_balance, problem(loader=batches_of_one_class),
     "warning"),
    ("other shares in validation", leaks.shift,
     problem(y_val=np.where(np.arange(120) < 100, 0, B["y_val"])), "warning"),
    ("validation from elsewhere", leaks.shift, problem(x_val=B["x_val"] + 3.0), "error"),
    ("a small validation set", targets.validation_size,
     problem(x_val=B["x_val"][:20], y_val=B["y_val"][:20]), "warning"),
    ("40 % of the labels wrong", leaks.label_noise, problem(y_train=noisy_labels()), "warning"),
    ("shuffled labels", leaks.label_noise, problem(y_train=RNG.permutation(Y)), "warning"),
    ("many unknown tokens", inputs.sequences,
     problem(x_train=np.where(TOKENS < 20, 1, TOKENS), x_val=TOKENS[:120], padding=0, unknown=1),
     "warning"),
    ("mostly padding", inputs.sequences,
     problem(x_train=np.where(np.arange(20) > 4, 0, TOKENS), x_val=TOKENS[:120], padding=0),
     "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "of", "severity"), [f[1:] for f in FAULTS],
                         ids=[f[0] for f in FAULTS])  # fmt: skip
def test_a_fault_of_the_data_is_named(check: Check, of: Problem, severity: str) -> None:
    assert severities(check, of) == {severity}


@pytest.mark.parametrize("check", dict.fromkeys(f[1] for f in FAULTS))
def test_healthy_data_pass(check: Check) -> None:
    assert severities(check, HEALTHY) == set()


def test_a_finding_tells_the_number_the_limit_and_what_to_do() -> None:
    (finding,) = found(inputs.scale, problem(x_train=X * 1000, x_val=B["x_val"] * 1000))
    assert "standardise" in finding.message
    assert finding.evidence["measured"].startswith("inputs reach")
    assert finding.evidence["limit"] == "|x| ≤ 10"
    assert finding.advice[0].action == "check"


def test_baselines_say_what_needs_no_network() -> None:
    known = baselines.baselines_of(HEALTHY)
    assert known.loss == pytest.approx(np.log(CLASSES))
    assert known.metric == pytest.approx(1 / CLASSES)
    assert known.linear_metric is not None
    assert known.linear_metric > 0.85
    assert known.neighbour_metric == pytest.approx(known.linear_metric, abs=0.1)


def test_a_linear_target_has_an_r2_near_one_and_its_variance_as_loss() -> None:
    weights = np.arange(COLUMNS) / COLUMNS
    line = problem(y_train=X @ weights, y_val=B["x_val"] @ weights)
    known = baselines.baselines_of(line)
    assert known.loss == pytest.approx((X @ weights).var(), rel=1e-4)
    assert known.linear_metric == pytest.approx(1.0, abs=0.02)


def test_the_task_holds_the_facts() -> None:
    task = baselines.task_of(HEALTHY)
    assert (task.kind, task.n_train, task.n_val, task.classes) == ("classification", 400, 120, 4)
    assert task.priors == pytest.approx((0.25,) * 4)


def test_every_check_has_its_line_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/check.md").read_text()
    known = [code for _, checks in (*DATA_LAYERS, *model_layers()) for code in checks]
    assert len(known) == len(set(known)) == 40
    missing = [code for code in known if f"| {code} |" not in text and not code.startswith("BL")]
    assert not missing


def test_rows_that_differ_in_the_seventh_digit_are_equal_and_negative_zero_is_zero() -> None:
    x_val = (
        np.zeros((120, COLUMNS), np.float32) + np.linspace(1, 2, 120, dtype=np.float32)[:, None]
    )
    x_train = np.vstack([x_val * np.float32(1 + 1e-7), X[:280]])
    (finding,) = found(leaks.shared_rows, problem(x_train=x_train, x_val=x_val))
    assert finding.evidence["share"] > 0.9
    zeros = problem(x_train=np.vstack([X[:399], np.zeros((1, 8))]), x_val=np.full((120, 8), -0.0))
    assert found(leaks.shared_rows, zeros)[0].evidence["share"] == 1.0


def test_a_split_of_few_samples_may_differ_by_chance() -> None:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1, 2], [14, 16, 10]))
    x = rng.normal(size=(40, 3))
    parts = [problem(x_train=x[:20], y_train=y[:20], x_val=x[20:], y_val=y[20:])]
    many = np.repeat(y, 40)
    z = rng.normal(size=(len(many), 3))
    shares = many[many != 2], np.concatenate([many, np.full(800, 2)])
    parts.append(
        problem(
            x_train=z[: len(shares[0])], y_train=shares[0],
            x_val=rng.normal(size=(len(shares[1]), 3)), y_val=shares[1],
        )
    )  # fmt: skip
    assert [bool(found(leaks.shift, p)) and "warning" in severities(leaks.shift, p)
            for p in parts] == [False, True]  # fmt: skip
