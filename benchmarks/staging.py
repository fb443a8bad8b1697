"""What each move of the staged plan is worth: the plan with and without it, beside the others.

    DANLU_BENCH=/path/to/harness python benchmarks/staging.py --problems lcbench,yahpo-lcbench
    python benchmarks/staging.py --real digits,breast-cancer --seeds 5

Printed is, for each variant, the mean regret of the config that the study recommends once its
budget is spent, with the standard error over problems and seeds of its difference to the plan as
it is by default. On the harness's problems (0 = best known, 1 = a median random config at its
end) there are validation curves only, of one seed each: verdicts that need a training curve stay
silent there, and a confirmation has nothing to find. Real trainings (``staged_training.py``) are
judged by the test loss of the recommended config, averaged over fresh seeds.

Finished cells are kept in ``--out``, so that a run can be stopped and started again.
"""

import argparse
import importlib
import json
import math
import os
import statistics
import sys
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import danlu  # noqa: E402 (after the threads are set)
from danlu.core.history import History  # noqa: E402
from danlu.core.parameter import Value  # noqa: E402

Options = Mapping[str, Any]
Loss = Callable[[Mapping[str, Value], int, int], Mapping[str, float]]
"""(config, seed, epoch) → the metrics reported at that epoch."""

MOVES = ("order", "narrow", "findings", "proxy_check", "model")
VARIANTS: Mapping[str, tuple[str, Options]] = {
    "staged": ("staged", {}),
    "with order": ("staged", {"order": True}),
    "without narrow": ("staged", {"narrow": False}),
    "without findings": ("staged", {"findings": False}),
    "with proxy_check": ("staged", {"proxy_check": True}),
    "without model": ("staged", {"model": False}),
    "none of them": ("staged", dict.fromkeys(MOVES, False)),
    "auto": ("auto", {}),
    "auto without findings": ("auto", {"findings": False}),
    "random": ("random", {}),
}


def studied(
    name: str, options: Options, space: Any, epochs: int, budget: float, seed: int, train: Any
) -> History:
    """A whole study in memory: ``train(trial)`` reports a trial's epochs."""
    study = danlu.Study(
        "staging", space=space, objective="min loss", epochs=epochs, budget=f"{budget:g}x",
        seed=seed, strategy=name, options=dict(options), store=None,
    )  # fmt: skip
    while (trial := study.ask()) is not None:
        train(trial)
        study.tell(trial)
    return study.history


@cache
def harness() -> Any:
    """The harness's problems."""
    folder = os.environ.get("DANLU_BENCH")
    if not folder:
        sys.exit("DANLU_BENCH must name the folder of the benchmark harness.")
    sys.path.insert(0, folder)
    return importlib.import_module("problems")


def on_curves(named: str, variant: str, budget: float, seed: int) -> dict[str, float]:
    """One study on a problem of the harness; its regret, and the full trainings it took."""
    from adapter import space_of

    problem = harness().load(named)
    curves: dict[int, Any] = {}

    def train(trial: Any) -> None:
        curve = curves.setdefault(trial.number, problem.curve(trial.params))
        for epoch in trial.epochs():
            trial.report(epoch, loss=float(curve[epoch - 1]))

    name, options = VARIANTS[variant]
    mixed = seed + 1000 * (zlib.crc32(problem.name.encode()) % 100_000)
    history = studied(
        name, options, space_of(problem.space), problem.max_epoch, budget, mixed, train
    )
    assert history.best is not None
    loss = float(problem.curve(dict(history.best.config)).min())
    return {"score": problem.regret(loss), "trainings": history.trainings}


def on_training(task: str, variant: str, budget: float, seed: int) -> dict[str, float]:
    """One study of real trainings; the test loss of its config over fresh seeds."""
    from staged_training import TASKS, course, tested

    chosen = TASKS[task]
    name, options = VARIANTS[variant]

    def train(trial: Any) -> None:
        training = course(task, frozenset(trial.params.items()), trial.seed)
        for epoch in trial.epochs():
            trial.report(epoch, training.at(epoch))

    history = studied(name, options, chosen.space, chosen.epochs, budget, seed, train)
    assert history.best is not None
    score = tested(task, frozenset(history.best.config.items()))
    return {"score": score, "trainings": history.trainings}


Cells = dict[str, dict[str, float]]  # "problem|budget|variant|seed" -> what came out


def measured(
    cells: Cells, out: Path, jobs: Sequence[tuple[str, Callable[[], dict[str, float]]]]
) -> None:
    """Fill the missing cells, with the time that the rest will take."""
    left = [(key, job) for key, job in jobs if key not in cells]
    began = time.monotonic()
    for done, (key, job) in enumerate(left, 1):
        cells[key] = job()
        pace = (time.monotonic() - began) / done
        minutes = pace * (len(left) - done) / 60
        print(f"{done}/{len(left)} {key} {cells[key]['score']:.4f}, {minutes:.1f} min left",
              file=sys.stderr, flush=True)  # fmt: skip
        out.write_text(json.dumps(cells))


def report(cells: Cells, variants: Sequence[str], budgets: Sequence[float]) -> None:
    """Print a table of mean scores, and the differences to the first variant."""
    print("| variant | " + " | ".join(f"{b:g}x | difference" for b in budgets) + " |")
    print("|---" * (2 * len(budgets) + 1) + "|")
    for variant in variants:
        row = []
        for budget in budgets:
            ours = _scores(cells, variant, budget)
            base = _scores(cells, variants[0], budget)
            gaps = [ours[k] - base[k] for k in ours if k in base]
            row.append(f"{statistics.fmean(ours.values()):.4f}" if ours else "")
            row.append(_difference(gaps) if variant != variants[0] else "")
        print(f"| {variant} | " + " | ".join(row) + " |")


def _difference(gaps: Sequence[float]) -> str:
    if len(gaps) < 2:
        return ""
    error = statistics.stdev(gaps) / math.sqrt(len(gaps))
    return f"{statistics.fmean(gaps):+.4f} ± {error:.4f}"


def _scores(cells: Cells, variant: str, budget: float) -> dict[tuple[str, str], float]:
    """(problem, seed) → score."""
    keys = {tuple(key.split("|")): record["score"] for key, record in cells.items()}
    return {(p, s): v for (p, b, n, s), v in keys.items() if n == variant and b == f"{budget:g}"}


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--problems", default="", help="of the harness, by commas")
    a.add_argument("--real", default="", help="real trainings, by commas")
    a.add_argument("--variants", default=",".join(VARIANTS))
    a.add_argument("--budgets", default="20", help="in full trainings, by commas")
    a.add_argument("--seeds", type=int, default=5)
    a.add_argument("--first-seed", type=int, default=0)
    a.add_argument("--out", default="staging.json")
    o = a.parse_args()
    variants = o.variants.split(",")
    budgets = [float(b) for b in o.budgets.split(",")]
    out = Path(o.out)
    cells: Cells = json.loads(out.read_text()) if out.exists() else {}
    sources = [(on_curves, n) for n in (harness().names(o.problems) if o.problems else ())]
    sources += [(on_training, n) for n in o.real.split(",") if n]
    jobs = [
        (f"{name}|{budget:g}|{variant}|{seed}", partial(run, name, variant, budget, seed))
        for seed in range(o.first_seed, o.first_seed + o.seeds)
        for budget in budgets
        for variant in variants
        for run, name in sources
    ]
    measured(cells, out, jobs)
    report(cells, variants, budgets)


if __name__ == "__main__":
    main()
