"""The linter says what a practitioner would, with a line to paste that is better."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.values import choices, floats, ints, spaces

import danlu
from danlu.catalogue.families import space as family_space
from danlu.catalogue.lint import lint
from danlu.catalogue.roles import catalogue
from danlu.core.finding import Finding
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.core.space import Space
from danlu.core.task import Task
from danlu.studyfile.document import Document
from danlu.studyfile.parameters import read_space

NAMES = (
    "lr", "lr_sgd", "dropout", "weight_decay", "l2", "momentum", "batch_size", "units", "units_2",
    "layers", "beta1", "beta2", "epsilon", "optimizer", "schedule", "decay_factor", "clip",
    "warmup", "seed", "epochs", "class_weights", "balanced_batches", "oversample", "embedding_dim",
    "vocabulary", "l2_convention", "nesterov", "label_smoothing", "one_minus_beta2", "x",
)  # fmt: skip
ROLES = ("lr", "dropout", "weight decay", "optimizer", "other", "no such role")


def codes(parameters: dict[str, Any], **known: Any) -> dict[str, str]:
    """Code → severity of what the linter finds."""
    return {f.code: f.severity for f in lint(Space(parameters), **known)}


def of(code: str, parameters: dict[str, Any], **known: Any) -> Finding:
    found = [f for f in lint(Space(parameters), **known) if f.code == code]
    assert found, codes(parameters, **known)
    return found[0]


def pasted(finding: Finding, parameters: dict[str, Any]) -> dict[str, Parameter]:
    """The space after a person pasted the better line."""
    better = tomllib.loads(finding.evidence["line"])
    kept = {n: p for n, p in parameters.items() if n != finding.evidence["parameter"]}
    document = Document("pasted", {"space": {**{n: _table(p) for n, p in kept.items()}, **better}})
    space = read_space(document)
    assert space is not None, document.refuse()
    return dict(space.parameters)


def _table(p: Any) -> Any:
    if isinstance(p, Choice):
        return {"choices": list(p.values)}
    return {"low": p.low, "high": p.high} if isinstance(p, Float | Int) else p


LINEAR = Float(1e-4, 1.0, log=False)
ADAM_OR_SGD = Choice("adam", "sgd")
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("linear_scale", "warning", {"lr": LINEAR}),
    ("linear_scale", "warning", {"lr": Float(0.0, 0.1)}),
    ("linear_scale", "warning", {"units": Int(1, 1024, log=False)}),
    ("scale_taken", "info", {"lr": Float(1e-4, 0.1)}),
    ("beyond_limits", "warning", {"dropout": Float(0.0, 0.9)}),
    ("beyond_limits", "warning", {"units": Int(16, 8192, log=True)}),
    ("beyond_limits", "warning", {"lr": Float(1e-4, 0.5, log=True), "optimizer": "adam"}),
    ("beyond_limits", "warning", {"lr": Float(1e-9, 0.05, log=True), "optimizer": "adam"}),
    ("impossible_value", "error", {"dropout": Float(10, 50)}),
    ("impossible_value", "error", {"momentum": Float(0.0, 1.0)}),
    ("impossible_value", "error", {"batch_size": Int(0, 64)}),
    ("unusual_range", "warning", {"lr": Float(2e-6, 1e-5, log=True), "optimizer": "adam"}),
    ("linear_near_one", "warning", {"beta2": Float(0.9, 0.9999)}),
    ("not_whole", "warning", {"units": Float(16, 512, log=True)}),
    ("needless_log", "info", {"layers": Int(1, 4, log=True)}),
    ("narrow_range", "info", {"lr": Float(0.01, 0.012, log=True)}),
    ("default_at_edge", "warning", {"lr": Float(2e-4, 0.1, log=True, default=2e-4)}),
    ("unusual_default", "info", {"lr": Float(1e-6, 0.1, log=True, default=2e-6)}),
    ("numbers_as_choices", "info", {"batch_size": Choice(16, 32, 64, 128)}),
    ("never_used", "warning", {"momentum": Float(0.0, 0.99), "optimizer": "adam"}),
    ("condition_missing", "warning",
     {"momentum": Float(0.0, 0.99), "optimizer": Choice("adam", "sgd")}),
    ("condition_missing", "warning", {"beta1": Float(0.5, 0.99), "optimizer": ADAM_OR_SGD}),
    ("condition_missing", "warning",
     {"decay_factor": Float(0.1, 0.7), "schedule": Choice("cosine", "step")}),
    ("condition_missing", "warning", {"units_2": Int(16, 64), "layers": Int(1, 3)}),
    ("shared_rate", "info", {"lr": Float(1e-4, 0.1, log=True), "optimizer": ADAM_OR_SGD}),
    ("l2_convention", "warning", {"weight_decay": Float(0.1, 10.0, log=True)}),
    ("l2_convention", "warning", {"l2": Float(1e-6, 1.0, log=True)}),
    ("l2_convention", "warning", {"l2": Float(1e-6, 1e-4, log=True), "l2_convention": "sum"}),
    ("convention_searched", "warning", {"l2_convention": Choice("sum", "mean")}),
    ("epochs_searched", "warning", {"epochs": Int(3, 30)}),
    ("seed_searched", "warning", {"seed": Choice(1, 2, 3)}),
    ("counted_twice", "warning", {"class_weights": True, "balanced_batches": Choice(True, False)}),
    ("counted_twice", "warning", {"class_weights": True, "oversample": Float(0.0, 1.0)}),
    ("fixed_rate", "info", {"lr": 0.01, "dropout": Float(0.0, 0.5)}),
    ("plateau_schedule", "info", {"schedule": Choice("plateau", "cosine")}),
    ("long_embedding", "info", {"embedding_dim": Int(50, 512), "vocabulary": 1000}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "severity", "parameters"), CASES)
def test_what_a_practitioner_would_say_is_said(
    code: str, severity: str, parameters: dict[str, Any]
) -> None:
    assert codes(parameters).get(code) == severity


@pytest.mark.parametrize(("code", "severity", "parameters"), CASES)
def test_the_line_to_paste_is_read_and_better(
    code: str, severity: str, parameters: dict[str, Any]
) -> None:
    finding = of(code, parameters)
    if "line" in finding.evidence:
        after = pasted(finding, parameters)
        name = finding.evidence["parameter"]
        again = [f for f in lint(Space(after)) if f.evidence.get("parameter") == name]
        assert code not in [f.code for f in again]


HEALTHY: list[dict[str, Any]] = [
    {"lr": Float(1e-4, 0.1, log=True, default=1e-3)},
    {"dropout": Float(0.0, 0.7, default=0.0)},
    {"momentum": Float(0.0, 0.99, when={"optimizer": "sgd"}), "optimizer": Choice("sgd", "adam")},
    {"momentum": Float(0.0, 0.99), "optimizer": Choice("sgd", "my own")},
    {"lr_sgd": Float(1e-3, 1.0, log=True), "lr_adam": Float(1e-4, 0.01, log=True)},
    {"layers": Int(1, 3, default=1)},
    {"units": Int(16, 512, log=True, default=128)},
    {"weight_decay": Float(1e-6, 1e-2, log=True)},
    {"l2": Float(0.1, 10.0, log=True), "l2_convention": "sum"},
    {"units_2": Int(16, 64, when={"layers": (2, 3)}), "layers": Int(1, 3)},
    {"units_1": Int(16, 64), "layers": Int(1, 3)},
    {"class_weights": True, "balanced_batches": False},
    {"lr": Float(0.0, 1e9, role="other")},
    {"anything": Float(-1e9, 1e9)},
]


@pytest.mark.parametrize("parameters", HEALTHY)
def test_nothing_is_said_of_what_is_usual(parameters: dict[str, Any]) -> None:
    assert [f.message for f in lint(Space(parameters)) if f.severity != "info"] == []


@pytest.mark.parametrize("family", catalogue()["families"])
def test_nothing_is_said_of_the_ready_spaces(family: str) -> None:
    assert lint(family_space(family)) == []


def test_the_size_of_the_data_bounds_the_batch() -> None:
    parameters = {"batch_size": Int(16, 256, log=True)}
    assert "large_batch" not in codes(parameters)
    assert codes(parameters, task=Task(n_train=10_000)).get("large_batch") is None
    found = of("large_batch", parameters, task=Task(n_train=1000))
    assert found.severity == "warning"
    assert found.advice[0].amount == 100
    assert codes(parameters, task=Task(n_train=200))["large_batch"] == "error"


def test_the_size_of_the_data_says_what_l2_of_a_sum_means() -> None:
    parameters = {"weight_decay": Float(0.1, 10.0, log=True)}
    assert "10 is 0.001 here" in of("l2_convention", parameters, task=Task(n_train=10**4)).message


def test_a_small_budget_says_which_parameters_to_tune() -> None:
    space = family_space("mlp")
    found = next(f for f in lint(space, trials=8) if f.code == "too_many")
    assert "tune 1 (lr_adamw) first" in found.message
    assert "lr_adamw" not in [a.parameter for a in found.advice]
    assert all(a.action == "freeze" for a in found.advice)
    assert "too_many" not in [f.code for f in lint(space, trials=100)]


@pytest.mark.parametrize(("trials", "said"), [(9, True), (10, False), (None, False)])
def test_adams_beta_needs_a_budget(trials: float | None, said: bool) -> None:
    parameters = {"beta1": Float(0.8, 0.95)}
    assert ("adam_depth" in codes(parameters, trials=trials)) == said


def test_a_line_to_paste_holds_any_text() -> None:
    mine = 'é😀"\\ \n\x7f'
    parameters = {"momentum": Float(0.0, 0.99), "optimizer": Choice("adam", "sgd", mine)}
    line = of("condition_missing", parameters).evidence["line"]
    assert tomllib.loads(line)["momentum"]["when"]["optimizer"] == ["sgd", mine]


def test_errors_come_first() -> None:
    found = lint(Space(lr=LINEAR, momentum=Float(0.0, 1.0), seed=Choice(1, 2, 3)))
    order = ["error", "warning", "info"]
    assert [f.severity for f in found] == sorted((f.severity for f in found), key=order.index)


EXTREME = (-1e300, -1.0, 0.0, 5e-324, 1e-300, 0.5, 0.999999999999, 1.0, 2.0, 64.0, 1e300)


@st.composite
def extremes(draw: st.DrawFn) -> Parameter:
    low, high = sorted(draw(st.lists(st.sampled_from(EXTREME), min_size=2, max_size=2)))
    whole = low.is_integer() and high.is_integer() and draw(st.booleans())
    log = draw(st.sampled_from([None, False, low > 0]))
    make: Any = Int if whole else Float
    made: Parameter = make(low, high, log, draw(st.sampled_from([None, low, high])))
    return made


@st.composite
def known_spaces(draw: st.DrawFn) -> Space:
    """Spaces with known names, roles and conditions, in any range."""
    kinds = floats() | ints() | choices() | extremes()
    named = draw(st.dictionaries(st.sampled_from(NAMES), kinds, max_size=8))
    made: dict[str, Any] = dict(named)
    for name in list(made)[:2]:
        p = made[name]
        if isinstance(p, Choice):
            made[name] = Choice(*p.values, role=draw(st.none() | st.sampled_from(ROLES)))
    if draw(st.booleans()):
        made["optimizer"] = Choice("sgd", "adamw", "mine", None)
        made["rho"] = Float(0.1, 0.9, when={"optimizer": ("sgd", "mine")})
    return Space(made or {"lr": 0.1})


@given(
    known_spaces() | spaces(), st.none() | st.integers(1, 10**6), st.none() | st.floats(0.1, 1e6)
)
def test_any_space_is_linted_and_none_is_changed(
    space: Space, n: int | None, trials: float | None
) -> None:
    before = dict(space.parameters)
    found = lint(space, task=Task(n_train=n), trials=trials)
    assert dict(space.parameters) == before
    for finding in found:
        assert 0.0 < finding.confidence <= 1.0
        assert finding.evidence.get("parameter", "lr") in (*space, "lr")
        if "line" in finding.evidence:
            tomllib.loads(finding.evidence["line"])
        json.dumps(dict(finding.evidence), allow_nan=False)


@given(known_spaces())
def test_what_a_study_takes_can_be_tuned(space: Space) -> None:
    study = danlu.Study("s", space=space, objective="min loss", epochs=2, store=None)
    assert study.spec.space.check(study.spec.space.default())
