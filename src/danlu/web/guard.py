"""The one gate before every route: who may ask, from where, for what.

Denies by default. Host and Origin stop pages of other sites, DNS rebinding included; the token
stops other users and programs of this machine. It travels in a header, never in a cookie, which
any other server on this machine would get too.
"""

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from danlu.core.sentence import say
from danlu.web.entry import Entry
from danlu.web.wire import refusal

Role: TypeAlias = Literal["look", "control"]

METHODS = ("GET", "POST")
MAX_BODY = 64 * 1024  # bytes; the largest wish is a config
MISSES, MISSES_S = 10, 60.0  # wrong tokens that are answered in so many seconds
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:@/\[\]]+)(:\d{1,5})?")
ENTRY = "/api/v1/entry"  # where the code of a link that was opened is changed for the token
OPEN = ("/", "/assets/")  # the empty page and its script: what a browser asks for without a token

SAFE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""Headers of every answer."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what.

    Attributes:
        control: The token of the link that is printed: to look and to act.
        look: The token of a link for onlookers.
        hosts: Names under which the server may be asked.
        read_only: Whether nobody may act.
        entry: What the browser has in place of a token that the server itself opened.
    """

    control: str = field(default_factory=lambda: token_urlsafe(32), repr=False)
    look: str = field(default_factory=lambda: token_urlsafe(32), repr=False)
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "[::1]"})
    read_only: bool = False
    entry: Entry | None = None

    def role(self, token: str) -> Role | None:
        """What the one who shows a token may do; takes as long for any wrong one."""
        given = token.encode()
        controls = compare_digest(given, self.control.encode())
        looks = compare_digest(given, self.look.encode())
        if controls and not self.read_only:
            return "control"
        return "look" if controls or looks else None


class Refused(Exception):  # noqa: N818 - it is an answer
    """Why a request goes no further."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Guard:
    """Middleware that lets through what may pass, and gives every answer its headers.

    Args:
        app: What it guards.
        access: Who may do what.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access
        self._misses: deque[float] = deque(maxlen=MISSES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no WebSocket here
            return
        try:
            scope["role"] = self._check(scope)
            await self.app(scope, _limited(receive), _with_headers(send))
        except Refused as refused:
            await _refuse(_with_headers(send), refused)

    def _check(self, scope: Scope) -> Role | None:
        """The role of the one who asks.

        Raises:
            Refused: If the request may not pass.
        """
        headers = _Headers(scope["headers"])
        host = _host_of(headers)
        known = HOST.fullmatch(host)
        if known is None or known[1] not in self.access.hosts:
            raise Refused(421, say("this server is not known under that name"))
        if scope["method"] not in METHODS:
            raise Refused(405, say("this method is not known here"))
        _check_origin(headers, host)
        path = scope["path"]
        is_open = path == OPEN[0] or path.startswith(OPEN[1])
        role = None if is_open else self._role(headers, scope)
        if scope["method"] == "POST":
            _check_post(headers, role)
        return role

    def _role(self, headers: "_Headers", scope: Scope) -> Role:
        kind, _, token = headers.only("authorization").partition(" ")
        role = self._role_by(token, scope) if kind.lower() == "bearer" else None
        if role is not None:
            return role
        now = time.monotonic()
        if len(self._misses) == MISSES and now - self._misses[0] < MISSES_S:
            raise Refused(429, say("too many wrong tokens; wait a minute"))
        if token:
            self._misses.append(now)
        raise Refused(401, say("open the link that `danlu serve` printed: it holds the token"))

    def _role_by(self, token: str, scope: Scope) -> Role | None:
        if scope["path"] != ENTRY:
            return self.access.role(token)
        entry, ends = self.access.entry, (scope.get("client"), scope.get("server"))
        return "control" if entry is not None and entry.admits(token, *ends) else None


class _Headers:
    """Headers of a request, as they came."""

    def __init__(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        self._rows = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in rows]

    def only(self, name: str) -> str:
        """The value of a header, empty without one.

        Raises:
            Refused: If it comes more than once.
        """
        values = [value for key, value in self._rows if key == name]
        if len(values) > 1:
            raise Refused(400, say("the header {name} comes more than once", name=name))
        return values[0].strip() if values else ""


def _host_of(headers: _Headers) -> str:
    host = headers.only("host").lower()
    if not host:
        raise Refused(421, say("the header Host is missing"))
    return host


def _check_origin(headers: _Headers, host: str) -> None:
    """Pages of other sites, and of other ports of this machine, get nothing."""
    origin = headers.only("origin")
    if origin and urlsplit(origin).netloc.lower() != host:
        raise Refused(403, say("pages of other sites may not ask"))
    site = headers.only("sec-fetch-site").lower()
    if site == "cross-site" and headers.only("sec-fetch-mode").lower() != "navigate":
        raise Refused(403, say("pages of other sites may not ask"))


def _check_post(headers: _Headers, role: Role | None) -> None:
    if role is None:
        raise Refused(405, say("this method is not known here"))
    if headers.only("sec-fetch-site").lower() not in ("", "same-origin", "none"):
        raise Refused(403, say("pages of other sites may not act"))
    if role != "control":
        raise Refused(403, say("this link is for looking only"))
    if headers.only("content-type").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, say("the body must be application/json"))
    length = headers.only("content-length")
    if length.isdigit() and int(length) > MAX_BODY:
        raise Refused(413, say("the body may have {most} bytes at most", most=MAX_BODY))


def _limited(receive: Receive) -> Receive:
    """The body, which may not be longer than it may be, whatever its header says."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            raise Refused(413, say("the body may have {most} bytes at most", most=MAX_BODY))
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = {"cache-control": "no-store"} | SAFE
            message["headers"] = [
                *message["headers"],
                *((k.encode(), v.encode()) for k, v in more.items() if k.encode() not in given),
            ]
        await send(message)

    return sending


async def _refuse(send: Send, refused: Refused) -> None:
    body = refusal(refused.reason)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.status == 405:
        headers.append((b"allow", b"GET, POST"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
