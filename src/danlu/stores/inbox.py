"""The requests of a study as its tuner takes them: each once, and not at every turn."""

import math
import time
from collections.abc import Sequence

from danlu.core.history import History
from danlu.core.request import Request, answered
from danlu.errors import UnavailableError
from danlu.stores.base import Store


class Inbox:
    """What people ask of a study from now on.

    What was left before says nothing about this run, but for configs that are still to be tried.

    Attributes:
        configs: Requests for configs that are not tried yet, oldest first.
    """

    def __init__(self, store: Store, history: History, pause_s: float) -> None:
        left, known = store.requests(history.spec.name), answered(history)
        self.configs = [r for r in left if r.verb == "enqueue" and r.number not in known]
        self._store = store
        self._study = history.spec.name
        self._pause_s = pause_s
        self._heard = max((r.number for r in left), default=0)
        self._looked_at = -math.inf  # on the monotonic clock

    def new(self) -> Sequence[Request]:
        """What came since; nothing when it was looked for only just now."""
        now = time.monotonic()
        if now < self._looked_at + self._pause_s:
            return ()
        self._looked_at = now
        try:
            found = self._store.requests(self._study, self._heard)
        except UnavailableError:  # people wait as well; what must be written tells of it
            return ()
        self._heard = max((r.number for r in found), default=self._heard)
        self.configs += [r for r in found if r.verb == "enqueue"]
        return found
