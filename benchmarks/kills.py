"""Kills -9 at random over a running study, and what is lost by them: nothing.

    python benchmarks/kills.py               # 100 kills, some minutes
    python benchmarks/kills.py --kills 20

A study of short trials runs with two workers, pausing and continuing them. At random moments a
random process of it is killed: training, its supervisor, the fork server or the main process. A
killed main process is started again at once by the same command; everything else is left to
danlu. Training keeps a log of its own: a line after each `report` that returned. In the end each
of these epochs must be in the store, once, with the value that it has to have when every trial
was continued from its own checkpoint; no process may be left, and no trial may have failed.

Prints tables; exits with 1 when a promise is broken.
"""

import argparse
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from table import markdown

import danlu
from danlu.study import Study
from danlu.worker.spool import Tail

WORKERS = 2
EPOCHS = 9
FIRST_RUNG = 3  # where trials are paused, and only the best go on
EPOCH_S = 0.02
TARGETS = ("training", "supervisor", "fork server", "main")
SPACE = danlu.Space(lr=danlu.Float(1e-4, 1.0, log=True))
LEAVE_S = 15.0  # what a killed main process leaves may take to end: its grace is ten seconds
SPARED = 2  # kills of one trial after which it may come to its rung: the fourth in a row ends it
PATIENCE_S = 600.0  # without a sign of life for so long, the study hangs
MARK, RUN = "DANLU_KILLS_FOLDER", "DANLU_KILLS_RUN"
PACE = "DANLU_KILLS_PACE"  # workers, and seconds an epoch takes


# ---- the study, in processes that are going to be killed


class Counting:
    """All the state that this training has: how many epochs it was trained."""

    def __init__(self) -> None:
        self.epochs = 0

    def state_dict(self) -> dict[str, int]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.epochs = state["epochs"]


def value_of(seed: int, epochs: int) -> float:
    """What a trial has to report after some epochs."""
    return random.Random(f"{seed}:{epochs}").random() / epochs


def train(trial: danlu.Trial) -> None:
    """Report and save every epoch, and tell the log when each report is made."""
    # No fsync: what is written survives the death of its process, if not of the machine.
    log = os.open(Path(os.environ[MARK], "log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    model = Counting()
    start = trial.restore(model)
    pause_s = pace()[1]
    for epoch in trial.epochs(start):
        time.sleep(pause_s)
        model.epochs += 1
        trial.report(epoch, val_loss=value_of(trial.seed, model.epochs))
        line = f"{trial.number} {epoch} {os.getpid()} {os.environ[RUN]} {time.time()}\n"
        os.write(log, line.encode())
        trial.save(model)


def pace() -> tuple[int, float]:
    """How many workers there are, and how long an epoch takes, seconds."""
    workers, seconds = os.environ.get(PACE, f"{WORKERS} {EPOCH_S}").split()
    return int(workers), float(seconds)


def run_study(folder: Path) -> None:
    """What a person would call again after each crash."""
    study = Study(
        "kills", space=SPACE, objective="min val_loss", epochs=EPOCHS, strategy="halving",
        options={"min_epochs": FIRST_RUNG}, store=folder / "store",
    )  # fmt: skip
    study.run(train, workers=pace()[0], check="warn")  # its values are random: nothing learns


# ---- the one who kills


@dataclass(frozen=True)
class Line:
    """An epoch whose report returned."""

    trial: int
    epoch: int
    pid: int
    run: int
    at: float


@dataclass
class Killer:
    """Runs the study in ``folder`` and kills its processes.

    Attributes:
        resumed: Target → seconds from each kill to the next epoch of what was hit.
        left: Processes that a killed main process left behind, and since when.
        orphans: How many of them were still there after `LEAVE_S`.
        deaths: How often the main process died without being killed.
        hits: How often the process of each trial was killed.
    """

    folder: Path
    rng: random.Random
    resumed: dict[str, list[float]] = field(default_factory=lambda: {t: [] for t in TARGETS})
    left: list[tuple[psutil.Process, float]] = field(default_factory=list)
    orphans: int = 0
    deaths: int = 0
    runs: int = 0
    hits: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.log = Tail(self.folder / "log")
        self.seen: list[Line] = []
        self.main = self.begin()
        self.wait_for(lambda line: line.run == self.runs, "the first epoch")

    def begin(self) -> psutil.Popen:
        """Start the study, or go on with it: the same command."""
        self.runs += 1
        command = [sys.executable, __file__, "--run", str(self.folder)]
        environment = os.environ | {MARK: str(self.folder), RUN: str(self.runs)}
        errors = (self.folder / f"errors-{self.runs}").open("w")
        return psutil.Popen(command, env=environment, stdout=errors, stderr=errors)

    def lines(self) -> list[Line]:
        """All of the log so far."""
        for line in self.log.lines():
            trial, epoch, pid, run, at = line.split()
            self.seen.append(Line(int(trial), int(epoch), int(pid), int(run), float(at)))
        return self.seen

    def wait_for(self, wanted: Callable[[Line], bool], what: str, start: int = 0) -> float:
        """Wait until a line is there, from line ``start`` on; its time."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for line in self.lines()[start:]:
                if wanted(line):
                    return line.at
            if self.main.poll() is not None:
                self.deaths += 1
                raise SystemExit(f"the main process ended by itself: {self.errors()}")
            time.sleep(0.01)
        raise SystemExit(f"the study hangs: {what} did not come within {PATIENCE_S:g} s")

    def errors(self) -> str:
        """What the last run printed."""
        return (self.folder / f"errors-{self.runs}").read_text()[-2000:]

    def kill(self, target: str) -> bool:
        """Kill a random process of a kind and wait until its work goes on.

        Returns:
            False if there was none at that moment.
        """
        found = below(self.main.pid, TARGETS[::-1].index(target))
        if not found:
            return False
        victim = self.rng.choice(found)
        tree = psutil.Process(self.main.pid).children(recursive=True)
        old = {p.pid for p in tree}
        training = trained_by(victim, target)
        start, at = len(self.lines()), time.time()
        try:
            victim.kill()
        except psutil.NoSuchProcess:  # its trial has just ended
            return False
        if target == "main":
            self.main.wait()
            self.left += [(p, time.monotonic()) for p in tree]
            self.main = self.begin()
        psutil.wait_procs(training, LEAVE_S)
        hit = trial_of({p.pid for p in training}, self.lines())
        if hit is not None:
            self.hits[hit] += 1
        spared = hit is not None and self.hits[hit] % SPARED == 0
        self.resumed[target].append(
            self.wait_for(
                lambda line: (
                    line.at > at
                    and line.pid not in old
                    and (hit is None or (line.trial == hit and not spared) or self.rests(hit))
                ),
                f"the next epoch after killing {target}",
                start,
            )
            - at
        )
        return True

    def rests(self, trial: int) -> bool:
        """Whether a trial came to a rung before it was killed, though it could not tell its log.

        Between a report and its line in the log there are some microseconds.
        """
        with closing(sqlite3.connect(self.folder / "store" / "danlu.db")) as database:
            last = "SELECT max(epoch) FROM report WHERE trial = ?"
            return database.execute(last, [trial]).fetchone()[0] in (FIRST_RUNG, EPOCHS)

    def look_for_orphans(self) -> None:
        """Count what a killed main process left and what should be gone by now."""
        late = [p for p, since in self.left if time.monotonic() > since + LEAVE_S]
        self.orphans += sum(p.is_running() and p.status() != "zombie" for p in late)
        self.left = [(p, since) for p, since in self.left if p not in late]

    def end(self) -> None:
        """Stop the study in order and see that nothing is left of it."""
        Study.open("kills", store=self.folder / "store").stop()
        self.main.wait(PATIENCE_S)
        time.sleep(1.0)
        if self.left:
            time.sleep(max(0.0, LEAVE_S + self.left[-1][1] - time.monotonic()))
        self.left = []
        self.orphans += sum(marked(p, self.folder) for p in psutil.process_iter())


def below(main: int, level: int) -> list[psutil.Process]:
    """The processes ``level`` below the main one: server 1, supervisor 2, training 3."""
    found = [psutil.Process(main)]
    for _ in range(level):
        found = [child for p in found for child in children(p)]
    return found


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [p for p in process.children() if p.status() != "zombie"]
    except psutil.NoSuchProcess:
        return []


def trained_by(victim: psutil.Process, target: str) -> list[psutil.Process]:
    """The training process that dies with a victim, if it is one."""
    if target == "training":
        return [victim]
    return children(victim) if target == "supervisor" else []


def trial_of(pids: Container[int], lines: Sequence[Line]) -> int | None:
    """The trial that some killed processes were training, if it must go on."""
    last = next((line for line in reversed(lines) if line.pid in pids), None)
    if last is None or last.epoch in (FIRST_RUNG, EPOCHS):  # paused or finished
        return None
    return last.trial


def marked(process: psutil.Process, folder: Path) -> bool:
    """Whether a process belongs to the study."""
    try:
        return process.environ().get(MARK) == str(folder) and process.status() != "zombie"
    except psutil.Error:
        return False


# ---- the verdict


def broken(killer: Killer) -> dict[str, int]:
    """How often each promise was broken."""
    history = Study.open("kills", store=killer.folder / "store").history
    told = {(line.trial, line.epoch) for line in killer.lines()}
    with closing(sqlite3.connect(killer.folder / "store" / "danlu.db")) as database:
        stored = Counter(database.execute("SELECT trial, epoch FROM report").fetchall())
    wrong = sum(
        r.metrics["val_loss"] != value_of(t.seed, r.epoch)
        for t in history.trials.values()
        for r in t.reports
    )
    return {
        "epochs lost": len(told - set(stored)),
        "epochs stored twice": sum(count - 1 for count in stored.values()),
        "wrong values": wrong,
        "trials failed": sum(t.state == "failed" for t in history.trials.values()),
        "orphans": killer.orphans,
    }


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def resume_table(killer: Killer) -> str:
    """How long it took each time until training went on."""
    rows = [
        [target, str(len(s)), f"{percentile(s, 0.5):.2f} s", f"{percentile(s, 0.95):.2f} s"]
        for target, s in killer.resumed.items()
        if s
    ]
    return markdown(["killed", "times", "goes on after, p50", "p95"], rows)


def measure(folder: Path, kills: int, seed: int) -> int:
    """Kill, print the tables, and return the exit status."""
    started = time.time()
    rng = random.Random(seed)
    killer = Killer(folder, rng)
    try:
        done = 0
        while done < kills:
            time.sleep(rng.expovariate(1 / 0.15))
            done += killer.kill(rng.choice(TARGETS))
            killer.look_for_orphans()
        killer.end()
    finally:
        for process in psutil.process_iter():
            if marked(process, folder):
                process.kill()
    verdict = broken(killer)
    lines = killer.lines()
    print(resume_table(killer), end="\n\n")
    epochs, trials = len({(x.trial, x.epoch) for x in lines}), len({x.trial for x in lines})
    print(markdown(["promise", "broken"], [[k, str(v)] for k, v in verdict.items()]), end="\n\n")
    print(
        f"{done} kills (seed {seed}), {epochs:,} reported epochs of {trials:,} trials, "
        f"{killer.runs} runs, {time.time() - started:.0f} s"
    )
    return 1 if any(verdict.values()) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="What random kills -9 break: nothing.")
    parser.add_argument("--kills", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the kills")
    parser.add_argument("--folder", help="where all of it is kept (default: a temporary folder)")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)  # the study itself
    given = parser.parse_args()
    if given.run is not None:
        run_study(given.run)
        return 0
    if given.folder is not None:
        Path(given.folder).mkdir(parents=True)
        return measure(Path(given.folder).resolve(), given.kills, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder).resolve(), given.kills, given.seed)


if __name__ == "__main__":
    sys.exit(main())
