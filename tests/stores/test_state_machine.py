"""Anything that may be asked of a store, in any order, beside a model of what it has to answer."""

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.conformance.events import sequences
from tests.conformance.stores import same, spec_of
from tests.postgres import Postgres

from danlu.core.event import Event, Reported, Started
from danlu.core.history import History, empty
from danlu.core.spec import Budget, Spec
from danlu.errors import StudyError
from danlu.stores import Store, open_store
from danlu.stores.memory import MemoryStore

NAMES = st.sampled_from(["a", "b", "c"])
KEYS = st.none() | st.sampled_from(["k", "l"])


@dataclass
class Kept:
    """What the model knows of a study."""

    spec: Spec
    events: list[Event] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    followed: History | None = None
    lock: AbstractContextManager[None] | None = None


class StoreMachine(RuleBasedStateMachine):
    """The rules; a subclass opens the store, and says whether it can be opened again."""

    reopens = True

    def __init__(self) -> None:
        super().__init__()
        self.store = self.opened()
        self.model: dict[str, Kept] = {}

    def opened(self) -> Store:
        raise NotImplementedError

    @rule(name=NAMES)
    def create(self, name: str) -> None:
        if name in self.model:
            with pytest.raises(StudyError, match="already"):
                self.store.create(spec_of(name))
            return
        self.store.create(spec_of(name))
        self.model[name] = Kept(spec_of(name))

    @precondition(lambda self: self.model)
    @rule(data=st.data(), events=sequences(8))
    def append(self, data: st.DataObject, events: Sequence[Event]) -> None:
        """More events, of trials after those that are there; some reports once more."""
        name, kept = self.pick(data)
        begun = sum(isinstance(e, Started) for e in kept.events)
        more = [shifted(event, begun) for event in events]
        old = [e for e in kept.events if isinstance(e, Reported)]
        again = data.draw(st.sampled_from(old)) if old else None
        if again is not None and data.draw(st.booleans()):
            more += [replace(again, metrics={"late": 1.0})]
        self.store.append(name, more)
        kept.events += more

    @precondition(lambda self: self.model)
    @rule(data=st.data(), budget=st.integers(1, 99), epochs=st.integers(1, 30))
    def respecify(self, data: st.DataObject, budget: int, epochs: int) -> None:
        _, kept = self.pick(data)
        kept.spec = replace(kept.spec, budget=Budget(float(budget)), epochs=epochs)
        self.store.respecify(kept.spec)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), key=KEYS, verb=st.sampled_from(["stop", "pause", "resume"]))
    def request(self, data: st.DataObject, key: str | None, verb: str) -> None:
        name, kept = self.pick(data)
        known = [number for number, (_, k) in enumerate(kept.requests, 1) if key and k == key]
        number = self.store.request(name, verb, key=key)
        if known:
            assert number == known[0]
            return
        kept.requests.append((verb, key))
        assert number == len(kept.requests)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def follow(self, data: st.DataObject) -> None:
        name, kept = self.pick(data)
        kept.followed = self.store.follow(kept.followed or self.store.load(name))
        assert same(kept.followed, empty(kept.spec, kept.events))

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def lock(self, data: st.DataObject) -> None:
        name, kept = self.pick(data)
        lock = self.store.lock(name)
        if kept.lock is not None:
            with pytest.raises(StudyError, match="is run by"):
                lock.__enter__()
            return
        lock.__enter__()
        kept.lock = lock

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def unlock(self, data: st.DataObject) -> None:
        _, kept = self.pick(data)
        free(kept)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name, kept = self.pick(data)
        if kept.lock is not None:
            with pytest.raises(StudyError, match="is run by"):
                self.store.remove(name)
            return
        self.store.remove(name)
        del self.model[name]

    @precondition(lambda self: self.reopens)
    @rule()
    def reopen(self) -> None:
        """As another process, or the next one, would."""
        for kept in self.model.values():
            free(kept)
        self.store.close()
        self.store = self.opened()

    @invariant()
    def all_is_there(self) -> None:
        assert list(self.store.studies()) == list(self.model)
        for name, kept in self.model.items():
            assert same(self.store.load(name), empty(kept.spec, kept.events))
            assert [r.verb for r in self.store.requests(name)] == [v for v, _ in kept.requests]
            assert (self.store.holder(name) is None) == (kept.lock is None)

    def teardown(self) -> None:
        for kept in self.model.values():
            free(kept)
        self.store.close()

    def pick(self, data: st.DataObject) -> tuple[str, Kept]:
        name = data.draw(st.sampled_from(list(self.model)))
        return name, self.model[name]


def free(kept: Kept) -> None:
    if kept.lock is not None:
        kept.lock.__exit__(None, None, None)
        kept.lock = None


def shifted(event: Event, begun: int) -> Event:
    """The same event of a later trial."""
    trial: Any = getattr(event, "trial", None)
    return event if trial is None else replace(event, trial=trial + begun)


class Memory(StoreMachine):
    reopens = False

    def opened(self) -> Store:
        return MemoryStore()


class Sqlite(StoreMachine):
    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        super().__init__()

    def opened(self) -> Store:
        return open_store(self.folder)

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


QUICK = settings(max_examples=12, stateful_step_count=20, deadline=None)

TestMemory = Memory.TestCase
TestMemory.settings = QUICK
TestSqlite = Sqlite.TestCase
TestSqlite.settings = QUICK


@pytest.mark.postgres
def test_postgres_too(server: Postgres) -> None:
    import psycopg
    from hypothesis.stateful import run_state_machine_as_test

    numbers = count(1)

    class OnServer(StoreMachine):
        def __init__(self) -> None:
            name = f"machine_{next(numbers)}"
            with psycopg.connect(server.address) as connection:
                connection.execute(f"CREATE SCHEMA {name}")
            self.address = f"{server.address}&options=-csearch_path%3D{name}"
            super().__init__()

        def opened(self) -> Store:
            return open_store(self.address)

    run_state_machine_as_test(OnServer, settings=settings(QUICK, max_examples=5))
