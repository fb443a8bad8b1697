"""The studies of a store that somebody looks at, each read once and then followed."""

import threading
from collections.abc import Sequence
from contextlib import suppress

from danlu.errors import DanluError
from danlu.stores.base import Store
from danlu.web.live import LiveStudy


class LiveStudies:
    """Each study of a store, read when it is first asked for.

    A large study takes seconds to read; who asks for another one does not wait for it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._live: dict[str, LiveStudy] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None

    @property
    def asked(self) -> bool:
        """Whether any study was asked for."""
        return bool(self._locks)

    def get(self, name: str) -> LiveStudy:
        """The study as it was when it was last refreshed.

        Raises:
            StudyError: If there is no such study.
        """
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._live:
                self._live[name] = LiveStudy(self.store, name)
            return self._live[name]

    def forget(self, name: str) -> None:
        """A study that is no more."""
        with self._lock:
            self._live.pop(name, None)

    def listed(self, wait_s: float) -> list[LiveStudy | str]:
        """Each study of the store, the newest first; only its name where it is still being read.

        Args:
            wait_s: How long to wait at most for those that were not read before.
        """
        names = list(reversed(self.store.studies()))
        if any(name not in self._live for name in names):
            self._read(names).join(wait_s)
        return [self._live.get(name, name) for name in names]

    def _read(self, names: Sequence[str]) -> threading.Thread:
        """The thread that reads the missing ones, one after the other."""
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = threading.Thread(target=self._get_all, args=(names,), daemon=True)
                self._reader.start()
            return self._reader

    def _get_all(self, names: Sequence[str]) -> None:
        for name in names:
            with suppress(DanluError):
                self.get(name)
