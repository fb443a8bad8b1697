"""Whatever is found in trials and in the study, the plan stays possible and ends."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.strategies import Checked
from tests.strategies.pasts import verdict
from tests.zoo import SPACE, Simulation, found, learning_curve, spec

from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.parameter import Float, Int
from danlu.core.space import Config
from danlu.core.spec import Budget
from danlu.strategies.ranges import current
from danlu.strategies.staged import Staged

ACTIONS = ("stop", "multiply", "add", "set", "raise low", "lower high", "raise high", "lower low",
           "add choice", "drop choice", "freeze", "enable", "check", "")  # fmt: skip
amounts = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(), st.text(max_size=3),
    st.sampled_from(["sgd", "adam", 0.5, 2, 1e-3, math.inf, math.nan]),
)  # fmt: skip
parameters = st.one_of(
    st.none(), st.sampled_from([*SPACE, "width", "weight decay", "epochs", "layers"]), st.text()
)
advice = st.builds(
    Advice, st.sampled_from(ACTIONS), parameters, amounts, st.sampled_from(["", "capacity"])
)
confidence = st.one_of(st.floats(0.0, 1.0), st.sampled_from([math.nan, -1.0, 7.0]))
findings = st.builds(
    Finding, st.sampled_from(["overfit", "boundary", "flat", "odd"]),
    st.sampled_from(["info", "warning", "error"]), confidence, st.text(max_size=5), st.just({}),
    st.lists(advice, max_size=3).map(tuple),
)  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.booleans(), findings), min_size=1, max_size=6), st.booleans())
def test_arbitrary_findings_lead_to_possible_decisions_and_an_end(
    said: list[tuple[bool, Finding]], can_pause: bool
) -> None:
    def every(history: History, number: int) -> list[tuple[int | None, Finding]]:
        study, finding = said[number % len(said)]
        return [(None if study and number % 5 == 0 else number, finding)]

    study = spec(budget=Budget(trainings=12.0))
    checked = Checked(Staged(model=False))
    history = Simulation(checked, study, found=every, workers=2, can_pause=can_pause).run()
    assert history.best is not None
    for p in current(SPACE, history.logbook).parameters.values():
        assert not isinstance(p, Float | Int) or p.low <= p.high


def overfits(config: Config) -> bool:
    return float(str(config["dropout"])) < 0.25


def test_verdicts_that_are_right_move_the_range_to_where_the_best_lies() -> None:
    def judged(history: History, number: int) -> list[tuple[int | None, Finding]]:
        if not overfits(history.trials[number].config):
            return []
        return [(number, verdict("overfit", "add", "dropout", 0.1))]

    study = spec(budget=Budget(trainings=60.0))
    plan = Staged(narrow=False, order=False, model=False)
    history = Simulation(plan, study, found=judged, workers=2).run()
    shifts = [e for e in history.logbook if e.code == "shift" and "ranges" in e.data]
    assert shifts
    assert 0.05 < shifts[0].data["ranges"]["dropout"][0] <= 0.1  # the two best stay inside
    assert "overfit, of 25 judged" in shifts[0].seen


def test_a_verdict_that_is_always_wrong_costs_little() -> None:
    def wrong(history: History, number: int) -> list[tuple[int | None, Finding]]:
        advised = [
            verdict("lr_too_low", "multiply", "lr", 10.0),
            verdict("underfit", "add", "dropout", 0.3),
        ]
        return [(number, f) for f in advised]

    def regret(seed: int, believed: bool) -> float:
        study = spec(seed=seed, budget=Budget(trainings=30.0))
        plan = Staged(findings=believed, model=False)
        return found(Simulation(plan, study, learning_curve, found=wrong, workers=2).run()) - 0.1

    misled = sum(regret(seed, True) for seed in range(4))
    left_alone = sum(regret(seed, False) for seed in range(4))
    assert misled < left_alone + 4 * 0.02


def test_the_best_at_the_end_of_a_soft_range_is_followed_twice_and_not_beyond_the_limits() -> None:
    narrow = Float(1e-5, 1e-4, log=True, limits=(1e-5, 0.5))
    space = SPACE.replaced({"lr": narrow})

    def at_the_end(history: History, number: int) -> list[tuple[int | None, Finding]]:
        return [(None, verdict("boundary", "raise high", "lr"))]

    study = spec(space, budget=Budget(trainings=60.0))
    plan = Staged(narrow=False, order=False, model=False)
    history = Simulation(plan, study, found=at_the_end, workers=2).run()
    extended = [e.data["ranges"]["lr"] for e in history.logbook
                if e.code == "extend" and "ranges" in e.data]  # fmt: skip
    assert extended == [[1e-5, 1e-3], [1e-5, 1e-2]]
    assert max(float(str(t.config["lr"])) for t in history.trials.values()) <= 1e-2
