"""Full trainings over the learning rates, when nothing learns so far."""

from dataclasses import replace

from tests.conformance.strategies import filling, stepwise
from tests.zoo import SPACE, Simulation, spec

from danlu.core.decision import Continue, Start
from danlu.core.event import Diagnosed
from danlu.core.finding import Finding, settled
from danlu.core.history import History
from danlu.core.parameter import Choice
from danlu.core.space import Space
from danlu.core.spec import Budget
from danlu.strategies.auto import Auto
from danlu.strategies.deepen import PROBES, deepen
from danlu.strategies.staged import Staged

DOUBT = Finding("nothing_yet", "warning", 0.6, "None of 20 configs learns anything so far.")


def doubtful(trainings: float = 20.0) -> History:
    """A quarter of a search, of which it is said that nothing learns."""
    begun = Simulation(Auto(), spec(budget=Budget(trainings=trainings / 4))).run()
    history = replace(begun, spec=spec(budget=Budget(trainings=trainings)))
    return history.after(Diagnosed(begun.last_at, None, DOUBT))


def places(history: History) -> list[float]:
    """Where the probes of `Auto` lie in the learning rate's range, all asked for at once."""
    found = filling(Auto().decide(SPACE, history, PROBES))
    configs = [
        d.config if isinstance(d, Start) else history.trials[d.trial].config
        for d in found
        if isinstance(d, Start | Continue) and d.stage == "probe"
    ]
    return sorted(SPACE.to_unit(c)["lr"] for c in configs)


def test_probes_lie_in_each_part_of_the_learning_rates_range() -> None:
    history = doubtful()
    full = [t for t in history.trials.values() if t.epoch >= history.spec.epochs]
    assert len(places(history)) >= PROBES - len(full)
    found = sorted([*places(history), *(SPACE.to_unit(t.config)["lr"] for t in full)])
    assert max(b - a for a, b in zip([0.0, *found], [*found, 1.0], strict=True)) < 0.25


def test_a_probe_is_trained_to_its_full_length() -> None:
    history = doubtful()
    decision = deepen(SPACE, history)
    assert decision is not None
    assert decision.until == history.spec.epochs


def test_asking_for_all_probes_is_asking_for_one_after_another() -> None:
    history = doubtful()
    together = filling(Auto().decide(SPACE, history, 4))
    assert together == stepwise(Auto(), SPACE, history, 4)


def test_the_stage_begins_with_a_line_of_the_log_book() -> None:
    for strategy in (Auto(), Staged()):
        decisions = strategy.decide(SPACE, doubtful(), 3)
        notes = [d.entry.stage for d in decisions if not isinstance(d, Start | Continue)
                 and hasattr(d, "entry")]  # fmt: skip
        if any(getattr(d, "stage", "") == "probe" for d in decisions):
            assert notes.count("probe") == 1


def test_a_doubt_that_is_settled_asks_for_nothing() -> None:
    history = doubtful()
    assert deepen(SPACE, history.after(Diagnosed(0.0, None, settled(DOUBT)))) is None


def test_a_budget_that_knowing_would_not_save_is_searched_on() -> None:
    assert deepen(SPACE, doubtful(10.0)) is None


def test_a_space_without_a_learning_rate_of_numbers_has_no_probes() -> None:
    assert deepen(Space({"units": SPACE["units"]}), doubtful()) is None
    assert deepen(Space(lr=Choice(0.1, 0.01), units=SPACE["units"]), doubtful()) is None
