"""A trained model to be used: weights, preprocessing and classes in one folder, and predictions.

The folder holds ``weights.pt``, read back with ``weights_only=True``, and ``model.json``: neither
can run code. (A builder of one's own is imported by its name, as in training.)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from danlu.core.sentence import say
from danlu.errors import DataError
from danlu.kit.arrays import Kind
from danlu.kit.loop import outputs_of
from danlu.kit.models import build
from danlu.kit.params import Params
from danlu.kit.preprocessing import Preprocessing, Shape, decode, encode
from danlu.kit.reading import Samples, read_samples
from danlu.kit.settings import Settings
from danlu.kit.training import builder, checked_model

WEIGHTS, ABOUT = "weights.pt", "model.json"
FORMAT = 1  # of model.json


@dataclass(frozen=True)
class Model:
    """A trained network with all that prediction needs.

    Attributes:
        network: In evaluation mode, on the CPU.
        preprocessing: As fitted in training.
        classes: Their names in the order of the outputs; empty for regression.
        settings: Of its training.
        config: It was trained with.
        defaults: Of params that the config says nothing of.
        mean: Of a number that is predicted, in the units of the data.
        scale: Its standard deviation.
    """

    network: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    settings: Settings
    config: Mapping[str, Any]
    defaults: Mapping[str, Any]
    mean: float = 0.0
    scale: float = 1.0

    def read(self, data: Any) -> Samples:
        """New samples like those of training; labels are not needed."""
        return read_samples(data, self.settings, cast(Kind, self.preprocessing.kind))

    def outputs(self, samples: Samples) -> npt.NDArray[np.float64]:
        """Probabilities (n, classes), or predicted numbers (n, 1) in the units of the data."""
        inputs = tuple(torch.from_numpy(a) for a in self.preprocessing.apply(samples))
        raw = outputs_of(self.network, inputs).double()
        found: npt.NDArray[np.float64] = (
            raw.softmax(1) if self.classes else raw * self.scale + self.mean
        ).numpy()
        return found

    def predict(self, data: Any) -> list[str] | npt.NDArray[np.float64]:
        """The name of each sample's most probable class, or the predicted numbers, (n,)."""
        outputs = self.outputs(self.read(data))
        if not self.classes:
            return outputs[:, 0]
        return [self.classes[i] for i in outputs.argmax(1)]

    def save(self, folder: Path) -> None:
        """Write the folder; one that is there already is written over."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {
            "format": FORMAT,
            "classes": list(self.classes),
            "settings": self.settings.table(),
            "config": dict(self.config),
            "defaults": dict(self.defaults),
            "mean": self.mean,
            "scale": self.scale,
            "preprocessing": encode(self.preprocessing),
        }
        torch.save(self.network.state_dict(), folder / WEIGHTS)
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Model":
        """The model in a folder.

        Raises:
            DataError: If there is none, or it is damaged.
        """
        if not (folder / ABOUT).is_file():
            raise DataError(
                say("there is no model in {folder}: train one with `danlu train`.", folder=folder)
            )
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            if about["format"] != FORMAT:
                raise DataError(say(
                    "{folder} has format {about}, but {known} is known.",
                    folder=folder, about=about["format"], known=FORMAT,
                ))  # fmt: skip
            settings = Settings.of(about["settings"])
            fitted = decode(about["preprocessing"])
            weights = torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True)
            network = network_of(
                settings,
                about["config"],
                about["defaults"],
                fitted.shape(len(about["classes"]) or 1),
            )
            network.load_state_dict(weights)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, UnpicklingError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise DataError(
                say(
                    "the model in {folder} is damaged, or another version's ({kind}: "
                    "{reason}): train it again.",
                    folder=folder,
                    kind=type(error).__name__,
                    reason=reason,
                )
            ) from error
        return cls(
            network.eval(), fitted, tuple(about["classes"]), settings, about["config"],
            about["defaults"], about["mean"], about["scale"],
        )  # fmt: skip


def network_of(
    settings: Settings, config: Mapping[str, Any], defaults: Mapping[str, Any], shape: Shape
) -> nn.Module:
    """The untrained network of a config."""
    if make := builder(settings):
        return checked_model(make, config, shape)
    return build(Params.of(config, defaults), shape)
