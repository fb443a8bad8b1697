"""A trial that was asked for: trained by somebody's own loop, in this process."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from danlu.core.event import Diagnosed, Event, Reported
from danlu.core.history import History, TrialRecord
from danlu.core.parameter import Value
from danlu.core.spec import Spec
from danlu.diagnosis.rules import new_findings, says_stop
from danlu.errors import ReportError
from danlu.worker.spool import evaluation
from danlu.worker.trial import order_problem


class AskedTrial:
    """What to train, and where to report it; closed by ``study.tell``.

    Attributes:
        number: Counted from 1.
        params: Name → value.
        seed: The trial's seed.
        start: Epoch up to which it is trained already: 0 for a new one.
        until: Epoch to train to.
        data_fraction: Share of the training data to use.
        classes: Number of classes to keep, None for all.
        folder: A place for its files; not made yet.
        why: Why this trial comes now.
        stopping: Whether the curves say that training on is a waste.
    """

    def __init__(
        self,
        record: TrialRecord,
        spec: Spec,
        folder: Path,
        append: Callable[[Event], History],
    ) -> None:
        self.number = record.number
        self.params: Mapping[str, Value] = dict(record.config)
        self.seed = record.seed
        self.start = record.epoch
        self.until = record.until
        self.data_fraction = record.proxy.data_fraction
        self.classes = record.proxy.classes
        self.folder = folder
        self.why = record.why
        self.stopping = False
        self._spec = spec
        self._last = record.epoch
        self._append = append

    def epochs(self) -> Iterator[int]:
        """The epochs to train, from ``start`` + 1 to ``until``; ends early when it should."""
        for epoch in range(self.start + 1, self.until + 1):
            if self.stopping:
                return
            yield epoch

    def report(
        self, epoch: int, metrics: Mapping[str, Any] | None = None, /, **named: Any
    ) -> bool:
        """Record the evaluations after an epoch.

        Returns:
            Whether to stop now, because the curves say that training on is a waste.

        Raises:
            ReportError: If the epoch does not grow, or a value is no number.
        """
        line = evaluation(epoch, {**(metrics or {}), **named})
        if epoch <= self._last:
            raise ReportError(order_problem(self.number, epoch, self._last))
        self._last = epoch
        values = {name: value for name, value in line.items() if name not in ("epoch", "at")}
        history = self._append(Reported(time.time(), self.number, epoch, values))
        for finding in new_findings(self._spec, history.trials[self.number]):
            self._append(Diagnosed(time.time(), self.number, finding))
            self.stopping = self.stopping or says_stop(finding)
        return self.stopping
