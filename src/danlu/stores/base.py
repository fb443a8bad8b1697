"""The seam of all stores: events in, histories out."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from typing import Any, Protocol

from danlu.catalogue.filling import filled
from danlu.core.event import Event
from danlu.core.history import History
from danlu.core.outset import differences, other_study
from danlu.core.request import Request
from danlu.core.space import Space
from danlu.core.spec import Spec
from danlu.errors import StudyError


class Store(Protocol):
    """Keeps studies. Rows are inserted, never updated.

    One tuner writes a study at a time (it holds `lock`); any number of readers may load it
    meanwhile, from other threads and processes. Raises `StoreError` when the store cannot be
    opened, read or written, and `StudyError` for a study that is not there.
    """

    def studies(self) -> Sequence[str]:
        """Names of all studies, the one created last at the end."""
        ...

    def create(self, spec: Spec) -> None:
        """Add a study; raises `StudyError` when its name is taken."""
        ...

    def respecify(self, spec: Spec) -> None:
        """Replace the spec of a study from now on, as by a larger budget; events stay."""
        ...

    def append(self, study: str, events: Sequence[Event]) -> None:
        """Record events: all or nothing, and durable when it returns."""
        ...

    def load(self, study: str) -> History:
        """The fold of all events of a study."""
        ...

    def follow(self, history: History) -> History:
        """``history`` with the events that came since; its spec as it is now."""
        ...

    def remove(self, study: str) -> None:
        """Forget a study and all its rows.

        Raises:
            StudyError: When a tuner runs it, as of `lock`.
        """
        ...

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
        """Leave a person's wish (`Request`).

        Args:
            study: Its name.
            verb: One of `danlu.core.request.VERBS`.
            trial: The trial it is about.
            data: What else it says, as plain JSON.
            by: Who asks.
            key: Chosen by the one who asks; the same key again leaves no second request.

        Returns:
            The number of the request, or of the earlier one with that key.
        """
        ...

    def requests(self, study: str, after: int = 0) -> Sequence[Request]:
        """The wishes with a higher number than ``after``, oldest first."""
        ...

    def holder(self, study: str) -> str | None:
        """Who runs the study, for a person; None if nobody does. Never in the way of `lock`."""
        ...

    def lock(self, study: str) -> AbstractContextManager[None]:
        """The right to run a study, while the context lasts and the process lives.

        Raises:
            StudyError: When another tuner runs it, naming who.
        """
        ...

    def close(self) -> None: ...


def settle(store: Store, spec: Spec) -> None:
    """Tell the store what was changed in a spec; for those who hold the study's lock."""
    if store.load(spec.name).spec != spec:
        store.respecify(spec)


def set_out(store: Store, spec: Spec, written: Space) -> History:
    """Create a study, or go on with the one of its name if it is the same.

    Args:
        store: Where it is kept.
        spec: What it is to do.
        written: Its space without what the catalogue fills in.

    Raises:
        StudyError: If the study of that name was set out otherwise.
    """
    if spec.name not in store.studies():
        with suppress(StudyError):  # created in this very moment: go on with that one
            store.create(spec)
            return History(spec)
    known = store.load(spec.name)
    kept = replace(known.spec, space=filled(known.spec.space))  # as of earlier versions too
    now = replace(spec, space=filled(written, kept.space))
    changes = differences(kept, now)
    if not changes:
        return replace(known, spec=now)
    if known.version and not known.process:  # it was only checked: the file may still change
        store.remove(spec.name)
        store.create(spec)
        return History(spec)
    raise other_study(spec.name, changes)
