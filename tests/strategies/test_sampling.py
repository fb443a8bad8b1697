"""Random and quasi-random draws."""

from collections import Counter

import pytest
from tests.zoo import SPACE, spec

from danlu.core.decision import Start
from danlu.core.history import empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.strategies.encoding import usual_config
from danlu.strategies.sampled import Sampled
from danlu.strategies.sampling import PRIMES, SAMPLERS, halton, quasi_random_config, random_config


def starts(strategy: Sampled, count: int = 8) -> list[Start]:
    study = spec()
    decisions = strategy.decide(study.space, empty(study), count)
    return [d for d in decisions if isinstance(d, Start)]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_first_trial_is_the_default_config_unless_asked_otherwise(sampler: str) -> None:
    first = usual_config(SPACE)
    assert starts(Sampled(sampler))[0].config == first
    assert first not in [s.config for s in starts(Sampled(sampler, None, False))]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trials_are_as_long_as_asked_and_never_longer_than_the_study(sampler: str) -> None:
    assert {s.until for s in starts(Sampled(sampler))} == {30}
    assert {s.until for s in starts(Sampled(sampler, epochs=7))} == {7}
    assert {s.until for s in starts(Sampled(sampler, epochs=99))} == {30}


@pytest.mark.parametrize("base", [*PRIMES[:6], 113])
def test_each_stretch_of_halton_points_fills_every_interval_once(base: int) -> None:
    points = [halton(base, seed=3, index=i) for i in range(base**2)]
    assert all(0 <= u < 1 for u in points)
    assert {int(u * base**2) for u in points} == set(range(base**2))


def test_quasi_random_points_lie_more_evenly_than_random_ones() -> None:
    space = Space(x=Float(0.0, 1.0), y=Float(0.0, 1.0))
    empty_cells = {}
    for name, sampler in SAMPLERS.items():
        cells = 0
        for seed in range(10):
            points = [sampler(space, seed, i) for i in range(1, 73)]
            filled = {(int(8 * float(p["x"])), int(9 * float(p["y"]))) for p in points}  # type: ignore[arg-type]
            cells += 72 - len(filled)
        empty_cells[name] = cells
    assert empty_cells["quasi-random"] < 0.25 * empty_cells["random"]


def test_large_bases_are_not_correlated() -> None:
    x = [halton(109, 0, i) for i in range(100)]
    y = [halton(113, 0, i) for i in range(100)]
    covariance = sum((a - 0.5) * (b - 0.5) for a, b in zip(x, y, strict=True)) / 100
    assert abs(covariance) < 0.3 / 12  # unscrambled, it is almost the variance, 1/12


def test_more_parameters_than_bases_are_drawn_too() -> None:
    space = Space({f"x{i}": Float(0.0, 1.0) for i in range(40)})
    configs = [quasi_random_config(space, 0, i) for i in range(5)]
    assert len({c["x39"] for c in configs}) == 5


def test_values_follow_the_scale_of_their_parameter() -> None:
    space = Space(lr=Float(1e-4, 1.0, log=True), n=Int(1, 1000, log=True), c=Choice("a", "b"))
    draws = [random_config(space, 0, i) for i in range(600)]
    assert 240 < sum(float(d["lr"]) < 1e-2 for d in draws) < 360  # type: ignore[arg-type]
    assert 240 < sum(float(d["n"]) < 32 for d in draws) < 390  # type: ignore[arg-type]
    assert 240 < Counter(d["c"] for d in draws)["a"] < 360
