from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.conformance.stores import StoreConformance

from danlu.stores import Store, open_store
from danlu.stores.memory import MemoryStore


class TestMemory(StoreConformance):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestSqlite(StoreConformance):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with closing(open_store(tmp_path)) as store:
            yield store


@pytest.mark.postgres
class TestPostgres(StoreConformance):
    @pytest.fixture
    def store(self, postgres: str) -> Iterator[Store]:
        with closing(open_store(postgres)) as store:
            yield store
