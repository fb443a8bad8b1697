"""What the dashboard takes: time, bytes and memory, beside optuna-dashboard on the same study.

1,000 trials of 100 epochs, training and validation loss. Both servers are asked by the same
Chromium without a GPU, one after the other. Run it with ``--quick`` for a tenth of the trials.

    pip install -e '.[test,optuna]' optuna-dashboard
    python benchmarks/dashboard.py
"""

import argparse
import contextlib
import gzip
import json
import math
import random
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from table import markdown

import danlu
from danlu.core.event import Began, Ended, Event, Finished, Reported, Started
from danlu.core.spec import Budget, Objective, Spec
from danlu.stores import Store, open_store

SPACE = danlu.Space(
    lr=danlu.Float(1e-5, 1.0, log=True),
    dropout=danlu.Float(0.0, 0.7),
    units=danlu.Int(16, 512, log=True),
    layers=danlu.Int(1, 4),
    weight_decay=danlu.Float(1e-6, 1e-1, log=True),
    momentum=danlu.Float(0.5, 0.99),
    optimizer=danlu.Choice("sgd", "adam"),
)
LIVE_EPOCHS = 30  # reported while a page looks
REPEATS = 3
OPTUNA_WAIT_S = 90.0


# ---- studies


def losses(rng: random.Random, config: dict[str, Any], epoch: int) -> tuple[float, float]:
    off = (math.log10(config["lr"]) + 2.6) / 1.3
    floor = 0.02 + 0.25 * off * off
    train = floor * 0.35 + 2.25 * math.exp(-0.35 / (1 + off * off) * epoch)
    val = train + 0.05 + floor * 0.25 + 0.002 * epoch
    return train * math.exp(rng.gauss(0, 0.02)), val * math.exp(rng.gauss(0, 0.035))


def fill(store: Store, name: str, trials: int, epochs: int, *, ended: bool = True) -> None:
    """A study with full curves; one that goes on has a running trial at the end."""
    rng, at = random.Random(0), time.time() - 10.0 * trials
    spec = Spec(name, SPACE, Objective("val_loss", "min"), epochs, budget=Budget(2.0 * trials))
    store.create(spec)
    events: list[Event] = [Began(at, workers=2)]
    for number in range(1, trials + 1):
        config = SPACE.from_unit({n: rng.random() for n in SPACE})
        events.append(Started(at, number, config, epochs, spec.trial_seed(number)))
        last = epochs if ended or number < trials else 1
        for epoch in range(1, last + 1):
            at += 0.09
            train, val = losses(rng, dict(config), epoch)
            metrics = {"train_loss": train, "val_loss": val}
            events.append(Reported(at, number, epoch, metrics))
        if last == epochs:
            events.append(Finished(at, number))
    if ended:
        events.append(Ended(at, "done", "the budget is spent"))
    store.append(name, events)


# ---- servers and the browser


@contextlib.contextmanager
def process(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *words], cwd=cwd, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        try:
            yield server
        finally:
            server.terminate()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The link to danlu's dashboard, and its process."""
    with process("-m", "danlu", "serve", "--store", "studies", cwd=folder) as server:
        assert server.stdout is not None
        found = re.search(r"(http\S+)", server.stdout.readline())
        assert found is not None
        yield found[1], psutil.Process(server.pid)


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as run:
        browser = run.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=[
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--enable-precise-memory-info",
            ],
        )
        yield browser
        browser.close()


class Page:
    """A page that counts what it loads."""

    def __init__(self, browser: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.page = self.context.new_page()
        self.wire = self.context.new_cdp_session(self.page)
        self.wire.send("Network.enable")
        # Times of the thread itself: what else the machine does is not the page's.
        self.wire.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
        self.wire.send("Performance.enable")
        self.bytes = 0
        self.wire.on("Network.loadingFinished", self._count)

    def _count(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])

    def metric(self, name: str) -> float:
        found = self.wire.send("Performance.getMetrics")["metrics"]
        return float(next(m["value"] for m in found if m["name"] == name))

    def heap_mb(self) -> float:
        self.wire.send("HeapProfiler.collectGarbage")
        return self.metric("JSHeapUsedSize") / 1e6

    def close(self) -> None:
        self.context.close()


USEFUL = "() => document.querySelector('#curves .chart[data-points]')?.dataset.points > 100"


def opened(browser: Any, link: str, count: int) -> dict[str, float]:
    """Seconds until the overview is of use and until all is there, bytes, memory."""
    page = Page(browser)
    begin = time.perf_counter()
    page.page.goto(link)
    page.page.wait_for_function(USEFUL, timeout=120_000)
    useful = time.perf_counter() - begin
    js = "n => Number(document.querySelector('#curves .chart')?.dataset.faded) >= n - 12"
    page.page.wait_for_function(js, arg=count, timeout=120_000)
    whole = time.perf_counter() - begin
    page.page.wait_for_timeout(1500)
    found = {"useful": useful, "whole": whole, "bytes": page.bytes, "heap": page.heap_mb()}
    page.close()
    return found


def live(browser: Any, link: str, store: Store, name: str) -> dict[str, float]:
    """Seconds from a report to the screen, and of scripting for each."""
    page = Page(browser)
    page.page.goto(link)
    page.page.wait_for_selector(".connection.live", timeout=60_000)
    page.page.wait_for_timeout(3000)
    number = len(store.load(name).trials)
    delays, scripts = [], []
    rng = random.Random(1)
    for epoch in range(2, 2 + LIVE_EPOCHS):
        before = page.page.locator("#curves .chart").get_attribute("data-points")
        spent = page.metric("ScriptDuration")
        train, val = losses(rng, {"lr": 1e-3}, epoch)
        metrics = {"train_loss": train, "val_loss": val}
        store.append(name, [Reported(time.time(), number, epoch, metrics)])
        begin = time.perf_counter()
        page.page.wait_for_function(
            "n => document.querySelector('#curves .chart').dataset.points !== n", arg=before,
            polling=20,
        )  # fmt: skip
        delays.append(time.perf_counter() - begin)
        page.page.wait_for_timeout(400)
        scripts.append(page.metric("ScriptDuration") - spent)
    page.close()
    return {
        "delay": statistics.median(delays), "worst": max(delays),
        "script": statistics.median(scripts), "worst script": max(scripts),
    }  # fmt: skip


def payload(link: str, study: str) -> int:
    """Bytes of all answers that the overview asks for, compressed."""
    base, token = re.findall(r"(http://[^/]+)/#token=([\w-]+)", link)[0]
    total, cursor, more = 0, 0, 1

    def ask(path: str) -> Any:
        nonlocal total
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
        with urllib.request.urlopen(
            urllib.request.Request(base + path, headers=headers)
        ) as answer:
            body = answer.read()
            total += len(body)
            packed = answer.headers.get("Content-Encoding") == "gzip"
            return json.loads(gzip.decompress(body) if packed else body)

    ask(f"/api/v1/studies/{study}")
    while more:
        news = ask(f"/api/v1/studies/{study}/trials?since={cursor}")
        cursor, more = news["next"], news["more"]
    return total


def cpu(process: psutil.Process) -> float:
    """CPU seconds that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


# ---- optuna-dashboard


def optuna_study(folder: Path, trials: int, epochs: int) -> None:
    """The same curves, of which Optuna keeps one, in its journal."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / "optuna.log")))
    study = optuna.create_study(storage=storage, study_name="large")
    rng = random.Random(0)
    low_high = {
        "lr": optuna.distributions.FloatDistribution(1e-5, 1.0, log=True),
        "dropout": optuna.distributions.FloatDistribution(0.0, 0.7),
        "units": optuna.distributions.IntDistribution(16, 512, log=True),
        "layers": optuna.distributions.IntDistribution(1, 4),
        "weight_decay": optuna.distributions.FloatDistribution(1e-6, 1e-1, log=True),
        "momentum": optuna.distributions.FloatDistribution(0.5, 0.99),
        "optimizer": optuna.distributions.CategoricalDistribution(["sgd", "adam"]),
    }
    for _ in range(trials):
        config = SPACE.from_unit({n: rng.random() for n in SPACE})
        curve = {e: losses(rng, dict(config), e)[1] for e in range(1, epochs + 1)}
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(config),
                distributions=low_high,
                value=min(curve.values()),
                intermediate_values=curve,
            )
        )


def optuna_opened(browser: Any, folder: Path, port: int = 8771) -> dict[str, float]:
    """Seconds until its page draws the curves, bytes, memory; infinite if it does not in time."""
    program = (
        "from optuna_dashboard import run_server; from optuna.storages import JournalStorage; "
        "from optuna.storages.journal import JournalFileBackend; "
        f"run_server(JournalStorage(JournalFileBackend('optuna.log')), port={port})"
    )
    with process("-c", program, cwd=folder):
        wait_until_open(f"http://127.0.0.1:{port}/")
        page = Page(browser)
        begin = time.perf_counter()
        page.page.goto(f"http://127.0.0.1:{port}/dashboard/studies/0")
        drawn = "() => document.querySelectorAll('.scatterlayer .trace').length > 50"
        useful = math.inf
        with contextlib.suppress(Exception):
            page.page.wait_for_function(drawn, timeout=OPTUNA_WAIT_S * 1000)
            useful = time.perf_counter() - begin
        page.page.wait_for_timeout(1500)
        found = {"useful": useful, "bytes": page.bytes, "heap": page.heap_mb()}
        page.close()
    return found


def wait_until_open(url: str, most_s: float = 180.0) -> None:
    """Wait until a server answers; one that reads a large journal first takes a while."""
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url).close()
            return
        time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer within {most_s:g} s")


# ---- the table


def best(measure: Callable[[], dict[str, float]], repeats: int = REPEATS) -> dict[str, float]:
    """The best of several, for each figure: the machine does other things too."""
    rows = [measure() for _ in range(repeats)]
    return {key: min(row[key] for row in rows) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a tenth of the trials")
    parser.add_argument("--no-optuna", action="store_true")
    given = parser.parse_args()
    trials, epochs = (100 if given.quick else 1000), 100
    js = sum(
        len(gzip.compress((files("danlu.reporting") / "page" / name).read_bytes(), 9))
        for name in ("dashboard.js", "dashboard.css")
    )
    with TemporaryDirectory() as temporary, chromium() as browser:
        folder = Path(temporary)
        store = open_store(folder / "studies")
        fill(store, "large", trials, epochs)
        fill(store, "growing", trials, epochs, ended=False)
        fill(store, "huge", 10 * trials, 20)
        with served(folder) as (link, server):
            before = cpu(server)
            first = opened(browser, f"{link}&/s/large/overview", trials)
            first["cpu"] = cpu(server) - before
            again = best(lambda: opened(browser, f"{link}&/s/large/overview", trials))
            size = payload(link, "large")
            huge = opened(browser, f"{link}&/s/huge/overview", 10 * trials)
            with store.lock("growing"):
                now = live(browser, f"{link}&/s/growing/overview", store, "growing")
        store.close()
        print_table(trials, epochs, js, size, first, again, huge, now, None)
        if not given.no_optuna:
            optuna_study(folder, trials, epochs)
            other = best(lambda: optuna_opened(browser, folder), 1)
            print("\nThe same beside optuna-dashboard:\n")
            print_table(trials, epochs, js, size, first, again, huge, now, other)


def print_table(
    trials: int, epochs: int, js: int, size: int, first: dict[str, float],
    again: dict[str, float], huge: dict[str, float], now: dict[str, float],
    other: dict[str, float] | None,
) -> None:  # fmt: skip
    theirs = other or {}

    def seconds(value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:.2f} s" if value < math.inf else f"not in {OPTUNA_WAIT_S:.0f} s"

    def mega(value: float | None) -> str:
        return "–" if value is None else f"{value:.2f} MB"

    what = f"{trials:,} trials × {epochs} epochs"
    rows = [
        [f"{what} × 2: overview of use", seconds(again["useful"]), "1.5 s",
         seconds(theirs.get("useful"))],
        ["  … for the first page after the server began", seconds(first["useful"]), "–", "–"],
        ["  … processor time of the server for it", seconds(first["cpu"]), "–", "–"],
        ["  … all trials drawn", seconds(again["whole"]), "–", "–"],
        ["  … data on the wire", mega(size / 1e6), "0.70 MB", "–"],
        ["  … all on the wire, script too", mega(again["bytes"] / 1e6), "–",
         mega(theirs["bytes"] / 1e6 if theirs else None)],
        ["  … JavaScript heap", mega(again["heap"]), "80 MB", mega(theirs.get("heap"))],
        ["script and styles, gzip -9", f"{js / 1e3:.1f} kB", "120 kB", "–"],
        ["a new epoch on the screen, median", seconds(now["delay"]), "1 s", "–"],
        ["  … the slowest of 30", seconds(now["worst"]), "–", "–"],
        ["  … scripting (CPU), median", f"{now['script'] * 1e3:.0f} ms", "50 ms", "–"],
        ["  … scripting (CPU), worst", f"{now['worst script'] * 1e3:.0f} ms", "–", "–"],
        [f"{10 * trials:,} trials × 20 epochs: of use", seconds(huge["useful"]), "–", "–"],
        ["  … all there", seconds(huge["whole"]), "–", "–"],
        ["  … JavaScript heap", mega(huge["heap"]), "–", "–"],
    ]  # fmt: skip
    print(markdown(["", "danlu", "aim", "optuna-dashboard"], rows))


if __name__ == "__main__":
    main()
