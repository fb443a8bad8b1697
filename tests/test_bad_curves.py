"""Whatever curves a study holds: findings or silence, decisions, and words, but no exception.

Gaps, one epoch, NaN, infinities, constants, only a loss, only validation, negative, huge and very
long curves go through all that reads them: verdicts, the diagnosis of the study, the strategies,
predictions, and `danlu why`.
"""

import math
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import danlu
from danlu.cli.app import group
from danlu.core.decision import Continue, Finish, Note, Start, Stop
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
)
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.core.task import UNKNOWN, Task
from danlu.diagnosis.rules import judgement, new_findings
from danlu.diagnosis.study import study_news
from danlu.diagnosis.verdicts import verdicts
from danlu.errors import ReportError
from danlu.predicting import predict
from danlu.stores import open_store
from danlu.strategies.names import make

SPACE = Space(
    lr=Float(1e-5, 1e-2, log=True, limits=(1e-6, 1.0)),
    units=Int(8, 128, log=True, limits=(4, 1024)),
    dropout=Float(0.0, 0.8),
    optimizer=Choice("sgd", "adam"),
)
TASKS = (
    UNKNOWN,
    Task("classification", 500, 200, 10, (0.1,) * 10, math.log(10), 0.1, 0.9, 2.3, True),
    Task("classification", 0, 0, 2, (1.0, 0.0), 0.0, 1.0, math.nan, math.inf),
)
SHAPES = (
    "falls", "rises", "constant", "zero", "nan", "nan late", "inf", "minus inf", "negative",
    "huge", "tiny", "jumps",
)  # fmt: skip
NAMES = (
    ("train_loss", "val_loss", "train_accuracy", "val_accuracy"), ("train_loss", "val_loss"),
    ("val_loss",), ("val_accuracy",), ("train_loss",), ("loss",), ("score",), (),
)  # fmt: skip


def value(shape: str, epoch: int, last: int) -> float:
    """The value of a curve at an epoch."""
    fall, jump = 2.0 * math.exp(-0.2 * epoch), (-1.0) ** epoch
    return {
        "falls": fall, "rises": epoch / last, "constant": 0.5, "zero": 0.0, "nan": math.nan,
        "nan late": math.nan if epoch == last else fall, "inf": math.inf, "minus inf": -math.inf,
        "negative": -fall, "huge": 1.7e308 * jump, "tiny": 5e-324 * epoch, "jumps": 9.0 * jump,
    }[shape]  # fmt: skip


@st.composite
def studies(draw: st.DrawFn, most: int = 12) -> History:
    """Studies of up to ``most`` trials, each with curves of a kind of its own."""
    objective = Objective.parse(draw(st.sampled_from(["min val_loss", "max val_accuracy"])))
    epochs = draw(st.sampled_from([1, 2, 10, 30]))
    spec = Spec("bad", SPACE, objective, epochs, budget=Budget(trainings=20.0))
    pausing = draw(st.booleans())
    events: list[Event] = [Began(0.0, 1, pausing), Learned(0.0, draw(st.sampled_from(TASKS)))]
    for number in range(1, 1 + draw(st.integers(0, most))):
        events += draw(trainings(spec, number))
    return judged(empty(spec, events))


@st.composite
def trainings(draw: st.DrawFn, spec: Spec, number: int) -> list[Event]:
    """One trial: its curves have gaps, and end anyhow."""
    at, last = float(number), draw(st.sampled_from([0, 1, spec.epochs, spec.epochs]))
    config = SPACE.from_unit({n: draw(st.sampled_from([0.0, 0.3, 0.7, 0.999])) for n in SPACE})
    events: list[Event] = [Started(at, number, config, max(1, last), number, stage="search")]
    names = draw(st.sampled_from(NAMES))
    shapes = {name: draw(st.sampled_from(SHAPES)) for name in names}
    every = draw(st.sampled_from([1, 1, 3]))
    for epoch in range(1, last + 1, every):
        metrics = {name: value(shape, epoch, last) for name, shape in shapes.items()}
        events.append(Reported(at, number, epoch, metrics))
    endings: list[list[Event]] = [
        [], [Paused(at, number)], [Finished(at, number)],
        [Failed(at, number, "exception", "it broke")],
    ]  # fmt: skip
    return events + draw(st.sampled_from(endings))


def judged(history: History) -> History:
    """The history with what its trials, and it as a whole, are found to be."""
    for number in list(history.trials):
        for rule in (new_findings, judgement):
            found = rule(history, history.trials[number])
            history = history.after(*(Diagnosed(99.0, number, f) for f in found))
    return history.after(*(Diagnosed(99.0, None, f) for f in study_news(history)))


@settings(max_examples=60, deadline=None)
@given(studies())
def test_every_verdict_is_a_sentence_with_a_confidence(history: History) -> None:
    for trial in history.trials.values():
        for finding in verdicts(history, trial):
            assert 0.0 < finding.confidence <= 1.0
            assert finding.message.strip()


@pytest.mark.parametrize("name", ["auto", "staged", "freeze-thaw", "halving", "random"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(studies())
def test_every_strategy_goes_on(name: str, history: History) -> None:
    for decision in make(name, {}).decide(SPACE, history, 2):
        assert isinstance(decision, Start | Continue | Stop | Note | Finish)
        if isinstance(decision, Start):
            assert SPACE.check(decision.config, complete=True) == decision.config


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(studies())
def test_predictions_are_ordered_numbers_or_none(history: History) -> None:
    for found in predict(history):
        assert math.isfinite(found.value)
        assert found.low <= found.value <= found.high


@settings(
    max_examples=20, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(history=studies(most=4))
def test_why_tells_the_study_and_each_trial(tmp_path_factory: Any, history: History) -> None:
    where = tmp_path_factory.mktemp("why") / "danlu.db"
    store = open_store(where)
    store.create(history.spec)
    store.append("bad", recorded(history))
    store.close()
    for asked in ("", *map(str, history.trials)):
        arguments = ["why", "bad", *filter(None, [asked]), "--store", str(where)]
        result = CliRunner().invoke(group, arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        assert "Traceback" not in result.output


def recorded(history: History) -> list[Event]:
    """Events that lead to the same trials and findings."""
    events: list[Event] = [Began(0.0, 1, history.can_pause), Learned(0.0, history.task)]
    for t in history.trials.values():
        events.append(Started(0.0, t.number, t.config, t.until, t.seed, stage=t.stage))
        events += [Reported(r.at, t.number, r.epoch, r.metrics) for r in t.reports]
        events += [Diagnosed(99.0, t.number, f) for f in t.findings]
        ending = {"paused": Paused, "finished": Finished}.get(t.state)
        events += [ending(99.0, t.number)] if ending else []
    return [*events, *(Diagnosed(99.0, None, f) for f in history.findings)]


@pytest.mark.parametrize("shape", SHAPES)
def test_very_long_curves_are_judged(shape: str) -> None:
    spec = Spec("long", SPACE, Objective("val_loss", "min"), 20_000)
    names = NAMES[0]
    reports = [
        Reported(1.0, 1, e, {name: value(shape, e, 20_000) for name in names})
        for e in range(1, 20_001)
    ]
    started = Started(1.0, 1, SPACE.default(), 20_000, 1)
    history = judged(empty(spec, [Began(0.0), started, *reports, Finished(2.0, 1)]))
    assert isinstance(history.trials[1].findings, tuple | list)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=8) | st.none() | st.lists(st.floats(), min_size=1, max_size=2))
def test_what_is_no_number_is_refused_and_nothing_of_it_is_kept(odd: Any) -> None:
    study = danlu.Study("odd", space=SPACE, objective="min val_loss", epochs=3, store=None)
    trial = study.ask()
    assert trial is not None
    with pytest.raises(ReportError, match="val_loss"):
        trial.report(1, val_loss=odd)
    trial.report(1, val_loss=0.5)
    assert [dict(r.metrics) for r in study.history.trials[1].reports] == [{"val_loss": 0.5}]
