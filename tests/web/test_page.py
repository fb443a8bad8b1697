"""The dashboard in a real browser beside a running study: five journeys, and what may break."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.processes import wait_for
from tests.web.kitchen import Kitchen

from danlu.core.request import on_hold
from danlu.web.streaming import MOST_STREAMS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PAGES = ("overview", "curves", "parameters", "trials", "stages", "findings", "settings")


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    kitchen = Kitchen(tmp_path_factory.mktemp("kitchen"))
    try:
        kitchen.run()
        kitchen.serve()
        wait_for(lambda: len(kitchen.study.trials) >= 5, "the fifth trial", 60)
        yield kitchen
    finally:
        kitchen.close()


Look = Callable[..., Any]


@pytest.fixture
def look(chromium: Any, kitchen: Kitchen) -> Iterator[Look]:
    """Opens the dashboard; in the end nothing may have gone wrong on any page."""
    pages: list[Any] = []
    troubles: list[str] = []

    def open_page(path: str = "/s/watched/overview", link: str = "", **more: Any) -> Any:
        size = {"width": 1440, "height": 900}
        context = chromium.new_context(**{"viewport": size, "locale": "en-US", **more})
        page = context.new_page()
        page.on("console", lambda m: troubles.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: troubles.append(f"error: {e}"))
        pages.append(page)
        page.goto(f"{link or kitchen.link}&{path}")
        return page

    open_page.troubles = troubles  # type: ignore[attr-defined]
    yield open_page
    for page in pages:
        page.context.close()
    assert troubles == []


def points(page: Any) -> int:
    return int(page.locator("#curves .chart").get_attribute("data-points") or 0)


def drawn(page: Any) -> None:
    page.wait_for_selector("#curves .chart[data-points]")


# ---- the five journeys


def test_one_watches_a_study_and_each_new_epoch_comes_by_itself(look: Look) -> None:
    page = look()
    drawn(page)
    page.wait_for_selector(".connection.live")
    before, requests = points(page), []
    page.on("request", lambda r: requests.append(r.url))
    began = time.monotonic()
    page.wait_for_function(
        "n => Number(document.querySelector('#curves .chart').dataset.points) > n", arg=before
    )
    assert time.monotonic() - began < 10
    assert requests == [], "it comes over the open stream"
    assert page.locator(".pill").inner_text() == "running"
    assert "token" not in page.url


def test_one_finds_why_a_trial_failed(look: Look, kitchen: Kitchen) -> None:
    wait_for(lambda: kitchen.study.trials[2].state == "failed", "the failure")
    page = look()
    group = page.locator(".failures li").first
    assert "no such column: <b>age</b>" in group.inner_text()
    group.locator("a.trial").first.click()
    page.wait_for_selector("h2:has-text('Trial 3')")
    assert "no such column: <b>age</b>" in page.locator("dl.facts").inner_text()
    page.wait_for_selector(".snippet.log:has-text('about to fail')")


def test_one_compares_two_trials(look: Look) -> None:
    page = look("/s/watched/trials?sort=n")
    page.wait_for_selector("tr.trial")
    page.locator("tr.trial input").nth(0).check()
    page.locator("tr.trial input").nth(1).check()
    page.get_by_role("button", name="Compare (2)").click()
    page.wait_for_selector("table.compare")
    assert "lr" in page.locator("table.compare tbody").inner_text()
    assert page.locator(".chart canvas").first.is_visible()
    again = look(page.url.split("#")[1])
    again.wait_for_selector("table.compare")
    assert again.locator("table.compare thead th").count() == 2, "the link leads to the same view"


def stop_one(page: Page, kitchen: Kitchen) -> int:
    """The number of a trial that was asked to stop, once it runs no more."""
    button = page.locator(".running-list button").last
    label = button.get_attribute("aria-label")
    assert label is not None
    number = int(label.split()[-1])
    page.get_by_label(label, exact=True).click()
    assert f"Trial {number} is ended" in page.locator("dialog").inner_text()
    page.locator("dialog button[type=submit]").click()
    wait_for(lambda: kitchen.study.trials[number - 1].state != "running", "the end", 60)
    return number


def test_one_stops_a_trial(look: Look, kitchen: Kitchen) -> None:
    kitchen.pace(2.0)
    try:
        page = look()
        asked = [stop_one(page, kitchen)]
        while kitchen.study.trials[asked[-1] - 1].state != "stopped":
            assert len(asked) < 3, "one trial may come to its end by itself, but not each"
            asked.append(stop_one(page, kitchen))
        number = asked[-1]
        page.goto(f"{kitchen.link.split('#')[0]}#/s/watched/stages")
        page.wait_for_selector(f".logbook li:has-text('asked to stop trial {number}')")
    finally:
        kitchen.pace(0.08)


def test_one_takes_the_best_config_away(look: Look, kitchen: Kitchen, chromium: Any) -> None:
    page = look(permissions=["clipboard-read", "clipboard-write"])
    card = page.locator("#best")
    card.get_by_role("button", name="TOML").click()
    shown = card.locator(".snippet").inner_text()
    card.get_by_role("button", name="Copy", exact=True).click()
    page.wait_for_selector("#best button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == shown
    assert shown.startswith("lr = ")


# ---- what one asks for


def test_pausing_and_resuming_show_and_settle(look: Look, kitchen: Kitchen) -> None:
    page = look()
    page.get_by_role("button", name="Pause").click()
    page.wait_for_selector(".pill.paused")
    wait_for(lambda: on_hold(kitchen.study.history), "the pause")
    page.get_by_role("button", name="Resume").click()
    page.wait_for_selector(".pill.running")


def test_a_config_of_ones_own_is_tried_next(look: Look, kitchen: Kitchen) -> None:
    page = look()
    page.wait_for_selector("#best")
    page.locator("select.more").select_option("enqueue")
    page.locator("dialog label:has-text('lr') input").fill("99")
    page.locator("dialog button[type=submit]").click()
    page.wait_for_selector("dialog [role=alert]:has-text('lr')")
    page.locator("dialog label:has-text('lr') input").fill("0.0123")
    page.locator("dialog button[type=submit]").click()
    wait_for(lambda: any(t.config["lr"] == 0.0123 for t in kitchen.study.trials), "the trial", 40)
    (noted,) = look.troubles  # type: ignore[attr-defined]
    assert "422" in noted, "Chromium notes the refusal, and the dialog tells it"
    look.troubles.clear()  # type: ignore[attr-defined]


def test_onlookers_see_all_but_can_ask_for_nothing(
    look: Look, tmp_path: Path, kitchen: Kitchen
) -> None:
    other = Kitchen(tmp_path)
    other.store = kitchen.store
    try:
        other.serve("--read-only")
        page = look(link=other.link)
        drawn(page)
        page.wait_for_selector(".connection.live")
        assert page.locator(".actions").count() == 0
        assert page.locator(".running-list button").count() == 0
        page.goto("about:blank")
    finally:
        other.close()


# ---- when things break


def test_without_the_token_there_is_nothing_to_see(look: Look, kitchen: Kitchen) -> None:
    page = look(link=re.sub(r"token=.*", "token=wrong", kitchen.link))
    page.wait_for_selector("text=may not look")
    assert "watched" not in page.locator("main").inner_text()
    look.troubles.clear()  # type: ignore[attr-defined]  # Chromium notes each 401


def test_a_lost_connection_keeps_the_picture_and_says_so(
    look: Look, tmp_path: Path, kitchen: Kitchen
) -> None:
    other = Kitchen(tmp_path)
    other.store = kitchen.store
    try:
        server = other.serve()
        page = look(link=other.link)
        drawn(page)
        page.wait_for_selector(".connection.live")
        server.kill()
        page.wait_for_selector(".banner:has-text('connection is lost')")
        assert points(page) > 0
        look.troubles.clear()  # type: ignore[attr-defined]  # Chromium notes each refused request
    finally:
        other.close()


def test_where_no_stream_is_to_be_had_the_page_asks_again_and_again(
    look: Look, kitchen: Kitchen
) -> None:
    port, token = re.findall(r":(\d+)/#token=([\w-]+)", kitchen.link)[0]
    asked = f"GET /api/v1/studies/watched/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    lines = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(MOST_STREAMS)]
    try:
        for line in lines:
            line.sendall(f"{asked}Authorization: Bearer {token}\r\n\r\n".encode())
            assert b"200" in line.recv(64)
        page = look()
        drawn(page)
        page.wait_for_selector(".connection.polling")
        before = points(page)
        page.wait_for_function(
            "n => Number(document.querySelector('#curves .chart').dataset.points) > n", arg=before
        )
        look.troubles.clear()  # type: ignore[attr-defined]  # Chromium notes the 503
    finally:
        for line in lines:
            line.close()


def test_a_study_that_is_silent_for_long_is_stale(look: Look, kitchen: Kitchen) -> None:
    page = look()
    page.wait_for_selector(".pill.running")
    kitchen.pace(3.0)
    try:
        page.evaluate("const now = Date.now; Date.now = () => now() + 600000;")  # ten minutes on
        page.wait_for_selector(".pill.stale")
        assert "No report for" in page.locator(".banner").inner_text()
    finally:
        kitchen.pace(0.08)


def test_the_view_stands_still_on_demand_and_misses_nothing(look: Look) -> None:
    page = look()
    drawn(page)
    page.keyboard.press("Space")
    page.wait_for_selector(".connection.frozen")
    page.wait_for_timeout(300)
    before = points(page)
    page.wait_for_timeout(1200)
    assert points(page) == before
    page.keyboard.press("Space")
    page.wait_for_function(
        "n => Number(document.querySelector('#curves .chart').dataset.points) !== n", arg=before
    )


def test_keys_lead_everywhere(look: Look) -> None:
    page = look()
    drawn(page)
    for key, name in (("c", "Curves"), ("p", "Parameters"), ("t", "Trials"), ("o", "Overview")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(f"nav a[aria-current=page]:has-text('{name}')")
    page.keyboard.press("b")
    page.wait_for_selector("main h2:has-text('Trial ')")
    page.keyboard.press("Escape")
    page.wait_for_selector("table.trials")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog:has-text('Keys')")


# ---- for everybody


def visited(page: Any) -> Iterator[str]:
    """Goes to each page in turn."""
    trials = ("trials/1", "trials/3", "trials?compare=1,2&view=compare", "curves?many=1")
    for path in ("/", *(f"/s/watched/{name}" for name in (*PAGES, *trials))):
        page.evaluate("hash => { location.hash = hash; }", path)
        page.wait_for_timeout(150)
        page.wait_for_selector("main .card")
        yield path


LOCALES = ["en-US", "zh-CN"]
CLOSED = "() => !document.querySelector('dialog[open]')"


def with_axe(look: Look, locale: str) -> Any:
    """The overview, with axe in it."""
    module = pytest.importorskip("axe_playwright_python.base")
    page = look(locale=locale)
    page.wait_for_selector("main .card")
    page.evaluate(Path(module.__file__).with_name("axe.min.js").read_text("utf-8"))
    return page


RULES: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast"]},  # all else is the same in both
}


def against_axe(page: Any, what: str = "html") -> list[str]:
    """What axe finds in a part of the page, in both themes."""
    told = []
    for theme, rules in RULES.items():
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        asked = {"resultTypes": ["violations"], **rules}
        found = page.evaluate("([what, asked]) => axe.run(what, asked)", [what, asked])
        told += [f"{theme}: {v['id']}: {v['nodes'][0]['html'][:160]}" for v in found["violations"]]
    return told


@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing_on_any_page_in_either_theme(look: Look, locale: str) -> None:
    page = with_axe(look, locale)
    told = [f"{path}: {found}" for path in visited(page) for found in against_axe(page)]
    assert told == []


@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing_in_any_dialog_or_menu(
    look: Look, kitchen: Kitchen, locale: str
) -> None:
    page = with_axe(look, locale)
    kitchen.pace(1.0)  # else the trial that is to be stopped has ended before the click
    more = page.locator("select.more")
    verbs = more.locator("option:not([disabled])").evaluate_all("all => all.map(o => o.value)")
    assert verbs == ["stop now", "add budget", "enqueue", "note"]
    ways: list[Callable[[], Any]] = [
        *(lambda verb=verb: more.select_option(verb) for verb in verbs),
        lambda: page.locator(".actions button").last.click(),
        lambda: page.locator(".running-list button").first.click(),
        lambda: page.keyboard.press("?"),
    ]
    told = []
    try:
        for way in ways:
            way()
            page.wait_for_selector("dialog[open]")
            told += [
                f"{page.locator('dialog').inner_text()}: {f}" for f in against_axe(page, "dialog")
            ]
            page.keyboard.press("Escape")
            page.wait_for_function(CLOSED)
    finally:
        kitchen.pace(0.08)
    page.evaluate("location.hash = '/s/watched/trials'")
    page.locator("details.menu summary").click()
    told += against_axe(page, "details.menu")
    page.evaluate("location.hash = '/s/watched/overview'")
    page.locator(".card > details > summary").evaluate_all("all => all.forEach(s => s.click())")
    page.wait_for_selector("#curves details tbody tr")
    assert told + against_axe(page, "main") == []


def test_no_page_scrolls_sideways_on_a_phone(look: Look) -> None:
    page = look(viewport={"width": 360, "height": 740})
    page.wait_for_selector("main .card")
    for path in visited(page):
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
        here = page.locator("nav a[aria-current]")
        if here.count():
            box = here.bounding_box()
            assert 0 <= box["x"] <= 360 - box["width"], f"{path}: its name is out of sight"


ENGLISH = re.compile(r"\b[a-z]{2,}(?: [a-z]{2,}){2,}")
TEXT = """() => {
  const page = document.body.cloneNode(true); // programs and logs stay as they are
  for (const node of page.querySelectorAll('.snippet, script, noscript, option')) node.remove();
  return [page.textContent, ...[...page.querySelectorAll('[aria-label], [title]')].map(
    node => `${node.ariaLabel ?? ''} ${node.title ?? ''}`)].join(' | ');
}"""


def test_no_english_sentence_is_left_on_the_chinese_page(look: Look) -> None:
    page = look(locale="zh-CN")
    page.wait_for_selector("main .card")
    told = []
    for path in visited(page):
        text = page.evaluate(TEXT).replace("no such column", "")
        text = re.sub(r"pid \d+ on host \S+ since", "", text)  # the note of who runs the study
        told += [f"{path}: {found}" for found in ENGLISH.findall(text)]
    assert told == []


HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_page_out_of_sight_draws_nothing_and_catches_up(look: Look) -> None:
    page = look()
    drawn(page)
    page.wait_for_selector(".connection.live")
    page.evaluate(HIDE, True)
    page.wait_for_timeout(400)
    before = points(page)
    page.wait_for_timeout(1500)
    assert points(page) == before
    page.evaluate(HIDE, False)
    page.wait_for_function(
        "n => Number(document.querySelector('#curves .chart').dataset.points) !== n", arg=before
    )
