import json
import math
import re
from itertools import pairwise

import pytest
from tests.diagnosis.studies import configs, falling, spec, study
from tests.reporting.histories import only_failures, running, staged
from tests.zoo import Simulation
from tests.zoo import spec as zoo_spec

from danlu.core.event import Diagnosed, Finished, Noted, Reported, Started
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.logbook import Entry
from danlu.core.spec import Budget, Objective
from danlu.core.task import Task
from danlu.reporting.logbook import stages, steps
from danlu.reporting.verdict import gravest, top_finding, verdict_of, winners_luck
from danlu.reporting.why_payload import why_data
from danlu.strategies.auto import Auto


def confirmed(gap: float, seeds: int = 4, noise: float = 0.002) -> History:
    """Two configs trained again with the same seeds, one of them better by a gap."""
    good, other, *rest = configs(10)
    curves = [(good, [0.21] * 10), (other, [0.21 + gap] * 10), *((c, falling(0.5)) for c in rest)]
    history = study(curves)
    for s in range(1, seeds + 1):
        for config, more in ((good, 0.0), (other, gap)):
            n = history.next_number
            wobble = noise * math.sin(7 * n)
            history = history.after(
                Started(99.0, n, config, 10, history.spec.trial_seed(-s), stage="confirm"),
                *(Reported(99.0, n, e, {"val_loss": 0.21 + more + wobble}) for e in range(1, 11)),
                Finished(99.0, n),
            )
    return history


def test_a_winner_of_repeated_trainings_comes_with_its_odds_and_interval() -> None:
    verdict = verdict_of(confirmed(0.05))
    assert verdict.trial is not None
    assert verdict.chance is not None
    assert verdict.chance > 0.95
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < 0.21 < verdict.high
    assert verdict.corrected is None


def test_two_that_cannot_be_told_apart_are_not() -> None:
    verdict = verdict_of(confirmed(0.0))
    assert "cannot be told apart" in " ".join(verdict.sure)
    assert "More seeds" in " ".join(verdict.next)


def test_repetitions_that_the_seed_does_not_reach_say_nothing_of_how_sure_it_is() -> None:
    verdict = verdict_of(confirmed(0.05, noise=0.0))
    assert verdict.chance is None
    assert verdict.low is None
    assert "does not reach the training" in " ".join(verdict.sure)


def test_the_interval_of_a_winner_has_two_different_ends() -> None:
    (said, *_) = verdict_of(confirmed(0.05, seeds=8)).sure
    low, high = re.search(r"between (\S+) and (\S+) with", said).groups()  # type: ignore[union-attr]
    assert low != high


def test_a_single_training_is_corrected_for_having_won() -> None:
    trials = [(c, falling(0.2 + 0.001 * i, 0.02)) for i, c in enumerate(configs(20))]
    verdict = verdict_of(study(trials))
    best = study(trials).best
    assert best is not None
    assert best.value is not None
    assert verdict.corrected is not None
    assert verdict.corrected > best.value
    assert "one seed" in verdict.sure[0]


@pytest.mark.parametrize(("equals", "sd"), [(1, 0.0), (10, 1.54), (20, 1.87), (100, 2.51)])
def test_the_luck_of_a_winner_is_that_of_the_literature(equals: int, sd: float) -> None:
    assert winners_luck(equals) == pytest.approx(sd, abs=0.02)


def test_a_result_no_better_than_one_answer_is_not_to_be_relied_on() -> None:
    task = Task("classification", 1000, 100, 10, None, None, 0.1)
    made = spec(objective=Objective("val_accuracy", "max"))
    low = verdict_of(study([(c, [0.13] * 10) for c in configs(3)], made, task))
    assert "one answer" in " ".join(low.sure)
    high = verdict_of(study([(c, [0.7] * 10) for c in configs(3)], made, task))
    assert "one answer" not in " ".join(high.sure)


def test_where_nothing_learns_there_is_nothing_to_use() -> None:
    history = study([(c, [0.5] * 10) for c in configs(3)])
    finding = Finding(
        "nothing_learns", "error", 0.9, "None of 3.", {"look_at": ["data.", "loss."]}
    )
    verdict = verdict_of(history.after(Diagnosed(0.0, None, finding)))
    assert verdict.trial is None
    assert verdict.sure == ("None of 3.",)
    assert verdict.next == ("data.", "loss.")


def test_without_a_result_there_is_nothing_to_use() -> None:
    assert verdict_of(only_failures()).trial is None
    assert verdict_of(empty(spec())).trial is None
    assert why_data(empty(spec())) is None


def test_the_gravest_finding_comes_first() -> None:
    made = [
        Finding("a", "info", 1.0, "a"),
        Finding("b", "warning", 0.5, "b"),
        Finding("c", "error", 0.5, "c"),
        Finding("d", "warning", 0.9, "d"),
    ]
    assert [f.code for f in gravest(made)] == ["c", "d", "b", "a"]
    told = empty(spec()).after(*(Diagnosed(0.0, None, f) for f in made[:2]))
    first = top_finding(told)
    assert first is not None
    assert first.code == "b"
    assert top_finding(empty(spec())) is None


def test_stages_spend_what_was_spent() -> None:
    history = Simulation(Auto(), zoo_spec(budget=Budget(trainings=12.0))).run()
    rows = stages(history)
    assert [s.name for s in rows] in (["search", "confirm"], ["search", "finish", "confirm"])
    assert sum(s.trainings for s in rows) == pytest.approx(history.trainings)
    assert sum(s.trials for s in rows) == len(history.trials)
    assert [e.code for e in history.logbook].count("stage") == len(rows)
    assert history.logbook[-1].code == "verdict"


def test_a_plan_without_lines_shows_its_stages_by_their_trials() -> None:
    assert {s.name for s in stages(staged())} >= {"wide", "narrow", "confirm"}


def test_a_trials_launches_tell_what_came_of_each() -> None:
    history = Simulation(Auto(), zoo_spec(budget=Budget(trainings=8.0))).run()
    trial = max(history.trials.values(), key=lambda t: len(t.launches))
    found = steps(history, trial)
    assert len(found) > 2
    assert found[0].after == 0
    assert found[0].before is None
    for step, following in pairwise(found):
        assert step.epoch == following.after
        assert step.reached == following.before
        assert step.why
    assert found[-1].reached == trial.value


@pytest.mark.parametrize("history", [staged(), running(), only_failures(), confirmed(0.01)])
def test_all_that_is_said_is_plain_json(history: History) -> None:
    noted = history.after(Noted(0.0, Entry("narrow", "fine", "seen", "done", "why", {"x": [1]})))
    data = why_data(noted)
    assert data is not None
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["logbook"][-1]["done"] == "done"
