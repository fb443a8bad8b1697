"""Random kills -9 of the tuner and of its workers, in rounds of some dozens; see `kills.py`."""

import random
import time
from pathlib import Path

import psutil
from kills import Killer, broken, marked

from tortures.verdict import Verdict

ROUND = 25


def killing(folder: Path, target: str, times: int, seed: int, results: Path) -> None:
    """Kill one kind of process so often; what was found so far is written after each round.

    Args:
        folder: An empty one.
        target: ``"main"``, the tuner, or ``"training"``, a worker.
        times: How often.
        seed: Of the moments.
        results: Where the verdict goes.
    """
    who = {"main": "the tuner", "training": "workers"}[target]
    verdict = Verdict(f"kill -9 of {who}")
    rng = random.Random(seed)
    n = 0
    while verdict.faults < times:
        n += 1
        killer, done = Killer(_made(folder / str(n)), rng), 0
        try:
            while done < min(ROUND, times - verdict.faults):
                time.sleep(rng.expovariate(1 / 0.15))
                done += killer.kill(target)
                killer.look_for_orphans()
            killer.end()
        finally:
            for process in psutil.process_iter():
                if marked(process, killer.folder):
                    process.kill()
        found = broken(killer)
        verdict.faults += done
        verdict.resumed += killer.resumed[target]
        verdict.add(
            {
                "lost": found["epochs lost"], "doubled": found["epochs stored twice"],
                "wrong": found["wrong values"], "failed": found["trials failed"],
                "orphans": found["orphans"],
            }
        )  # fmt: skip
        verdict.write(results)
        print(verdict.row(), flush=True)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
