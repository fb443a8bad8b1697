"""PostgreSQL that restarts, stalls, loses answers, or gives a study to somebody else."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from tests.conformance.stores import new_study, one_trial, reports, same
from tests.invariants import assert_sound
from tests.postgres import Postgres, Proxy
from tests.processes import Running, numbers, wait_for

import danlu
from danlu.core.event import Event, Paused, Started
from danlu.errors import StoreError, StudyError, UnavailableError
from danlu.stores import Store, open_store
from danlu.stores.waiting import patiently

pytestmark = pytest.mark.postgres

SPACE = danlu.Space(lr=danlu.Float(0.01, 1.0, log=True))
EPOCHS = 25


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for module in ("danlu.stores.waiting", "danlu.worker.spool"):
        monkeypatch.setattr(f"{module}.ROOM_S", 0.05)


@pytest.fixture
def proxy(server: Postgres) -> Iterator[Proxy]:
    proxy = Proxy(server)
    yield proxy
    proxy.close()


@pytest.fixture
def store(proxy: Proxy, schema_name: str) -> Iterator[Store]:
    """A store with a study, reached through the proxy."""
    with closing(open_store(proxy.address(schema_name))) as store:
        new_study(store)
        yield store


def more(trial: int) -> list[Event]:
    """Events of which none may be there twice, reports or not."""
    started = Started(300.0, trial, {"lr": 1e-3, "units": 32, "optimizer": "adam"}, 2, 7)
    return [started, *reports(trial, [1, 2]), Paused(301.0, trial)]


def append_patiently(store: Store, events: list[Event]) -> None:
    patiently(lambda: store.append("digits", events), lambda _: None, lambda: False)


# ---- the answer to a commit is lost


@pytest.mark.parametrize("arrives", [True, False])
def test_a_commit_without_an_answer_is_there_once(
    store: Store, proxy: Proxy, *, arrives: bool
) -> None:
    with store.lock("digits"):
        store.append("digits", one_trial(2))
        if arrives:
            proxy.cut_after = b"COMMIT"
        else:
            proxy.cut_before = b"COMMIT"
        with pytest.raises(UnavailableError):
            store.append("digits", more(2))
        assert store.load("digits").version == (8 if arrives else 4)
        append_patiently(store, [*more(2), *more(3)])  # what waited, and what came since
        history = store.load("digits")
        assert history.version == 12
        assert [t.epoch for t in history.trials.values()] == [2, 2, 2]
        assert [len(t.launches) for t in history.trials.values()] == [1, 1, 1]


def test_reports_that_were_known_do_not_disturb_what_is_sent_again(
    store: Store, proxy: Proxy
) -> None:
    with store.lock("digits"):
        store.append("digits", one_trial(3))
        again = [*reports(1, [2, 3, 4]), Paused(301.0, 1)]
        for _ in range(2):  # once for the attempt that finds reports twice, once without them
            proxy.cut_after = b"COMMIT"
            with suppress(UnavailableError):
                store.append("digits", again)
        append_patiently(store, again)
        assert store.load("digits").version == 7


# ---- two tuners


def cut_off(server: Postgres) -> None:
    """End all other sessions of the server, as it does itself when a machine is gone."""
    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = 'danlu' AND pid <> pg_backend_pid()"
        )


def test_who_was_replaced_can_write_nothing(server: Postgres, postgres: str) -> None:
    with closing(open_store(postgres)) as first, closing(open_store(postgres)) as second:
        new_study(first)
        with first.lock("digits"):
            first.append("digits", one_trial(2))
            cut_off(server)  # and the first one has not noticed
            lost = rf'study "digits" was taken over by pid {os.getpid()} on'
            with second.lock("digits"):
                with pytest.raises(StudyError, match=lost):
                    append_patiently(first, more(2))
                second.append("digits", more(2))
            with pytest.raises(StudyError, match=lost):  # nor when that one has ended
                append_patiently(first, more(3))
            assert second.load("digits").version == 8


def test_who_was_cut_off_and_not_replaced_goes_on(server: Postgres, postgres: str) -> None:
    with closing(open_store(postgres)) as first, closing(open_store(postgres)) as second:
        new_study(first)
        with first.lock("digits"):
            first.append("digits", one_trial(2))
            cut_off(server)
            append_patiently(first, more(2))
            with pytest.raises(StudyError, match=f"is run by pid {os.getpid()}"):
                second.lock("digits").__enter__()
        with second.lock("digits"):  # and it was given back
            assert second.load("digits").version == 8


def test_an_old_session_that_the_server_takes_for_alive_is_ended(
    store: Store, proxy: Proxy
) -> None:
    with store.lock("digits"):
        proxy.deaf = True  # as when a network forgets a connection
        proxy.cut_before = b"COMMIT"
        append_patiently(store, one_trial(2))
        assert store.load("digits").version == 4


# ---- whole studies


def train(trial: danlu.Trial) -> None:
    """Quick epochs; each that was reported is noted once `report` has returned."""
    for epoch in trial.epochs():
        time.sleep(0.01)
        trial.report(epoch, val_loss=1 / epoch)
        with Path("reported").open("a") as file:
            file.write(f"{trial.number * 1000 + epoch}\n")


@contextmanager
def study(address: str) -> Iterator[danlu.Study]:
    with closing(open_store(address)) as store:
        yield danlu.Study(
            "shared", space=SPACE, objective="min val_loss", epochs=EPOCHS, budget="8 trials",
            strategy="random", store=store,
        )  # fmt: skip


def tune(address: str) -> None:
    with study(address) as mine:
        mine.run(train, workers=2)


def assert_whole(address: str) -> None:
    with study(address) as done:
        ends = [(t.state, t.epoch, t.attempt) for t in done.trials]
    assert ends == [("finished", EPOCHS, 1)] * 8
    reported = {divmod(n, 1000) for n in numbers(Path("reported"))}
    assert len(reported) == 8 * EPOCHS
    assert_sound(Path(".danlu"), "shared", reported, workers=2, address=address)


def test_a_study_outlives_restarts_of_the_server_and_its_readers_do(
    server: Postgres, postgres: str
) -> None:
    def follow(seen: list[int]) -> None:
        """What a dashboard does, while others do the same."""
        with closing(open_store(postgres)) as store:
            history = store.load("shared")
            while len(history.trials) < 8 or history.active:
                with suppress(StoreError):
                    history = store.follow(history)
                    seen.append(history.version)
                time.sleep(0.02)
            assert same(history, store.load("shared"))

    with study(postgres):
        pass
    seen: list[list[int]] = [[], [], []]
    readers = [Thread(target=follow, args=[mine], daemon=True) for mine in seen]
    with Running(lambda: tune(postgres)) as tuner:
        for reader in readers:
            reader.start()
        for epochs in (20, 90):
            wait_for(lambda n=epochs: len(numbers(Path("reported"))) > n, "epochs")  # type: ignore[misc]
            server.stop()
            time.sleep(0.3)
            assert not tuner.over()
            server.start()
        assert tuner.wait(60) == 0
    for reader, mine in zip(readers, seen, strict=True):
        reader.join(20)
        assert not reader.is_alive()
        assert mine == sorted(mine)
    assert_whole(postgres)
    with study(postgres) as done:
        told = [e.seen for e in done.history.logbook if e.code == "disk"]
    assert any("what was waited for is there again" in line for line in told)


def test_a_study_outlives_a_network_that_stalls_and_cuts(proxy: Proxy, schema_name: str) -> None:
    address = proxy.address(schema_name)
    with study(address):
        pass
    with Running(lambda: tune(address)) as tuner:
        wait_for(lambda: len(numbers(Path("reported"))) > 20, "epochs")
        proxy.stall()
        time.sleep(1.0)
        proxy.go_on()
        for _ in range(5):
            proxy.cut_after = b"COMMIT"
            wait_for(lambda: not proxy.cut_after or tuner.over(), "a commit")
        assert tuner.wait(60) == 0
    assert_whole(address)


def test_a_tuner_that_waits_for_its_server_can_be_interrupted(
    server: Postgres, postgres: str
) -> None:
    with study(postgres):
        pass
    with Running(lambda: tune(postgres)) as tuner:
        wait_for(lambda: len(numbers(Path("reported"))) > 20, "epochs")
        server.stop()
        time.sleep(0.3)
        for _ in range(2):
            tuner.send(2)
            time.sleep(0.1)
        assert tuner.wait() != 0
        server.start()
    tune(postgres)
    assert_whole(postgres)
