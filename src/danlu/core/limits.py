"""Time limits of trials: how long one may be silent, and how long it may train.

They run on a clock of attention, which counts only while the tuner looks: what passes while the
tuner itself is stopped, or waits for a disk or a server, is nobody's silence.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

from danlu.core.event import Failed, Lost, Stopped
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.spec import Budget
from danlu.errors import StudyError

SHORTEST_S = 600.0  # silence that is never too long, where no limit was given
LONGER = 20.0  # times the longest epoch so far: silence that is too long, where none was given
TURN_S = 2.0  # what a turn of the tuner's loop counts at most


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of every trial of a study, in seconds; infinite means none.

    Attributes:
        report: Between two reports, and from a launch to its first one. None goes by the trials
            themselves: 20 times the longest epoch of this run, at least ten minutes, and none
            before the first report.
        trial: Of all its training together.
    """

    report: float | None = None
    trial: float = math.inf

    @classmethod
    def parse(cls, report: object = None, trial: object = None) -> "Limits":
        """Read ``"10 min"``, ``"2h"``, seconds as a number, or ``"off"``.

        Raises:
            StudyError: If one can be read as no time.
        """
        return cls(
            None if report is None else parse_limit("report_timeout", report),
            math.inf if trial is None else parse_limit("trial_timeout", trial),
        )


DEFAULT = Limits()


def parse_limit(name: str, given: object) -> float:
    """Seconds of a limit of that name; see `Limits.parse`."""
    if given == "off":
        return math.inf
    if isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < math.inf:
        return float(given)
    try:
        limit = Budget.parse(given if isinstance(given, str) else "no time")
    except StudyError:
        limit = Budget()
    if limit.seconds is None or limit.trials is not None or limit.trainings is not None:
        raise StudyError(say(
            "{name} must be a time such as '10 min' or '2h', seconds as a number, or "
            "'off', but got {given}.",
            name=name, given=repr(given),
        ))  # fmt: skip
    return limit.seconds


@dataclass(slots=True)
class _Sign:
    """What was last seen of a running trial, and when; ``began`` is its launch."""

    epoch: int
    launches: int
    at: float
    began: float


class Overdue:
    """Finds the trials that are over their limits.

    Args:
        limits: What they may take.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._signs: dict[int, _Sign] = {}
        self._longest = 0.0  # time that an epoch took in this run
        self._clock = 0.0
        self._looked = time.monotonic()

    def found(self, history: History) -> Iterator[Lost | Failed | Stopped]:
        """How trials that are over a limit are to end; call it at every turn of the loop."""
        now = time.monotonic()
        self._clock += min(TURN_S, now - self._looked)
        self._looked = now
        running = [t for t in history.running if t.state == "running"]
        self._signs = {t.number: self._sign(t) for t in running}
        for trial in running:
            if (ending := self._ending(trial)) is not None:
                yield ending

    def _sign(self, trial: TrialRecord) -> _Sign:
        sign, launches = self._signs.get(trial.number), len(trial.launches)
        if sign is None or sign.launches != launches:
            return _Sign(trial.epoch, launches, self._clock, self._clock)
        if trial.epoch > sign.epoch:
            epochs = trial.epoch - sign.epoch
            self._longest = max(self._longest, (self._clock - sign.at) / epochs)
            sign.epoch, sign.at = trial.epoch, self._clock
        return sign

    @property
    def _silence(self) -> float:
        """Seconds that a trial may be silent."""
        if self._limits.report is not None:
            return self._limits.report
        return max(SHORTEST_S, LONGER * self._longest) if self._longest else math.inf

    def _ending(self, trial: TrialRecord) -> Lost | Failed | Stopped | None:
        sign, number, now = self._signs[trial.number], trial.number, time.time()
        trained = trial.seconds + self._clock - sign.began
        if trained > self._limits.trial:
            limit = self._limits.trial
            why = say("it trained longer than trial_timeout, {limit:g} s", limit=limit)
            return Stopped(now, number, why)
        silent = self._clock - sign.at
        if silent <= self._silence:
            return None
        why = say(
            "it reported nothing for {silent:.0f} s, which is longer than report_timeout",
            silent=silent,
        )
        if self._limits.report is None:
            why += say(
                " (by itself {times:g} times the longest epoch, at least {least:g} s)",
                times=LONGER, least=SHORTEST_S,
            )  # fmt: skip
        if trial.losses:  # a second time without a new epoch: it would hang again
            return Failed(now, number, "timeout", say("{why}.", why=why))
        return Lost(now, number, why)
