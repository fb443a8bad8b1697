"""Each check of model and loop: a faulty example that it names, and a healthy one it passes."""

import random
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from tests.preflight.problems import (
    CLASSES,
    COLUMNS,
    Softmaxed,
    blobs,
    found,
    network,
    problem,
    severities,
    spoiled,
)
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from danlu.preflight import (
    beginning,
    controls,
    few_steps,
    fitting,
    one_step,
    shapes,
    thresholds,
)
from danlu.preflight.examine import examine
from danlu.preflight.findings import Check
from danlu.preflight.problem import Problem

pytestmark = pytest.mark.torch
B = blobs()
Params = Mapping[str, Any]


def sequential(*layers: nn.Module) -> Any:
    return lambda _: nn.Sequential(*layers)


class Mixing(nn.Module):
    """Subtracts the batch's mean, so that samples depend on each other."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Unused(nn.Module):
    """A network with a layer that is not on the way."""

    def __init__(self, params: Params) -> None:
        super().__init__()
        self.body, self.spare = network(params), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class Words(nn.Module):
    """The mean of a text's word vectors, by its length."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors, self.head = nn.Embedding(40, 16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        out: Tensor = self.head(self.vectors(x).sum(1) / length[:, None])
        return out

    @staticmethod
    def tokens(y: Any) -> Any:
        """Six words of which most belong to the class."""
        rng = np.random.default_rng(len(y))
        own = 2 + 5 * y[:, None] + rng.integers(0, 5, (len(y), 6))
        return np.where(rng.random((len(y), 6)) < 0.7, own, rng.integers(2, 40, (len(y), 6)))


def deep(params: Params) -> nn.Module:
    layers: list[nn.Module] = [nn.Linear(COLUMNS, 16)]
    for _ in range(12):
        layers += [nn.Sigmoid(), nn.Linear(16, 16)]
    return nn.Sequential(*layers, nn.Linear(16, CLASSES))


def normal(model: nn.Module) -> None:
    for p in model.parameters():
        p.normal_(0.0, 3.0)


def constant(model: nn.Module) -> None:
    for p in model.parameters():
        p.fill_(0.1)


def zero(model: nn.Module) -> None:
    for p in model.parameters():
        p.zero_()


def dead(model: nn.Module) -> None:
    model[0].bias.fill_(-20.0)  # type: ignore[index]


def frozen(params: Params) -> nn.Module:
    model = network(params)
    model[0].requires_grad_(False)  # type: ignore[index]
    return model


def head_only(weights: Any, params: Params) -> torch.optim.Optimizer:
    return torch.optim.Adam(list(weights)[-2:], lr=params["lr"])


def strong_decay(weights: Any, params: Params) -> torch.optim.Optimizer:
    return torch.optim.Adam(weights, lr=params["lr"], weight_decay=1.0)


def sgd(rate: float) -> Any:
    return lambda weights, _: torch.optim.SGD(weights, lr=rate)


def step(*, clear: bool = True, sign: float = 1.0) -> Any:
    def one(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
        if clear:
            optimizer.zero_grad()
        loss = sign * cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return one


def forgets_eval(model: nn.Module, x: Tensor, y: Tensor) -> float:
    return cross_entropy(model(x), y).item()


def unseeded(params: Params) -> nn.Module:
    generator = torch.Generator()
    generator.seed()
    model = network(params)
    with torch.no_grad():
        model[0].weight.normal_(generator=generator)  # type: ignore[index]
    return model


SHUFFLED = np.random.default_rng(3).permutation(B["y_train"])
FAULTS: list[tuple[str, Check, Problem, str]] = [
    ("too few outputs", shapes.dry_run, problem(build=sequential(nn.Linear(COLUMNS, 3))), "error"),
    ("a layer of another width", shapes.dry_run,
     problem(build=sequential(nn.Linear(COLUMNS + 1, CLASSES))), "error"),
    ("targets of another type", shapes.dry_run,
     problem(y_train=torch.tensor(B["y_train"]).float(), loss=cross_entropy), "error"),
    ("outputs and targets that are broadcast", shapes.dry_run,
     problem(build=sequential(nn.Linear(COLUMNS, 1)), loss=mse_loss,
             y_train=B["x_train"][:, 0], y_val=B["x_val"][:, 0]), "error"),
    ("a softmax before cross-entropy", shapes.dry_run, problem(build=Softmaxed), "error"),
    ("a softmax inside the loss", shapes.dry_run,
     problem(loss=lambda out, y: cross_entropy(out.softmax(1), y)), "error"),
    ("a flipped sign", shapes.dry_run, problem(loss=lambda out, y: -cross_entropy(out, y)),
     "error"),
    ("a loss that is not reduced", shapes.dry_run,
     problem(loss=lambda out, y: cross_entropy(out, y, reduction="none")), "error"),
    ("too much dropout", shapes.lint, problem(params={"dropout": 0.95}), "warning"),
    ("two linear layers in a row", shapes.lint,
     problem(build=sequential(nn.Linear(COLUMNS, 9), nn.Linear(9, CLASSES))), "warning"),
    ("dropout before normalisation", shapes.lint,
     problem(build=sequential(nn.Linear(COLUMNS, 9), nn.Dropout(0.2), nn.BatchNorm1d(9),
                              nn.ReLU(), nn.Linear(9, CLASSES))), "warning"),
    ("no activation", shapes.non_linear,
     problem(build=sequential(nn.Linear(COLUMNS, 9), nn.Identity(), nn.Linear(9, CLASSES))),
     "warning"),
    ("large weights", beginning.first_loss, problem(build=spoiled(normal)), "error"),
    ("a summed loss", beginning.first_loss,
     problem(loss=lambda out, y: cross_entropy(out, y, reduction="sum")), "error"),
    ("dead units", beginning.activation_scale, problem(build=spoiled(dead)), "error"),
    ("constant weights", beginning.symmetry, problem(build=spoiled(constant)), "error"),
    ("no use of the input", beginning.depends_on_input, problem(build=spoiled(zero)), "error"),
    ("samples that mix", beginning.batch_independence,
     problem(build=sequential(nn.Linear(COLUMNS, 9), Mixing(), nn.ReLU(), nn.Linear(9, 4))),
     "error"),
    ("a parameter off the way", one_step.gradient_reaches_all, problem(build=Unused), "error"),
    ("twelve sigmoid layers", one_step.gradient_profile, problem(build=deep), "warning"),
    ("half of the optimiser's parameters", one_step.parameters_change,
     problem(optimizer=head_only), "error"),
    ("a body frozen at random", one_step.parameters_change, problem(build=frozen), "error"),
    ("no zero_grad", one_step.gradients_are_cleared, problem(step=step(clear=False)), "error"),
    ("a high learning rate", few_steps.update_size, problem(optimizer=sgd(50.0)), "warning"),
    ("a low learning rate", few_steps.update_size, problem(params={"lr": 1e-7}), "warning"),
    ("an unseeded generator", few_steps.determinism, problem(build=unseeded), "warning"),
    ("clipping at every step", few_steps.clipping, problem(params={"clip": 1e-4}), "warning"),
    ("a rate too low for one batch", fitting.one_batch, problem(params={"lr": 1e-6}), "warning"),
    ("climbing the loss", fitting.one_batch, problem(step=step(sign=-1.0)), "error"),
    ("L2 of 1 in Adam", fitting.regulariser, problem(optimizer=strong_decay), "warning"),
    ("random labels", fitting.small_set,
     problem(y_train=SHUFFLED, params={"units": 4, "lr": 1e-3}), "warning"),
    ("a diverging rate", controls.rate_range, problem(optimizer=sgd(200.0)), "warning"),
    ("validation in training mode", fitting.trained_mode_gap, problem(evaluate=forgets_eval),
     "error"),
    ("labels of other samples", controls.permuted_labels, problem(y_train=SHUFFLED), "warning"),
    ("nothing carries over", controls.uses_input, problem(y_train=SHUFFLED), "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "of", "severity"), [f[1:] for f in FAULTS],
                         ids=[f[0] for f in FAULTS])  # fmt: skip
def test_a_fault_of_model_or_loop_is_named(check: Check, of: Problem, severity: str) -> None:
    assert severities(check, of) == {severity}


@pytest.mark.parametrize("check", dict.fromkeys(f[1] for f in FAULTS))
def test_a_healthy_model_passes(check: Check) -> None:
    healthy = problem(step=step())
    assert severities(check, healthy) == set()


def test_a_fresh_network_on_classes_of_unequal_shares_begins_as_it_should() -> None:
    kept = np.concatenate(
        [np.flatnonzero(B["y_train"] != 3), np.flatnonzero(B["y_train"] == 3)[:4]]
    )
    rare = {"x_train": B["x_train"][kept], "y_train": np.where(B["y_train"][kept] == 3, 1, 0)}
    two = sequential(nn.Linear(COLUMNS, 16), nn.ReLU(), nn.Linear(16, 2))
    uneven = problem(**rare, y_val=np.where(B["y_val"] == 3, 1, 0), build=two)
    assert severities(beginning.first_loss, uneven) == set()


KINDS: dict[str, Problem] = {
    "numbers": problem(
        y_train=B["x_train"] @ np.arange(8) / 8, y_val=B["x_val"] @ np.arange(8) / 8,
        build=sequential(nn.Linear(COLUMNS, 32), nn.ReLU(), nn.Linear(32, 1)),
    ),
    "yes or no": problem(
        y_train=(B["y_train"] > 1).astype(np.float32), y_val=(B["y_val"] > 1).astype(np.float32),
        build=sequential(nn.Linear(COLUMNS, 32), nn.ReLU(), nn.Linear(32, 1)),
    ),
    "several": problem(
        y_train=(B["x_train"][:, :3] > 0).astype(int), y_val=(B["x_val"][:, :3] > 0).astype(int),
        build=sequential(nn.Linear(COLUMNS, 32), nn.ReLU(), nn.Linear(32, 3)),
    ),
    "positions": problem(
        x_train=B["x_train"][:, None], y_train=(B["x_train"] > 0).astype(int),
        x_val=B["x_val"][:, None], y_val=(B["x_val"] > 0).astype(int),
        build=sequential(nn.Conv1d(1, 16, 1), nn.ReLU(), nn.Conv1d(16, 2, 1)),
        params={"lr": 1e-2}, loss=cross_entropy,
    ),
    "tokens and lengths": problem(
        x_train=(Words.tokens(B["y_train"]), np.full(400, 6)), y_train=B["y_train"],
        x_val=(Words.tokens(B["y_val"]), np.full(120, 6)), y_val=B["y_val"], padding=0,
        build=lambda _: Words(), params={"lr": 1e-2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_problems_of_every_kind_are_silent(kind: str) -> None:
    checklist = examine(KINDS[kind])
    assert checklist.findings == ()
    skipped = [line.measured for line in checklist.lines if line.state == "skipped"]
    assert not [text for text in skipped if "Error" in text or "Warning" in text]


def test_what_is_stuck_at_the_floor_of_a_double_softmax_is_called_so() -> None:
    def double(model: nn.Module, optimizer: Any, x: Tensor, y: Tensor) -> Tensor:
        return step()(nn.Sequential(model, nn.Softmax(1)), optimizer, x, y)  # type: ignore[no-any-return]

    hidden = problem(build=Softmaxed, step=None, params={"lr": 1e-2})
    (finding,) = [f for f in found(fitting.one_batch, hidden) if f.severity == "error"]
    assert "softmax" in finding.message


def test_the_range_of_learning_rates_comes_as_advice_when_the_own_one_diverges() -> None:
    (finding,) = found(controls.rate_range, problem(optimizer=sgd(200.0)))
    low, high, start = (a.amount for a in finding.advice)
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert isinstance(start, float)
    assert low < start <= high < 200.0


def test_all_checks_of_a_healthy_problem_are_silent() -> None:
    checklist = examine(problem(step=step()))
    assert checklist.findings == ()
    assert {line.state for line in checklist.lines} == {"well", "skipped"}
    assert checklist.task.initial_loss == pytest.approx(np.log(CLASSES), rel=0.3)


def test_a_layer_with_an_error_ends_the_checks_unless_they_go_on() -> None:
    faulty = problem(build=spoiled(constant))
    ended = examine(faulty)
    codes = [line.code for line in ended.lines]
    assert "M05" in codes
    assert "M13" not in codes
    assert ended.ended.startswith("The checks of one step")
    assert "M13" in [line.code for line in examine(faulty, go_on=True).lines]


def test_checking_changes_no_random_state_and_no_shared_weight() -> None:
    shared = network({})
    before = {n: p.detach().clone() for n, p in shared.named_parameters()}
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    states = (random.getstate(), np.random.get_state(), torch.get_rng_state())  # noqa: NPY002
    examine(problem(build=lambda _: shared), go_on=True)
    after = (random.getstate(), np.random.get_state(), torch.get_rng_state())  # noqa: NPY002
    assert states[0] == after[0]
    assert all(np.array_equal(a, b) for a, b in zip(states[1], after[1], strict=True))
    assert torch.equal(states[2], after[2])
    assert all(torch.equal(p, before[n]) for n, p in shared.named_parameters())
    assert all(p.grad is None for p in shared.parameters())
    assert shared.training


def test_checks_end_when_the_time_is_used_up() -> None:
    def slow(model: nn.Module, optimizer: Any, x: Tensor, y: Tensor) -> Tensor:
        time.sleep(0.02)
        return step()(model, optimizer, x, y)  # type: ignore[no-any-return]

    began = time.monotonic()
    checklist = examine(problem(step=slow), limit_s=1.0)
    assert time.monotonic() - began < 20
    assert "time is used up" in str(checklist)


def test_data_that_is_slow_to_learn_is_no_fault() -> None:
    rng = np.random.default_rng(0)
    y, angle = rng.integers(0, 3, 900), rng.uniform(0.0, 2.0 * np.pi, 900)
    radius = 1.0 + y + rng.normal(0.0, 0.25, 900)
    rings = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    x = np.hstack([rings / rings.std(0), rng.normal(size=(900, 10))]).astype(np.float32)
    slow = problem(
        build=lambda _: nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)),
        x_train=x[:600], y_train=y[:600], x_val=x[600:], y_val=y[600:],
    )  # fmt: skip
    assert controls.ramp_of(slow).fall < thresholds.RANGE_DESCENT
    (finding,) = found(controls.rate_range, slow)
    assert finding.severity == "info"
    assert "a small set is learned" in finding.message
