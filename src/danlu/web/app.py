"""The dashboard as a web application; all but the empty page needs a token (`guard`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, HTTPException, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware

import danlu
from danlu.core.sentence import say
from danlu.errors import DanluError
from danlu.reporting.html import ASSETS, asset, shell
from danlu.stores.base import Store
from danlu.web.guard import ENTRY, Access, Guard
from danlu.web.messages import Token
from danlu.web.reading import reading_routes
from danlu.web.refusals import REFUSALS, add_refusals
from danlu.web.streaming import Streams
from danlu.web.studies import LiveStudies
from danlu.web.wire import AsciiJson
from danlu.web.wishes import wish_routes

SMALL = 1000  # bytes below which an answer is not compressed
LEVEL = 6  # of gzip: 9 takes four times as long and gains one per cent
WARM_AFTER_S = 2.0  # without a request, after which the newest study is read ahead


def create_app(
    reader: Store, writer: Store, where: str, access: Access, study: str | None = None
) -> FastAPI:
    """The dashboard of a store.

    Args:
        reader: The store, for reading.
        writer: The store, for requests.
        where: Its address, for people and for finding the trials' files.
        access: Who may do what.
        study: The study that will be looked at first, if that is known.
    """
    live, streams = LiveStudies(reader), Streams()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(_warm(live, study))
        yield
        warming.cancel()

    app = FastAPI(
        title="danlu", version=danlu.__version__, lifespan=lifespan, responses=REFUSALS,
        openapi_url="/api/v1/openapi.json", docs_url=None, redoc_url=None,
        default_response_class=AsciiJson,
    )  # fmt: skip
    app.state.streams = streams
    app.add_middleware(GZipMiddleware, minimum_size=SMALL, compresslevel=LEVEL)
    app.add_middleware(Guard, access=access)  # the outermost: added last
    add_refusals(app)
    _add_page(app)
    _add_entry(app, access)
    app.include_router(reading_routes(live, streams, where))
    app.include_router(wish_routes(live, writer))
    return app


async def _warm(live: LiveStudies, study: str | None) -> None:
    """Read the study that will be asked for first: of a large one that takes seconds.

    Where that is a guess, whoever asks in the meantime goes first.
    """
    with suppress(DanluError):
        if study is None:
            await asyncio.sleep(WARM_AFTER_S)
            names = await run_in_threadpool(live.store.studies)
            study = None if live.asked else next(reversed(names), None)
        if study is not None:
            await run_in_threadpool(live.get, study)


def _add_entry(app: FastAPI, access: Access) -> None:
    @app.post(ENTRY)
    def entry() -> Token:
        """The token, for the code of a link that ``--open`` gave to a browser; once."""
        return Token(token=access.control)


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> Response:
        return Response(shell(), media_type="text/html")

    @app.get("/assets/{name}", include_in_schema=False)
    def part(name: str) -> Response:
        if name not in ASSETS:
            raise HTTPException(404, say("there is no such file"))
        return Response(asset(name), media_type=ASSETS[name])
