"""Sample efficiency: danlu and its peers on offline learning curves.

    DANLU_BENCH=/path/to/harness python benchmarks/search.py --problems core-public --seeds 10
    DANLU_BENCH=… python benchmarks/search.py --workers 1,4,16

The harness (problems, peers, budgets) stays outside this repository. Printed are, at each budget
in full trainings, the mean normalised regret (0 = best known, 1 = a median random config at its
end) and the mean rank over problems, of all and of each suite, and for each peer Wilcoxon's
signed-rank test over problems with Holm's correction. Peers that are not installed are left out.
Finished cells are kept in ``--out``, so that a run can be stopped and started again.
"""

import argparse
import heapq
import importlib.util
import json
import os
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 (after the threads are set)
from scipy.stats import rankdata, wilcoxon  # noqa: E402

BUDGETS = (1, 3, 5, 10, 20, 50)
PEERS = (
    *("random", "random+asha", "optuna-tpe", "optuna-tpe+hyperband", "optuna-gp", "hyperopt-tpe"),
    *("bayes-opt", "smac-hpo", "smac-mf", "dehb"),
)
NEEDS = {"optuna": "optuna", "hyperopt": "hyperopt", "bayes": "bayes_opt", "smac": "smac",
         "dehb": "dehb"}  # fmt: skip
LEAST_PROBLEMS = 6  # for Wilcoxon's test, which can tell nothing from fewer
Cells = dict[str, Any]  # "problem|optimiser|seed" -> a record of the harness


def harness() -> tuple[Any, Any]:
    """The harness's modules `run` and `problems`, with danlu in its product slot."""
    folder = os.environ.get("DANLU_BENCH", "")
    if not folder or not Path(folder, "problems.py").is_file():
        sys.exit(f"DANLU_BENCH must name the folder of the benchmark harness, not {folder!r}.")
    os.environ["PRODUCT_ADAPTER"] = str(Path(__file__).with_name("adapter.py"))
    sys.path.insert(0, folder)
    return importlib.import_module("run"), importlib.import_module("problems")


def installed(name: str) -> bool:
    library = NEEDS.get(name.partition("-")[0])
    return library is None or importlib.util.find_spec(library) is not None


def mixed_seed(problem: str, seed: int) -> int:
    """As the harness mixes them, so that its own results can be laid beside ours."""
    return seed + 1000 * (zlib.crc32(problem.encode()) % 100_000)


def in_parallel(problem: Any, workers: int, budget: float, seed: int) -> dict[str, Any]:
    """One run with simulated asynchronous workers; an epoch takes one unit of time.

    The budget counts epochs over all workers, so that runs with more workers can be compared.
    """
    from adapter import bench_study

    study = bench_study(
        problem.space, problem.max_epoch, problem.levels, problem.resumable, seed, budget
    )
    curves: dict[int, Any] = {}
    reached: dict[int, int] = {}
    queue: list[tuple[float, int, Any]] = []
    spent, best, order, now = 0.0, np.inf, 0, 0.0
    budgets = [b for b in BUDGETS if b <= budget]
    trace: list[float] = []
    while len(trace) < len(budgets):
        while len(queue) < workers:
            job = study.ask()
            curves.setdefault(job.id, problem.curve(job.params))
            order += 1
            steps = job.target_epoch - reached.get(job.id, 0)
            heapq.heappush(queue, (now + steps, order, job))
        now, _, job = heapq.heappop(queue)
        for epoch in range(reached.get(job.id, 0) + 1, job.target_epoch + 1):
            loss = float(curves[job.id][epoch - 1])
            job.report(epoch, loss)
            spent += 1 / problem.max_epoch
            best = min(best, loss)
            while len(trace) < len(budgets) and spent >= budgets[len(trace)] - 1e-9:
                trace.append(best)
        reached[job.id] = job.target_epoch
        study.tell(job)
    return {"budgets": budgets, "loss": trace}


def regrets(cells: Cells, problems: Any) -> dict[tuple[str, str], dict[int, list[float]]]:
    """(problem, optimiser) → budget → regrets of the seeds."""
    loaded: dict[str, Any] = {}
    table: dict[tuple[str, str], dict[int, list[float]]] = {}
    for key, record in cells.items():
        if "loss" not in record:
            continue
        problem, optimizer, _ = key.split("|")
        loaded.setdefault(problem, problems.load(problem))
        row = table.setdefault((problem, optimizer), {})
        for budget, loss in zip(record["budgets"], record["loss"], strict=True):
            row.setdefault(budget, []).append(loaded[problem].regret(loss))
    return table


def holm(p: Sequence[float]) -> list[float]:
    """P values corrected for their number (Holm 1979)."""
    adjusted, highest = [0.0] * len(p), 0.0
    for place, i in enumerate(np.argsort(p)):
        highest = max(highest, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = highest
    return adjusted


def report(table: Mapping[tuple[str, str], Mapping[int, list[float]]], ours: str) -> None:
    """Print the tables as Markdown: all problems, each suite, and the tests against peers."""
    problems = sorted({p for p, _ in table})
    full = [
        o for o in dict.fromkeys(o for _, o in table) if all((p, o) in table for p in problems)
    ]
    budgets = [b for b in BUDGETS if all(b in table[p, o] for p in problems for o in full)]
    means = {b: np.array([[np.mean(table[p, o][b]) for o in full] for p in problems])
             for b in budgets}  # fmt: skip
    ranks = {b: np.array([rankdata(line) for line in means[b]]) for b in budgets}
    suites = {p: p.partition("/")[0] for p in problems}
    print("\nMean regret (mean rank) at full trainings.")
    for suite in ["", *dict.fromkeys(suites.values())]:
        rows = [i for i, p in enumerate(problems) if suite in ("", suites[p])]
        print(f"\n{suite or 'all'}, {len(rows)} problems\n")
        print("| optimiser | " + " | ".join(map(str, budgets)) + " |")
        print("|---" * (len(budgets) + 1) + "|")
        for j, o in enumerate(full):
            cells = (f"{means[b][rows, j].mean():.3f} ({ranks[b][rows, j].mean():.1f})"
                     for b in budgets)  # fmt: skip
            print(f"| {o} | " + " | ".join(cells) + " |")
    peers = [o for o in full if o != ours]
    if ours in full and peers and len(problems) >= LEAST_PROBLEMS:
        compare(means, full, ours, peers)


def compare(
    means: Mapping[int, Any], full: Sequence[str], ours: str, peers: Sequence[str]
) -> None:
    """Print Wilcoxon's tests over problems, corrected for the number of peers."""
    print(f"\nWilcoxon against {ours}, Holm-corrected p (better ours / better theirs)\n")
    for b, regret in means.items():
        gaps = [regret[:, full.index(o)] - regret[:, full.index(ours)] for o in peers]
        p = holm([float(wilcoxon(g).pvalue) if np.any(g) else 1.0 for g in gaps])
        words = [f"{o} {v:.3g} ({(g > 0).sum()}/{(g < 0).sum()})"
                 for o, v, g in zip(peers, p, gaps, strict=True)]  # fmt: skip
        print(f"- at {b}: " + "; ".join(words))


def main() -> None:
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--problems", default="core-public")
    a.add_argument("--optimizers", default=",".join(PEERS))
    a.add_argument("--budget", type=float, default=50)
    a.add_argument("--seeds", type=int, default=10)
    a.add_argument("--workers", default="1", help="numbers of simulated workers, by commas")
    a.add_argument("--out", default="search.json")
    a.add_argument("--with-results", nargs="*", default=[], help="result files of the harness")
    o = a.parse_args()
    run, problems = harness()
    out = Path(o.out)
    cells: Cells = json.loads(out.read_text()) if out.exists() else {}
    parallel = [int(w) for w in o.workers.split(",") if int(w) > 1]
    names = ["product", *(n for n in o.optimizers.split(",") if n and installed(n))]
    for seed in range(o.seeds):
        for name in problems.names(o.problems):
            problem = problems.load(name)
            mixed = mixed_seed(name, seed)
            for optimizer in names:
                key = f"{name}|{optimizer}|{seed}"
                if key not in cells:
                    cells[key] = run.run_one(problem, optimizer, o.budget, mixed, 3600.0)
            for w in parallel if problem.resumable else []:
                key = f"{name}|product x{w}|{seed}"
                if key not in cells:
                    cells[key] = in_parallel(problem, w, o.budget, mixed)
            out.write_text(json.dumps(cells))
    for file in o.with_results:
        cells = {**json.loads(Path(file).read_text()), **cells}
    report(regrets(cells, problems), "product")


if __name__ == "__main__":
    main()
