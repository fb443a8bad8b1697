"""What every store must do; `README.md` beside this file tells how to test a new one."""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from threading import Thread
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.events import batches, sequences

from danlu.core.event import (
    Began,
    Continued,
    Ended,
    Event,
    Finished,
    Paused,
    Reported,
    Saved,
    Started,
)
from danlu.core.history import History, empty
from danlu.core.parameter import Choice, Float, Int, Value
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.errors import StoreError, StudyError
from danlu.stores import Store

SPACE = Space(
    lr=Float(1e-5, 1e-1, log=True, default=1e-3, limits=(1e-7, 1.0)),
    units=Int(16, 512, log=True),
    optimizer=Choice("sgd", "adam"),
    momentum=Float(0.0, 0.99, when={"optimizer": ("sgd",)}),
)


def spec_of(name: str = "digits") -> Spec:
    return Spec(name, SPACE, Objective("val_loss", "min"), epochs=10, budget=Budget(20.0))


def new_study(store: Store, name: str = "digits") -> Spec:
    spec = spec_of(name)
    store.create(spec)
    return spec


def reports(trial: int, epochs: Sequence[int]) -> list[Event]:
    return [Reported(100.0 + e, trial, e, {"val_loss": 1 / e, "train_loss": 0.5}) for e in epochs]


def one_trial(epochs: int = 3) -> list[Event]:
    config: dict[str, Value] = {"lr": 1e-3, "units": 32, "optimizer": "adam"}
    started = Started(100.0, 1, config, until=epochs, seed=7, why="the default config first")
    return [Began(99.0, workers=2), started, *reports(1, range(1, epochs + 1))]


def same(a: History, b: History) -> bool:
    """Equal, where NaN equals NaN and the order of names counts."""
    return repr(a) == repr(b)


class StoreConformance:
    """Inherit it and give a fixture ``store``: an empty store."""

    def test_loading_equals_folding_what_was_appended(self, store: Store) -> None:
        spec = new_study(store)
        for event in one_trial():
            store.append("digits", [event])
        assert same(store.load("digits"), empty(spec, one_trial()))

    def test_any_events_in_any_batches_give_the_folded_history(self, store: Store) -> None:
        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(data=st.data())
        def check(data: st.DataObject) -> None:
            events = data.draw(sequences())
            name = uuid4().hex  # each example has a study of its own
            spec = new_study(store, name)
            followed = store.load(name)
            for batch in data.draw(batches(events)):
                store.append(name, batch)
                if data.draw(st.booleans()):
                    followed = store.follow(followed)
            expected = empty(spec, events)
            assert same(store.load(name), expected)
            assert same(store.follow(followed), expected)

        check()  # made here, since hypothesis refuses one test for several classes

    def test_a_new_study_has_an_empty_history(self, store: Store) -> None:
        spec = new_study(store)
        assert store.load("digits") == History(spec)

    def test_studies_are_listed_in_the_order_of_their_creation(self, store: Store) -> None:
        for name in ("b", "c", "a"):
            new_study(store, name)
        assert list(store.studies()) == ["b", "c", "a"]

    def test_studies_do_not_mix(self, store: Store) -> None:
        new_study(store, "a")
        new_study(store, "b")
        store.append("a", one_trial(2))
        store.append("b", one_trial(3))
        store.append("a", [Finished(200.0, 1)])
        assert store.load("a").trials[1].epoch == 2
        assert store.load("b").trials[1].state == "running"

    def test_a_name_is_given_once(self, store: Store) -> None:
        new_study(store)
        with pytest.raises(StudyError, match="already"):
            new_study(store)

    def test_a_missing_study_is_named_with_the_nearest_one(self, store: Store) -> None:
        new_study(store, "digits")
        with pytest.raises(StudyError, match=r"no study \"digit\".*Did you mean 'digits'"):
            store.load("digit")
        with pytest.raises(StudyError, match="no study"):
            store.append("digit", one_trial())
        with pytest.raises(StudyError, match="no study"):
            store.follow(History(spec_of("digit")))
        with pytest.raises(StudyError, match="no study"), store.lock("digit"):
            pass

    @pytest.mark.parametrize("bad", [object(), {1, 2}, 1j])
    def test_an_event_that_cannot_be_stored_leaves_nothing_of_its_batch(
        self, store: Store, bad: object
    ) -> None:
        spec = new_study(store)
        broken = Started(1.0, 2, {"lr": bad}, until=3, seed=1)  # type: ignore[dict-item]
        with pytest.raises(StoreError, match="nothing of its batch"):
            store.append("digits", [*one_trial(), broken, Ended(200.0, "done")])
        assert store.load("digits") == History(spec)

    def test_the_first_report_of_an_epoch_counts(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        spec = new_study(store)
        again = Reported(900.0, 1, 2, {"val_loss": -5.0})
        appends: list[list[Event]] = [
            one_trial(),
            [again],
            [again, again, *reports(1, [4, 4, 5])],
            [again, Saved(901.0, 1, 5)],
            [again, Paused(902.0, 1), again],
            [Continued(903.0, 1, until=9, attempt=1), again],
        ]
        expected, history = empty(spec), store.load("digits")
        for batch in appends:
            store.append("digits", batch)
            expected = expected.after(*batch)
            history = store.follow(history)
            loaded = store.load("digits")
            assert same(history, expected)
            assert same(loaded, expected)
            assert same(store.follow(loaded), expected)
        assert [r.epoch for r in history.trials[1].reports] == [1, 2, 3, 4, 5]
        assert history.best
        assert history.best.value == 0.2
        assert not caplog.records  # no driver tells the user of it

    def test_a_tuner_that_folds_what_it_appends_can_follow_the_store(self, store: Store) -> None:
        new_study(store)
        history = store.load("digits")
        for batch in [one_trial(3), reports(1, [3, 3]), reports(1, [3, 4])]:
            store.append("digits", batch)
            history = history.after(*batch)
        assert store.follow(history) == history
        store.append("digits", reports(1, [5]))
        assert store.follow(history) == store.load("digits")

    def test_numbers_that_are_not_finite_survive(self, store: Store) -> None:
        new_study(store)
        odd = {"val_loss": math.nan, "a": math.inf, "b": -math.inf, "c": 0.1 + 0.2, "d": 5e-324}
        store.append("digits", [*one_trial(1), Reported(101.5, 1, 2, odd)])
        kept = store.load("digits").trials[1].reports[1].metrics
        assert repr(kept) == repr(odd)

    def test_any_text_survives(self, store: Store) -> None:
        spec = new_study(store, "研究 ñ-1")
        text = '炉火 ✓ \x00 \ud800 \'quoted" NaN" \\ \n \U0001f525'
        events: list[Event] = [
            Started(1.0, 1, {text: text}, until=3, seed=1, stage=text, why=text),
            Reported(2.0, 1, 1, {text: 1.0}),
        ]
        store.append(spec.name, events)
        assert same(store.load(spec.name), empty(spec, events))

    def test_a_big_batch_is_one_append(self, store: Store) -> None:
        spec = new_study(store)
        events = one_trial(20_000)
        store.append("digits", events)
        assert same(store.load("digits"), empty(spec, events))

    def test_an_empty_append_changes_nothing(self, store: Store) -> None:
        spec = new_study(store)
        store.append("digits", [])
        assert store.load("digits") == History(spec)

    def test_following_without_news_gives_an_equal_history(self, store: Store) -> None:
        new_study(store)
        store.append("digits", one_trial())
        history = store.load("digits")
        assert store.follow(history) == history

    def test_a_new_spec_holds_for_what_was_recorded_before(self, store: Store) -> None:
        spec = new_study(store)
        store.append("digits", one_trial())
        before = store.load("digits")
        changed = replace(
            spec, objective=Objective("train_loss", "max"), epochs=30, budget=Budget(99.0)
        )
        store.respecify(changed)
        assert same(store.load("digits"), empty(changed, one_trial()))
        assert same(store.follow(before), empty(changed, one_trial()))
        with pytest.raises(StudyError, match="no study"):
            store.respecify(spec_of("other"))

    def test_the_whole_spec_survives(self, store: Store) -> None:
        spec = replace(
            spec_of(),
            seed=11,
            budget=Budget(20.0, 30, 7200.0),
            strategy="halving",
            options={"eta": 3, "nested": {"why": ["a", None, 0.5]}},
            command=("python", "train.py", "--lr", "{lr}"),
        )
        store.create(spec)
        assert store.load("digits").spec == spec

    def test_a_removed_study_is_gone_and_its_name_is_free(self, store: Store) -> None:
        new_study(store, "other")
        new_study(store)
        store.append("digits", one_trial())
        store.request("digits", "stop")
        before = store.load("digits")
        store.remove("digits")
        assert list(store.studies()) == ["other"]
        with pytest.raises(StudyError, match="no study"):
            store.load("digits")
        with pytest.raises(StudyError, match="no study"):
            store.remove("digits")
        spec = new_study(store)
        assert store.load("digits") == store.follow(before) == History(spec)
        assert not store.requests("digits")

    def test_requests_are_numbered_and_kept_in_order(self, store: Store) -> None:
        new_study(store)
        store.request("digits", "stop trial", 3)
        store.request("digits", "stop")
        got = store.requests("digits")
        assert [(r.number, r.verb, r.trial) for r in got] == [
            (1, "stop trial", 3),
            (2, "stop", None),
        ]
        assert got[0].at <= got[1].at
        assert list(store.requests("digits", after=1)) == [got[1]]
        assert not store.requests("digits", after=2)
        with pytest.raises(StudyError, match="no study"):
            store.request("other", "stop")

    def test_a_request_keeps_what_it_says_and_who_said_it(self, store: Store) -> None:
        new_study(store)
        config = {"lr": 0.01, "optimizer": "sgd", "why": ["\U0001f525", None]}
        number = store.request("digits", "enqueue", data={"config": config}, by="ada")
        (request,) = store.requests("digits")
        assert (request.number, request.data, request.by) == (number, {"config": config}, "ada")

    def test_the_same_key_leaves_one_request(self, store: Store) -> None:
        new_study(store, "other")
        new_study(store)
        first = store.request("digits", "pause", key="a")
        assert store.request("digits", "pause", key="a") == first
        assert store.request("digits", "pause", key="b") == first + 1
        assert store.request("digits", "pause") == first + 2
        assert store.request("other", "pause", key="a") == 1
        assert len(store.requests("digits")) == 3

    def test_a_request_that_cannot_be_stored_is_refused(self, store: Store) -> None:
        new_study(store)
        with pytest.raises(StoreError, match="plain"):
            store.request("digits", "note", data={"text": object()})
        assert not store.requests("digits")

    def test_who_runs_a_study_is_told_without_taking_its_lock(self, store: Store) -> None:
        new_study(store)
        assert store.holder("digits") is None
        with store.lock("digits"):
            assert f"pid {os.getpid()}" in (store.holder("digits") or "")
            with pytest.raises(StudyError), store.lock("digits"):
                pass
        assert store.holder("digits") is None
        with pytest.raises(StudyError, match="no study"):
            store.holder("other")

    def test_a_study_is_locked_once(self, store: Store) -> None:
        new_study(store, "my digits")
        with store.lock("my digits"):
            with (
                pytest.raises(
                    StudyError, match=r"run by pid \d+ on host .* since \d\d:\d\d; stop"
                ),
                store.lock("my digits"),
            ):
                pass
            with pytest.raises(StudyError, match="danlu stop 'my digits'"):
                store.remove("my digits")
            store.append("my digits", one_trial())
        with store.lock("my digits"):
            assert store.load("my digits").version == 5

    def test_a_lock_is_freed_when_its_context_ends_in_an_error(self, store: Store) -> None:
        new_study(store)
        with pytest.raises(ZeroDivisionError), store.lock("digits"):
            raise ZeroDivisionError
        with store.lock("digits"):
            pass

    def test_several_studies_are_locked_at_once(self, store: Store) -> None:
        new_study(store, "a")
        new_study(store, "b")
        with store.lock("a"):
            with store.lock("b"):
                pass
            with pytest.raises(StudyError), store.lock("a"):
                pass

    def test_threads_read_and_leave_requests_while_one_appends(self, store: Store) -> None:
        new_study(store)
        store.append("digits", one_trial(1))
        seen: list[int] = []

        def look() -> None:
            history = store.load("digits")
            for _ in range(20):
                store.request("digits", "stop trial", 1)
                history = store.follow(history)
                seen.append(history.version)

        threads = [Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for epoch in range(2, 42):
            store.append("digits", reports(1, [epoch]))
        for thread in threads:
            thread.join()
        assert len(seen) == 60
        assert store.load("digits").version == 43
        assert [r.number for r in store.requests("digits")] == list(range(1, 61))
