"""Whether a study ends because nothing learns: only when nothing does."""

import math
import random
from dataclasses import dataclass, field

import pytest
from tests.diagnosis.studies import configs, spec, study
from tests.zoo import SPACE, Curve, Simulation
from tests.zoo import spec as zoo_spec

from danlu.core.decision import Proxy
from danlu.core.event import Began, Closing, Diagnosed, Event, Learned
from danlu.core.finding import Finding, standing
from danlu.core.history import History
from danlu.core.parameter import Float
from danlu.core.space import Config, Space
from danlu.core.spec import Budget, Objective
from danlu.core.task import UNKNOWN, Task
from danlu.diagnosis.study import ends_study, next_look, study_findings, study_news
from danlu.strategies.auto import Auto
from danlu.strategies.deepen import PROBES
from danlu.strategies.names import make

ACCURACY = Objective("val_accuracy", "max")
CLASSES, SAMPLES = 10, 300
TASK = Task(
    "classification", 1000, SAMPLES, CLASSES, (0.1,) * 10, math.log(10), 1 / CLASSES, None, 2.31
)
CHANCE = 1 / CLASSES
LUCK = math.sqrt(CHANCE * (1 - CHANCE) / SAMPLES)


@dataclass
class Examined(Simulation):
    """A simulated study that is looked at when its trials close, and ends when it should."""

    task: Task = UNKNOWN
    look_at: int = 0
    verdict: Finding | None = field(default=None)

    def _fold(self, event: Event) -> None:
        super()._fold(event)
        if isinstance(event, Began) or self.history.task != self.task:
            super()._fold(Learned(event.at, self.task))
        if isinstance(event, Closing) and self.history.version >= self.look_at:
            for finding in study_news(self.history):
                super()._fold(Diagnosed(event.at, None, finding))
            self.look_at = next_look(self.history)
            self.verdict = ends_study(self.history)
            if self.verdict is not None:
                self.ended = self.verdict.message


def luck(sd: float, *of: object) -> float:
    return random.Random(repr(of)).gauss(0.0, sd)


def at_chance(config: Config, epoch: int, seed: int, proxy: Proxy) -> float:
    """Random labels: a bit of luck with each training, and a bit with each epoch."""
    level = CHANCE - 0.004 + luck(LUCK, seed) + luck(0.4 * LUCK, seed, epoch)
    return max(0.0, level)


def late(begins: float, width: float) -> Curve:
    """Chance up to a share of the full length, then learning where the rate is right."""

    def curve(config: Config, epoch: int, seed: int, proxy: Proxy) -> float:
        value = CHANCE + luck(LUCK, seed, epoch)
        since = epoch - begins * 30
        if abs(SPACE.to_unit(config)["lr"] - 0.55) < width / 2 and since > 0:
            value += 0.6 * (1.0 - math.exp(-since / 4.0))
        return max(0.0, value)

    return curve


def examined(
    curve: Curve, seed: int = 0, strategy: str = "auto", task: Task = TASK, epochs: int = 30
) -> Examined:
    budget = Budget(trainings=20.0)
    made = zoo_spec(objective=ACCURACY, seed=seed, budget=budget, epochs=epochs)
    run = Examined(Auto() if strategy == "auto" else make(strategy, {}), made, curve,
                   task=task)  # fmt: skip
    run.run()
    return run


@pytest.mark.parametrize("seed", range(2))
def test_a_study_of_random_labels_ends_long_before_its_budget(seed: int) -> None:
    run = examined(at_chance, seed)
    assert run.verdict is not None
    assert run.verdict.code == "nothing_learns"
    assert run.history.trainings < 12.0


@pytest.mark.parametrize(("begins", "width"), [(0.6, 2.0), (0.8, 2.0), (0.6, 0.25)])
def test_learning_that_begins_late_is_waited_for(begins: float, width: float) -> None:
    run = examined(late(begins, width), seed=1)
    assert run.verdict is None
    assert run.history.best is not None
    assert (run.history.best.value or 0.0) > 0.5


@pytest.mark.parametrize("strategy", ["random", "staged", "halving", "hyperband", "grid"])
@pytest.mark.parametrize("epochs", [5, 30])
def test_other_searches_over_random_labels_end_too(strategy: str, epochs: int) -> None:
    run = examined(at_chance, strategy=strategy, epochs=epochs)
    assert run.verdict is not None
    assert run.history.trainings < 19.0


def test_the_doubt_is_settled_by_full_trainings_over_the_learning_rates() -> None:
    run = examined(late(0.9, 0.15))
    probes = [t for t in run.history.trials.values() if t.stage == "probe"]
    assert 1 <= len(probes) <= PROBES
    assert "nothing_yet" in [f.code for f in run.history.findings]
    assert "nothing_yet" not in [f.code for f in standing(run.history.findings)]


# ---- one study at a time


def judged(history: History) -> Finding | None:
    return next((f for f in study_findings(history) if f.code == "nothing_learns"), None)


def accuracies(level: float, gain: float = 0.0, count: int = 20, task: Task = TASK,
               space: Space | None = None) -> History:  # fmt: skip
    """Full trainings at a level, of which every third gains something."""
    chosen = configs(count) if space is None else configs(count, space=space)
    trials = [
        (c, [level + (gain if i % 3 == 0 else 0.0) + luck(0.4 * LUCK, i, e) for e in range(10)])
        for i, c in enumerate(chosen)
    ]
    made = spec(objective=ACCURACY, budget=Budget(trainings=30.0))
    return study(trials, made if space is None else spec(space, objective=ACCURACY), task)


def test_what_to_look_at_is_listed_and_begins_with_pre_flight() -> None:
    history = accuracies(CHANCE)
    finding = judged(history)
    assert finding is not None
    assert "danlu check" in finding.evidence["look_at"][0]
    assert "one batch" in finding.evidence["look_at"][1]
    doubtful = history.after(
        Diagnosed(0.0, None, Finding("D10", "error", 1.0, "labels come in runs"))
    )
    told = judged(doubtful)
    assert told is not None
    assert "labels come in runs" in told.evidence["look_at"][0]


def test_training_that_learns_while_validation_does_not_points_at_the_data() -> None:
    history = accuracies(CHANCE)
    losses = study(
        [(t.config, [v for _, v in t.curve("val_accuracy")]) for t in history.trials.values()],
        history.spec, TASK, extra=lambda _, epoch: {"train_loss": 2.3 - 0.2 * epoch},
    )  # fmt: skip
    finding = judged(losses)
    assert finding is not None
    assert "look at the data" in finding.message
    assert "validation labels" in " ".join(finding.evidence["look_at"])


def test_a_weak_signal_is_a_signal() -> None:
    assert judged(accuracies(CHANCE, gain=2.5 * LUCK)) is None


def test_a_validation_loss_below_that_of_one_answer_is_learning_too() -> None:
    # Nine in ten are of one class: the accuracy stays at that share for long.
    skewed = Task("classification", 1000, 500, 2, (0.9, 0.1), 0.325, 0.9)
    trials = [(c, [0.9] * 10) for c in configs(20)]
    made = spec(objective=ACCURACY, budget=Budget(trainings=30.0))
    stuck = study(trials, made, skewed, extra=lambda *_: {"val_loss": 0.326})
    assert judged(stuck) is not None
    learning = study(trials, made, skewed, extra=lambda _, e: {"val_loss": 0.33 - 0.01 * e})
    assert judged(learning) is None


def test_a_loss_that_reaches_the_entropy_of_the_labels_has_learnt_the_biases_only() -> None:
    made = spec(budget=Budget(trainings=30.0))
    flat = [(c, [2.36, 2.33, 2.31, *[2.304] * 7]) for c in configs(20)]
    assert judged(study(flat, made, TASK)) is not None
    down = [*flat[:-1], (configs(20)[-1], [2.36, 2.33, 2.31, *[2.304] * 4, 2.25, 2.2, 2.15])]
    assert judged(study(down, made, TASK)) is None


def test_code_that_always_breaks_ends_the_study_and_luck_does_not() -> None:
    broken = study([(c, None) for c in configs(30)])
    assert "everything_fails" in [f.code for f in study_findings(broken)]
    few = study([(c, None) for c in configs(20)])  # they diverged: another config may not
    assert "everything_fails" not in [f.code for f in study_findings(few)]
    one_works = study([*((c, None) for c in configs(30)), (configs(31)[-1], [0.5] * 10)])
    assert "everything_fails" not in [f.code for f in study_findings(one_works)]


def test_a_range_of_learning_rates_beyond_all_use_is_blamed_for_what_it_does() -> None:
    space = SPACE.replaced({"lr": Float(30.0, 1e4, log=True)})
    broken = study([(c, None) for c in configs(30, space=space)], spec(space))
    finding = next(f for f in study_findings(broken) if f.code == "everything_fails")
    assert "lower it" in finding.message
    usual = study([(c, None) for c in configs(30)])
    assert all("lower it" not in f.message for f in study_findings(usual))


def test_too_little_was_tried_while_the_budget_is_young() -> None:
    history = accuracies(CHANCE, count=11)
    assert judged(history) is None


def test_a_gap_in_the_learning_rates_leaves_the_question_open() -> None:
    chosen = [c for c in configs(60) if not 1e-3 < c["lr"] < 1e-2][:20]
    trials = [(c, [CHANCE] * 10) for c in chosen]
    made = spec(objective=ACCURACY, budget=Budget(trainings=30.0))
    assert judged(study(trials, made, TASK)) is None


def test_an_objective_that_never_changes_is_not_measured() -> None:
    trials = [(c, [0.5] * 10) for c in configs(20)]
    finding = judged(study(trials, spec(budget=Budget(trainings=30.0))))
    assert finding is not None
    assert finding.evidence["how"] == "constant"


def test_one_wild_curve_hides_no_learning_where_facts_are_missing() -> None:
    def values(i: int) -> list[float]:
        if i == 0:
            return [0.4 + luck(0.2, i, e) for e in range(10)]
        return [0.5 - 0.01 * e + luck(0.002, i, e) for e in range(10)]

    trials = [(c, values(i)) for i, c in enumerate(configs(20))]
    assert judged(study(trials, spec(budget=Budget(trainings=30.0)))) is None


def test_curves_that_stand_still_at_all_learning_rates_end_a_study_without_facts() -> None:
    trials = [(c, [0.5 + luck(0.01, i, e) for e in range(10)]) for i, c in enumerate(configs(20))]
    finding = judged(study(trials, spec(budget=Budget(trainings=30.0))))
    assert finding is not None
    assert finding.evidence["how"] == "still"


def test_without_facts_a_study_whose_curves_move_is_left_alone() -> None:
    trials = [(c, [0.5 - 0.01 * e for e in range(10)]) for c in configs(20)]
    assert judged(study(trials, spec(budget=Budget(trainings=30.0)))) is None


def test_a_default_that_nothing_beats_is_good_news_and_no_end() -> None:
    default = spec().space.default()
    trials = [(default, [0.9] * 5 + [0.3] * 5),
              *((c, [0.9] * 5 + [0.31] * 5) for c in configs(24))]  # fmt: skip
    noisy = [(c, [v + luck(0.03, i, e) for e, v in enumerate(curve)])
             for i, (c, curve) in enumerate(trials)]  # fmt: skip
    findings = study_findings(study(noisy, spec(budget=Budget(trainings=30.0))))
    (finding,) = [f for f in findings if f.code == "no_gain"]
    assert "default is good" in finding.message
    assert ends_study(study(noisy)) is None


def test_a_network_no_better_than_a_linear_model_is_told() -> None:
    task = Task("classification", 1000, 300, 10, None, None, 0.1, linear_metric=0.9)
    history = accuracies(0.85, task=task)
    assert "below_linear" in [f.code for f in study_findings(history)]
    better = accuracies(0.97, task=task)
    assert "below_linear" not in [f.code for f in study_findings(better)]
