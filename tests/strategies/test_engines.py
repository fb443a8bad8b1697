"""Engines: strategies backed by Optuna, hyperopt and BayesianOptimization."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from tests.conformance.strategies import StrategyConformance, stepwise
from tests.zoo import Simulation, spec

import danlu.engines
from danlu.core.decision import Finish, Proxy, Start
from danlu.core.event import Began, Event, Failed, Finished, Paused, Reported, Started
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Config, Space
from danlu.core.spec import Budget, Objective
from danlu.errors import StudyError
from danlu.strategies.base import Strategy
from danlu.strategies.engines.lessons import Lesson, lessons, worst
from danlu.strategies.names import make

LIBRARIES = {
    "optuna-tpe": "optuna",
    "optuna-gp": "torch",
    "optuna-cmaes": "cmaes",
    "hyperopt": "hyperopt",
    "bayesopt": "bayes_opt",
}
PLANE = Space(
    x=Float(-1.0, 1.0), y=Float(1e-4, 1.0, log=True), n=Int(1, 100, log=True), k=Choice("a", "b")
)
every_engine = pytest.mark.parametrize("name", LIBRARIES)


def engine(name: str, **options: Any) -> Strategy:
    """The engine of a name; skips the test where its library is not installed."""
    pytest.importorskip(LIBRARIES[name], reason=f"{name} needs its extra")
    return make(name, options)


class TestOptunaTpe(StrategyConformance):
    def strategy(self) -> Strategy:
        return engine("optuna-tpe")


class TestOptunaGp(StrategyConformance):
    def strategy(self) -> Strategy:
        # Its model takes a second a decision: the tests below look at it.
        return engine("optuna-gp", startup=1000)


class TestOptunaCmaes(StrategyConformance):
    def strategy(self) -> Strategy:
        return engine("optuna-cmaes")


class TestHyperopt(StrategyConformance):
    def strategy(self) -> Strategy:
        return engine("hyperopt")


class TestHyperoptWithoutRandomTrials(StrategyConformance):
    def strategy(self) -> Strategy:
        return engine("hyperopt", startup=1, default_first=False)


class TestBayesOpt(StrategyConformance):
    def strategy(self) -> Strategy:
        return engine("bayesopt", startup=18)


def distance(config: Config) -> float:
    """A quadratic on each parameter's scale: 0 at its best, 0.5 at a default, up to 2."""
    u = PLANE.to_unit(config)
    return (u["x"] - 0.8) ** 2 + (u["y"] - 0.2) ** 2 + (u["n"] - 0.7) ** 2 + (u["k"] > 0.5) * 0.2


def trained(number: int, config: Config, loss: float | None, epochs: int = 1) -> list[Event]:
    """The life of a trial; without a loss, it failed."""
    at = float(number)
    started = Started(at, number, config, epochs, number)
    if loss is None:
        return [started, Failed(at, number, "exception", "no luck")]
    reported = [Reported(at, number, e + 1, {"val_loss": loss}) for e in range(epochs)]
    return [started, *reported, Finished(at, number)]


def past(trials: int, seed: int = 0) -> History:
    """A study on the plane with some random trials behind it, of which every fifth failed."""
    study = spec(PLANE, seed=seed, epochs=1, budget=Budget())
    configs = [s.config for s in make("random", {}).decide(PLANE, empty(study), trials)
               if isinstance(s, Start)]  # fmt: skip
    events: list[Event] = [Began(0.0)]
    for number, config in enumerate(configs, 1):
        events += trained(number, config, None if number % 5 == 0 else distance(config))
    return empty(study, events)


@every_engine
def test_decisions_follow_from_the_history_alone_once_the_model_decides(name: str) -> None:
    history = past(14).after(Started(20.0, 15, PLANE.default(), 1, 0))
    strategy = engine(name, startup=4)
    decisions = list(strategy.decide(PLANE, history, 2))
    assert list(engine(name, startup=4).decide(PLANE, replace(history), 2)) == decisions
    assert stepwise(strategy, PLANE, history, 2) == decisions
    assert len({repr(d.config) for d in decisions if isinstance(d, Start)}) == 2


@every_engine
def test_the_direction_and_scale_of_the_objective_change_nothing(name: str) -> None:
    down = past(12)
    events: list[Event] = [Began(0.0)]
    for t in down.trials.values():
        events += trained(t.number, t.config, None if t.value is None else -t.value)
    up = empty(replace(down.spec, objective=Objective("val_loss", "max")), events)
    strategy = engine(name, startup=4)
    assert strategy.decide(PLANE, up, 1) == strategy.decide(PLANE, down, 1)


@pytest.mark.parametrize(
    ("name", "trials", "seeds"),  # as many as the library's pace allows
    [
        ("optuna-tpe", 40, 4),
        ("optuna-gp", 16, 1),
        ("optuna-cmaes", 40, 4),
        ("hyperopt", 40, 4),
        ("bayesopt", 20, 1),
    ],
)
def test_it_finds_far_better_configs_than_random_search(
    name: str, trials: int, seeds: int
) -> None:
    study = spec(PLANE, epochs=1, budget=Budget(trials=trials))

    def best(strategy: Strategy, seed: int) -> float:
        run = Simulation(strategy, replace(study, seed=seed), lambda c, *_: distance(c)).run()
        return min(distance(t.config) for t in run.trials.values())

    found = fmean(best(engine(name), seed) for seed in range(seeds))
    drawn = fmean(best(make("random", {}), seed) for seed in range(seeds))
    assert found < 0.5 * drawn


@every_engine
def test_a_branch_of_the_space_is_searched_where_its_condition_holds(name: str) -> None:
    space = Space(
        kind=Choice("a", "b"),
        x=Float(-1.0, 1.0, when={"kind": ("a",)}),
        z=Float(-1.0, 1.0, when={"kind": ("b",)}),
    )

    def loss(config: Config, *_: Any) -> float:
        where = {"a": "x", "b": "z"}[str(config["kind"])]
        return (float(config[where]) - 0.6) ** 2 + (where == "z")  # type: ignore[arg-type]

    study = spec(space, epochs=1, budget=Budget(trials=30))
    history = Simulation(engine(name, startup=8), study, loss).run()
    late = [t.config for t in history.trials.values() if t.number > 15]
    inside = [float(c["x"]) for c in late if "x" in c]  # type: ignore[arg-type]
    assert all(("x" in c) == (c["kind"] == "a") == ("z" not in c) for c in late)
    assert len(inside) >= 9
    assert fmean(abs(x - 0.6) for x in inside) < 0.4  # 0.68 for random ones


@every_engine
def test_where_trials_fail_it_goes_less_often(name: str) -> None:
    def fails(config: Config, *_: Any) -> float:
        if float(config["x"]) > 0.0:  # type: ignore[arg-type]
            raise ArithmeticError("diverged")
        return 1.0 + float(config["x"])  # type: ignore[arg-type]

    trials = 16 if name == "optuna-gp" else 40
    study = spec(Space(x=Float(-1.0, 1.0)), epochs=1, budget=Budget(trials=trials))
    history = Simulation(engine(name, startup=6), study, fails).run()
    late = [t for t in history.trials.values() if t.number > trials // 2]
    assert sum(t.state == "failed" for t in late) <= 0.35 * len(late)


@every_engine
def test_a_small_space_is_searched_without_repetition_and_then_done(name: str) -> None:
    space = Space(k=Choice("a", "b", "c"), n=Int(1, 2, when={"k": ("a",)}), batch=64)
    study = spec(space, epochs=1, budget=Budget())
    run = Simulation(engine(name), study, lambda c, *_: len(c))
    configs = [repr(t.config) for t in run.run().trials.values()]
    assert len(configs) == len(set(configs)) == 4
    assert run.decisions[-1] == Finish("every config of the space was tried")


@every_engine
def test_a_space_of_constants_has_one_trial(name: str) -> None:
    study = spec(Space(batch=64, lr=0.1), epochs=1, budget=Budget())
    history = Simulation(engine(name, default_first=False), study, lambda *_: 1.0).run()
    assert [t.config for t in history.trials.values()] == [{"batch": 64, "lr": 0.1}]


@every_engine
def test_values_that_are_equal_in_python_stay_apart(name: str) -> None:
    space = Space(flag=Choice(1, True, None, "1"), x=Float(0.0, 1.0))
    events: list[Event] = [Began(0.0)]
    for number in range(1, 25):
        flag = space["flag"].from_unit(number % 4 / 4)
        loss = 0.0 if flag == 1 and flag is not True else 1.0
        events += trained(number, {"flag": flag, "x": number / 25}, loss + number / 1000)
    chosen = []
    for seed in range(6):
        history = empty(spec(space, seed=seed, epochs=1, budget=Budget()), events)
        (start,) = engine(name, startup=5).decide(space, history, 1)
        assert isinstance(start, Start)
        chosen.append(repr(start.config["flag"]))
    assert chosen.count("1") >= 3


def test_lessons_tell_results_failures_and_what_runs() -> None:
    study = spec(PLANE, epochs=3, budget=Budget(), objective=Objective("val_loss", "max"))
    c: Config = {"x": 0.5, "y": 0.1, "n": 7, "k": "a"}
    events: list[Event] = [Began(0.0), *trained(1, c, 0.7, 3), *trained(2, c, None)]
    events += [Started(3.0, 3, c, 3, 3), Reported(3.0, 3, 1, {"val_loss": 9.0})]
    events += [Started(4.0, 4, c, 2, 4), Reported(4.0, 4, 2, {"val_loss": 0.4}), Paused(4.0, 4)]
    events += [Started(5.0, 5, c, 3, 5, Proxy(0.5)), Started(6.0, 6, {**c, "x": 5.0}, 3, 6)]
    history = empty(study, events)
    running = Lesson(c, None, running=True)
    assert lessons(PLANE, history, 3) == [Lesson(c, -0.7), Lesson(c, None), running, running]
    assert lessons(PLANE, history, 2)[-1] == Lesson(c, -0.4)
    assert worst(lessons(PLANE, history, 2)) == -0.4
    assert worst([running]) is None


def test_lessons_leave_out_what_a_narrower_space_does_not_hold() -> None:
    history = past(9)
    narrow = PLANE.replaced({"x": Float(-1.0, 0.0)})
    kept = [t for t in history.trials.values() if float(t.config["x"]) <= 0]  # type: ignore[arg-type]
    assert 0 < len(kept) < 9
    assert [s.config for s in lessons(narrow, history, 1)] == [t.config for t in kept]


def test_tpe_is_optunas() -> None:
    assert engine("optuna-tpe") == make("tpe", {})


def test_names_and_the_public_door_give_the_same_engines() -> None:
    made = [type(engine(name)).__name__ for name in ("optuna-gp", "hyperopt", "bayesopt")]
    assert made == ["OptunaEngine", "HyperoptEngine", "BayesOptEngine"]
    assert sorted(made) == sorted(danlu.engines.__all__)
    assert all(getattr(danlu.engines, name).__name__ == name for name in made)
    with pytest.raises(AttributeError, match=r"'danlu\.engines' has no attribute 'SmacEngine'"):
        _ = danlu.engines.SmacEngine  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, but got 0."),
        ({"startup": "x"}, "startup must be a whole number of at least 1, but got 'x'."),
        ({"default_first": 1}, "default_first must be true or false, but got 1."),
        ({"warmup": 3}, "'warmup' is no key of it. "),
    ],
)
@every_engine
def test_a_mistake_in_the_keys_is_told(
    name: str, options: Mapping[str, Any], expected: str
) -> None:
    pytest.importorskip(LIBRARIES[name], reason=f"{name} needs its extra")
    with pytest.raises(StudyError) as error:
        make(name, options)
    assert expected in str(error.value)


WITHOUT = """
import sys
sys.modules[{library!r}] = None
from danlu.errors import StudyError
from danlu.strategies.names import make
try:
    make({name!r}, {{}})
except StudyError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("optuna-tpe", "optuna", "danlu[optuna]"),
        ("optuna-gp", "torch", "danlu[optuna,torch]"),
        ("optuna-cmaes", "cmaes", "danlu[optuna]"),
        ("hyperopt", "hyperopt", "danlu[hyperopt]"),
        ("bayesopt", "bayes_opt", "danlu[bayesopt]"),
    ],
)
def test_a_missing_library_is_told_with_its_extra(name: str, library: str, extra: str) -> None:
    if library != "optuna":
        pytest.importorskip("optuna", reason="needs the extra [optuna]")
    code = WITHOUT.format(library=library, name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"{name!r} needs the package {library}, which is not installed" in done.stdout
    assert f"pip install '{extra}'" in done.stdout


def test_the_names_of_strategies_load_no_library() -> None:
    code = "import sys, danlu.strategies.names; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"optuna", "hyperopt", "bayes_opt", "cmaes"} & set(done.stdout.split())
