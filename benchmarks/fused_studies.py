"""Whole studies of ``[train]``, trained together and in processes: processor seconds of all of it.

Reading the data, starting, searching, training and confirming count, user and system time of every
process. Both executors have the same space, seed and budget, but a search that learns tries other
configs when results come in another order, so that trainings differ, too; they are told.

::

    python benchmarks/fused_studies.py [--only NAME] [--workers 1]
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

RATES = """
lr = { low = 1e-4, high = 3e-2, log = true }
dropout = { low = 0.0, high = 0.5 }
weight_decay = { low = 1e-6, high = 1e-1, log = true }
optimizer = { choices = ["adamw", "sgd", "rmsprop"] }
"""
ONE = f"[space]{RATES}layers = 2\nunits = 64\nbatch_size = 32\n"
POWERS = f"""[space]{RATES}
layers = {{ choices = [1, 2, 3] }}
units = {{ choices = [64, 128, 256] }}
batch_size = {{ choices = [32, 64] }}
"""
# Name → budget, strategy, and the rest of the study file.
STUDIES: Mapping[str, tuple[str, str, str]] = {
    "default space, 20x": ("20x", "auto", ""),
    "powers of two, 18 shapes, 20x": ("20x", "auto", POWERS),
    "one shape, 20x": ("20x", "auto", ONE),
    "one shape, halving, 20x": ("20x", "halving", ONE),
    "one shape, random, 32x": ("32x", "random", ONE),
}
EXECUTORS = ("processes", "fused")


def study(folder: Path, name: str, executor: str, workers: int) -> dict[str, Any]:
    """Run one; its processor seconds, its best value and how many epochs were trained."""
    budget, strategy, rest = STUDIES[name]
    (folder / "study.toml").write_text(
        f'[train]\ndata = "digits.npz"\nmodel = "mlp"\n[study]\nepochs = 20\n'
        f'[plan]\nstrategy = "{strategy}"\n{rest}'
    )
    command = [
        sys.executable, "-m", "danlu", "run", "study.toml", "--store", f"store-{executor}",
        "--budget", budget, "--executor", executor, "--workers", str(workers), "--no-check",
    ]  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    from danlu import Study

    done = Study.open("study", store=folder / f"store-{executor}")
    best = max(t.value for t in done.trials if t.value is not None)
    epochs = sum(len(t.reports) for t in done.trials)
    return {"cpu": spent, "best": best, "epochs": epochs, "trials": len(done.trials)}


def digits(folder: Path) -> None:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    np.savez(folder / "digits.npz", x=x / 16, y=y)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", help="names of studies")
    parser.add_argument("--executors", nargs="*", default=EXECUTORS, choices=EXECUTORS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, help="all figures, one JSON object a line")
    given = parser.parse_args()
    print(
        "| study | executor | trials | epochs | CPU s | ms an epoch | best |\n"
        + "| --- " * 7
        + "|"
    )
    for name in STUDIES:
        if given.only and name not in given.only:
            continue
        for executor in given.executors:
            with TemporaryDirectory() as folder:
                digits(Path(folder))
                found = study(Path(folder), name, executor, given.workers)
            each = 1e3 * found["cpu"] / found["epochs"]
            print(
                f"| {name} | {executor} | {found['trials']} | {found['epochs']} "
                f"| {found['cpu']:.0f} | {each:.0f} | {found['best']:.4f} |",
                flush=True,
            )
            if given.out is not None:
                with given.out.open("a") as file:
                    file.write(json.dumps({"study": name, "executor": executor, **found}) + "\n")


if __name__ == "__main__":
    main()
