"""The winner of a study, trained once more on all data, to be used."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from danlu.core.job import Job
from danlu.core.sentence import say
from danlu.errors import ConfigError, DataError
from danlu.kit.defaults import family_of, params_of
from danlu.kit.devices import device_of
from danlu.kit.loop import Setup, train
from danlu.kit.params import Params, name_problem
from danlu.kit.prepared import prepare
from danlu.kit.reading import read
from danlu.kit.saved import Model, network_of
from danlu.kit.settings import Settings
from danlu.worker.trial import Trial

Watch = Callable[[Mapping[str, Any]], object]


@dataclass(frozen=True)
class Progress:
    """A trial's channel that goes nowhere but to a watcher."""

    watch: Watch

    def send(self, line: Mapping[str, Any]) -> None:
        if "epoch" in line and "danlu" not in line:
            if not math.isfinite(line["train_loss"]):
                raise DataError(
                    say(
                        "training broke down in epoch {epoch}, and nothing is saved: try a "
                        "learning rate ten times smaller, or clip gradients.",
                        epoch=line["epoch"],
                    )
                )
            self.watch(line)

    def wait(self, epoch: int) -> int:  # noqa: ARG002
        return 0


def train_on_all(
    settings: Settings,
    config: Mapping[str, Any],
    epochs: int,
    horizon: int,
    seed: int = 0,
    watch: Watch = lambda _: None,
) -> Model:
    """Train a config on training and validation data together.

    Args:
        settings: Data and kind of model.
        config: Name → value.
        epochs: To train: those at which the best value was reached.
        horizon: Which the learning rate is planned over: the epochs of a full trial.
        seed: Of the weights and the order of the data.
        watch: Is given the metrics after each epoch; those of validation mean nothing here.

    Raises:
        DataError: If the data cannot be used, or training breaks down.
        ConfigError: If the config cannot be.
    """
    unknown = () if settings.own_network else filter(None, map(name_problem, config))
    if problem := next(iter(unknown), None):
        raise ConfigError(problem)
    labelled = read(settings)
    family = family_of(labelled, settings)
    prepared = prepare(labelled, settings, all_for_training=True)
    defaults = params_of(family, len(prepared.whole.y))
    params = Params.of(config, defaults, own_network=settings.own_network)
    shape = prepared.whole.shape
    with TemporaryDirectory() as folder:
        job = Job("final", 1, config, seed, epochs, max(epochs, horizon), Path(folder))
        setup = Setup(
            lambda: network_of(settings, config, defaults, shape), params,
            prepared.whole.to(device_of(settings.device)),
        )  # fmt: skip
        model = train(Trial(job, Progress(watch)), setup)
    return Model(
        model.cpu().eval(), prepared.preprocessing, prepared.classes, settings, config, defaults,
        prepared.mean, prepared.whole.scale,
    )  # fmt: skip
