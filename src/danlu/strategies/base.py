"""The seam of all strategies: history in, decisions out."""

from collections.abc import Sequence
from typing import Protocol

from danlu.core.decision import Continue, Decision, Note, Start
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.space import Space


class Strategy(Protocol):
    """Decides which trials to start, continue and stop.

    A strategy is a frozen value with its configuration and keeps no state: the same history
    gives the same decisions, whoever asked before. Randomness comes from the study's seed and
    the number of the trial. Running trials are in the history, so that parallel suggestions see
    each other; asking for two decisions equals asking for one, recording it, and asking again.
    """

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        """Decide what the free workers do next.

        Called whenever a worker is free or something was reported. `Start` and `Continue` fill
        one slot each; `Stop` may name any open trial. An empty answer with nothing running ends
        the search, as `Finish` does.

        Args:
            space: What may vary.
            history: All that happened, with the study's spec.
            free_slots: How many trials may be started or continued now, at least 0.
        """
        ...


def last_lines(strategy: Strategy, history: History) -> list[Entry]:
    """What a strategy still has to say when the budget is spent and nothing trains any more.

    Nothing if it would go on: its lines are of what it would do.
    """
    decisions = strategy.decide(history.spec.space, history, 1)
    if any(isinstance(d, Start | Continue) for d in decisions):
        return []
    return [d.entry for d in decisions if isinstance(d, Note)]
