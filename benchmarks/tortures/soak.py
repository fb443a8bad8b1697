"""A long run with a fault every two seconds: kills, stops, signals, locks, damage, full disks."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import kills
import psutil
from kills import PACE, TARGETS, Killer, below, broken, marked
from tests.invariants import broken as unsound

from danlu.study import Study
from tortures.verdict import Verdict

WORKERS = 16
EPOCH_S = 0.5
EVERY_S = 2.0
ROUND_S = 300.0  # then a new study begins, so that the last faults hit as quickly as the first
DISK = 256 << 20  # bytes of the small disk that is filled now and then


class Soak:
    """One study under faults.

    Args:
        folder: An empty one.
        rng: Draws the faults.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder = folder
        self.rng = rng
        self.store = folder / "store"
        self.disk = _mounted(self.store)
        os.environ[PACE] = f"{WORKERS} {EPOCH_S}"
        self.killer = Killer(folder, rng)
        self.done: dict[str, int] = {}
        self.resumed: list[float] = []
        self.faults: dict[str, Callable[[], bool]] = {
            **{f"kill {t}": lambda t=t: self._kill(t) for t in TARGETS},  # type: ignore[misc]
            "stop training for a second": self._stop,
            "SIGTERM to main": lambda: self._signal(signal.SIGTERM),
            "SIGINT twice to main": lambda: self._signal(signal.SIGINT),
            "hold the database for a second": self._hold,
            "damage the newest checkpoints": self._damage,
        }
        if self.disk:
            self.faults["fill the disk for a second"] = self._fill

    def run(self, seconds: float) -> None:
        """A fault every two seconds, for so long."""
        end = time.monotonic() + seconds
        due = time.monotonic()
        while time.monotonic() < end:
            name = self.rng.choice(list(self.faults))
            start = len(self.killer.lines())
            print(f"{time.time():.1f} {name}", flush=True)
            if self.faults[name]():
                self.done[name] = self.done.get(name, 0) + 1
                at = time.time()
                line = self.killer.wait_for(lambda line: line.at > at, f"work after {name}", start)  # noqa: B023
                self.resumed.append(line - at)
            self.killer.look_for_orphans()
            due = max(due + EVERY_S, time.monotonic())
            time.sleep(due - time.monotonic() if due > time.monotonic() else 0.0)

    def end(self) -> dict[str, int]:
        """Stop it in order; how often each promise was broken."""
        killer = self.killer
        killer.end()
        found = broken(killer)
        reported = {(line.trial, line.epoch) for line in killer.lines()}
        problems = list(unsound(self.store, "kills", reported, workers=WORKERS))
        for problem in problems:
            print("UNSOUND", problem, flush=True)
        for trial in Study.open("kills", store=self.store).trials:
            if trial.state == "failed":
                print("FAILED", trial.number, trial.cause, trial.message, trial.log, flush=True)
        return {
            "lost": found["epochs lost"], "doubled": found["epochs stored twice"],
            "wrong": found["wrong values"], "failed": found["trials failed"],
            "orphans": found["orphans"], "unsound": len(problems),
        }  # fmt: skip

    def clear(self) -> None:
        for process in psutil.process_iter():
            if marked(process, self.folder):
                process.kill()
        if self.disk:
            subprocess.run(["umount", "-l", str(self.store)], check=False)

    # ---- the faults; each returns whether it could be done

    def _kill(self, target: str) -> bool:
        found = below(self.killer.main.pid, TARGETS[::-1].index(target))
        if not found:
            return False
        tree = psutil.Process(self.killer.main.pid).children(recursive=True)
        with suppress(psutil.NoSuchProcess):
            self.rng.choice(found).kill()
        if target == "main":
            self._again(tree)
        return True

    def _again(self, tree: list[psutil.Process]) -> None:
        """The same command, once the last one is gone."""
        killer = self.killer
        killer.main.wait(kills.PATIENCE_S)
        killer.left += [(p, time.monotonic()) for p in tree]
        killer.main = killer.begin()

    def _signal(self, number: int) -> bool:
        tree = psutil.Process(self.killer.main.pid).children(recursive=True)
        self.killer.main.send_signal(number)
        if number == signal.SIGINT:
            time.sleep(0.1)
            with suppress(psutil.NoSuchProcess):
                self.killer.main.send_signal(number)
        self._again(tree)
        return True

    def _stop(self) -> bool:
        found = below(self.killer.main.pid, TARGETS[::-1].index("training"))
        with suppress(psutil.NoSuchProcess, IndexError):
            victim = self.rng.choice(found)
            victim.suspend()
            time.sleep(1.0)
            victim.resume()
            return True
        return False

    def _hold(self) -> bool:
        with closing(sqlite3.connect(self.store / "danlu.db", isolation_level=None)) as other:
            try:
                other.execute("PRAGMA busy_timeout = 5000")
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            time.sleep(1.0)
            other.execute("ROLLBACK")
        return True

    def _damage(self) -> bool:
        trials = self.store / "trials" / "kills"
        newest = sorted(trials.glob("*/checkpoint-*"), key=_age)[-WORKERS:]
        for path in self.rng.sample(newest, min(4, len(newest))):
            with suppress(OSError):
                os.truncate(path, path.stat().st_size // 2)
        return self._kill("training")

    def _fill(self) -> bool:
        filler = self.store / "filler"
        with filler.open("ab", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2
        time.sleep(1.0)
        filler.unlink()
        return True


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _mounted(folder: Path) -> bool:
    """A small disk of its own in a folder; whether that is possible."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    return subprocess.run(mount, check=False, capture_output=True).returncode == 0


def soak(folder: Path, minutes: float, seed: int, results: Path) -> None:
    """Soak one study after the other; what was found so far is written after each."""
    verdict = Verdict(f"soak, {minutes:g} min, {WORKERS} workers, a fault every {EVERY_S:g} s")
    rng, left, n, done = random.Random(seed), 60 * minutes, 0, dict[str, int]()
    while left > 1:
        n += 1
        one = Soak(folder / str(n), rng)
        begun = time.monotonic()
        try:
            one.run(min(ROUND_S, left))
            verdict.add(one.end())
        except (psutil.TimeoutExpired, SystemExit) as error:
            print("HANGS", error, flush=True)
            verdict.add({"failed": 1})
        finally:
            one.clear()
        left -= time.monotonic() - begun
        verdict.resumed += one.resumed
        verdict.faults += sum(one.done.values())
        done = {k: done.get(k, 0) + one.done.get(k, 0) for k in {**done, **one.done}}
        verdict.notes = ", ".join(f"{count} × {name}" for name, count in sorted(done.items()))
        print(n, verdict.row(), flush=True)
        verdict.write(results)
