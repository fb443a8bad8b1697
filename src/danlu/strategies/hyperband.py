"""Hyperband: successive halving with several first rungs side by side (Li et al. 2018).

How long a trial must train before it can be judged is not known beforehand: short first rungs
judge many trials early, long ones few trials late. Hyperband gives each choice, a bracket, about
the same budget. Every trial belongs to one bracket for good, by its number, and is compared with
the trials of its own bracket only. Inside, each bracket is `halving.Halving` with another first
rung, asynchronous as there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from danlu.core.decision import Continue, Decision, Start
from danlu.core.history import History
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.halving import Halving, draw, promotions
from danlu.strategies.rungs import stops


@dataclass(frozen=True)
class Hyperband(Halving):
    """Successive halving in brackets, with the attributes of `Halving`.

    Its ``min_epochs`` is the first rung of the bracket that judges earliest; the others leave out
    one more each.
    """

    def _raced(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        """Trials that go on, and new ones, in their brackets."""
        rungs = self.rungs(history.spec.epochs)
        brackets = [(rungs[k:], _of_bracket(history, k, len(rungs), self.eta))
                    for k in range(len(rungs))]  # fmt: skip
        if not history.can_pause:
            ends = [s for own, part in brackets for s in stops(part, own, self.eta)]
            return [*ends, *self._dealt(space, history, free_slots, [rungs[-1:]] * len(rungs))]
        going_on: list[Decision] = [
            c for own, part in brackets for c in promotions(part, own, self.eta)
        ]
        going_on.sort(key=_deepest_first)
        left = max(0, free_slots - len(going_on))
        return going_on[:free_slots] + self._dealt(space, history, left, [b for b, _ in brackets])

    def _dealt(
        self, space: Space, history: History, free_slots: int, brackets: Sequence[Sequence[int]]
    ) -> list[Decision]:
        first, full = history.next_number, history.spec.epochs
        starts: list[Decision] = []
        for number in range(first, first + free_slots):
            k = bracket(number, len(brackets), self.eta)
            config, what = draw(space, history, number, self.sampler, self.default_first)
            until = brackets[k][0]
            why = say(
                "{what} in bracket {k} of {brackets}, {until} of {full} epochs",
                what=what,
                k=k + 1,
                brackets=len(brackets),
                until=until,
                full=full,
            )
            starts.append(Start(config, until, why=why))
        return starts


def bracket(number: int, count: int, eta: int) -> int:
    """The bracket of a trial, 0 for the one that judges earliest.

    Numbers are dealt out so that at any time all brackets have had about the same budget: the
    bracket is next whose share lags most.
    """
    cycle = _cycle(count, eta)
    return cycle[(number - 1) % len(cycle)]


@lru_cache(maxsize=64)
def _cycle(count: int, eta: int) -> tuple[int, ...]:
    """The brackets of the first trials, as often as in Hyperband (Li et al. 2018, algorithm 1)."""
    sizes = [-(-count * eta**s // (s + 1)) for s in reversed(range(count))]
    dealt, order = [0] * count, []
    for _ in range(sum(sizes)):
        k = min(range(count), key=lambda k: ((dealt[k] + 0.5) / sizes[k], k))
        dealt[k] += 1
        order.append(k)
    return tuple(order)


def _of_bracket(history: History, k: int, count: int, eta: int) -> History:
    """The history as if only one bracket's trials had been started."""
    own = {n: t for n, t in history.trials.items() if bracket(n, count, eta) == k}
    return replace(history, trials=own)


def _deepest_first(decision: Decision) -> int:
    return -decision.until if isinstance(decision, Continue) else 0
