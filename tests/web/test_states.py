"""What the page says when there is nothing, not all, nothing new or no longer anything to see."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.reporting import histories
from tests.web.kitchen import Kitchen

from danlu.core.event import Event
from danlu.core.history import History
from danlu.stores import open_store

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TRIALS = 200  # more than a page asks for at first


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kitchen]:
    """Studies that nobody runs any more, and a server that shows them."""
    kitchen = Kitchen(tmp_path_factory.mktemp("shelf"))
    with closing(open_store(kitchen.store)) as store:
        for name, made in (
            ("ended", histories.staged), ("broken", histories.only_failures),
            ("killed", histories.running), ("silent", histories.running),
            ("many", lambda: histories.large(TRIALS, 4)),
        ):  # fmt: skip
            history, events = taped(made)
            store.create(dataclasses.replace(history.spec, name=name))
            store.append(name, events)
        for name in ("new", "begun"):
            store.create(dataclasses.replace(histories.spec(), name=name))
    try:
        kitchen.serve()
        yield kitchen
    finally:
        kitchen.close()


def taped(make: Callable[[], History]) -> tuple[History, list[Event]]:
    """A history, and the events that it was made of."""
    tapes: list[histories.Tape] = []
    begin = histories.Tape.__init__

    def kept(self: histories.Tape, *given: Any, **more: Any) -> None:
        begin(self, *given, **more)
        tapes.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories.Tape, "__init__", kept)
        made = getattr(make, "__wrapped__", make)()
    return made, tapes[-1].events


@pytest.fixture
def look(chromium: Any, shelf: Kitchen) -> Iterator[Callable[..., Any]]:
    contexts: list[Any] = []

    def open_page(study: str, page: str = "overview", *, before: Any = None) -> Any:
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 900}))
        tab = contexts[-1].new_page()
        if before is not None:
            before(tab)
        tab.goto(f"{shelf.link}&/s/{study}/{page}")
        return tab

    yield open_page
    for context in contexts:
        context.close()


def test_a_study_without_trials_says_how_to_begin(look: Callable[..., Any]) -> None:
    page = look("new")
    page.wait_for_selector("main .empty")
    words = page.locator("main").inner_text()
    assert "No trial yet: the space has" in words
    assert "danlu run study.toml" in words
    for name in ("curves", "parameters", "trials", "stages", "findings", "settings"):
        page.evaluate("hash => { location.hash = hash; }", f"#/s/new/{name}")
        page.wait_for_selector(f'main[data-page="{name}"] .card')


def test_what_comes_in_is_drawn_at_once_and_counted(look: Callable[..., Any]) -> None:
    let_go = threading.Event()
    held: list[Any] = []

    def hold(tab: Any) -> None:
        asked = 0

        def answer(route: Any) -> None:
            nonlocal asked
            asked += 1
            if asked == 1 or let_go.is_set():
                route.continue_()
            else:
                held.append(route)

        tab.route("**/trials?*", answer)

    page = look("many", before=hold)
    page.wait_for_selector(f".connection:has-text('60 of {TRIALS}')")
    page.wait_for_selector("#curves .chart[data-points]")
    assert page.locator(".diagnosis").inner_text() == f"60 of {TRIALS} trials"
    let_go.set()
    for route in held:
        route.continue_()
    page.wait_for_function(
        "n => Number(document.querySelector('#curves .chart').dataset.faded) > n", arg=TRIALS - 9
    )
    assert page.locator(".diagnosis").inner_text() == f"No problem found in {TRIALS} trials."


def test_a_study_that_was_killed_says_that_nobody_runs_it(look: Callable[..., Any]) -> None:
    page = look("killed")
    page.wait_for_selector(".pill.killed")
    assert "Nobody runs this study any more" in page.locator(".banner").inner_text()
    assert page.get_by_role("button", name="Pause").count() == 0


def test_a_study_that_is_begun_says_that_it_starts(
    look: Callable[..., Any], shelf: Kitchen
) -> None:
    with closing(open_store(shelf.store)) as store, store.lock("begun"):
        page = look("begun")
        page.wait_for_selector(".pill.starting")
        assert "about to start" in page.locator("main").inner_text()
        page.evaluate("location.hash = '#/'")
        page.wait_for_selector("tr:has-text('begun') .pill.starting")


def test_a_study_that_is_silent_is_stale_in_the_list_too(
    look: Callable[..., Any], shelf: Kitchen
) -> None:
    with closing(open_store(shelf.store)) as store, store.lock("silent"):
        page = look("silent")
        page.wait_for_selector(".pill.stale")
        assert "though an epoch usually takes" in page.locator(".banner").inner_text()
        page.evaluate("location.hash = '#/'")
        page.wait_for_selector("tr:has-text('silent') .pill.stale")


COLOURS = "all => all.map(mark => getComputedStyle(mark).backgroundColor)"


def test_no_two_trials_that_are_compared_look_alike(look: Callable[..., Any]) -> None:
    page = look("ended", "trials?compare=1,2,3,4,5,6,7,38&view=compare")
    page.wait_for_selector("table.compare")
    colours = page.locator("table.compare th .mark").evaluate_all(COLOURS)
    assert len(set(colours)) == len(colours) == 8


def test_each_coloured_curve_has_its_number_at_its_end(look: Callable[..., Any]) -> None:
    page = look("ended")
    page.wait_for_selector("#curves .chart[data-points]")
    coloured = page.locator("#curves .legend li").count()
    assert coloured == 5
    assert page.locator("#curves .chart").get_attribute("data-labels") == str(coloured)


def test_an_ended_study_shows_what_to_take_and_what_to_try_next(look: Callable[..., Any]) -> None:
    page = look("ended")
    page.wait_for_selector("#best")
    words = page.locator("#best").inner_text()
    assert words.startswith("Result")
    assert "over the default config" in words
    assert "The run ended" in words
    assert "What to try next" in page.locator("#verdict").inner_text()


def test_failures_of_one_cause_stand_together_with_their_log(look: Callable[..., Any]) -> None:
    page = look("broken")
    page.wait_for_selector("#failures")
    words = page.locator("#failures").inner_text()
    assert "3 trials: exit status 1" in words
    assert "No module 'x'" in words


def test_the_list_of_studies_is_of_none_of_them(look: Callable[..., Any], shelf: Kitchen) -> None:
    page = look("ended")
    page.wait_for_selector("#best")
    page.evaluate("location.hash = '#/'")
    page.wait_for_selector("table.studies tbody tr:nth-child(5)")
    page.wait_for_selector("header h1 span:text-is('danlu')")
    page.wait_for_selector("nav, header .pill", state="detached")


def test_a_study_that_does_not_exist_says_so_and_leads_to_those_that_do(
    look: Callable[..., Any],
) -> None:
    page = look("nowhere")
    page.wait_for_selector("text=there is no study")
    assert "may not look" not in page.locator("main").inner_text()
    page.get_by_role("link", name="All studies").click()
    page.wait_for_selector("table.studies tbody tr:nth-child(5)")


def test_where_nobody_runs_a_study_no_trial_can_be_stopped(look: Callable[..., Any]) -> None:
    page = look("ended", "trials")
    page.locator("tr.trial:has-text('paused') a").first.click()
    page.wait_for_selector(".trial-head")
    assert "paused" in page.locator(".trial-head").inner_text()
    page.wait_for_selector("button:has-text('Note')")
    assert page.get_by_role("button", name="Stop trial").count() == 0
