"""What danlu is put through before anybody leaves it alone over a weekend.

    python benchmarks/torture.py                       # all of it, some two hours
    python benchmarks/torture.py tuner --times 100     # one part
    python benchmarks/torture.py --table               # of the parts that were run so far
    python benchmarks/torture.py --slice               # five minutes: what CI runs

Each part compares what is stored with what training itself noted after each report that had
returned. Exits with 1 when a promise is broken. It needs what the tests need, and a C compiler;
the soak fills a small disk where it may mount one (as root).
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the checker of the tests serves here too

from table import markdown
from tortures import verdict as verdicts
from tortures.failing import ACTIONS, failing
from tortures.flooding import flooding
from tortures.killing import killing
from tortures.peers import peers
from tortures.queueing import queueing
from tortures.soak import soak
from tortures.verdict import Verdict

RESULTS = Path(tempfile.gettempdir(), "danlu-torture")
PARTS = ("tuner", "workers", "calls", "queue", "flood", "peers", "soak")


def run(part: str, folder: Path, given: argparse.Namespace) -> None:
    """Run one part; its verdict lies among the results afterwards."""
    seed, results = given.seed, given.results
    if part in ("tuner", "workers"):
        target = "main" if part == "tuner" else "training"
        killing(folder, target, given.times or 500, seed, results)
    elif part == "calls" and shutil.which("cc") is None:
        print("calls are left out: there is no C compiler (cc).")
    elif part == "calls":
        for action in ACTIONS:
            (mine := folder / action.replace(" ", "-")).mkdir()
            found = failing(mine, given.every, [action])
            Verdict(**found).write(results)  # type: ignore[arg-type]
    elif part == "queue":
        queueing(folder, given.times or 20, given.trials, seed, results)
    elif part == "flood":
        flooding(folder, given.seconds).write(results)
    elif part == "peers":
        peers(folder, given.times or 50, min(given.trials, 400), seed, results)
    else:
        soak(folder, given.minutes, seed, results)


def main() -> int:
    parser = argparse.ArgumentParser(description="What danlu is put through.")
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; none: all of them")
    parser.add_argument("--table", action="store_true", help="only print what was found so far")
    parser.add_argument("--slice", action="store_true", help="a little of each, in five minutes")
    parser.add_argument("--times", type=int, help="kills [500], or rounds of the queue [20]")
    parser.add_argument("--every", type=int, default=1, help="only every n-th call is hit")
    parser.add_argument("--trials", type=int, default=2000, help="in the queue")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the flood")
    parser.add_argument("--minutes", type=float, default=60.0, help="of the soak")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]}; those are {', '.join(PARTS)}")
    if given.slice:
        given.times, given.every, given.trials = 10, 9, 150
        given.seconds, given.minutes = 5.0, 2.0
        given.results = Path(tempfile.mkdtemp(prefix="danlu-torture-"))
    parts = [p for p in PARTS if not given.slice or p != "peers"]
    for part in () if given.table else given.parts or parts:
        with tempfile.TemporaryDirectory(prefix="danlu-torture-") as folder:
            run(part, Path(folder).resolve(), given)
    found = verdicts.read(given.results)
    print(markdown(list(verdicts.HEAD), [v.row() for v in found]))
    return 0 if all(v.sound for v in found if not v.name.startswith("Optuna")) else 1


if __name__ == "__main__":
    sys.exit(main())
