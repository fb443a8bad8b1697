"""What a worker is asked to do: train one trial up to an epoch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from danlu.core.decision import FULL, Proxy
from danlu.core.parameter import Value


@dataclass(frozen=True, slots=True)
class Job:
    """One launch of a trial.

    Attributes:
        study: Name of the study.
        trial: Number of the trial.
        config: Name → value.
        seed: The trial's seed.
        until: Epoch to train to, counted from 1 since the trial began.
        epochs: The full length of a trial; schedules span it, whatever ``until`` says.
        folder: The trial's own folder, for checkpoints, logs and files of one's own.
        proxy: What to train on.
        attempt: Counted from 1; a retry after a lost worker is a new attempt.
        epoch: Last epoch that earlier launches reported, 0 for a new trial.
        micro_batches: Into how many parts each batch is to be split, to need less memory.
        repetition: Whether a config of the search is trained again with a fresh seed, to confirm
            it.
    """

    study: str
    trial: int
    config: Mapping[str, Value]
    seed: int
    until: int
    epochs: int
    folder: Path
    proxy: Proxy = FULL
    attempt: int = 1
    epoch: int = 0
    micro_batches: int = 1
    repetition: bool = False

    def encode(self) -> dict[str, Any]:
        """The job as plain JSON."""
        return asdict(self) | {"config": dict(self.config), "folder": str(self.folder)}

    @classmethod
    def decode(cls, table: Mapping[str, Any]) -> "Job":
        """The job that `encode` gave."""
        given = {"folder": Path(table["folder"]), "proxy": Proxy(**table["proxy"])}
        return cls(**{**table, **given})
