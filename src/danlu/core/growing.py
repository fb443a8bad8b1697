"""The curves of a history while they grow: reports folded quickly, since studies have millions."""

import math
from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from danlu.core.event import Event, Reported
from danlu.core.record import Report, TrialRecord

Fields: TypeAlias = dict[str, Any]
Evaluated: TypeAlias = tuple[float, int, int, Mapping[str, float]]
"""A report as a store has it: its time, trial, epoch and metrics."""

_made = tuple.__new__  # of a named tuple, at half the price of a call of its class


@dataclass(slots=True)
class Curve:
    """A trial's reports while they grow: a list, as a tuple would be copied each time."""

    reports: list[Report]
    last: int  # epoch
    value: float | None
    value_epoch: int
    loss: float  # the value as one
    share: float  # full-training equivalents of one epoch


class Growing:
    """The curves that grow while events are folded; written for a million reports."""

    def __init__(self, now: Fields) -> None:
        self._now = now
        self._curves: dict[int, Curve] = {}
        self._metric: str = now["spec"].objective.metric
        self._sign = now["spec"].objective.loss(1.0)

    def until_other(self, events: Iterator[Event | Evaluated]) -> Event | None:
        """Add reports to their curves until an event of another kind comes, and give that one.

        A report of an epoch that was reported before is left out. What a report moves is kept in
        local variables meanwhile, and nothing is called for an ordinary one.
        """
        now, curves, metric, sign = self._now, self._curves, self._metric, self._sign
        version, trainings = now["version"], now["trainings"]
        last_at, seconds = now["last_at"], now["seconds"]
        other = None
        for event in events:
            if isinstance(event, tuple):
                at, trial, epoch, metrics = event
            elif isinstance(event, Reported):
                at, trial, epoch, metrics = event.at, event.trial, event.epoch, event.metrics
            else:
                other = event
                break
            curve = curves.get(trial)
            if curve is None:
                curve = curves[trial] = self._begun(trial)
            report = _made(Report, (epoch, metrics, at))
            if epoch > curve.last:
                curve.reports.append(report)
                curve.last = epoch
            elif not _inserted(curve.reports, report):
                continue
            value = metrics.get(metric)
            if value is not None and -math.inf < (loss := sign * value) < curve.loss:
                curve.value, curve.value_epoch, curve.loss = value, epoch, loss
            trainings += curve.share
            version += 1
            if at > last_at:
                seconds += at - last_at
                last_at = at
        now.update(version=version, trainings=trainings, last_at=last_at)
        if now["active"]:  # the clock runs while a tuner does, and never backwards
            now["seconds"] = seconds
        return other

    def _begun(self, trial: int) -> Curve:
        t: TrialRecord = self._now["trials"][trial]
        loss = math.inf if t.value is None else self._sign * t.value
        share = t.proxy.data_fraction / self._now["spec"].epochs
        return Curve(list(t.reports), t.epoch, t.value, t.value_epoch, loss, share)

    @property
    def trials(self) -> Sequence[int]:
        return tuple(self._curves)

    def settle(self, *numbers: int | None) -> None:
        """Put the grown reports of some trials into their records."""
        trials = self._now["trials"]
        for n in numbers:
            if n is not None and (c := self._curves.pop(n, None)):
                trials[n] = replace(
                    trials[n], reports=tuple(c.reports), value=c.value, value_epoch=c.value_epoch
                )


def _inserted(reports: list[Report], new: Report) -> bool:
    """Add a late report in the order of epochs; False if its epoch is there."""
    if any(r.epoch == new.epoch for r in reports):
        return False
    insort(reports, new, key=lambda r: r.epoch)
    return True
