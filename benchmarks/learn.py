"""All learned numbers: what danlu's search has learned from public trainings, made anew.

    DANLU_BENCH=/path/to/harness python benchmarks/learn.py    # two minutes of CPU
    DANLU_BENCH=… python benchmarks/learn.py --only curves --write

The parts in turn: the curve model's prior, the portfolio, and what public tasks say of the
experts' table (defaults and spreads, lengthscales), which is only compared. Each part prints what
its numbers are worth on families or data sets that they were not learned from. ``--write`` puts
what was found into ``surrogates/learned.json``; without it is said where that differs.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import curve_prior
import lengthscales
import portfolio
import roles

import danlu.surrogates

PARTS: dict[str, Callable[[], dict[str, Any] | None]] = {
    "curves": curve_prior.learn,
    "portfolio": portfolio.learn,
    "roles": roles.learn,
    "lengthscales": lengthscales.learn,
}
FILE = Path(danlu.surrogates.__file__).with_name("learned.json")


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS], help="these parts")
    a.add_argument("--write", action="store_true", help=f"into {FILE.name}")
    o = a.parse_args()
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for part in o.only:
        print(f"\n## {part}\n", flush=True)
        found |= PARTS[part]() or {}
    print()
    for name, value in found.items():
        print(f"{name}: " + ("as stored" if value == stored.get(name) else json.dumps(value)))
    if o.write and found:
        FILE.write_text(json.dumps({**stored, **found}, indent=2) + "\n", encoding="utf-8")
        print(f"Written: {FILE}")


if __name__ == "__main__":
    main()
