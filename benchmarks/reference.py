"""Reference problems: the tuned network beside the default config and scikit-learn.

For each study file of ``examples/reference``: a search with a budget of 20 full trainings on the
part of the data that is for tuning; then the best config and the default config are each trained
on all of that part with fresh seeds, as ``danlu train`` does, and measured on the test part, which
nobody has looked at before; beside them scikit-learn's comparable estimator on the same parts.

::

    python benchmarks/reference.py [--budget 20x] [--seeds 3] [--only digits-mlp] [--store FOLDER]
"""

import argparse
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from danlu import Study
from danlu.executors.server import load_function
from danlu.kit.final import train_on_all
from danlu.kit.settings import Settings
from danlu.reporting.snippets import epochs_to_train
from danlu.studyfile import load

FOLDER = Path(__file__).parents[1] / "examples" / "reference"
SCORES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
}


def perceptron(seed: int) -> Any:
    return make_pipeline(StandardScaler(), MLPClassifier(max_iter=300, random_state=seed))


def words(_seed: int) -> Any:
    return make_pipeline(TfidfVectorizer(min_df=2, ngram_range=(1, 2)), LogisticRegression(C=10.0))


def flat(x: Any) -> Any:
    """Inputs as scikit-learn takes them: texts as they are, sequences padded, others flat."""
    if isinstance(x, list) and isinstance(x[0], str):
        return x
    if isinstance(x, list):
        padded = np.zeros((len(x), 29, x[0].shape[1]))
        for i, sequence in enumerate(x):
            padded[i, : len(sequence)] = sequence
        x = padded
    return np.asarray(x, dtype=float).reshape(len(x), -1)


def measure(
    path: Path, budget: str, seeds: int, workers: int, store: Path | None
) -> dict[str, Any]:
    """All figures of one problem; a search that the store knows goes on."""
    file = load(path)
    spec = file.spec
    settings = Settings.of(spec.training)
    module, _, name = settings.data.rpartition(":")
    sys.path.insert(0, str(Path(module).parent))
    source = getattr(importlib.import_module("data"), name)
    part, test = source(), source(test=True)
    began = time.perf_counter()
    training = load_function(settings.reference)
    with TemporaryDirectory() as folder:
        study = Study.from_spec(spec, store=store or folder)
        best = study.run(training, workers=workers, budget=budget)
        assert best is not None, "no trial has a result"
        seconds = time.perf_counter() - began
        default = next(t for t in study.trials if t.config == spec.space.default())
        epochs = {"best": epochs_to_train(spec, best), "default": spec.epochs}
        trials = len(study.trials)
    metric = spec.objective.metric.removeprefix("val_")
    score = SCORES[metric]
    configs = {"best": best.config, "default": default.config}
    found: dict[str, Any] = {
        "problem": path.stem, "metric": metric, "samples": len(part["y"]), "test": len(test["y"]),
        "trials": trials, "seconds": seconds, "val": best.value,
        "config": dict(best.config), "epochs": epochs,
    }  # fmt: skip
    for which, config in configs.items():
        found[which] = [
            float(score(_names(test["y"]), model.predict({"x": test["x"]})))
            for seed in range(1000, 1000 + seeds)
            for model in [train_on_all(settings, config, epochs[which], spec.epochs, seed)]
        ]
    made = words if isinstance(part["x"], list) and isinstance(part["x"][0], str) else perceptron
    found["sklearn"] = [
        float(
            score(test["y"], made(seed).fit(flat(part["x"]), part["y"]).predict(flat(test["x"])))
        )
        for seed in range(1 if made is words else seeds)  # the one of texts has no randomness
    ]
    found["estimator"] = "tf-idf + LogisticRegression" if made is words else "MLPClassifier"
    return found


def _names(labels: Iterable[Any]) -> list[str]:
    return [str(label) for label in labels]


def shown(values: list[float]) -> str:
    mean = statistics.fmean(values)
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean:.4f}{spread}"


HEADER = (
    "| problem | metric | samples | search | default config | tuned | scikit-learn | estimator |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- |"
)


def row(found: dict[str, Any]) -> str:
    return (
        f"| {found['problem']} | {found['metric']} | {found['samples']} + {found['test']} test "
        f"| {found['trials']} trials, {found['seconds']:.0f} s | {shown(found['default'])} "
        f"| {shown(found['best'])} | {shown(found['sklearn'])} | {found['estimator']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--budget", default="20x")
    parser.add_argument("--seeds", type=int, default=3, help="of the final trainings")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", help="names of problems")
    parser.add_argument("--store", type=Path, help="keeps searches, to go on after an interrupt")
    parser.add_argument("--out", type=Path, help="all figures, one JSON object a line")
    given = parser.parse_args()
    torch.set_num_threads(1)  # two would wait for each other on a busy machine
    print(HEADER, flush=True)
    for path in sorted(FOLDER.glob("*.toml")):
        if given.only and path.stem not in given.only:
            continue
        try:
            found = measure(path, given.budget, given.seeds, given.workers, given.store)
        except Exception as error:  # noqa: BLE001 - data that are not installed end one row only
            print(f"| {path.stem} | {error} |", flush=True)
            continue
        print(row(found), flush=True)
        if given.out is not None:
            with given.out.open("a") as file:
                file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
