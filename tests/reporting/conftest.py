"""The report in a real browser: opened, and watched for whatever may go wrong on it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.chromium import chromium_started

from danlu.core.history import History
from danlu.core.prediction import Prediction
from danlu.reporting.html import write_report

PAGES = ["overview", "curves", "parameters", "trials", "stages", "findings", "settings"]

# No chart of learning curves is left that was not drawn yet.
DRAWN = "() => !document.querySelector('main .chart:not([data-drawn]):not(svg)')"


def go(page: Any, name: str) -> None:
    """Opens another page, and waits until it is the one that is shown and its charts are drawn."""
    page.evaluate("hash => { location.hash = hash; }", f"#/s/digits/{name}")
    page.wait_for_selector(
        f'main[data-page="{name.rsplit("/", maxsplit=1)[-1].split("?", maxsplit=1)[0]}"]'
    )
    page.wait_for_function(DRAWN)


class Visit:
    """A page and what went wrong on it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.troubles: list[str] = []
        page.on("console", lambda m: self.troubles.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: self.troubles.append(f"error: {e}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            self.troubles.append(f"request: {request.url}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium_started() as browser:
        yield browser


Open = Callable[..., Any]


@pytest.fixture
def visit(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a history; in the end nothing may have gone wrong on any page."""
    visits: list[Visit] = []

    def open_report(
        history: History,
        width: int = 1300,
        fragment: str = "",
        predictions: Sequence[Prediction] = (),
        **more: Any,
    ) -> Any:
        path = write_report(history, tmp_path / f"{len(visits)}.html", predictions)
        context = browser.new_context(viewport={"width": width, "height": 800}, **more)
        visits.append(Visit(context.new_page()))
        page = visits[-1].page
        page.goto(path.as_uri() + fragment)
        page.wait_for_selector("main .card")
        if page.locator("#curves canvas").count():
            page.wait_for_selector("#curves .chart[data-drawn]")
        return page

    yield open_report
    troubles = [t for v in visits for t in v.troubles]
    for v in visits:
        v.page.context.close()
    assert troubles == []
