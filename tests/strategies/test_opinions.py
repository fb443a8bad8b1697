"""Two opinions on where good configs lie: which is tried when, and which is followed."""

import math

import pytest

import danlu
from danlu.asked import AskedTrial
from danlu.strategies.opinions import opinions

EPOCHS = 9


def space(lr: float, units: int = 128) -> danlu.Space:
    return danlu.Space(
        lr=danlu.Float(1e-7, 10.0, log=True, default=lr),
        dropout=danlu.Float(0.0, 0.7, default=0.2),
        units=danlu.Int(8, 1024, log=True, default=units),
    )


def away(trial: AskedTrial, best: float) -> float:
    """Decades between a trial's learning rate and the best."""
    return abs(math.log10(float(trial.params["lr"] or 0) / best))


def tuned(given: danlu.Space, best: float, strategy: str, seed: int) -> list[AskedTrial]:
    """Trials of a study that learns only within a factor of thirty of the best learning rate."""
    study = danlu.Study("two", space=given, objective="min loss", epochs=EPOCHS,
                        strategy=strategy, seed=seed, store=None)  # fmt: skip
    done: list[AskedTrial] = []
    while len(done) < 30 and (trial := study.ask()) is not None:
        far = min(1.0, away(trial, best) / 1.5)
        for epoch in range(trial.start + 1, trial.until + 1):
            trial.report(epoch, loss=0.7 - 0.6 * (1.0 - far) * (1.0 - 0.7**epoch))
        study.tell(trial)
        done.append(trial)
    return done


def test_the_default_comes_first_and_what_is_usual_in_place_of_far_numbers_second() -> None:
    first, second, *_ = tuned(space(lr=5.0), 0.001, "freeze-thaw", 0)
    assert first.params == {"lr": 5.0, "dropout": 0.2, "units": 128}
    assert second.params == {"lr": 0.001, "dropout": 0.2, "units": 128}


def test_an_ordinary_default_is_the_only_opinion() -> None:
    assert opinions(space(lr=0.003)).usual is None


def test_choices_that_are_growing_numbers_may_have_a_default() -> None:
    batch_size = danlu.Choice(16, 64, 256, 1024, default=1024)
    both = opinions(danlu.Space({**space(lr=5.0).parameters, "batch_size": batch_size}))
    assert both.usual is not None
    config = both.usual.config(both.usual.default())
    assert (config["lr"], config["batch_size"]) == (0.001, 1024)


def test_an_unknown_default_at_an_end_has_the_middle_beside_it() -> None:
    both = opinions(
        danlu.Space(zeta=danlu.Float(0.0, 10.0, default=9.8), eta=danlu.Int(1, 9, default=3))
    )
    assert both.usual is not None
    assert both.usual.config(both.usual.default()) == {"zeta": 5.0, "eta": 3}
    assert opinions(danlu.Space(zeta=danlu.Float(0.0, 10.0, default=8.0))).usual is None


def test_a_size_alone_is_the_price_that_the_user_names() -> None:
    assert opinions(space(lr=0.003, units=8)).usual is None


@pytest.mark.parametrize("strategy", ["freeze-thaw", "bayes"])
@pytest.mark.parametrize("seed", range(3))
def test_the_opinion_that_trains_is_followed(strategy: str, seed: int) -> None:
    given = space(lr=5.0)
    for best in (0.001, 5.0):  # the user is wrong, the user is right
        trials = tuned(given, best, strategy, seed)
        near = [t for t in trials if away(t, best) < 1.5]
        assert len(near) > len(trials) / 2


def test_knowledge_under_which_nothing_learns_is_not_followed() -> None:
    """The best lies where neither the user nor experts would look."""
    trials = tuned(space(lr=5.0), 1e-6, "freeze-thaw", 0)
    assert any(away(t, 1e-6) < 1.0 for t in trials)
