"""Event streams: one task follows each study that is looked at, however many pages look."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from danlu.errors import DanluError
from danlu.web.live import LiveStudy
from danlu.web.wire import ALIVE, message, refusal, to_json

MOST_STREAMS = 64
POLL_S = 0.2  # between two looks into the store
FIT_S = 1.0  # between two looks whether models should be fitted again
SILENCE_S = 15.0  # after which a sign of life is sent, lest a proxy cut the line
BATCH = 500  # trials in one message
MESSAGE = 32 * 1024  # bytes after which it takes no more: all that a page holds that never reads


class Streams:
    """The streams that are open, and the tasks that follow their studies."""

    def __init__(self) -> None:
        self._open = 0
        self._followers: dict[int, _Follower] = {}

    def follow(self, live: LiveStudy, since: int) -> AsyncIterator[bytes] | None:
        """The messages of a study from an event on; None if too many streams are open."""
        if self._open >= MOST_STREAMS:
            return None
        return self._messages(live, since)

    async def _messages(self, live: LiveStudy, since: int) -> AsyncIterator[bytes]:
        follower = self._followers.setdefault(id(live), _Follower(live))
        self._open += 1
        follower.enter()
        try:
            async for sent in _news(follower, since):
                yield sent
        finally:
            self._open -= 1
            if follower.leave():
                self._followers.pop(id(live), None)

    def close(self) -> None:
        """End all streams, as the server goes down."""
        for follower in self._followers.values():
            follower.stop()


class _Follower:
    """Refreshes a study while anybody looks, and wakes those who wait."""

    def __init__(self, live: LiveStudy) -> None:
        self.live = live
        self.failure = ""
        self.news = asyncio.Event()  # set when anything is new; then there is another one
        self._lookers = 0
        self._tasks: list[asyncio.Task[None]] = []

    def enter(self) -> None:
        self._lookers += 1
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._poll()), asyncio.create_task(self._fit())]

    def leave(self) -> bool:
        """Whether nobody looks any more."""
        self._lookers -= 1
        if self._lookers == 0:
            self.stop()
        return self._lookers == 0

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._wake()

    @property
    def over(self) -> bool:
        return not self._tasks

    def _wake(self) -> None:
        """Wake those who wait; those who come later wait for the next news."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def _poll(self) -> None:
        while True:
            try:
                if await run_in_threadpool(self.live.refresh):
                    self._wake()
                self.failure = ""
            except DanluError as error:  # removed, or the store is out of reach for now
                self.failure = error.told
                self._wake()
            await asyncio.sleep(POLL_S)

    async def _fit(self) -> None:
        while True:
            await asyncio.sleep(FIT_S)  # the trials go out first
            await run_in_threadpool(self.live.fit)


async def _news(follower: _Follower, since: int) -> AsyncIterator[bytes]:
    """The messages of one stream; one that is read slowly skips nothing and queues nothing."""
    live, stamp, generation = follower.live, -1, follower.live.generation
    while not follower.over:
        news = follower.news  # taken before looking, so that nothing slips in between
        if generation != live.generation:
            generation, since = live.generation, 0
            yield message("reset", to_json({"generation": generation}))
        quiet = True
        if live.stamp != stamp:
            stamp, quiet = live.stamp, False
            yield message("overview", live.overview)
        while live.newest > since:
            data, since = await run_in_threadpool(live.news, since, BATCH, MESSAGE)
            quiet = False
            yield message("trials", data, f"{generation}:{since}")
        if follower.failure:
            yield message("trouble", refusal(follower.failure))
        elif quiet:
            yield ALIVE
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), SILENCE_S)
