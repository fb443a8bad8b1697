"""What pages get: the whole study once, then only what changed."""

import json
from typing import Any

import pytest
from tests.conformance.stores import one_trial, reports, spec_of
from tests.processes import wait_for
from tests.web.conftest import Client

from danlu.core.decision import Proxy
from danlu.core.event import Began, Continued, Ended, Paused, Reported, Started
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.reporting.payload import spent_at_values
from danlu.stores import Store
from danlu.stores.memory import MemoryStore
from danlu.web.live import LiveStudy


def listed(dashboard: Client) -> dict[str, Any]:
    """The rows of all studies, once all are read; the list itself waits for none of them."""
    found: dict[str, Any] = {}

    def read() -> bool:
        found.update((r["name"], r) for r in dashboard.get("/studies").json()["studies"])
        return all(r["state"] != "reading" for r in found.values())

    wait_for(read, "the studies to be read")
    return found


def test_studies_are_listed_with_their_state_and_best_value(
    dashboard: Client, store: Store
) -> None:
    with store.lock("digits"):
        rows = listed(dashboard)
    assert list(rows) == ["digits", "older"]
    assert rows["digits"]["state"] == "running"
    assert rows["older"]["state"] == "done"
    assert (rows["digits"]["best"], rows["digits"]["failed"]) == (pytest.approx(1 / 3), 1)


def test_a_study_that_nobody_runs_any_more_was_killed(dashboard: Client) -> None:
    rows = listed(dashboard)
    assert rows["digits"]["state"] == "killed"


def test_the_first_answer_has_everything(dashboard: Client) -> None:
    news = dashboard.get("/studies/digits/trials").json()
    assert {r["n"]: r["e"] for r in news["trials"]} == {1: 3, 2: 2}
    assert news["more"] == 0
    overview = dashboard.get("/studies/digits").json()
    assert overview["study"]["metric"] == "val_loss"
    assert overview["count"] == 2
    assert overview["revision"] == news["revision"]


def test_only_new_points_come_after_the_first_answer(dashboard: Client, store: Store) -> None:
    first = dashboard.get("/studies/digits/trials").json()
    store.append("digits", reports(1, [4]))
    second = dashboard.get(f"/studies/digits/trials?since={first['next']}").json()
    (row,) = second["trials"]
    assert (row["n"], row["from"], row["e"]) == (1, 3, 1)
    assert row["m"]["val_loss"] == [0.25]
    third = dashboard.get(f"/studies/digits/trials?since={second['next']}").json()
    assert third["trials"] == []
    assert third["next"] == second["next"]


class Page:
    """What a page makes of the answers: the same as `model/study.ts` does."""

    def __init__(self) -> None:
        self.curves: dict[int, list[tuple[int, Any]]] = {}
        self.states: dict[int, str] = {}
        self.cursor = 0

    def take(self, live: LiveStudy, limit: int) -> bool:
        """Whether more is to be had."""
        news = json.loads(live.trials(self.cursor, limit))
        for row in news["trials"]:
            since = row["from"]
            assert since <= len(self.curves.get(row["n"], []))
            epochs = row["e"]
            if isinstance(epochs, int):
                epochs = range(since + 1, since + epochs + 1)
            values = row["m"].get("val_loss", [])
            kept = self.curves.get(row["n"], [])[:since]
            self.curves[row["n"]] = [*kept, *zip(epochs, values, strict=True)]
            self.states[row["n"]] = row["state"]
        self.cursor = news["next"]
        return bool(news["more"])

    def agrees(self, history: History) -> bool:
        wanted = {
            t.number: [(r.epoch, float(f"{r.metrics['val_loss']:.5g}")) for r in t.reports]
            for t in history.trials.values()
        }
        states = {t.number: t.state for t in history.trials.values()}
        return (self.curves, self.states) == (wanted, states)


def test_what_changed_while_nobody_looked_is_told_piece_by_piece(
    dashboard: Client, store: Store
) -> None:
    since = dashboard.get("/studies/digits/trials").json()["next"]
    config: dict[str, Value] = {"lr": 1e-3, "units": 8, "optimizer": "sgd", "momentum": 0.5}
    store.append("digits", [Started(200.0, n, config, 9, n) for n in (3, 4, 5)])
    told = []
    for left in (2, 1, 0):
        news = dashboard.get(f"/studies/digits/trials?since={since}&limit=1").json()
        assert news["more"] == left
        told += [row["n"] for row in news["trials"]]
        since = news["next"]
    assert sorted(told) == [3, 4, 5]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_page_that_looks_now_and_then_misses_nothing(limit: int) -> None:
    store = MemoryStore()
    store.create(spec_of())
    store.append("digits", [Began(99.0, workers=3)])
    config: dict[str, Value] = {"lr": 1e-3, "units": 32, "optimizer": "adam"}
    live, page, late = LiveStudy(store, "digits"), Page(), Page()
    for step in range(1, 13):
        if step % 3 == 1:
            new = Started(100.0 + step, step // 3 + 1, config, until=10, seed=1)
            store.append("digits", [new])
        number = (step * 7) % (1 + (step - 1) // 3) + 1
        done = len(store.load("digits").trials[number].reports)
        if store.load("digits").trials[number].state == "running":
            store.append("digits", reports(number, [done + 1, done + 2]))
        if step == 6:
            store.append("digits", [Paused(200.0, number)])
        if step == 9:
            store.append("digits", [Continued(201.0, 1, 10, 1)])
        live.refresh()
        page.take(live, limit)  # perhaps only a part
        if step % 5 == 0:
            while late.take(live, limit):
                pass
    for one in (page, late):
        while one.take(live, limit):
            pass
        assert one.agrees(store.load("digits"))


def test_a_report_that_comes_late_sends_the_curve_again() -> None:
    store = MemoryStore()
    store.create(spec_of())
    store.append("digits", [*one_trial(1), *reports(1, [4])])
    live, page = LiveStudy(store, "digits"), Page()
    page.take(live, 10)
    store.append("digits", reports(1, [2]))
    live.refresh()
    page.take(live, 10)
    assert page.agrees(store.load("digits"))


def test_a_study_that_was_removed_and_made_again_has_another_generation() -> None:
    store = MemoryStore()
    store.create(spec_of())
    store.append("digits", one_trial(5))
    live = LiveStudy(store, "digits")
    before = live.generation
    store.remove("digits")
    store.create(spec_of())
    store.append("digits", one_trial(1))
    live.refresh()
    assert live.generation != before
    page = Page()
    page.take(live, 10)
    assert page.agrees(store.load("digits"))


def test_pages_are_told_of_wishes_and_of_who_runs_the_study(
    dashboard: Client, store: Store
) -> None:
    with store.lock("digits"):
        assert dashboard.ask("digits", "pause").status_code == 202
        dashboard.ask("digits", "pin", key="key-00002", trial=2)
        dashboard.ask("digits", "note", key="key-00003", trial=2, text="odd")
    store.append("digits", [Ended(300.0, "stopped")])
    live = LiveStudy(store, "digits")
    overview = json.loads(live.overview)
    assert overview["waiting"] == [{"number": 1, "verb": "pause", "trial": None}]
    assert overview["pinned"] == [2]
    assert overview["notes"][0]["text"] == "odd"
    assert overview["study"]["alive"] is False


def test_wishes_are_idempotent_and_those_that_cannot_be_are_refused(
    dashboard: Client, store: Store
) -> None:
    first = dashboard.ask("digits", "pin", trial=1)
    assert dashboard.ask("digits", "pin", trial=1).json() == first.json()
    assert len(store.requests("digits")) == 1
    refused = {
        "nobody runs": dashboard.ask("digits", "pause", key="key-00002"),
        "no trial 99": dashboard.ask("digits", "pin", key="key-00003", trial=99),
        "lr": dashboard.ask("digits", "enqueue", key="key-00004", config={"lr": 77}),
        "no study": dashboard.ask("nope", "pin", key="key-00005", trial=1),
    }
    assert [r.status_code for r in refused.values()] == [409, 409, 422, 404]
    for words, response in refused.items():
        assert words in response.json()["error"]
    (asked,) = dashboard.get("/studies/digits/requests").json()
    assert asked["verb"] == "pin"
    assert asked["by"].endswith("(dashboard)")


def test_what_is_not_there_is_said_so(dashboard: Client) -> None:
    for path in ("/studies/nope", "/studies/digits/trials/99", "/nope", "/studies/a%00b"):
        response = dashboard.get(path)
        assert response.status_code == 404
        assert response.json()["error"]
    assert dashboard.get("/studies/digits/trials?since=-1").status_code == 422
    assert dashboard.get("/studies/digits/trials?since=x").status_code == 422


def test_answers_are_compressed(dashboard: Client) -> None:
    response = dashboard.get("/studies/digits", headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"


def test_what_was_spent_is_right_though_nobody_looked_for_a_while(store: Store) -> None:
    live = LiveStudy(store, "older")
    store.append("older", [Began(300.0)])
    config: dict[str, Value] = {"lr": 1e-2, "units": 64, "optimizer": "adam"}
    for number in (2, 3, 4):
        at = 300.0 + 100 * number
        started = Started(at, number, config, until=9, seed=number)
        told = [Reported(at + e, number, e, {"val_loss": 1 / e}) for e in range(1, 10)]
        store.append("older", [started, *told])
    live.refresh()
    rows = json.loads(live.trials(0, 10))["trials"]
    spent = {row["n"]: row["spent"] for row in rows}
    assert spent == pytest.approx(spent_at_values(live.history))
    assert spent[2] < spent[3] < spent[4]


def test_what_was_spent_is_right_for_cheap_trials_on_shares_of_the_data(store: Store) -> None:
    live = LiveStudy(store, "older")
    store.append("older", [Began(300.0)])
    config: dict[str, Value] = {"lr": 1e-2, "units": 64, "optimizer": "adam"}
    for number in range(2, 8):
        at = 300.0 + number
        started = Started(at, number, config, 1, number, Proxy(0.3))
        store.append("older", [started, Reported(at, number, 1, {"val_loss": 1.0})])
    live.refresh()
    spent = [row["spent"] for row in json.loads(live.trials(0, 10))["trials"]]
    assert len(set(spent)) == len(spent)
