"""A trial that reports 10⁵ times a second beside one that reports as trials do.

The flood is a command that appends lines to its report file, thousands with one write, as no loop
of Python could. How long the other trial's reports take until they are recorded is compared with
the same beside a command that keeps a core as busy and reports nothing.
"""

import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Thread

import danlu
from danlu.core.decision import Decision, Start
from danlu.core.history import History
from danlu.core.space import Space
from danlu.stores import open_store
from tortures.verdict import Verdict, percentile

RATE = 100_000  # reports a second
BATCH = 0.01  # seconds between writes
PROGRAM = """
import os, sys, time
kind, seconds = sys.argv[1], float(sys.argv[2])
fd = os.open(os.environ["DANLU_REPORTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
end, epoch = time.monotonic() + seconds, 0
line = '{"epoch": %d, "val_loss": 0.5, "sent": %r}\\n'
while (now := time.monotonic()) < end:
    if kind == "steady":
        epoch += 1
        os.write(fd, (line % (epoch, time.time())).encode())
        time.sleep(0.1)
        continue
    text = "".join(line % (epoch + i, now) for i in range(1, 1 + int(RATE * BATCH))).encode()
    if kind == "flood":
        os.write(fd, text)
    epoch += int(RATE * BATCH)
    time.sleep(max(0.0, now + BATCH - time.monotonic()))
if kind == "busy":
    os.write(fd, (line % (1, end)).encode())
""".replace("RATE", str(RATE)).replace("BATCH", str(BATCH))


class Both:
    """A strategy that begins two trials."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = kinds

    def decide(self, _: Space, history: History, free_slots: int) -> Sequence[Decision]:
        begun = len(history.trials)
        left = self.kinds[begun : begun + free_slots]
        return [Start({"kind": kind}, until=10**7) for kind in left]


def beside(folder: Path, kind: str, seconds: float) -> tuple[list[float], int, float]:
    """Run a steady trial beside another one.

    Returns:
        Seconds from each of its reports to the moment it could be read from the store, how many
        reports were recorded in all, and the processor time of the tuner.
    """
    program = folder / "program.py"
    program.write_text(PROGRAM)
    store = folder / f"store-{kind}"
    study = danlu.Study(
        "flood", space=danlu.Space(kind=danlu.Choice("steady", kind)), objective="min val_loss",
        epochs=10**7, strategy=Both(("steady", kind)), store=store,
    )  # fmt: skip
    late: list[float] = []
    watcher = Thread(target=_watch, args=(store, late), daemon=True)
    watcher.start()
    before = time.process_time()
    command = danlu.Command([sys.executable, str(program), "{kind}", str(seconds)])
    study.run(command, workers=2, check=False)
    spent = time.process_time() - before
    watcher.join()
    return late, sum(len(t.reports) for t in study.trials), spent


def _watch(store: Path, late: list[float]) -> None:
    """Look at the database for the steady trial's reports, as a dashboard would."""
    import json
    import sqlite3

    seen = 0
    with closing(sqlite3.connect(store / "danlu.db")) as database:
        while True:
            rows = database.execute(
                "SELECT epoch, metrics FROM report WHERE trial = 1 AND epoch > ?", [seen]
            ).fetchall()
            now = time.time()
            for epoch, metrics in rows:
                late.append(now - json.loads(metrics)["sent"])
                seen = max(seen, epoch)
            over = database.execute("SELECT 1 FROM event WHERE kind = 'ended'").fetchone()
            if over:
                return
            time.sleep(0.01)


def flooding(folder: Path, seconds: float) -> Verdict:
    """The flood, and the busy neighbour that it is compared with."""
    verdict = Verdict(f"a flood of {RATE:,} reports/s for {seconds:g} s", faults=1)
    quiet, _, _ = beside(folder, "busy", seconds)
    late, reports, spent = beside(folder, "flood", seconds)
    size = max(p.stat().st_size for p in folder.glob("store-flood/trials/flood/*/reports-*"))
    with closing(open_store(folder / "store-flood")) as store:
        epochs = [t.epoch for t in store.load("flood").trials.values()]
    verdict.add({"lost": sum(epochs) - reports, "failed": 0})
    verdict.notes = (
        f"{reports:,} recorded ({reports / seconds:,.0f}/s); the neighbour's reports are there "
        f"after {percentile(late, 0.5):.2f} s (p95 {percentile(late, 0.95):.2f}), beside a "
        "process that only keeps a core as busy after "
        f"{percentile(quiet, 0.5):.2f} s ({percentile(quiet, 0.95):.2f}); it made {len(late)} of "
        f"them in that time, and {len(quiet)} beside that process; "
        f"tuner {spent / seconds:.0%} of a core; report file {size >> 20} MiB"
    )
    return verdict


if __name__ == "__main__":
    os.nice(5)
    print(flooding(Path(sys.argv[1]), float(sys.argv[2])).row())
