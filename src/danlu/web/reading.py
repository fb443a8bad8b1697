"""Routes that only read: studies, trials, their files, and the stream of what happens."""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi import Path as InPath
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

import danlu
from danlu.core.sentence import say
from danlu.errors import StudyError
from danlu.stores import folder_for
from danlu.stores.address import shown
from danlu.web.details import detail_of, summary_of, unread
from danlu.web.files import files_of, opened
from danlu.web.live import LiveStudy
from danlu.web.messages import Studies, TrialDetail
from danlu.web.streaming import Streams
from danlu.web.studies import LiveStudies

PAGE = 500  # trials in one answer, unless asked otherwise
LIST_WAIT_S = 0.3  # for studies that were not read before: small ones are there at once
CHUNK = 256 * 1024  # bytes of a file that are read at once

Name = Annotated[str, InPath(min_length=1, max_length=100)]
Number = Annotated[int, InPath(ge=1, le=10**9)]
Cursor = Annotated[int, Query(ge=0, le=2**53, description="An event's number.")]

JSON: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}}
}


def fresh(live: LiveStudies, study: str) -> LiveStudy:
    """The study as it is now.

    Raises:
        StudyError: If there is none of that name.
    """
    try:
        one = live.get(study)
        one.refresh()
    except StudyError:
        live.forget(study)
        raise
    return one


def reading_routes(live: LiveStudies, streams: Streams, where: str) -> APIRouter:
    """All routes that change nothing."""
    routes = APIRouter(prefix="/api/v1")
    _add_studies(routes, live, where)
    _add_files(routes, live, where)
    _add_stream(routes, live, streams)
    return routes


def _add_studies(routes: APIRouter, live: LiveStudies, where: str) -> None:
    @routes.get("/studies")
    def studies(request: Request) -> Studies:
        """The studies of the store, the newest first."""
        rows = []
        for one in live.listed(LIST_WAIT_S):
            if isinstance(one, LiveStudy):
                with suppress(StudyError):  # removed just now
                    one.refresh()
                    rows.append(summary_of(one))
            else:
                rows.append(unread(one))
        return Studies(
            version=danlu.__version__, role=request.scope["role"], store=shown(where), studies=rows
        )

    @routes.get("/studies/{study}", responses=JSON, response_class=Response)
    def overview(study: Name) -> Response:
        """A study without its trials: state, figures, findings, ranges of axes, log-book."""
        one = fresh(live, study)
        return Response(one.overview, media_type="application/json")

    @routes.get("/studies/{study}/trials", responses=JSON, response_class=Response)
    def trials(
        study: Name,
        since: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = PAGE,
    ) -> Response:
        """Trials that changed after event ``since``, with the points that are new."""
        one = fresh(live, study)
        return Response(one.trials(since, limit), media_type="application/json")

    @routes.get("/studies/{study}/trials/{number}")
    def trial(study: Name, number: Number) -> TrialDetail:
        """One trial: what to copy, its log and its files."""
        one = fresh(live, study)
        _check_trial(one, number)
        return detail_of(one.history, number, folder_for(where, study) / str(number))


def _check_trial(one: LiveStudy, number: int) -> None:
    if number not in one.history.trials:
        raise HTTPException(404, say("there is no trial {number}", number=number))


def _add_files(routes: APIRouter, live: LiveStudies, where: str) -> None:
    @routes.get(
        "/studies/{study}/trials/{number}/files/{file}",
        responses={200: {"content": {"application/octet-stream": {}}}},
        response_class=Response,
    )
    def download(
        study: Name, number: Number, file: Annotated[str, InPath(pattern=r"^[0-9a-f]{24}$")]
    ) -> Response:
        """A file of a trial, by the id that its trial lists; never shown, always saved."""
        one = fresh(live, study)
        _check_trial(one, number)
        folder = folder_for(where, study) / str(number)
        found = next((f for f in files_of(folder) if f.id == file), None)
        if found is None:
            raise HTTPException(404, say("there is no such file"))
        chunks = _chunks(folder, found.path)
        try:
            first = next(chunks, b"")
        except OSError as error:
            raise HTTPException(404, say("it is no regular file of this user")) from error
        headers = {
            "content-disposition": f'attachment; filename="{_plain(found.path)}"',
            "content-security-policy": "default-src 'none'; sandbox",
        }
        body = chain([first], chunks)
        return StreamingResponse(body, 200, headers, "application/octet-stream")


def _chunks(folder: Path, path: str) -> Iterator[bytes]:
    with opened(folder, path) as descriptor:
        while chunk := os.read(descriptor, CHUNK):
            yield chunk


def _plain(path: str) -> str:
    """A file's name of harmless characters."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in path)[-80:]


def _add_stream(routes: APIRouter, live: LiveStudies, streams: Streams) -> None:
    @routes.get(
        "/studies/{study}/events",
        responses={200: {"content": {"text/event-stream": {}}}},
        response_class=Response,
    )
    async def events(
        request: Request, study: Name, since: Annotated[int, Query(ge=0, le=2**53)] = 0
    ) -> Response:
        """What happens from now on, as server-sent events.

        ``trials`` messages are as of the route of that name and carry its ``next`` as their id,
        after the study's generation; ``overview`` messages are the whole overview. After a
        broken connection ``Last-Event-ID`` says where to go on.
        """
        one = await run_in_threadpool(fresh, live, study)
        start = _resumed(request.headers.get("last-event-id", ""), one, since)
        body = streams.follow(one, start)
        if body is None:
            raise HTTPException(503, say("too many pages are open"))
        headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no"}
        return StreamingResponse(body, 200, headers, "text/event-stream")


def _resumed(last: str, one: LiveStudy, since: int) -> int:
    """Where the stream begins: as the last message said, if it was of the same generation."""
    generation, _, number = last.partition(":")
    if number.isdigit() and len(number) < 17:
        return int(number) if generation == one.generation else 0
    return since
