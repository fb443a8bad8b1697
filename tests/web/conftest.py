"""A store with studies, and the dashboard over it without a network between."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.chromium import chromium_started
from tests.conformance.stores import one_trial, reports, spec_of

from danlu.core.event import Ended, Failed, Finished, Started
from danlu.core.parameter import Value
from danlu.stores import Store, open_store
from danlu.web.app import create_app
from danlu.web.guard import Access

HOST = "127.0.0.1:8321"


class Client:
    """Asks the application as a browser on this machine would, with the token."""

    def __init__(self, app: FastAPI, access: Access) -> None:
        self.app = app
        self.access = access

    def __call__(
        self, method: str, path: str, token: str | None = None, **more: Any
    ) -> httpx.Response:
        given = more.pop("headers", {})
        sent = self.access.control if token is None else token
        headers: dict[str, str | bytes] = {"Host": HOST}
        if sent:
            headers["Authorization"] = f"Bearer {sent}".encode("latin-1")
        headers |= given

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
                return await client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self("GET", f"/api/v1{path}", **more)

    def ask(self, study: str, verb: str, key: str = "key-00001", **more: Any) -> httpx.Response:
        body = {"verb": verb, "key": key, **more}
        return self("POST", f"/api/v1/studies/{study}/requests", json=body)


@pytest.fixture
def where(tmp_path: Path) -> str:
    return str(tmp_path / "studies")


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    """Two studies: one in the middle of its run, one that is done."""
    with closing(open_store(where)) as store:
        store.create(spec_of("older"))
        store.append("older", [*one_trial(2), Finished(200.0, 1), Ended(201.0, "done", "enough")])
        store.create(spec_of("digits"))
        config: dict[str, Value] = {"lr": 1e-2, "units": 64, "optimizer": "sgd", "momentum": 0.9}
        second = Started(110.0, 2, config, until=9, seed=8, stage="wide", why="at random")
        failed = Failed(120.0, 2, "exception", "ValueError: no", "Traceback …")
        store.append("digits", [*one_trial(3), second, *reports(2, [1, 2]), failed])
        yield store


@pytest.fixture
def access() -> Access:
    return Access()


@pytest.fixture
def dashboard(store: Store, where: str, access: Access) -> Iterator[Client]:
    with closing(open_store(where, read_only=True)) as reader:
        yield Client(create_app(reader, store, where, access), access)


Dashboard = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_started() as browser:
        yield browser
