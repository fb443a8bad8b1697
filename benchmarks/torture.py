"""What danlu is put through before anybody leaves it alone over a weekend.

    python benchmarks/torture.py --all                 # an hour and a half
    python benchmarks/torture.py kills --times 1000    # one part
    python benchmarks/torture.py --table               # of the parts that were run so far
    python benchmarks/torture.py --slice               # a minute: what CI runs

Each part compares what is stored with what training itself noted after each report that had
returned. Exits with 1 when a promise is broken. PostgreSQL and a C compiler are needed for some
parts, Optuna for the comparison, root for small disks.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # the checker of the tests serves here too

from table import markdown
from tortures import verdict as verdicts
from tortures.soak import soak

RESULTS = Path(tempfile.gettempdir(), "danlu-torture")


def main() -> int:
    parser = argparse.ArgumentParser(description="What danlu is put through.")
    parser.add_argument("part", nargs="?", choices=["soak"])
    parser.add_argument("--minutes", type=float, default=60.0, help="of the soak")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.part == "soak":
        with tempfile.TemporaryDirectory(prefix="danlu-torture-") as folder:
            soak(Path(folder).resolve(), given.minutes, given.seed, given.results)
    found = verdicts.read(given.results)
    print(markdown(list(verdicts.HEAD), [v.row() for v in found]))
    return 0 if all(v.sound for v in found) else 1


if __name__ == "__main__":
    sys.exit(main())
