"""Names, values, logs and addresses that try to become more than text, in a real browser."""

import pytest
from tests.reporting import histories
from tests.reporting.conftest import PAGES, Open, go

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math href=javascript:alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<link rel=stylesheet href=//evil>",
    "<style>@import '//evil'</style>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<form action=//evil><button>x</button></form>",
    "<template><script>alert(1)</script></template>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "'-alert(1)-'",
    '"-alert(1)-"',
    "`${alert(1)}`",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "\\u003cscript>alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--<script>",
    "--><script>alert(1)</script>",
    "<![CDATA[<script>]]>",
    "]]><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "\u2028alert(1)\u2029",
    "\u202egnp.exe",
    "\x00<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
]


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
