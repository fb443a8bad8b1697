"""One study as it grows: what changed since which event, and figures made at a bearable pace."""

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Generic, TypeAlias, TypeVar

from danlu.comparing import ParameterImportance, importance
from danlu.core.history import History
from danlu.core.prediction import Prediction
from danlu.core.record import TrialRecord
from danlu.core.request import Request
from danlu.core.sentence import encode_sentences
from danlu.predicting import predict_open
from danlu.reporting.payload import overview_data, spent_at_values, trial_row
from danlu.reporting.result import leaders
from danlu.stores.base import Store
from danlu.web.wire import to_json

T = TypeVar("T")
Fits: TypeAlias = tuple[list[Prediction], ParameterImportance | None]

SHARE = 0.04  # of one core that figures may take while a study runs
LEAST_S = 0.25  # between two makings of the same figures
SLOW_LEAST_S = 10.0  # between two fits of the models behind predictions and importance
HOLDER_S = 1.0  # between two looks at who runs the study
JUST_NOW = 0.005  # share of all that is spent which a chart of it cannot tell
JUST_NOW_LEAST = 0.05  # full trainings: while few are spent, each trial on a share counts
FIRST = 12  # of the leaders, which a page gets before all other trials


class Paced(Generic[T]):
    """A value that is made again when its inputs changed, but takes a small share of the time.

    Args:
        make: Makes it.
        least_s: Time between two makings, at least; longer where they take long.
        first: The value before the first making.
    """

    def __init__(self, make: Callable[[], T], least_s: float, first: T) -> None:
        self.value = first
        self._make = make
        self._least_s = least_s
        self._key: object = None
        self._due = 0.0

    def outdated(self, key: object) -> bool:
        """Whether it was made from other inputs and may be made again by now."""
        return key != self._key and time.monotonic() >= self._due

    def renew(self, key: object) -> T:
        """Make it now."""
        begin = time.thread_time()
        self.value, self._key = self._make(), key
        cost = time.thread_time() - begin
        self._due = time.monotonic() + max(self._least_s, cost / SHARE)
        return self.value


class LiveStudy:
    """Follows a study in its store; safe to use from several threads.

    Attributes:
        generation: Changes when what was given out before no longer holds, as after the study
            was removed and created again; a page then starts anew.
        history: As of the last `refresh`.
        newest: The last event after which a trial was not what it was before.
        overview: The study without its trials, as JSON.
        stamp: Counts the makings of the overview.

    Raises:
        StudyError: If there is no such study.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.generation = token_hex(4)
        self.overview = b"{}"
        self.stamp = 0
        self._store = store
        self._lock = threading.RLock()
        self._fitting = threading.Lock()
        self._holder: str | None = None
        self._held_at = float("-inf")
        self._rows: dict[int, tuple[TrialRecord, bytes]] = {}
        self._requests: Sequence[Request] = ()
        self._quick = Paced(self._make_overview, LEAST_S, b"{}")
        self._fits: Paced[Fits] = Paced(self._fit, SLOW_LEAST_S, ([], None))
        self.history = store.load(name)
        self._begin()
        self.refresh()

    def _begin(self) -> None:
        """Number the trials as if each had changed once: the best and the running first."""
        history = self.history
        first = [t.number for t in (*leaders(history, FIRST), *history.running)]
        order = dict.fromkeys([*first, *history.trials])
        # For each trial: after which events it was not what it was before, and how many reports
        # it had then. The first ones are only places in a queue.
        self._changes = {
            number: [(i, len(history.trials[number].reports))] for i, number in enumerate(order, 1)
        }
        self.newest = len(order)
        self._spent = spent_at_values(history)

    # ---- following

    def refresh(self) -> bool:
        """Read what is new; whether anything is."""
        with self._lock:
            before, stamp = self.history, self.stamp
            self.history = self._store.follow(before)
            if self.history.version < before.version:
                self.generation = token_hex(4)
                self._rows.clear()
                self._begin()
            elif self.history is not before:
                self._notice(before)
            self._look_around()
            key = self._key()
            if self._quick.outdated(key):
                self.overview = self._quick.renew(key)
                self.stamp += 1
            return self.history is not before or self.stamp != stamp

    def _look_around(self) -> None:
        """Who runs the study, and what people asked for."""
        after = self._requests[-1].number if self._requests else 0
        new = self._store.requests(self.history.spec.name, after)
        self._requests = (*self._requests, *new)
        if time.monotonic() >= self._held_at + HOLDER_S:
            self._held_at = time.monotonic()
            self._holder = self._store.holder(self.history.spec.name)

    def _key(self) -> object:
        """All that the overview is made of."""
        return (
            self.generation, self.history.version, self.history.spec, len(self._requests),
            self._holder, id(self._fits.value),
        )  # fmt: skip

    def _notice(self, before: History) -> None:
        """Note which trials are not what they were.

        Each gets a number of its own among those of the new events, so that what happened while
        nobody looked can be told piece by piece.
        """
        at, better = before.version, list[int]()
        for number, trial in self.history.trials.items():
            old = before.trials.get(number)
            if trial is old or trial == old:
                continue
            changes = self._changes.setdefault(number, [])
            if old is not None and not _grew(old, trial):
                changes.clear()
            at = min(at + 1, self.history.version)  # one event may change many trials
            changes.append((at, len(trial.reports)))
            self.newest = at
            if old is None or old.value != trial.value:
                better.append(number)
        self._spent |= self._spent_at(better, before)

    def _spent_at(self, numbers: Sequence[int], before: History) -> dict[int, float]:
        """What was spent when each of these trials reached its new value."""
        total = self.history.trainings
        if total - before.trainings <= max(JUST_NOW_LEAST, JUST_NOW * total):
            return dict.fromkeys(numbers, round(total, 4))
        spent = spent_at_values(self.history)  # nobody looked for a while
        return {number: spent[number] for number in numbers}

    # ---- what pages get

    def trials(self, since: int, limit: int) -> bytes:
        """JSON of the trials that changed after event ``since``, the first ``limit`` or so.

        ``next`` is what to ask for next; ``more`` how many trials are left.
        """
        return self.news(since, limit)[0]

    @property
    def holder(self) -> str | None:
        """Who runs the study."""
        return self._holder

    def news(self, since: int, limit: int, most: float = math.inf) -> tuple[bytes, int]:
        """As `trials`, with what to ask for next; a message of more than ``most`` bytes ends."""
        with self._lock:
            # By the first change that the page has not seen: a trial that changes again while the
            # page asks for one part after the other keeps its place.
            wanted = sorted(
                (changes[bisect_right(changes, since, key=_at)][0], number)
                for number, changes in self._changes.items()
                if changes[-1][0] > since
            )
            rows, size = list[bytes](), 0
            for i, (at, number) in enumerate(wanted):
                # What changed at once is told at once: the cursor has no finer step.
                if (i >= limit or size > most) and at != wanted[i - 1][0]:
                    break
                rows.append(self._row(number, since))
                size += len(rows[-1])
            cut = len(rows)
            last = wanted[cut - 1][0] if cut < len(wanted) else max(since, self.newest)
            head = {
                "generation": self.generation,
                "revision": self.history.version,
                "next": last,
                "more": len(wanted) - cut,
                "count": len(self.history.trials),
            }
            body = to_json(head)[:-1] + b',"trials":[' + b",".join(rows) + b"]}"
            return body, last

    def _row(self, number: int, since: int) -> bytes:
        """A trial as JSON; kept when it is whole, as each new page asks for it."""
        trial = self.history.trials[number]
        known = self._known(number, since)
        kept = self._rows.get(number)
        if not known and kept is not None and kept[0] is trial:
            return kept[1]
        row = to_json(trial_row(self.history, trial, self._spent.get(number, 0.0), known))
        if not known:
            self._rows[number] = (trial, row)
        return row

    def _known(self, number: int, since: int) -> int:
        """How many of a trial's reports a page has that has all up to event ``since``."""
        changes = self._changes[number]
        i = bisect_right(changes, since, key=_at)
        return changes[i - 1][1] if i else 0

    def _make_overview(self) -> bytes:
        predictions, matter = self._fits.value
        data = overview_data(self.history, predictions, matter, self._requests)
        data["study"]["holder"] = encode_sentences(self._holder)
        data["study"]["alive"] = self._holder is not None
        data["generation"], data["revision"] = self.generation, self.history.version
        data["count"] = len(self.history.trials)
        data["now"] = time.time()
        return to_json(data)

    # ---- models, which take their time

    def fit(self) -> None:
        """Fit the models behind predictions and importance, unless that was done just now."""
        if self._fits.outdated(self.history.version) and self._fitting.acquire(blocking=False):
            try:
                self._fits.renew(self.history.version)
            finally:
                self._fitting.release()

    def _fit(self) -> Fits:
        history = self.history
        return predict_open(history, path=True), importance(history)


def _at(change: tuple[int, int]) -> int:
    return change[0]


def _grew(old: TrialRecord, new: TrialRecord) -> bool:
    """Whether the new curve begins with the old one."""
    count = len(old.reports)
    return not count or (len(new.reports) >= count and new.reports[count - 1] == old.reports[-1])
