"""JSON for pages, and messages of an event stream."""

import json
from typing import Any


def to_json(value: Any) -> bytes:
    """Compact JSON in ASCII: no surrogate can break it, and no number is NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def message(kind: str, data: bytes, number: str = "") -> bytes:
    """A message of a server-sent event stream (WHATWG HTML, section 9.2)."""
    head = f"id: {number}\nevent: {kind}\n" if number else f"event: {kind}\n"
    return head.encode() + b"data: " + data + b"\n\n"


ALIVE = b": alive\n\n"
