"""Hostile names, paths, hosts, texts and files, against a dashboard that runs for real."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.hostile import HOSTS, PATHS, PAYLOADS
from tests.reporting import histories
from tests.web.kitchen import Kitchen
from tests.web.test_states import taped

from danlu.stores import folder_for, open_store

pytestmark = pytest.mark.timeout(180)

FILES = [
    "<img src=x onerror=alert(1)>.txt", "'><script>alert(1)<script>", "a\nb", "a\rb", "%2e%2e",
    "=cmd|calc!A0", "\u202egnp.exe", "\udcff\udcfe", "-rf", "con", "a" * 200, ".hidden", " ",
    "javascript:alert(1)", "{{7*7}}", "$(id)",
]  # fmt: skip
"""What training may call its files; a lone surrogate stands for a byte that is no UTF-8."""


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    """Studies whose every text is hostile, and a server that shows them."""
    kitchen = Kitchen(tmp_path_factory.mktemp("hostile"))
    with closing(open_store(kitchen.store)) as store:
        for name, made in (
            ("payloads", lambda: histories.payloads(PAYLOADS)), ("hostile", histories.hostile),
        ):  # fmt: skip
            history, events = taped(made)
            store.create(replace(history.spec, name=name))
            store.append(name, events)
    folder = folder_for(kitchen.store, "payloads") / "1"
    folder.mkdir(parents=True)
    (folder / "log-1.txt").write_text("\n".join(PAYLOADS), errors="replace")
    for name in FILES:
        (folder / name).write_text("x")
    (folder.parent.parent / "secret").write_text("the secret")
    (folder.parent / "secret").write_text("the secret")
    try:
        kitchen.serve()
        yield kitchen
    finally:
        kitchen.close()


class Unchecked(http.client.HTTPConnection):
    """Sends an address as it is."""

    def _validate_path(self, url: str) -> None:
        pass


class Line:
    """A connection to the dashboard, with the token; opened anew where the server closed it."""

    def __init__(self, link: str) -> None:
        found = urlsplit(link)
        self.port, self.token = found.port, re.findall(r"token=([\w-]+)", link)[0]
        self._line = Unchecked("127.0.0.1", self.port, timeout=20)

    def close(self) -> None:
        self._line.close()

    def ask(self, method: str, path: str, host: str = "", body: str = "") -> tuple[int, str]:
        """The status and the text of the answer."""
        self._line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        self._line.putheader("Host", (host or f"127.0.0.1:{self.port}").encode())
        self._line.putheader("Authorization", f"Bearer {self.token}")
        if body:
            self._line.putheader("Content-Type", "application/json")
            self._line.putheader("Content-Length", str(len(body.encode())))
        self._line.endheaders(body.encode() or None)
        answer = self._line.getresponse()
        if answer.getheader("content-type", "").startswith("text/event-stream"):
            answer.close()  # it does not end
            self._line.close()
            return answer.status, ""
        text = answer.read().decode(errors="replace")
        if answer.will_close:
            self._line.close()
        return answer.status, text


@pytest.fixture
def line(shelf: Kitchen) -> Iterator[Line]:
    with closing(Line(shelf.link)) as line:
        yield line


def routes(line: Line) -> list[tuple[str, str]]:
    """Each method and path that the server's own document names, and those of the page."""
    document = json.loads(line.ask("GET", "/api/v1/openapi.json")[1])
    found = [(m.upper(), path) for path, methods in document["paths"].items() for m in methods]
    assert len(found) >= 8
    return [*found, ("GET", "/"), ("GET", "/assets/{name}"), ("GET", "/api/v1/openapi.json")]


GOOD = {"study": "payloads", "number": "1", "file": "0" * 24, "name": "dashboard.js"}


def filled(path: str, **values: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: {**GOOD, **values}[m[1]], path)


def test_no_route_answers_under_any_hostile_name(line: Line) -> None:
    for method, path in routes(line):
        for host in HOSTS:
            told = host.format(port=line.port) or " "
            status, text = line.ask(method, filled(path), told)
            assert status in (400, 421), (method, path, host)
            assert "payloads" not in text


def test_no_place_of_any_route_takes_a_hostile_path(line: Line) -> None:
    """Never anything but a refusal: no file, no other study, no error of the server."""
    asked = 0
    for method, path in routes(line):
        for place in re.findall(r"\{(\w+)\}", path):
            for hostile in PATHS:
                body = '{"verb": "stop", "key": "key-00001"}' if method == "POST" else ""
                status, text = line.ask(method, filled(path, **{place: hostile}), body=body)
                assert status in (307, 400, 404, 405, 414, 422), (method, path, hostile)
                assert "the secret" not in text
                assert "root:" not in text
                asked += 1
    assert asked > 400
    assert line.ask("GET", "/api/v1/studies")[0] == 200


def test_no_parameter_of_an_address_breaks_anything(line: Line) -> None:
    for name in ("since", "limit", "__proto__"):
        for hostile in PATHS:
            for path in ("/api/v1/studies/payloads/trials", "/api/v1/studies/payloads/events"):
                status, _ = line.ask("GET", f"{path}?{name}={hostile.replace(' ', '%20')}")
                assert status in (200, 400, 414, 422), (path, name, hostile)


def test_files_of_any_name_are_listed_and_saved_under_a_harmless_one(line: Line) -> None:
    status, text = line.ask("GET", "/api/v1/studies/payloads/trials/1")
    assert status == 200
    files = json.loads(text)["files"]
    assert len(files) == len(FILES) + 1  # and the log
    for file in files:
        status, _ = line.ask("GET", f"/api/v1/studies/payloads/trials/1/files/{file['id']}")
        assert status == 200, file["path"]


def test_any_text_of_a_wish_is_kept_as_text(line: Line) -> None:
    for i, payload in enumerate(PAYLOADS):
        body = json.dumps({"verb": "note", "key": f"payload-{i:04}", "text": payload})
        status, text = line.ask("POST", "/api/v1/studies/payloads/requests", body=body)
        assert status in (202, 422), (payload, text)
    _, text = line.ask("GET", "/api/v1/studies/payloads/requests")
    kept = [row["data"]["text"] for row in json.loads(text)]
    assert set(kept) <= set(PAYLOADS)
    assert len(kept) > 30


PAGES = ["overview", "curves", "parameters", "trials", "stages", "findings", "settings"]
ACTIVE = "body :is(iframe, object, embed, base, form[action], img, marquee, script:not([src]))"


@pytest.mark.browser
@pytest.mark.parametrize("study", ["payloads", "hostile"])
def test_in_the_live_page_no_text_becomes_more_than_text(
    chromium: Any, shelf: Kitchen, study: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page, troubles = context.new_page(), list[str]()
    page.on("console", lambda m: troubles.append(f"{m.type}: {m.text}"))  # a CSP report too
    page.on("pageerror", lambda e: troubles.append(f"error: {e}"))

    def dismissed(dialog: Any) -> None:
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", dismissed)
    page.route(re.compile(r"^(?!http://127\.0\.0\.1)"), lambda r: troubles.append(r.request.url))
    page.goto(f"{shelf.link}&/s/{study}/overview")
    page.wait_for_selector("#curves .chart[data-drawn]")
    for name in ("/", *(f"/s/{study}/{p}" for p in (*PAGES, "trials/1", "trials/2", "trials/6"))):
        page.evaluate("hash => { location.hash = hash; }", name)
        page.wait_for_selector("main .card")
        page.wait_for_timeout(120)
        assert page.locator(ACTIVE).count() == 0, name
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    context.close()
    assert troubles == []
