"""Which new configs are trained whole at once, and what is known when they are chosen.

Short first slices find the good regions at a small price. Which config of a good region is the
best they cannot tell, as slices of good configs look alike; final values can, where they change
smoothly with the config. So once some trainings were spent, most of what follows goes to configs
that a Gaussian process over final values chooses (`danlu.strategies.bayes`), each trained to its
end, and the rest to slices as before.

Measured on the public curves: docs/why/search.md.
"""

from danlu.core.history import History
from danlu.strategies.evidence import Curve
from danlu.strategies.tracks import Track

SINCE = 5.0  # full trainings that are spent by curves alone
SHARE = 0.7  # of what is spent after them, for configs that are trained whole
LEAST_ENDS = 4  # final values before they decide


def whole_turn(history: History, track: Track, curves: list[Curve]) -> list[Curve] | None:
    """What the choice of a config that is trained whole rests on: the curves with an end.

    Failed ones and those on the way to their end belong to it.

    Returns:
        None if a new config shall begin with a short slice.
    """
    T = track.horizon
    ends = [c for c in curves if c.epoch >= T or c.failed or c.until >= T]
    if sum(c.epoch >= T for c in ends) < LEAST_ENDS:
        return None
    spent = history.trainings + history.committed - SINCE
    return ends if track.begun_whole(history) < SHARE * spent else None
