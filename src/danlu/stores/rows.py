"""Events to rows and back; both of plain values, without any database."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple, TypeAlias

import orjson

from danlu.core.codec import encode_number
from danlu.core.event import Event, Reported, decode_event, encode_event
from danlu.core.growing import Evaluated
from danlu.core.sentence import say
from danlu.core.spec import Spec, encode_spec
from danlu.errors import StoreError

REPORTED = "reported"

Stored: TypeAlias = Sequence[Any]
"""A row as a database gives it: its number in the study, then the columns of `Row`."""

_dumps = json.JSONEncoder(separators=(",", ":")).encode


class Row(NamedTuple):
    """An event as it is stored.

    Attributes:
        at: Seconds since 1970.
        kind: As of `encode_event`.
        trial: Number of its trial, if it is about one.
        epoch: Of a report, else 0.
        text: JSON: the metrics of a report, else all other fields.
    """

    at: float
    kind: str
    trial: int | None
    epoch: int
    text: str


def encode_rows(events: Iterable[Event]) -> list[Row]:
    """The rows of some events.

    Raises:
        StoreError: If one holds a value that JSON cannot; then nothing was done.
    """
    return [_encode_row(event) for event in events]


def _encode_row(event: Event) -> Row:
    try:
        if isinstance(event, Reported):
            return Row(event.at, REPORTED, event.trial, event.epoch, _metrics(event.metrics))
        kind, data = encode_event(event)
        at, trial = data.pop("at"), data.pop("trial", None)
        return Row(at, kind, trial, 0, _dumps(data))
    except (TypeError, ValueError, OverflowError) as error:
        raise StoreError(say(
            "{event} cannot be stored, and nothing of its batch was: {error}. Its "
            "values must be plain numbers, strings, lists or dicts.",
            event=repr(event), error=error,
        )) from error  # fmt: skip


def _metrics(metrics: Mapping[str, float]) -> str:
    """The JSON of a report's metrics; written here, as it takes most of the time of an append."""
    pairs = [
        f"{_name(name)}:{value!r}"
        if isfinite(value := float(given))
        else f'{_name(name)}:"{encode_number(value)}"'
        for name, given in metrics.items()
    ]
    return f"{{{','.join(pairs)}}}"


@lru_cache(maxsize=1000)
def _name(name: str) -> str:
    return _dumps(name)


def decode_rows(chunks: Iterable[Sequence[Stored]]) -> Iterator[Event | Evaluated]:
    """The events of some rows, in their order; each chunk is parsed at once, which is quick.

    Reports come as plain tuples where they hold nothing out of the ordinary.

    Raises:
        StoreError: If a row is not one that `encode_rows` made.
    """
    for chunk in chunks:
        try:
            yield from _decode_chunk(chunk)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(say(
                "the store holds an event that this version of danlu cannot read "
                "({error}): was it written by a newer one, or changed by hand?",
                error=repr(error),
            )) from error  # fmt: skip


def _decode_chunk(chunk: Sequence[Stored]) -> list[Event | Evaluated]:
    text = ",".join([row[5] for row in chunk])
    plain = 'NaN"' not in text and 'Infinity"' not in text
    events: list[Event | Evaluated] = []
    for (_, at, kind, trial, epoch, _), data in zip(chunk, _parsed(f"[{text}]"), strict=True):
        if kind == REPORTED and plain:
            events.append((at, trial, epoch, data))
            continue
        rest = {"epoch": epoch, "metrics": data} if kind == REPORTED else data
        if trial is not None or kind == "diagnosed":
            rest["trial"] = trial
        events.append(decode_event(kind, {"at": at, **rest}))
    return events


def _parsed(text: str) -> Any:
    """The values of some JSON."""
    try:
        return orjson.loads(text)  # a quarter of the time of json.loads, for a million reports
    except ValueError:
        return json.loads(text)  # which also takes halves of surrogate pairs, and deep values


def encode_request_data(data: Mapping[str, Any]) -> str:
    """What a request says, as JSON text.

    Raises:
        StoreError: If it holds a value that JSON cannot.
    """
    try:
        return _dumps(dict(data))
    except (TypeError, ValueError) as error:
        raise StoreError(say(
            "the request {data} cannot be stored: {error}. Its values must be plain "
            "numbers, strings, lists or dicts.",
            data=repr(data), error=error,
        )) from error  # fmt: skip


def encode_spec_text(spec: Spec) -> str:
    """A spec as JSON text.

    Raises:
        StoreError: If its options hold a value that JSON cannot.
    """
    try:
        return _dumps(encode_spec(spec))
    except (TypeError, ValueError) as error:
        raise StoreError(say(
            'the spec of study "{name}" cannot be stored: {error}. Its options must be '
            "plain numbers, strings, lists or dicts.",
            name=spec.name, error=error,
        )) from error  # fmt: skip
