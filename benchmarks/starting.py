"""CPU time that starting costs, beyond a bare interpreter's."""

import resource
import subprocess
import sys
from collections.abc import Iterator

from table import Row

BARE = "pass"
STARTS = {
    "import": ("import danlu", "import optuna"),
    "--help": tuple(
        f"import sys; sys.argv = ['{name}', '--help']; from {name}.cli import main; main()"
        for name in ("danlu", "optuna")
    ),
}


def cpu_ms(code: str) -> float:
    """Milliseconds of CPU, user and system, of a fresh interpreter that runs some code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(repeats: int) -> Iterator[Row]:
    """A row for the import and one for the help; the least of some repeats, taken in turn."""
    codes = [BARE, *(code for pair in STARTS.values() for code in pair)]
    least = dict.fromkeys(codes, float("inf"))
    for _ in range(repeats):
        for code in codes:
            least[code] = min(least[code], cpu_ms(code))
    for what, (ours, theirs) in STARTS.items():
        danlu, optuna = least[ours] - least[BARE], least[theirs] - least[BARE]
        yield Row(f"{what}, CPU beyond a bare interpreter", "ms", danlu, optuna)
