"""Full trainings across the learning rates, when no config has shown anything so far.

Freeze-thaw trains on what looks better, and where nothing does yet it trains nothing for long. A
task on which learning begins late would never be seen to begin. So once the study's diagnosis
says that nothing learns yet, a few configs are brought to their full length: one in each sixth of
the learning rate's range, for the learning rate decides most. What they show settles the doubt.
"""

from danlu.catalogue.roles import role_of
from danlu.core.decision import Continue, Note, Start
from danlu.core.finding import standing
from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.budgeting import fits, total, trials_left
from danlu.strategies.encoding import usual_config
from danlu.strategies.evidence import one_by_one, recorded
from danlu.strategies.lines import PROBE, begins

DOUBT = "nothing_yet"
PROBES = 6
WORTH = 1.5 * PROBES  # full trainings that must be left: else little is saved by knowing
NEAR = 0.03  # of the range: a paused trial this near to a probe's place is trained on instead


def deepen(space: Space, history: History) -> Start | Continue | None:
    """The next full training that is to settle the doubt; None without doubt, or if all are."""
    if all(f.code != DOUBT for f in standing(history.findings)):
        return None
    begun = any(t.stage == PROBE for t in history.trials.values())
    if not begun and not fits(history, WORTH, total(history)):
        return None
    name = next((n for n in space.default() if n in space.free and _rate(space[n], n)), None)
    if name is None:
        return None
    for i in range(PROBES):
        decision = _probe(space, history, name, (i + 0.5) / PROBES)
        if decision is not None:
            return decision
    return None


def probes(
    space: Space, history: History, free_slots: int
) -> tuple[list[Start | Continue | Note], History]:
    """The probes that free slots begin, after their stage's line, and the history with them."""
    begun = [d for d in one_by_one(deepen, space, history, free_slots)
             if isinstance(d, Start | Continue)]  # fmt: skip
    found = [*begins(history, PROBE, begun), *begun]
    for decision in found:
        history = recorded(history, decision)
    return found, history


def _rate(p: Parameter, name: str) -> bool:
    """Whether a parameter is a learning rate whose range can be divided."""
    return not isinstance(p, Choice) and role_of(name, p) == "lr"


def _probe(space: Space, history: History, name: str, place: float) -> Start | Continue | None:
    """The training of a config near a place of the learning rate, if there is none in full."""
    p, full = space[name], history.spec.epochs
    near = [
        t for t in history.trials.values()
        if t.proxy.full and name in t.config and abs(p.to_unit(t.config[name]) - place) <= NEAR
    ]  # fmt: skip
    if any(t.until >= full and (t.open or t.epoch >= full or t.state == "failed") for t in near):
        return None
    paused = [t for t in near if t.state == "paused" and history.can_pause]
    deepest: TrialRecord | None = max(paused, key=lambda t: (t.epoch, -t.number), default=None)
    why = say("nothing learns so far; whether learning begins late a full training will tell")
    if deepest is not None:
        cost = history.cost(full - deepest.epoch, deepest.proxy)
        if not fits(history, cost, total(history)):
            return None
        return Continue(deepest.number, full, PROBE, say("probe: {why}", why=why))
    if not fits(history, 1.0, total(history)) or trials_left(history) < 1:
        return None
    config = {**usual_config(space), name: p.from_unit(place)}
    return Start(config, full, stage=PROBE, why=say("probe: {why}", why=why))
