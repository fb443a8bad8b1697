"""What danlu costs beside the training itself, next to Optuna in the same run.

    python benchmarks/overhead.py            # some minutes
    python benchmarks/overhead.py --quick    # under a minute, rougher

Prints a Markdown table. The ratio tells how many times as good danlu is; below 1 it is worse.
Figures of a busy machine are worth little, ratios more: contenders take turns, and the best of
several repeats counts (of asking and telling, the lower quartile).
"""

import argparse
import platform
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import asking
import optuna
import recording
import running
import starting
from table import HEAD, Row, markdown


def rows(folder: Path, *, quick: bool) -> Iterator[Row]:
    """All rows of the table, one after the other."""
    yield from starting.measure(repeats=3 if quick else 7)
    yield from running.measure(folder, trials=40 if quick else 200, repeats=1 if quick else 3)
    yield from recording.measure(folder, seconds=0.3 if quick else 1.0, repeats=1 if quick else 3)
    sizes = (100, 1000) if quick else (100, 1000, 10_000)
    yield from asking.measure(folder, sizes, turns=8 if quick else 40)


def main() -> None:
    parser = argparse.ArgumentParser(description="danlu's overhead beside Optuna's.")
    parser.add_argument("--quick", action="store_true", help="under a minute, rougher")
    parser.add_argument("--folder", help="where the databases go (default: a temporary folder)")
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    started, found = time.time(), []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for row in rows(Path(folder), quick=given.quick):
            found.append(row)
            print(*row.cells(), sep="  ", flush=True)
    print("\n" + markdown(HEAD, [row.cells() for row in found]))
    print(
        f"\nOptuna {optuna.__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {time.time() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
