"""Many who look, some of whom read slowly or never: the study and the others notice nothing."""

import contextlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.processes import wait_for
from tests.reporting import histories
from tests.web.kitchen import Kitchen
from tests.web.test_states import taped

import danlu
from danlu.core.event import Reported, Started
from danlu.stores import Store, open_store
from danlu.web.streaming import MOST_STREAMS

pytestmark = pytest.mark.timeout(180)

TRIALS, EPOCHS = 30, 6
STUDY = f"""
import sys, danlu

def train(trial):
    for epoch in trial.epochs():
        trial.report(epoch, train_loss=1 / epoch, val_loss=1 / epoch + trial.params["x"])

danlu.Study(
    "busy", space=danlu.Space(x=danlu.Float(0.0, 1.0)), objective="min val_loss",
    epochs={EPOCHS}, strategy="random", budget="{TRIALS} trials", store=sys.argv[1],
).run(train, workers=2)
"""


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    kitchen = Kitchen(tmp_path)
    (tmp_path / "study.py").write_text(STUDY)
    with contextlib.closing(open_store(kitchen.store)) as store:
        history, events = taped(lambda: histories.large.__wrapped__(300, 100))
        store.create(history.spec)
        store.append(history.spec.name, events)
    try:
        yield kitchen
    finally:
        kitchen.close()


class Crowd:
    """Connections to a dashboard, of which nobody behaves.

    Args:
        link: The dashboard's.
    """

    def __init__(self, link: str) -> None:
        self.port, self.token = re.findall(r":(\d+)/#token=([\w-]+)", link)[0]
        self.lines: list[socket.socket] = []
        self._over = threading.Event()

    def asked(self, path: str, end: str = "\r\n\r\n") -> socket.socket:
        line = socket.create_connection(("127.0.0.1", int(self.port)), 20)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        line.sendall(f"{head}Authorization: Bearer {self.token}{end}".encode())
        self.lines.append(line)
        return line

    def never_read(self, count: int, study: str) -> None:
        for _ in range(count):
            self.asked(f"/api/v1/studies/{study}/events")

    def never_end_a_request(self, count: int) -> None:
        for _ in range(count):
            self.asked("/api/v1/studies", "\r\nX: ")

    def read_slowly(self, study: str) -> None:
        line = self.asked(f"/api/v1/studies/{study}/events")

        def trickle() -> None:
            with contextlib.suppress(OSError):
                while not self._over.wait(0.02) and line.recv(16):
                    pass

        threading.Thread(target=trickle, daemon=True).start()

    def close(self) -> None:
        self._over.set()
        for line in self.lines:
            line.close()


def test_a_study_is_recorded_whole_whoever_looks_at_it(kitchen: Kitchen) -> None:
    server = psutil.Process(kitchen.serve().pid)
    crowd = Crowd(kitchen.link)
    with contextlib.closing(crowd):
        crowd.never_read(MOST_STREAMS - 2, "digits")
        crowd.read_slowly("digits")
        crowd.never_end_a_request(40)
        wait_for(lambda: len(server.net_connections()) >= MOST_STREAMS + 30, "the crowd")
        process = kitchen.start("study.py", kitchen.store)
        assert process.wait(120) == 0, process.stdout and process.stdout.read()
    study = danlu.Study.open("busy", store=kitchen.store)
    assert study.history.outcome == "done"
    assert [t.epoch for t in study.trials] == [EPOCHS] * TRIALS
    assert [len(t.reports) for t in study.trials] == [EPOCHS] * TRIALS


def test_whoever_comes_after_the_crowd_is_answered(kitchen: Kitchen) -> None:
    server = psutil.Process(kitchen.serve().pid)
    crowd = Crowd(kitchen.link)
    with contextlib.closing(crowd):
        crowd.never_read(MOST_STREAMS, "digits")
        wait_for(lambda: len(server.net_connections()) >= MOST_STREAMS, "the crowd")
        assert b" 200 " in answer(crowd, "/api/v1/studies"), "all but streams is answered"
    wait_for(lambda: b" 200 " in answer(crowd, "/api/v1/studies/digits/events"), "a free place")
    wait_for(lambda: len(server.net_connections()) < 10, "the end of the connections")


def answer(crowd: Crowd, path: str) -> bytes:
    line = crowd.asked(path)
    line.settimeout(30)
    with contextlib.closing(line):
        return line.recv(64)


READERS, ROUNDS, BUSY = 50, 16, 60
KEPT, MORE = 700_000, 200_000  # bytes for each page that never reads: at first, and from then on
# What is reported from then on takes half a megabyte; kept for each of the pages it would be 25.


def flood(store: Store, first: int) -> None:
    """Many trials report much, for seconds on end."""
    for epoch in range(first, first + ROUNDS):
        values = {f"metric_{i}": epoch + i / 7 for i in range(10)}
        store.append("flood", [Reported(epoch, n, epoch, values) for n in range(1, BUSY + 1)])
        time.sleep(0.2)


def test_pages_that_never_read_keep_little_memory_however_much_is_reported(
    kitchen: Kitchen,
) -> None:
    with contextlib.closing(open_store(kitchen.store)) as store:
        spec = histories.spec("min metric_0", 1000, name="flood")
        config = spec.space.default()
        store.create(spec)
        store.append("flood", [Started(0.0, n, config, 1000, n) for n in range(1, BUSY + 1)])
        server, crowd = psutil.Process(kitchen.serve().pid), Crowd(kitchen.link)
        with contextlib.closing(crowd):
            crowd.never_read(1, "flood")
            sizes = [memory_after_flood(server, store, i) for i in range(2)]
            crowd.never_read(READERS, "flood")
            wait_for(lambda: len(server.net_connections()) > READERS, "the crowd")
            sizes += [memory_after_flood(server, store, i) for i in range(2, 4)]
    alone, first, then = (b - a for a, b in itertools.pairwise(sizes))
    assert first - alone < READERS * KEPT
    assert then - alone < READERS * MORE


def memory_after_flood(server: psutil.Process, store: Store, number: int) -> int:
    flood(store, 1 + number * ROUNDS)
    size: int = server.memory_info().rss
    return size
