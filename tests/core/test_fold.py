from hypothesis import given
from hypothesis import strategies as st
from tests.conformance.events import batches, sequences
from tests.conformance.stores import one_trial, reports, same, spec_of

from danlu.core.event import Reported, Saved
from danlu.core.history import empty


@given(st.data())
def test_folding_at_once_equals_folding_part_by_part(data: st.DataObject) -> None:
    events = data.draw(sequences())
    history = empty(spec_of())
    for batch in data.draw(batches(events)):
        history = history.after(*batch)
    assert same(history, empty(spec_of(), events))


def test_an_earlier_history_stays_as_it_was() -> None:
    before = empty(spec_of(), one_trial(2))
    after = before.after(*reports(1, [3, 4]), Saved(200.0, 1, 4))
    assert before == empty(spec_of(), one_trial(2))
    assert (after.trials[1].epoch, after.trials[1].checkpoint) == (4, 4)


def test_a_repeated_report_is_as_if_it_never_came() -> None:
    history = empty(spec_of(), one_trial(3))
    again = Reported(5000.0, 1, 2, {"val_loss": -1.0})
    assert history.after(again) == history


def test_reports_are_kept_in_the_order_of_epochs() -> None:
    trial = empty(spec_of(), [*one_trial(1), *reports(1, [5, 3, 4, 3])]).trials[1]
    assert [r.epoch for r in trial.reports] == [1, 3, 4, 5]
    assert (trial.value, trial.value_epoch) == (0.2, 5)
