"""JSON for pages, and messages of an event stream."""

import json
from typing import Any

from starlette.responses import JSONResponse

from danlu.core.sentence import Sentence, encode_sentences


def to_json(value: Any) -> bytes:
    """Compact JSON in ASCII: no surrogate can break it, and no number is NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


class AsciiJson(JSONResponse):
    """An answer as `to_json` writes it: text of training may hold what UTF-8 cannot."""

    def render(self, content: Any) -> bytes:
        return to_json(content)


def refusal(reason: str) -> bytes:
    """The body of an answer that is none; ``told`` lets a page say it in another language."""
    told = {"told": encode_sentences(reason)} if isinstance(reason, Sentence) else {}
    return to_json({"error": reason} | told)


def message(kind: str, data: bytes, number: str = "") -> bytes:
    """A message of a server-sent event stream (WHATWG HTML, section 9.2)."""
    head = f"id: {number}\nevent: {kind}\n" if number else f"event: {kind}\n"
    return head.encode() + b"data: " + data + b"\n\n"


ALIVE = b": alive\n\n"
