"""Who gets in: each route, each method, each way that others were broken into."""

import asyncio
import itertools
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route
from tests.web.conftest import HOST, Client

from danlu.stores import Store
from danlu.web.guard import MAX_BODY, SAFE, Access

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")
OPEN = {"/", "/assets/{name}"}


def routes(app: Any) -> list[str]:
    """The path of every route that the application knows, however it was added."""
    found, waiting = [], list(app.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, Route | APIRoute):
            found.append(route.path)
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "app", None)
            assert inner is not None, f"a kind of route that this test does not know: {route!r}"
            waiting.extend(inner.routes)
    return sorted(set(found))


def filled(path: str) -> str:
    values = {"study": "digits", "number": "1", "file": "0" * 24, "name": "dashboard.js"}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: values[m[1]], path)


def all_requests(client: Client) -> list[tuple[str, str]]:
    return list(itertools.product(METHODS, map(filled, routes(client.app))))


def test_the_list_of_routes_is_known(dashboard: Client) -> None:
    assert [r for r in routes(dashboard.app) if r not in OPEN] == [
        "/api/v1/entry",
        "/api/v1/openapi.json",
        "/api/v1/studies",
        "/api/v1/studies/{study}",
        "/api/v1/studies/{study}/events",
        "/api/v1/studies/{study}/requests",
        "/api/v1/studies/{study}/trials",
        "/api/v1/studies/{study}/trials/{number}",
        "/api/v1/studies/{study}/trials/{number}/files/{file}",
    ]


@pytest.mark.parametrize("token", ["", "wrong", "é".encode().decode("latin-1"), "x" * 5000])
def test_no_route_answers_without_the_token(dashboard: Client, token: str) -> None:
    for method, path in all_requests(dashboard):
        response = dashboard(method, path, token=token)
        if path in ("/", "/assets/dashboard.js") and method == "GET":
            assert response.status_code == 200
        else:
            assert response.status_code in (401, 405, 429), (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8321"},
        {"Host": "127.0.0.1.evil.example:8321"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example", "X-Forwarded-Host": "127.0.0.1:8321"},
        {"Host": ""},
        {"Host": "127.0.0.1:8321@evil.example"},
        {"Host": "169.254.169.254"},
    ],
)
def test_no_route_answers_under_a_foreign_name(dashboard: Client, headers: dict[str, str]) -> None:
    for method, path in all_requests(dashboard):
        assert dashboard(method, path, headers=headers).status_code == 421


def test_a_host_that_comes_twice_is_refused(dashboard: Client) -> None:
    headers = [("Host", HOST), ("Host", "evil.example")]
    sent = [*headers, ("Authorization", f"Bearer {dashboard.access.control}")]
    import httpx

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(dashboard.app)) as client:
            return (await client.get(f"http://{HOST}/api/v1/studies", headers=sent)).status_code

    assert asyncio.run(ask()) == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8321"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    ],
)
def test_no_route_answers_a_page_of_another_origin(
    dashboard: Client, headers: dict[str, str]
) -> None:
    for method, path in all_requests(dashboard):
        assert dashboard(method, path, headers=headers).status_code in (403, 405)


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_form_of_another_site_cannot_act(dashboard: Client, store: Store, site: str) -> None:
    path = "/api/v1/studies/digits/requests"
    body = '{"verb": "pin", "trial": 1, "key": "key-00001"}'
    kinds = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "")
    for kind in kinds:
        response = dashboard("POST", path, content=body, headers={"Content-Type": kind})
        assert response.status_code == 415
    headers = {"Content-Type": "application/json", "Sec-Fetch-Site": site}
    assert dashboard("POST", path, content=body, headers=headers).status_code == 403
    assert not store.requests("digits")


def test_reading_changes_nothing(dashboard: Client, store: Store) -> None:
    before = store.load("digits").version, len(store.requests("digits"))
    for method, path in all_requests(dashboard):
        if method != "POST" and not path.endswith("/events"):
            dashboard(method, path)
    assert (store.load("digits").version, len(store.requests("digits"))) == before


def test_the_link_for_onlookers_cannot_act(dashboard: Client, store: Store) -> None:
    look = dashboard.access.look
    assert dashboard.get("/studies", token=look).json()["role"] == "look"
    for path in map(filled, routes(dashboard.app)):
        assert dashboard("POST", path, token=look, json={}).status_code in (401, 403, 405)
    assert not store.requests("digits")


def test_a_read_only_dashboard_lets_nobody_act(store: Store, where: str) -> None:
    from danlu.web.app import create_app

    access = Access(read_only=True)
    client = Client(create_app(store, store, where, access), access)
    assert client.get("/studies").json()["role"] == "look"
    assert client.ask("digits", "pin", trial=1).status_code == 403


def test_wrong_tokens_are_soon_not_even_answered(dashboard: Client) -> None:
    codes = [dashboard.get("/studies", token=f"guess{i}").status_code for i in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert dashboard.get("/studies").status_code == 200  # who has the token is not kept out


def test_every_answer_carries_the_headers_that_keep_browsers_safe(dashboard: Client) -> None:
    for method, path in all_requests(dashboard):
        if path.endswith("/events") and method in ("GET", "HEAD"):
            continue  # a stream, which does not end
        headers = dashboard(method, path).headers
        assert {k: headers.get(k) for k in SAFE if k != "content-security-policy"} == {
            k: v for k, v in SAFE.items() if k != "content-security-policy"
        }
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert not [h for h in headers if h.startswith("access-control")]
        assert "set-cookie" not in headers


def test_a_body_may_not_be_long(dashboard: Client) -> None:
    path = "/api/v1/studies/digits/requests"
    long = b'{"text": "' + b"a" * MAX_BODY + b'"}'
    headers = {"Content-Type": "application/json"}
    assert dashboard("POST", path, content=long, headers=headers).status_code == 413

    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 4096

    assert dashboard("POST", path, content=pieces(), headers=headers).status_code in (400, 413)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "3", '"a"', "{}", '{"verb": 3}', "[" * 5000, '{"a":' * 2000, "\0"]
)
def test_a_body_that_is_no_wish_is_refused_with_a_reason(dashboard: Client, body: str) -> None:
    path = "/api/v1/studies/digits/requests"
    response = dashboard("POST", path, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json()["error"]


# ---- files

PATHS = [
    "../secret", "..%2fsecret", "%2e%2e%2fsecret", "%252e%252e%252fsecret", "/etc/passwd",
    "%2fetc%2fpasswd", "..\\secret", "secret%00", "....//secret", "file:///etc/passwd", "0" * 23,
    "g" * 24, "0" * 24, "%ef%bc%8e%ef%bc%8e/secret", ";/../secret",
]  # fmt: skip


@pytest.fixture
def folder(where: str) -> Path:
    """The folder of trial 1, beside a file that is nobody's business."""
    folder = Path(where) / "trials" / "digits" / "1"
    (folder / "inner").mkdir(parents=True)
    (folder / "log-1.txt").write_text("epoch 1\n<script>alert(1)</script>\n")
    (folder / "inner" / "page.html").write_text("<script>alert(2)</script>")
    (folder.parent / "secret").write_text("secret")
    return folder


def listed(dashboard: Client) -> dict[str, str]:
    rows = dashboard.get("/studies/digits/trials/1").json()["files"]
    return {row["path"]: row["id"] for row in rows}


def test_files_are_saved_by_their_id_and_never_shown(dashboard: Client, folder: Path) -> None:
    found = listed(dashboard)
    assert set(found) == {"log-1.txt", "inner/page.html"}
    response = dashboard.get(f"/studies/digits/trials/1/files/{found['inner/page.html']}")
    assert response.text == "<script>alert(2)</script>"
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in response.headers["content-security-policy"]
    assert dashboard.get("/studies/digits/trials/1").json()["log"].startswith("epoch 1")


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_a_trials_folder(dashboard: Client, folder: Path, path: str) -> None:
    response = dashboard.get(f"/studies/digits/trials/1/files/{path}")
    assert response.status_code in (404, 422)
    assert "secret" not in response.text.replace("files/", "") or path in response.text


@pytest.mark.parametrize("kind", ["link", "folder link", "pipe", "hidden link"])
def test_links_and_pipes_are_neither_listed_nor_opened(
    dashboard: Client, folder: Path, kind: str
) -> None:
    if kind == "link":
        (folder / "innocent.txt").symlink_to(folder.parent / "secret")
    elif kind == "folder link":
        (folder / "folder").symlink_to(folder.parent)
    elif kind == "pipe":
        os.mkfifo(folder / "pipe")
    else:
        (folder / "log-9.txt").symlink_to("/etc/passwd")
    assert set(listed(dashboard)) == {"log-1.txt", "inner/page.html"}
    assert "root:" not in dashboard.get("/studies/digits/trials/1").text


def test_a_file_that_becomes_a_link_after_the_listing_is_not_opened(
    dashboard: Client, folder: Path
) -> None:
    from danlu.web.files import opened

    (folder / "log-1.txt").unlink()
    (folder / "log-1.txt").symlink_to(folder.parent / "secret")
    with pytest.raises(OSError, match="symbolic"), opened(folder, "log-1.txt"):
        pass
    (folder / "inner").rename(folder / "moved")
    (folder / "inner").symlink_to(folder / "moved")
    moved = pytest.raises(OSError, match=r"a directory|symbolic")
    with moved, opened(folder, "inner/page.html"):
        pass


def test_a_file_that_is_swapped_for_a_link_again_and_again_never_shows_what_it_points_to(
    dashboard: Client, folder: Path
) -> None:
    file, ids = folder / "log-1.txt", listed(dashboard)
    file.write_text("mine")  # the first answer may come before the first swap
    over = threading.Event()

    def swap() -> None:
        other = folder / "next"
        while not over.is_set():
            other.write_text("mine")
            other.replace(file)
            other.symlink_to("../secret")
            other.replace(file)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        path = f"/studies/digits/trials/1/files/{ids['log-1.txt']}"
        answers = [dashboard.get(path) for _ in range(150)]
    finally:
        over.set()
        thread.join()
    assert {a.status_code for a in answers} <= {200, 404}
    assert all(a.text == "mine" for a in answers if a.status_code == 200)


def test_web_sockets_are_not_spoken(dashboard: Client) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    for path in map(filled, routes(dashboard.app)):
        scope = {"type": "websocket", "path": path, "headers": [], "query_string": b""}
        asyncio.run(dashboard.app(scope, receive, send))
    assert sent == []


def test_the_reader_cannot_write(where: str, store: Store) -> None:
    from danlu.errors import StoreError
    from danlu.stores import open_store

    reader = open_store(where, read_only=True)
    assert reader.load("digits").version > 0
    with pytest.raises(StoreError, match="readonly"):
        reader.request("digits", "stop")
    reader.close()


def test_the_token_is_in_no_text_about_the_access() -> None:
    access = Access()
    assert access.control not in repr(access)
    assert access.look not in repr(access)
    assert len(access.control) >= 43  # 256 bits
