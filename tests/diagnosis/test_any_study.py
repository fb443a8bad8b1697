"""Whatever a study holds, its diagnosis is findings or silence."""

import math
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.diagnosis.studies import spec

from danlu.comparing import importance
from danlu.core.codec import encode_number
from danlu.core.decision import FULL, Proxy
from danlu.core.event import (
    Began,
    Diagnosed,
    Event,
    Failed,
    Finished,
    Learned,
    Paused,
    Reported,
    Started,
    decode_event,
    encode_event,
)
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective
from danlu.core.task import Task
from danlu.diagnosis.study import study_findings, study_news

SPACES = (
    Space(
        lr=Float(1e-5, 1.0, log=True, limits=(1e-6, 10.0)),
        layers=Int(1, 4, limits=(1, 8)),
        optimizer=Choice("sgd", "adam", default="adam"),
        momentum=Float(0.0, 0.99, when={"optimizer": "sgd"}),
    ),
    Space(kind=Choice("a", "b", "c")),
    Space(constant=3),
    Space({"x": Float(-5.0, 5.0), "n": Int(0, 1)}),
)
NUMBERS = st.one_of(
    st.floats(-2.0, 3.0),
    st.sampled_from([0.0, 1.0, 0.1, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e31]),
)
CODES = ("overfit", "still_improving", "late_spikes", "noisy_val", "not_finite", "diverged")
TASKS = st.sampled_from([
    Task(),
    Task("classification", 100, 50, 2, (0.5, 0.5), 0.69, 0.5, 0.9, 0.7, True),
    Task("classification", 1, 0, 0, (), 0.0, 0.0, math.nan),
    Task("classification", n_val=10, priors=(1.0, 0.0), baseline_loss=math.inf),
    Task("regression", n_val=20, baseline_loss=2.0, baseline_metric=0.0),
])  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Studies with gaps, NaN, one trial or many, failures, proxies, several objectives."""
    space = draw(st.sampled_from(SPACES))
    objectives = draw(st.sampled_from(["max val_accuracy", "min val_loss", "min regret"]))
    further = draw(st.sampled_from([(), (Objective("params", "min"),)]))
    constraints = draw(st.sampled_from([(), (Constraint("params", "<=", 1.0),)]))
    budget = draw(
        st.sampled_from([Budget(), Budget(trainings=2.0), Budget(trials=5), Budget(seconds=1.0)])
    )
    made = spec(
        space, objective=Objective.parse(objectives), epochs=draw(st.sampled_from([1, 3, 8])),
        budget=budget, further=further, constraints=constraints,
    )  # fmt: skip
    events: list[Event] = [Began(0.0), Learned(0.0, draw(TASKS))]
    same = draw(st.lists(NUMBERS, max_size=8))
    rng = random.Random(draw(st.integers(0, 2**32)))
    for number in range(1, 1 + draw(st.sampled_from([0, 1, 2, 9, 20, 45]))):
        events += _trial(rng, made, number, same)
    if draw(st.booleans()):
        events.append(Diagnosed(1.0, None, Finding("D05", "warning", 1.0, "copies")))
    return empty(made, events)


def _trial(rng: random.Random, made: Any, number: int, same: list[float]) -> list[Event]:
    config = made.space.from_unit({n: rng.random() for n in made.space})
    proxy = FULL if rng.random() < 0.7 else Proxy(0.25)
    events: list[Event] = [Started(0.0, number, config, made.epochs, rng.randrange(3), proxy)]
    values = same if rng.random() < 0.4 else [rng.choice([*same, rng.random()]) for _ in range(5)]
    names = [made.objective.metric, "val_loss", "train_loss", "params"]
    for epoch in sorted(rng.sample(range(1, 9), min(8, len(values)))):
        kept = [n for n in names if rng.random() < 0.8]
        metrics = {n: values[rng.randrange(len(values))] for n in kept}
        events.append(Reported(float(epoch), number, epoch, metrics))
    if rng.random() < 0.3:
        finding = Finding(rng.choice(CODES), "warning", 0.5, "something")
        events.append(Diagnosed(1.0, number, finding))
    closings: list[list[Event]] = [
        [],
        [Paused(9.0, number)],
        [Finished(9.0, number)],
        [Failed(9.0, number, rng.choice(["not_finite", "lost", "exception"]), "no")],
    ]
    return [*events, *rng.choice(closings)]


@settings(max_examples=200, deadline=None)
@given(histories())
def test_any_history_gives_findings_or_silence(history: History) -> None:
    found = study_findings(history)
    assert len({f.about for f in found}) == len(found), "each matter is told once"
    for finding in found:
        assert 0.0 <= finding.confidence <= 1.0
        assert len(finding.message) > 10
        assert "nan" not in finding.message.lower().split()
    recorded = history.after(*(Diagnosed(10.0, None, f) for f in study_news(history)))
    assert study_news(recorded) == [], "what was said is not said again"


@settings(max_examples=100, deadline=None)
@given(histories())
def test_findings_can_be_stored(history: History) -> None:
    import json

    for finding in study_findings(history):
        kind, data = encode_event(Diagnosed(0.0, None, finding))
        text = json.dumps(data, allow_nan=False)
        back = decode_event(kind, json.loads(text))
        assert isinstance(back, Diagnosed)
        assert back.finding.message == finding.message


@settings(max_examples=100, deadline=None)
@given(histories())
def test_any_history_has_an_importance_or_none(history: History) -> None:
    found = importance(history)
    for share in [] if found is None else found.single.values():
        assert 0.0 <= share.low <= share.value <= share.high <= 1.0 + 1e-9
        assert not isinstance(encode_number(share.value), str), "a finite number"
