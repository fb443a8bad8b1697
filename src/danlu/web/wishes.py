"""Routes that leave a person's wish; the tuner acts on it."""

import getpass

from fastapi import APIRouter, HTTPException

from danlu.core.request import check_request
from danlu.errors import StudyError
from danlu.stores.base import Store
from danlu.web.messages import Accepted, Asked, Wish
from danlu.web.reading import Cursor, Name, fresh
from danlu.web.refusals import WISH_REFUSALS
from danlu.web.studies import LiveStudies


def wish_routes(live: LiveStudies, writer: Store) -> APIRouter:
    """Routes about requests.

    Args:
        live: The studies.
        writer: The store, for writing requests into it; nothing else is ever written.
    """
    routes = APIRouter(prefix="/api/v1")

    @routes.post("/studies/{study}/requests", responses=WISH_REFUSALS, status_code=202)
    def ask(study: Name, wish: Wish) -> Accepted:
        """Leave a wish: pause, resume, stop, end a trial, more budget, a config, pin, note."""
        history, data = fresh(live, study).history, wish.data()
        try:
            check_request(history, wish.verb, wish.trial, data, live.store.holder(study))
        except StudyError as error:
            raise HTTPException(409, error.told) from error
        by = f"{_user()} (dashboard)"
        return Accepted(
            number=writer.request(study, wish.verb, wish.trial, data=data, by=by, key=wish.key)
        )

    @routes.get("/studies/{study}/requests")
    def asked(study: Name, since: Cursor = 0) -> list[Asked]:
        """What people asked for after request number ``since``, oldest first."""
        fresh(live, study)
        return [
            Asked(number=r.number, verb=r.verb, trial=r.trial, at=r.at, by=r.by, data=dict(r.data))
            for r in live.store.requests(study, since)
        ]

    return routes


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user number without a name
        return "a person"
