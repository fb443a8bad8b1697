"""Asynchronous successive halving: many short trials, of which the best go on (Li et al. 2020).

Trials are compared at rungs, each ``eta`` times as long as the one before. Whenever a slot is
free, a trial in the best 1/eta of its rung goes on to the next one; if there is none, a new
trial begins. Where training cannot pause, trials train on and those not in the best 1/eta of
the rung that they passed last are stopped.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from danlu.core.decision import Continue, Decision, Note, Start
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.deepen import probes
from danlu.strategies.encoding import usual_config
from danlu.strategies.options import check_flag, check_one_of, check_whole
from danlu.strategies.rungs import ladder, ranked_rungs, stops
from danlu.strategies.sampling import SAMPLERS

FIRST_RUNG = 3  # epochs, if a full trial has twice as many: the order after one says little


@dataclass(frozen=True)
class Halving:
    """Asynchronous successive halving.

    Attributes:
        eta: One of how many trials goes on from each rung; at least 2.
        min_epochs: The first rung. By default 3, or 1 if a full trial is shorter than 6 epochs:
            the order after a single epoch says little about the order at the end.
        sampler: How new configs are drawn: ``"random"`` or ``"quasi-random"``.
        default_first: Whether the first trial is the default config.

    Raises:
        StudyError: If a value has the wrong type or range.
    """

    eta: int = 3
    min_epochs: int | None = None
    sampler: str = "quasi-random"
    default_first: bool = True

    def __post_init__(self) -> None:
        name = type(self).__name__.lower()
        check_whole(name, "eta", self.eta, 2)
        if self.min_epochs is not None:
            check_whole(name, "min_epochs", self.min_epochs, 1)
        check_one_of(name, "sampler", self.sampler, tuple(SAMPLERS))
        check_flag(name, "default_first", self.default_first)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        begun, history = probes(space, history, free_slots)
        free_slots -= sum(not isinstance(d, Note) for d in begun)
        return [*begun, *self._raced(space, history, free_slots)]

    def _raced(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        """Trials that go on, and new ones."""
        rungs = self.rungs(history.spec.epochs)
        if not history.can_pause:
            starts = self._starts(space, history, free_slots, rungs[-1])
            return [*stops(history, rungs, self.eta), *starts]
        going_on: list[Decision] = []
        for decision in promotions(history, rungs, self.eta):
            if len(going_on) == free_slots:
                break
            going_on.append(decision)
        left = free_slots - len(going_on)
        return going_on + self._starts(space, history, left, rungs[0])

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The epochs at which trials are compared; the last is the full length."""
        first = self.min_epochs or (FIRST_RUNG if epochs >= 2 * FIRST_RUNG else 1)
        return ladder(min(first, epochs), epochs, self.eta)

    def _starts(
        self, space: Space, history: History, free_slots: int, until: int
    ) -> list[Decision]:
        first, full = history.next_number, history.spec.epochs
        starts: list[Decision] = []
        for number in range(first, first + free_slots):
            config, what = draw(space, history, number, self.sampler, self.default_first)
            starts.append(
                Start(
                    config,
                    until,
                    why=say("{what}, {until} of {full} epochs", what=what, until=until, full=full),
                )
            )
        return starts


def draw(
    space: Space, history: History, number: int, sampler: str, default_first: bool
) -> tuple[dict[str, Value], str]:
    """The config of a new trial, and what it is."""
    if number == 1 and default_first:
        return usual_config(space), say("the default config")
    return SAMPLERS[sampler](space, history.spec.seed, number), say(
        "{sampler} draw {number}", sampler=sampler, number=number
    )


def promotions(history: History, rungs: Sequence[int], eta: int) -> Iterator[Continue]:
    """Paused trials that may go on, the most advanced first."""
    rankings = ranked_rungs(history, rungs)
    for k in reversed(range(len(rungs) - 1)):
        ranking, rung, following = rankings[k], rungs[k], rungs[k + 1]
        for place, (loss, number) in enumerate(ranking[: len(ranking) // eta]):
            t = history.trials[number]
            if t.state == "paused" and t.epoch < following and math.isfinite(loss):
                yield Continue(
                    number, following, why=say(
                        "#{number} is {place} of {ranking} at epoch {rung}, in the best 1/{eta}: "
                        "on to epoch {following}",
                        number=number, place=place + 1, ranking=len(ranking), rung=rung, eta=eta,
                        following=following,
                    )
                )  # fmt: skip
    for t in history.paused:
        if t.epoch < rungs[0]:
            why = say(
                "#{number} goes on from epoch {epoch} to the first rung, {rungs}",
                number=t.number,
                epoch=t.epoch,
                rungs=rungs[0],
            )
            yield Continue(t.number, rungs[0], why=why)
