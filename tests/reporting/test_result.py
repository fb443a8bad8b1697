import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reporting import histories

from danlu.core.event import Diagnosed, Ended, Event, Finished, Reported, Started
from danlu.core.finding import Finding
from danlu.core.history import History, empty
from danlu.core.parameter import Float, Value
from danlu.core.record import TrialRecord
from danlu.core.space import Space
from danlu.reporting.result import describe_gain, influence, leaders, result_of, stage_starts
from danlu.reporting.snippets import as_command, as_python, as_toml


def study(*values: float, confirm: bool = False) -> History:
    """The default config first, then others; with ``confirm`` the last one thrice."""
    spec = histories.spec("min val_loss", epochs=1)
    default = spec.space.default()
    events: list[Event] = []
    for n, value in enumerate(values, 1):
        config = default if n == 1 else {**default, "units": 20 + (2 if confirm else n)}
        stage = "confirm" if confirm and n > 2 else ""
        events += [
            Started(n, n, config, 1, seed=n, stage=stage),
            Reported(n, n, 1, {"val_loss": value}),
            Finished(n, n),
        ]
    return empty(spec, [*events, Ended(99.0, "done")])


def test_the_gain_is_told_against_the_default_config() -> None:
    history = study(0.5, 0.4)
    result = result_of(history)
    assert result is not None
    assert describe_gain(history, result) == "−0.1 (−20%) over the default config's 0.5."


def test_a_gain_where_nothing_learns_is_called_luck() -> None:
    finding = Finding("nothing_learns", "error", 0.9, "Nothing learns.")
    history = study(0.5, 0.4).after(Diagnosed(100.0, None, finding))
    result = result_of(history)
    assert result is not None
    assert "luck" in describe_gain(history, result)


def test_without_any_default_there_is_no_gain_to_tell() -> None:
    spec = replace(histories.spec("min val_loss", epochs=1), space=Space(lr=Float(0.0, 1.0)))
    events: list[Event] = [Started(1, 1, {"lr": 0.3}, 1, 1), Reported(1, 1, 1, {"val_loss": 0.4}),
              Finished(1, 1)]  # fmt: skip
    history = empty(spec, events)
    result = result_of(history)
    assert result is not None
    assert describe_gain(history, result) == "No parameter has a default to compare with."


def test_the_default_config_may_be_the_best() -> None:
    history = study(0.3, 0.4)
    result = result_of(history)
    assert result is not None
    assert describe_gain(history, result) == "The default config is the best so far."


def test_confirming_seeds_give_mean_and_spread() -> None:
    history = study(0.5, 0.40, 0.42, 0.44, confirm=True)
    result = result_of(history)
    assert result is not None
    assert result.mean == pytest.approx(0.42)
    assert result.sd == pytest.approx(0.02)
    assert "on average" in describe_gain(history, result)


def test_a_gain_below_the_noise_is_called_so() -> None:
    history = study(0.41, 0.38, 0.40, 0.43, confirm=True)
    result = result_of(history)
    assert result is not None
    assert "noise between seeds" in describe_gain(history, result)


def test_a_study_without_values_has_no_result() -> None:
    assert result_of(histories.only_failures()) is None
    assert leaders(histories.only_failures()) == []


def test_leaders_are_the_best_trials_of_different_configs() -> None:
    history = histories.staged()
    best = leaders(history)
    assert history.best is best[0]
    assert len({tuple(sorted(t.config.items())) for t in best}) == len(best) == 5


def test_proxies_lead_only_while_there_is_nothing_better() -> None:
    assert all(t.proxy.full for t in leaders(histories.staged()))


def test_the_parameter_that_matters_most_comes_first() -> None:
    assert next(iter(influence(histories.large(120, 12)))) == "lr"


def test_a_config_survives_the_way_through_toml() -> None:
    config: dict[str, Value] = {
        "lr": 0.1 + 0.2,
        "units": 64,
        "kind": 'a "b" \\ \n é',
        "amp": True,
        "x.y": "z",
    }
    assert tomllib.loads(as_toml(config)) == config
    assert as_toml({"kind": None}) == "# kind has no value"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_way_through_toml(words: str) -> None:
    assert tomllib.loads(as_toml({"kind": words})) == {"kind": words}


def test_a_config_survives_the_way_through_python() -> None:
    config: dict[str, Value] = {"lr": 1e-05, "kind": "it's", "none": None}
    assert eval(as_python(config)) == config


def test_the_command_is_quoted_and_drops_inactive_parameters() -> None:
    template = ("python", "train.py", "--lr", "{lr}", "--momentum", "{momentum}", "--tag={tag}")
    config: dict[str, Value] = {"lr": 1e-3, "tag": "a b; rm -rf"}
    trial = TrialRecord(7, config, seed=5, until=3)
    line = as_command(replace(histories.spec(epochs=30), command=template), trial)
    assert line == "python train.py --lr 0.001 '--tag=a b; rm -rf'"
    again = replace(histories.spec(epochs=30), command=("run", "{epochs}", "{seed}", "{trial}"))
    assert as_command(again, trial) == "run 30 5 7"


def test_a_stage_begins_where_its_trials_begin_to_follow_each_other() -> None:
    spec = histories.spec(epochs=1)
    stages = ["fine", "coarse", "coarse", "fine", "coarse", "fine", "fine", "fine"]
    events = [
        Started(n, n, spec.space.default(), 1, seed=n, stage=stage)
        for n, stage in enumerate(stages, 1)
    ]
    assert stage_starts(empty(spec, events)) == {"coarse": 2, "fine": 4}
