"""The seam of all strategies: history in, decisions out."""

from collections.abc import Sequence
from typing import Protocol

from danlu.core.decision import Decision
from danlu.core.history import History
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
