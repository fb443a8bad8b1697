"""What watching costs a search: nobody, live connections, a crowd, pages in and out of sight.

The same search of 300 epochs, each 20 ms of processor time, one worker. Told apart are the
processor times of the tuner, of the worker and of the dashboard's server; browsers run on the
same machine, so that wall times hold what they take too.

    python benchmarks/watching.py --searches 3   # of each kind; medians are told
    python benchmarks/watching.py --no-pages     # connections only
"""

import argparse
import contextlib
import re
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import psutil
from dashboard import Page, chromium, cpu, served
from table import markdown

from danlu.stores import open_store
from danlu.web.streaming import MOST_STREAMS

SEARCH = """
import resource, sys, time, danlu
space = danlu.Space(x=danlu.Float(0.0, 1.0), y=danlu.Float(0.0, 1.0))
def train(trial):
    for epoch in trial.epochs():
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        trial.report(epoch, train_loss=1 / epoch, val_loss=1 / epoch + trial.params["x"])
study = danlu.Study(sys.argv[1], space=space, objective="min val_loss", epochs=10,
                    strategy="random", budget=f"{sys.argv[2]} trials", store="studies")
begin = time.perf_counter()
study.run(train, workers=1)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - begin, time.process_time(), children.ru_utime + children.ru_stime)
"""
TRIALS = 30
EPOCHS_OF_SEARCH = 10 * TRIALS
SETTLED_MS = 3000  # after which opening a page no longer takes part
LISTEN = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"})
with urllib.request.urlopen(request) as stream:
    while stream.read1(65536):
        pass
"""
"""What a page's connection is to the server, without a browser."""
HIDDEN = "Object.defineProperty(document, 'hidden', {get: () => true})"
"""What a browser says in a tab that nobody sees."""


@dataclass(frozen=True)
class Cost:
    """What a search took: seconds of the clock, and of processors by who spent them."""

    wall: float
    tuner: float
    workers: float
    server: float


@contextlib.contextmanager
def nobody(link: str, name: str, browser: Any) -> Iterator[None]:  # noqa: ARG001
    yield


@contextlib.contextmanager
def five_clients(link: str, name: str, browser: Any) -> Iterator[None]:  # noqa: ARG001
    """Five live connections as pages hold them."""
    base, token = re.findall(r"(http://[^/]+)/#token=([\w-]+)", link)[0]
    url = f"{base}/api/v1/studies/{name}/events"
    clients = [subprocess.Popen([sys.executable, "-c", LISTEN, url, token]) for _ in range(5)]
    try:
        yield
    finally:
        for client in clients:
            client.terminate()
            client.wait()


@contextlib.contextmanager
def crowd(link: str, name: str, browser: Any) -> Iterator[None]:  # noqa: ARG001
    """As many streams as are allowed, of which none is ever read, and 40 unfinished requests."""
    port, token = re.findall(r":(\d+)/#token=([\w-]+)", link)[0]
    asked = f"GET /api/v1/studies/{name}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    ends = [f"Authorization: Bearer {token}\r\n\r\n"] * MOST_STREAMS + ["X: "] * 40
    with contextlib.ExitStack() as lines:
        for end in ends:
            line = lines.enter_context(socket.create_connection(("127.0.0.1", int(port))))
            line.sendall((asked + end).encode())
        yield


@contextlib.contextmanager
def five_pages(link: str, name: str, browser: Any, script: str = "") -> Iterator[None]:
    """Five pages in a browser, all in sight."""
    pages = [Page(browser) for _ in range(5)]
    for page in pages:
        if script:
            page.page.add_init_script(script)
        page.page.goto(f"{link}&/s/{name}/overview")
        if not script:
            page.page.wait_for_selector(".connection.live", timeout=60_000)
    pages[-1].page.wait_for_timeout(SETTLED_MS)
    yield
    for page in pages:
        page.close()


def five_hidden(link: str, name: str, browser: Any) -> Any:
    """Five pages in tabs that nobody sees."""
    return five_pages(link, name, browser, HIDDEN)


Watching: TypeAlias = Callable[[str, str, Any], contextlib.AbstractContextManager[None]]


def searched(
    folder: Path, served: tuple[str, psutil.Process], browser: Any, name: str, watching: Watching
) -> Cost:
    """What a search takes while somebody watches; pages were opened before it began."""
    link, server = served
    search(folder, name, 1)  # so that there is something to open
    with watching(link, name, browser):
        before = cpu(server)
        wall, tuner, workers = search(folder, name, 1 + TRIALS)
        return Cost(wall, tuner, workers, cpu(server) - before)


def search(folder: Path, name: str, trials: int) -> tuple[float, float, float]:
    """Search until there are so many trials: seconds of the clock, of the tuner, of workers."""
    found = subprocess.run(
        [sys.executable, "-c", SEARCH, name, str(trials)],
        cwd=folder, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    wall, tuner, workers = map(float, found.stdout.split()[-3:])
    return wall, tuner, workers


def costs(browser: Any, repeats: int, *, pages: bool = True) -> None:
    """What watching costs a search, as a table: medians of several searches, taken in turn."""
    ways: dict[str, Watching] = {
        "nobody": nobody, "five live connections": five_clients,
        f"{MOST_STREAMS} streams that nobody reads, 40 unfinished requests": crowd,
    }  # fmt: skip
    if pages:
        ways |= {"five pages out of sight": five_hidden, "five pages in sight": five_pages}
    found: dict[str, list[Cost]] = {name: [] for name in ways}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        open_store(folder / "studies").close()
        with served(folder) as server:
            for i in range(repeats):
                for k, (name, way) in enumerate(ways.items()):
                    found[name].append(searched(folder, server, browser, f"s{i}-{k}", way))
    rows = []
    alone = median_of(found["nobody"])
    for name, many in found.items():
        c = median_of(many)
        own = c.tuner + c.workers
        rows.append([
            name, f"{c.tuner:.2f} s", f"{c.workers:.2f} s",
            f"{own / (alone.tuner + alone.workers) - 1:+.1%}",
            f"{EPOCHS_OF_SEARCH / own:.1f}", f"{c.server:.2f} s", f"{c.server / c.wall:.1%}",
            f"{c.wall:.1f} s ({c.wall / alone.wall - 1:+.0%})",
        ])  # fmt: skip
    head = ["watched by", "tuner", "workers", "both, against nobody", "epochs a processor second",
            "server", "server, of one core", "wall time"]  # fmt: skip
    print(markdown(head, rows))


def median_of(many: list[Cost]) -> Cost:
    columns = zip(*map(astuple, many), strict=True)
    return Cost(*(statistics.median(column) for column in columns))


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--searches", type=int, default=3, help="searches of each kind (3)")
    a.add_argument("--no-pages", action="store_true", help="connections only")
    o = a.parse_args()
    if o.searches < 1:
        a.error("--searches must be 1 or more")
    with chromium() as browser:
        costs(browser, o.searches, pages=not o.no_pages)


if __name__ == "__main__":
    main()
