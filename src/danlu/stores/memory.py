"""A store in memory: for tests, and for studies that need not outlive their process."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from time import time
from typing import Any

from danlu.core.event import Event
from danlu.core.history import History, empty
from danlu.core.request import Request
from danlu.core.spec import Spec
from danlu.stores.refusals import Holder, held, name_taken, no_study
from danlu.stores.rows import encode_request_data, encode_rows, encode_spec_text


@dataclass(slots=True)
class _Kept:
    """A study; its history is the fold of its events at any time."""

    history: History
    events: list[Event] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    keys: dict[str, int] = field(default_factory=dict)
    holder: Holder | None = None


class MemoryStore:
    """Keeps studies while the process lives; safe to use from several threads."""

    def __init__(self) -> None:
        self._studies: dict[str, _Kept] = {}
        self._changing = RLock()

    def studies(self) -> Sequence[str]:
        return tuple(self._studies)

    def create(self, spec: Spec) -> None:
        encode_spec_text(spec)  # what a database would refuse is refused here too
        with self._changing:
            if spec.name in self._studies:
                raise name_taken(spec.name, "memory")
            self._studies[spec.name] = _Kept(History(spec))

    def respecify(self, spec: Spec) -> None:
        encode_spec_text(spec)
        with self._changing:
            kept = self._kept(spec.name)
            kept.history = empty(spec, kept.events)

    def append(self, study: str, events: Sequence[Event]) -> None:
        encode_rows(events)
        with self._changing:
            kept = self._kept(study)
            kept.history = kept.history.after(*events)
            kept.events.extend(events)

    def load(self, study: str) -> History:
        return self._kept(study).history

    def follow(self, history: History) -> History:
        return self._kept(history.spec.name).history

    def remove(self, study: str) -> None:
        with self.lock(study):
            del self._studies[study]

    def request(
        self,
        study: str,
        verb: str,
        trial: int | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        by: str = "",
        key: str | None = None,
    ) -> int:
        encode_request_data(data or {})
        with self._changing:
            kept = self._kept(study)
            number = len(kept.requests) + 1
            if key is not None and kept.keys.setdefault(key, number) != number:
                return kept.keys[key]
            kept.requests.append(Request(number, verb, trial, time(), dict(data or {}), by))
            return number

    def requests(self, study: str, after: int = 0) -> Sequence[Request]:
        return tuple(self._kept(study).requests[max(0, after) :])

    def holder(self, study: str) -> str | None:
        holder = self._kept(study).holder
        return None if holder is None else str(holder)

    @contextmanager
    def lock(self, study: str) -> Iterator[None]:
        kept = self._kept(study)
        with self._changing:
            if kept.holder:
                raise held(study, kept.holder)
            kept.holder = Holder.here()
        try:
            yield
        finally:
            kept.holder = None

    def close(self) -> None:
        """Nothing to free; what is kept stays readable."""

    def _kept(self, study: str) -> _Kept:
        try:
            return self._studies[study]
        except KeyError:
            raise no_study(study, self.studies(), "memory") from None
