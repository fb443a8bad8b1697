"""`Training`: data and a family of models as a training function for a study."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.core.task import Task
from danlu.errors import DataError, LaunchError
from danlu.kit.defaults import Defaults, defaults_of, params_of
from danlu.kit.devices import check_device, device_of
from danlu.kit.loop import Setup, train, training_loss
from danlu.kit.models import build
from danlu.kit.optimisers import optimiser
from danlu.kit.params import Params
from danlu.kit.prepared import Part, Prepared, prepare
from danlu.kit.preprocessing import PADDING, UNKNOWN, Shape
from danlu.kit.reading import read
from danlu.kit.settings import Settings
from danlu.kit.sources import imported
from danlu.preflight.problem import Data, Problem
from danlu.worker.trial import Trial

MOST_PARTS = 8  # shares of the data that are kept in memory
# Validation samples below which a repetition has a split of its own: with fewer the split says
# more of a config than the seed does, and a search finds the config that suits its split best.
ENOUGH_VALIDATION = 2_000
CONFUSION = "confusability.json"  # beside the trials' folders


class Training:
    """Trains a network of the kit, or one of the user's, on some data: what `Study.run` takes.

    The data are read, checked, split and preprocessed once, when this is made; each trial then
    trains in a fork of the process that made it.

    Example:
        >>> training = Training("wine.csv", target="label")
        >>> study = Study(
        ...     "wine", space=training.space, objective=training.objective, epochs=training.epochs
        ... )
        >>> best = study.run(training, workers=2, budget="20x")

    Args:
        data: A file, a folder, ``"module:function"``, a data frame, a pair (x, y) of arrays, or a
            mapping with ``x``, ``y`` and, if they come apart, ``x_val`` and ``y_val``.
        settings: The other attributes of `Settings`.

    Attributes:
        settings: What was given.
        data: Training and validation data as tensors.
        space: The space that experts would begin with.
        objective: What to tune.
        epochs: The full length of a trial.
        notes: What was assumed or left out, as sentences.

    Raises:
        DataError: With one sentence, if data or settings cannot be used.
    """

    def __init__(self, data: Any, target: str | None = None, **settings: Any) -> None:
        self.settings = Settings.of({"data": data, "target": target, **settings})
        check_device(self.settings.device)
        labelled = read(self.settings)
        self.data = prepare(labelled, self.settings)
        few = labelled.n_val is None and len(self.data.whole.y_val) < ENOUGH_VALIDATION
        self._again = labelled if few else None  # to be split anew by each repetition's seed
        self._defaults: Defaults = defaults_of(labelled, self.settings)
        self._build = builder(self.settings)
        self._parts: dict[tuple[float, int | None, int, int | None], Part] = {}
        self.notes = self._defaults.notes

    @property
    def space(self) -> Space:
        """The space that experts would begin with, fitted to the data's size and classes."""
        return self._defaults.space

    @property
    def objective(self) -> str:
        """What to tune, such as ``"max val_accuracy"``."""
        return self._defaults.objective

    @property
    def epochs(self) -> int:
        """The full length of a trial, what learning rates are planned over."""
        return self._defaults.epochs

    @property
    def metrics(self) -> tuple[str, ...]:
        """Those that are reported and a study can go by."""
        return self._defaults.metrics

    @property
    def metric(self) -> str:
        """What is tuned, without its ``val_``."""
        return self.objective.partition("val_")[2]

    @property
    def task(self) -> Task:
        """The facts that rules and reports go by."""
        return self.data.task(self.metric)

    def __call__(self, trial: Trial) -> None:
        """Train a trial as far as it wants, from its checkpoint if it has one.

        Raises:
            ConfigError: If its params cannot be.
        """
        train(trial, self.setup(trial))

    def setup(self, trial: Trial) -> Setup:
        """What a trial is trained with."""
        params = self.params(trial.params)
        part = self._part(trial, params.batch_size)
        make = self._maker(trial.params, params, part.shape)
        return Setup(make, params, part, self.settings.patience, self.metric)

    def _part(self, trial: Trial, batch_size: int) -> Part:
        """The data of a trial on its device; trials of one process share them."""
        share, classes = trial.data_fraction, trial.classes
        split = trial.seed if trial.repetition and self._again is not None else None
        key = (share, classes, batch_size if share < 1.0 else 0, split)
        if key not in self._parts:
            part = self._split(split).part(
                share, classes, batch_size, trial.folder.parent / CONFUSION
            )
            if len(self._parts) >= MOST_PARTS:
                self._parts.pop(next(iter(self._parts)))
            self._parts[key] = part.to(device_of(self.settings.device))
        return self._parts[key]

    def _split(self, seed: int | None) -> Prepared:
        """The data, split anew if a seed is given."""
        if seed is None or self._again is None:
            return self.data
        return prepare(self._again, replace(self.settings, split=seed))

    def params(self, config: Mapping[str, Any]) -> Params:
        """What a config sets the kit to, with this family's defaults."""
        n = len(self.data.whole.y)
        own = self.settings.own_network
        return Params.of(config, params_of(self._defaults.family, n), own_network=own)

    def build(self, config: Mapping[str, Any]) -> nn.Module:
        """The model of a config for all classes."""
        return self._maker(config, self.params(config), self.data.whole.shape)()

    def _maker(
        self, config: Mapping[str, Any], params: Params, shape: Shape
    ) -> Callable[[], nn.Module]:
        if self._build is None:
            return lambda: build(params, shape)
        return lambda: checked_model(self._build, config, shape)  # type: ignore[arg-type]

    def problem(self) -> Problem:
        """Data, model, loss and optimiser for the checks before the first trial.

        It brings no params of its own: a study's are checked, and for what they leave out the
        kit's defaults, as in training.
        """
        whole = self.data.whole
        n = len(whole.y)
        return Problem(
            data=_checked_data(whole, getattr(self.data.preprocessing, "names", ())),
            build=self.build,
            loss=training_loss(self.params({}), whole),
            optimizer=lambda parameters, config: optimiser(parameters, self.params(config), n),
            kind="regression" if whole.regression else "classification",
        )

    @property
    def reference(self) -> str:
        """By which another interpreter can make the same, as `load_function` takes it.

        Raises:
            LaunchError: If the data are objects of this process.
        """
        if not isinstance(self.settings.data, str | Path):
            raise LaunchError(
                say("these data live in this process only: give the name of a file or a function.")
            )
        return self.settings.reference


def builder(settings: Settings) -> Callable[[Mapping[str, Any], Shape], Any] | None:
    """The user's builder that settings name; None for the kit's own models."""
    return imported(settings.model) if settings.own_network else None


def checked_model(
    build: Callable[[Mapping[str, Any], Shape], Any], config: Mapping[str, Any], shape: Shape
) -> nn.Module:
    """What a user's builder makes.

    Raises:
        DataError: If it is no module.
    """
    model = build(config, shape)
    if not isinstance(model, nn.Module):
        raise DataError(say(
            "the builder must return a torch.nn.Module, but gave {model:.80}.",
            model=repr(model),
        ))  # fmt: skip
    return model


def _checked_data(part: Part, names: tuple[str, ...]) -> Data:
    """The data as pre-flight takes them: one tensor of inputs, or a tuple of several."""
    x, x_val = (t[0] if len(t) == 1 else t for t in (part.x, part.x_val))
    text = part.shape.kind == "text"
    return Data(
        x_train=x, y_train=part.y, x_val=x_val, y_val=part.y_val, names=names,
        padding=PADDING if text else None, unknown=UNKNOWN if text else None,
    )  # fmt: skip
