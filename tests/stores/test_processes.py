"""Several processes at one store, and what is left when they are killed."""

import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.stores import new_study, one_trial, same
from tests.stores import writers

from danlu.errors import StudyError
from danlu.stores import Store, open_store

CONTEXT = get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.stores.writers", "danlu.stores.sql"])
KILLS = 20


@contextmanager
def process(
    target: Callable[..., None], *arguments: Any
) -> Iterator[tuple[ForkServerProcess, Connection]]:
    """A process of its own and what it tells; killed at the end."""
    told, teller = CONTEXT.Pipe()
    started = CONTEXT.Process(target=target, args=(*arguments, teller), daemon=True)
    started.start()
    teller.close()
    try:
        yield started, told
    finally:
        started.kill()
        started.join()
        told.close()


def hear(told: Connection) -> Any:
    assert told.poll(30), "the process is silent"
    return told.recv()


def study_with_a_trial(where: str) -> Store:
    store = open_store(where)
    new_study(store)
    store.append("digits", one_trial(3))
    return store


def test_no_acknowledged_report_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    where = str(tmp_path)
    chance = random.Random(1)
    store = study_with_a_trial(where)
    recorded = 3
    for _ in range(KILLS):
        with process(writers.append_for_ever, where, recorded + 1) as (writer, told):
            acknowledged = hear(told)
            time.sleep(chance.uniform(0, 0.03))
            writer.kill()
            writer.join()
            while True:
                try:
                    acknowledged = told.recv()
                except EOFError:
                    break
        epochs = [r.epoch for r in store.load("digits").trials[1].reports]
        assert epochs == list(range(1, len(epochs) + 1))  # none lost, none twice
        assert acknowledged <= len(epochs) <= acknowledged + 3
        assert len(epochs) % 3 == 0  # an append is recorded as a whole
        recorded = len(epochs)
    store.close()
    with closing(sqlite3.connect(tmp_path / "danlu.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_readers_see_whole_appends_while_another_process_writes(where: str) -> None:
    with (
        closing(study_with_a_trial(where)) as store,
        process(writers.append_for_ever, where, 4) as (writer, told),
    ):
        history = store.load("digits")
        seen: set[int] = set()
        while len(seen) < 15:
            hear(told)
            history = store.follow(history)
            assert history.trials[1].epoch % 3 == 0
            assert history.version == history.trials[1].epoch + 2
            seen.add(history.version)
        writer.kill()
        writer.join()
        assert same(store.follow(history), store.load("digits"))


def test_a_second_tuner_is_told_who_runs_the_study(where: str) -> None:
    with (
        closing(study_with_a_trial(where)) as store,
        process(writers.hold, where) as (_, told),
    ):
        pid, child = hear(told)
        try:
            assert store.holder("digits")
            with pytest.raises(StudyError) as caught, store.lock("digits"):
                pass
            host = re.escape(os.uname().nodename)
            expected = (
                rf'study "digits" is run by pid {pid} on host {host} since \d\d:\d\d; '
                "stop it first with: danlu stop digits"
            )
            assert re.fullmatch(expected, str(caught.value))
        finally:
            end(child)


def test_the_lock_of_a_killed_tuner_is_free_though_its_workers_live(where: str) -> None:
    with (
        closing(study_with_a_trial(where)) as store,
        process(writers.hold, where) as (tuner, told),
    ):
        _, child = hear(told)
        try:
            tuner.kill()
            tuner.join()
            locked_within(store, 0.0 if "://" not in where else 5.0)
        finally:
            end(child)


def locked_within(store: Store, seconds: float) -> None:
    """Lock the study at once, or when the server has noticed that the other is gone."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with store.lock("digits"):
                return
        except StudyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def end(child: int) -> None:
    if child:
        os.kill(child, signal.SIGKILL)


def test_one_of_many_tuners_that_start_at_once_gets_the_study(where: str) -> None:
    with closing(study_with_a_trial(where)):
        pairs = [CONTEXT.Pipe() for _ in range(6)]
        started = [
            CONTEXT.Process(target=writers.lock_once, args=(where, teller), daemon=True)
            for _, teller in pairs
        ]
        for each in started:
            each.start()
        answers = [hear(told) for told, _ in pairs]
        for told, _ in pairs:
            told.send("end")
        for each in started:
            each.join(30)
        assert answers.count("mine") == 1
        assert sum("is run by" in answer for answer in answers) == 5


def test_many_processes_may_open_a_new_store_at_once(where: str) -> None:
    pairs = [CONTEXT.Pipe() for _ in range(8)]
    started = [
        CONTEXT.Process(target=writers.create_once, args=(where, teller), daemon=True)
        for _, teller in pairs
    ]
    for each in started:
        each.start()
    assert {hear(told) for told, _ in pairs} == {"done"}
    for each in started:
        each.join(30)
    with closing(open_store(where)) as store:
        assert len(store.studies()) == 8


def test_a_full_disk_is_told_and_nothing_recorded_is_lost(tmp_path: Path) -> None:
    where = str(tmp_path)
    with (
        closing(study_with_a_trial(where)) as store,
        process(writers.append_until_full, where) as (_, told),
    ):
        recorded, text = hear(told)
        assert str(tmp_path) in text
        assert recorded > 100
        assert hear(told) == recorded + 1
        assert store.load("digits").trials[1].epoch == recorded + 1
