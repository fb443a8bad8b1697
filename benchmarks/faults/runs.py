"""Trains cases once and keeps their curves, so that rules can be scored again at once."""

import json
from dataclasses import asdict
from pathlib import Path

from sklearn.linear_model import LogisticRegression

from danlu.core.event import Finished, Learned, Reported, Started
from danlu.core.history import History, empty
from danlu.core.parameter import Float, Int
from danlu.core.space import Space
from danlu.core.spec import Objective, Spec
from danlu.core.task import Task
from faults.case import Case, Settings
from faults.data import VOCABULARY, Data, load
from faults.training import Curves, train

SPACE = Space(
    lr=Float(1e-9, 1e3, log=True),
    dropout=Float(0.0, 1.0),
    weight_decay=Float(0.0, 10.0),
    label_smoothing=Float(0.0, 1.0),
    width=Int(1, 4096, log=True),
    layers=Int(0, 64),
    batch_size=Int(1, 4096, log=True),
    clip=Float(0.0, 1e3),
)
OBJECTIVE = Objective("val_accuracy", "max")


class Runs:
    """Curves by case, kept in one JSON file per part.

    Args:
        folder: Where the files lie; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[str, dict[str, dict[str, object]]] = {}

    def curves(self, case: Case, change: str = "") -> Curves:
        """The curves of a case, trained unless they are known; ``change`` names what it tries."""
        known = self._of_part(case.part)
        key = f"{case.fault}|{case.seed}" + (f"|{change}" if change else "")
        if key not in known:
            found = train(case)
            known[key] = {"reports": found.reports, "task": asdict(found.task),
                          "horizon": found.horizon}  # fmt: skip
            self._keep(case.part)
        kept = json.loads(json.dumps(known[key]))
        task = kept["task"] | {"priors": tuple(kept["task"]["priors"])}
        return Curves(kept["reports"], Task(**task), kept["horizon"])

    def linear_metric(self, part: str, seed: int) -> float:
        """Validation accuracy of a linear model, which pre-flight would tell."""
        known = self._of_part("linear")
        name = "digits-mlp" if part.startswith("digits-") else part  # the same samples
        if f"{name}|{seed}" not in known:
            known[f"{name}|{seed}"] = {"accuracy": _linear_metric(name, seed)}
            self._keep("linear")
        return float(str(known[f"{name}|{seed}"]["accuracy"]))

    def has(self, case: Case, change: str = "") -> bool:
        """Whether nothing has to be trained."""
        key = f"{case.fault}|{case.seed}" + (f"|{change}" if change else "")
        return key in self._of_part(case.part)

    def _of_part(self, part: str) -> dict[str, dict[str, object]]:
        if part not in self._known:
            path = self._path(part)
            there = path is not None and path.exists()
            self._known[part] = json.loads(path.read_text()) if there and path else {}
        return self._known[part]

    def _keep(self, part: str) -> None:
        path = self._path(part)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.write_text(json.dumps(self._known[part]))
            new.replace(path)

    def _path(self, part: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{part}.json"


def history_of(curves: Curves, settings: Settings, task: Task | None = None) -> History:
    """A study with one trial that reported these curves."""
    config = {name: getattr(settings, name) for name in SPACE.parameters}
    spec = Spec("faults", SPACE, OBJECTIVE, curves.horizon)
    history = empty(
        spec, [Learned(0.0, task or curves.task), Started(0.0, 1, config, curves.horizon, 0)]
    )
    reports = [Reported(0.0, 1, e, metrics) for e, metrics in enumerate(curves.reports, 1)]
    return history.after(*reports, Finished(0.0, 1))


def _linear_metric(part: str, seed: int) -> float:
    """Validation accuracy of logistic regression."""
    data = load(part, seed)
    x_train, x_val = _flat(data, data.x_train), _flat(data, data.x_val)
    model = LogisticRegression(max_iter=300).fit(x_train, data.y_train.numpy())
    return float(model.score(x_val, data.y_val.numpy()))


def _flat(data: Data, x: object) -> object:
    """Features in a row; of texts how often each word occurs."""
    import torch

    assert isinstance(x, torch.Tensor)
    if not data.tokens:
        return x.flatten(1).numpy()
    return torch.zeros(len(x), VOCABULARY).scatter_add_(1, x, torch.ones(x.shape)).numpy()
