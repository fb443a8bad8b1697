"""What training code holds: `Trial`, its parameters, how far to train, and where to report."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from danlu.core.job import Job
from danlu.core.parameter import Value
from danlu.errors import ReportError
from danlu.worker import checkpoint
from danlu.worker.spool import FULL, evaluation, whole

LITTLE = 1 << 20  # bytes: with less on the disk, an unknown error of writing is for want of space
CHECKPOINT_EVERY_S = 10.0  # between pauses, what a killed worker has to train again at most


class Channel(Protocol):
    """Where a trial's reports go, and whence it hears how far to train."""

    def send(self, line: Mapping[str, Any]) -> None:
        """Record a line of the report file; it survives this process when it returns."""
        ...

    def wait(self, epoch: int) -> int:
        """Wait at the end of a slice; the next ``until``, or 0 to end here."""
        ...


class Trial:
    """One config being trained, as training code sees it.

    Example:
        >>> def train(trial):
        ...     model, optimizer = build(trial.params)
        ...     start = trial.restore(model, optimizer)
        ...     for epoch in trial.epochs(start):
        ...         train_loss, val_loss = ...
        ...         trial.report(epoch, train_loss=train_loss, val_loss=val_loss)
        ...         trial.save(model, optimizer)

    Attributes:
        study: Name of the study.
        number: Number of the trial, counted from 1.
        params: Name → value, read-only; only active parameters are there.
        seed: Seed of this trial: the same after a pause or a lost worker.
        until: Epoch to train to for now.
        horizon: The full length of a trial in epochs: what learning-rate schedules span, so that
            a paused curve is the beginning of the full one.
        attempt: Counted from 1; a retry after a lost worker is a new attempt.
        repetition: Whether a config of the search is trained again to confirm it. Repetitions of
            different configs have the same seeds, so that what is drawn from the seed, such as
            another split into training and validation data, is the same for all of them.
        folder: A folder of this trial's own, which stays between attempts.
        micro_batches: Into how many parts to split each batch, adding up their gradients: 1, and
            twice as many each time that the system killed the worker for want of memory.
    """

    def __init__(self, job: Job, channel: Channel) -> None:
        self.study = job.study
        self.number = job.trial
        self.params: Mapping[str, Value] = MappingProxyType(dict(job.config))
        self.seed = job.seed
        self.until = job.until
        self.horizon = job.epochs
        self.attempt = job.attempt
        self.repetition = job.repetition
        self.folder: Path = job.folder
        self.micro_batches = job.micro_batches
        self._known = job.epoch
        self._owner = f"{job.trial} {job.seed} {job.study}"
        self._proxy = job.proxy
        self._channel = channel
        self._reported = self._epoch = 0
        self._noted: set[str] = set()
        self._saved_at = time.monotonic()

    def __repr__(self) -> str:
        return f"<Trial {self.number} of {self.study!r}: {dict(self.params)}>"

    @property
    def data_fraction(self) -> float:
        """Share of the training data to use, in (0, 1]; asking tells that it is respected."""
        self._observe("data_fraction")
        return self._proxy.data_fraction

    @property
    def classes(self) -> int | None:
        """Number of classes to keep, None for all; asking tells that it is respected."""
        self._observe("classes")
        return self._proxy.classes

    def epochs(self, start: int = 0) -> Iterator[int]:
        """The epochs to train, from ``start`` + 1; ends by itself.

        At ``until`` the tuner is asked: when it wants this trial to go on, so does the loop,
        without reloading anything.

        Args:
            start: The last epoch that is trained already, as `restore` returns it.
        """
        epoch = start
        while True:
            while epoch < self.until:
                epoch += 1
                self._epoch = epoch
                yield epoch
            if epoch >= self.horizon:
                return
            self.until = self._channel.wait(epoch)
            if self.until <= epoch:
                return

    def report(self, epoch: int, metrics: Mapping[str, Any] | None = None, **named: Any) -> None:
        """Report the evaluations after an epoch.

        Args:
            epoch: Counted from 1 since the trial began; must grow within an attempt.
            metrics: Name → number, for names that are no Python identifiers.
            named: The same as keyword arguments: ``train_loss=0.3, val_loss=0.4``.

        Raises:
            ReportError: If the epoch does not grow, or a value is no number.
        """
        line = evaluation(whole(epoch), metrics, named)
        if line["epoch"] <= self._reported:
            raise ReportError(order_problem(self.number, line["epoch"], self._reported))
        self._channel.send(line)
        self._reported = line["epoch"]

    def save(self, *objects: Any, now: bool = False) -> None:
        """Keep the states of some objects, so that the trial can be continued from here.

        May be called after every epoch: it writes at ``until``, and in between at most every
        ten seconds. Each file is written as a whole, and the one before it is kept: a crash, and
        even a damaged disk, costs no more than what was trained in between.

        Args:
            objects: Anything with ``state_dict()`` and ``load_state_dict()``: models, optimisers,
                schedulers. Other things can be written to `folder`.
            now: Write in any case.
        """
        epoch = max(self._reported, self._epoch)  # it may be saved before it is reported
        due = time.monotonic() - self._saved_at > CHECKPOINT_EVERY_S
        if epoch < self.until and not (due or now):
            self._observe("checkpoint")
            return
        try:
            checkpoint.save(self.folder, epoch, objects, self._owner)
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by the latter
            if not _is_full(error, self.folder):
                raise
            sys.stderr.write(f"danlu: there is no space for a checkpoint: {error}\n")
            return  # the one before is still there, and a paused trial stays in memory
        self._channel.send({"danlu": "saved", "epoch": epoch})
        self._saved_at = time.monotonic()

    def restore(self, *objects: Any) -> int:
        """Give the objects the states that were saved last; damaged files are passed over.

        Returns:
            The epoch after which they were saved; 0 for a new trial.
        """
        self._observe("checkpoint")
        epoch, damaged = checkpoint.restore(self.folder, objects, self._owner, self._known)
        for path in damaged:
            sys.stderr.write(f"danlu: {path} is damaged, and passed over.\n")
        if damaged:  # what the tuner knows of it no longer holds
            self._channel.send({"danlu": "saved", "epoch": epoch})
        self._reported = self._epoch = epoch
        return epoch

    def _observe(self, capability: str) -> None:
        if capability not in self._noted:
            self._noted.add(capability)
            self._channel.send({"danlu": "observed", "capability": capability})


def _is_full(error: Exception, folder: Path) -> bool:
    if isinstance(error, OSError):
        return error.errno in FULL
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize < LITTLE


def order_problem(trial: int, epoch: int, last: int) -> str:
    """The sentence for an epoch that does not grow."""
    if epoch < 1:
        return f"trial {trial} sent epoch {epoch}: epochs are counted from 1."
    return (
        f"trial {trial} sent epoch {epoch} after epoch {last}: epochs must grow. "
        "Did the training count from the beginning again after resuming?"
    )
