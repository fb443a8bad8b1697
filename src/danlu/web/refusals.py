"""How errors reach the one who asked: always as JSON with one reason."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from danlu.errors import ConfigError, DanluError, StudyError
from danlu.web.messages import Error
from danlu.web.wire import refusal

REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": text}
    for code, text in {
        400: "The request cannot be read.",
        401: "The token is missing or wrong.",
        403: "It comes from another site, or the token is for looking only.",
        404: "There is no such thing.",
        405: "This method is not known here.",
        421: "The server is not known under that name.",
        422: "A value is not what it must be.",
        429: "Too many wrong tokens.",
        503: "The store cannot be read, or too many pages are open.",
    }.items()
}

WISH_REFUSALS = REFUSALS | {
    409: {"model": Error, "description": "Nobody could fulfil it now; the reason is given."},
    413: {"model": Error, "description": "The body is too long."},
    415: {"model": Error, "description": "The body is no JSON."},
}


def add_refusals(app: FastAPI) -> None:
    """Answer errors of danlu, of routing and of validation."""

    @app.exception_handler(DanluError)
    def refused(_: Request, error: DanluError) -> Response:
        return _answer(error.told, _status(error))

    @app.exception_handler(HTTPException)
    def not_found(_: Request, error: HTTPException) -> Response:
        return _answer(error.detail, error.status_code, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        return _answer("; ".join(map(_problem, error.errors())), 422)


def _problem(found: Any) -> str:
    place = ".".join(map(str, found["loc"][1:])) or str(found["loc"][0])
    return f"{place}: {found['msg']}"


def _answer(reason: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(refusal(reason), status, headers, "application/json")


def _status(error: DanluError) -> int:
    if isinstance(error, ConfigError):
        return 422
    return 404 if isinstance(error, StudyError) else 503
