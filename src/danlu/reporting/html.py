"""The report: one self-contained HTML file that works offline.

Everything that came from a study goes in as JSON and reaches the page as text only; the content
security policy lets exactly this page's own script and style run, and nothing load.
"""

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from danlu.core.history import History
from danlu.core.prediction import Prediction
from danlu.errors import DanluError
from danlu.reporting.payload import page_data

SCRIPTS = (
    "base.js",
    "plot.js",
    "curves.js",
    "fan.js",
    "pointing.js",
    "card.js",
    "panels.js",
    "scatter.js",
    "table.js",
    "why.js",
    "main.js",
)


def write_report(history: History, path: Path, predictions: Sequence[Prediction] = ()) -> Path:
    """Write the report of a study as one HTML file.

    Args:
        history: The study; it may be running, empty or failed.
        path: The file; missing folders are made. A folder gets ``<study>.html``.
        predictions: Where trials lead, drawn as a fan; several epochs for each.

    Returns:
        The file that was written.

    Raises:
        DanluError: When the file cannot be written.
    """
    target = path / f"{history.spec.name}.html" if path.is_dir() else path
    page = render_report(history, predictions)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DanluError(f"the report cannot be written to {target}: {error.strerror}.") from error
    return target


def render_report(history: History, predictions: Sequence[Prediction] = ()) -> str:
    """The whole page as text."""
    script = "(() => {\n" + "\n".join(_part(name) for name in SCRIPTS) + "\n})();"
    style = _part("page.css")
    page = _part("page.html")
    fields = {
        "title": html.escape(f"{history.spec.name} · danlu"),
        "policy": html.escape(_policy(script, style)),
        "style": style,
        "data": script_json(page_data(history, predictions)),
        "script": script,
    }
    for name, text in fields.items():
        before, _, after = page.partition(f"<!--{name}-->")
        page = before + text + after
    return page


ASSETS = {"dashboard.js": "text/javascript", "dashboard.css": "text/css"}
"""Files of the page that a server sends, with their types."""


def asset(name: str) -> str:
    """A file of the page.

    Args:
        name: One of `ASSETS`.
    """
    return _part(name)


def shell() -> str:
    """The page without any data, as the dashboard serves it."""
    return _part("dashboard.html")


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
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    """The text's hash as a content security policy writes it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
