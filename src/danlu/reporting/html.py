"""The page: one self-contained HTML file that works offline, or the shell of a dashboard.

Its script is built from ``web/ui`` and the same in both. Everything that came from a study goes in
as JSON and reaches the page as text only; the content security policy of a report lets exactly
this page's own script and style run, and nothing load.
"""

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from danlu.comparing import importance
from danlu.core.history import History
from danlu.core.prediction import Prediction
from danlu.core.request import Request
from danlu.core.sentence import say
from danlu.core.system import reason_of
from danlu.errors import DanluError
from danlu.reporting.payload import page_data

ASSETS = {"dashboard.js": "text/javascript", "dashboard.css": "text/css"}
"""Files of the page that a server sends, with their types."""


def write_report(
    history: History,
    path: Path,
    predictions: Sequence[Prediction] = (),
    requests: Sequence[Request] = (),
    language: str = "",
) -> Path:
    """Write the report of a study as one HTML file.

    Args:
        history: The study; it may be running, empty or failed.
        path: The file; missing folders are made. A folder gets ``<study>.html``.
        predictions: Where trials lead, drawn as a fan; several epochs for each.
        requests: What people pinned and wrote.
        language: One of `danlu.language.LANGUAGES`; empty leaves it to the browser.

    Returns:
        The file that was written.

    Raises:
        DanluError: When the file cannot be written.
    """
    target = path / f"{history.spec.name}.html" if path.is_dir() else path
    page = render_report(history, predictions, requests, language)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DanluError(say(
            "the report cannot be written to {target}: {reason}.",
            target=target, reason=reason_of(error),
        )) from error  # fmt: skip
    return target


def render_report(
    history: History,
    predictions: Sequence[Prediction] = (),
    requests: Sequence[Request] = (),
    language: str = "",
) -> str:
    """The whole page as text."""
    script, style = asset("dashboard.js"), asset("dashboard.css")
    data = page_data(history, predictions, importance(history), requests)
    policy = html.escape(_policy(script, style))
    return _filled(
        {
            "lang": f' data-lang="{html.escape(language)}"' if language else "",
            "title": html.escape(f"{history.spec.name} · danlu"),
            "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            "style": f"<style>{style}</style>",
            "data": f'<script type="application/json" id="data">{script_json(data)}</script>',
            "script": f"<script>{script}</script>",
        }
    )


def shell() -> str:
    """The page without any data, as a dashboard serves it."""
    return _filled(
        {
            "lang": "",
            "title": "danlu",
            "policy": "",
            "style": '<link rel="stylesheet" href="/assets/dashboard.css">',
            "data": "",
            "script": '<script src="/assets/dashboard.js"></script>',
        }
    )


def asset(name: str) -> str:
    """A file of the page.

    Args:
        name: One of `ASSETS`.
    """
    return _part(name)


def _filled(fields: Mapping[str, str]) -> str:
    """The page with its gaps filled, none of which is looked for in what fills another."""
    first, *rest = _part("dashboard.html").split("<!--")
    parts = [first]
    for piece in rest:
        name, _, after = piece.partition("-->")
        parts += [fields[name], after]
    return "".join(parts)


def script_json(value: Any) -> str:
    """JSON that cannot end or break the ``<script>`` element in which it stands."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # ASCII: no surrogates either
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _part(name: str) -> str:
    return (files("danlu.reporting") / "page" / name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    """The text's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
