"""A config as something to copy: TOML, a Python dict, a command line, a file to train from."""

import math
import re
import shlex
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from danlu.core.command import Command
from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.spec import Spec

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(config: Mapping[str, Any]) -> str:
    """The config as lines of TOML; a value of none becomes a comment, since TOML has no word."""
    lines = [
        f"# {_key(name)} has no value" if value is None else f"{_key(name)} = {_toml(value)}"
        for name, value in config.items()
    ]
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else _escape(c) for c in escaped) + '"'


def _escape(char: str) -> str:
    return f"\\u{ord(char):04X}" if ord(char) < 0x10000 else f"\\U{ord(char):08X}"


def _toml(value: str | float | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _quoted(value) if isinstance(value, str) else repr(value)


def as_training(spec: Spec, trial: TrialRecord) -> str:
    """A trial of the training kit as a file for ``danlu train``."""
    final = {"epochs": epochs_to_train(spec, trial), "horizon": spec.epochs, "seed": trial.seed}
    metric = spec.objective.metric
    best = f", {metric} {trial.value:.6g} at epoch {trial.value_epoch}" if trial.value else ""
    return (
        f"# {spec.name}: trial {trial.number}{best} of {spec.epochs}\n"
        f"[train]\n{as_toml(spec.training)}\n\n"
        f"[final]\n{as_toml(final)}\n\n"
        f"[params]\n{as_toml(trial.config)}"
    )


def epochs_to_train(spec: Spec, trial: TrialRecord) -> int:
    """How long to train a config once more: the last epoch as good as the best but for noise.

    Where one epoch is luckiest among many equal ones, the learning rate may be far from its end.
    Noise is the median change between neighbouring epochs in the second half of the curve.
    """
    losses = {
        r.epoch: spec.objective.loss(r.metrics[spec.objective.metric])
        for r in trial.reports
        if math.isfinite(r.metrics.get(spec.objective.metric, math.nan))
    }
    if not losses:
        return spec.epochs
    late = list(losses.values())[len(losses) // 2 :]
    changes = sorted(abs(b - a) for a, b in pairwise(late)) or [0.0]
    noise = changes[len(changes) // 2]
    return max(e for e, loss in losses.items() if loss <= min(losses.values()) + noise)


def as_python(config: Mapping[str, Value]) -> str:
    """The config as a Python dict, one line for each parameter."""
    lines = "".join(f"    {name!r}: {value!r},\n" for name, value in config.items())
    return "{\n" + lines + "}"


def as_command(spec: Spec, trial: TrialRecord) -> str:
    """The command that trains a trial's config in full on all data, quoted for a POSIX shell."""
    job = Job(spec.name, trial.number, trial.config, trial.seed, spec.epochs, spec.epochs, Path())
    return shlex.join(Command(spec.command).arguments(job))
