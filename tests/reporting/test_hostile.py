"""Names, values, logs and addresses that try to become more than text, in a real browser."""

import pytest
from tests.hostile import PAYLOADS
from tests.reporting import histories
from tests.reporting.conftest import PAGES, Open, go

pytestmark = pytest.mark.browser


def test_hostile_names_are_only_text(visit: Open) -> None:
    page = visit(histories.hostile())
    for name in [*PAGES, "trials/6"]:
        go(page, name)
        assert page.locator("main img").count() == 0
    assert "alert(1)" in page.locator("main").inner_text()


def test_no_payload_becomes_more_than_text(visit: Open) -> None:
    page = visit(histories.payloads(PAYLOADS))
    for name in [*PAGES, "trials/1", f"trials/{len(PAYLOADS)}"]:
        go(page, name)
        found = "main :is(script, iframe, object, embed, link, style, base, form, img, marquee)"
        assert page.locator(found).count() == 0
    go(page, f"trials/{PAYLOADS.index('<svg onload=alert(1)>') + 1}")
    assert "<svg onload=alert(1)>" in page.locator("main").inner_text()


@pytest.mark.parametrize(
    "part", ["#/s/{}/overview", "#/s/digits/{}", "#/s/digits/trials?filter={}"]
)
def test_no_address_becomes_more_than_text(visit: Open, part: str) -> None:
    page = visit(histories.staged())
    for payload in PAYLOADS:
        page.evaluate("hash => { location.hash = hash; }", part.format(payload))
    page.wait_for_selector("main .card, main .loading")
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
