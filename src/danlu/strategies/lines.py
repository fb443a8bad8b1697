"""Lines of the log-book for searches whose stages are told by their trials."""

from collections.abc import Sequence

from danlu.core.decision import Continue, Decision, Note, Start
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.strategies.budgeting import total

SEARCH, PROBE, FINISH, CONFIRM = "search", "probe", "finish", "confirm"
IN_FULL = frozenset({PROBE, CONFIRM})
"""Stages whose trainings tell nothing before their end: they are not stopped for being behind."""
DONE = {
    SEARCH: say(
        "begins with the default config, then trains what promises most: new configs for a short "
        "slice, paused ones further"
    ),
    PROBE: say("trains configs at learning rates from the whole range to their full length"),
    FINISH: say("brings the best, and the default config, to their full length"),
    CONFIRM: say("trains the best configs and the default again, with the same fresh seeds"),
}
WHY = {
    SEARCH: say("short trainings of many configs show where the good ones lie"),
    PROBE: say("nothing learns so far, and only full trainings tell a late start from none"),
    FINISH: say("values at different epochs do not compare"),
    CONFIRM: say("the best of many single runs flatters itself"),
}


def begins(history: History, stage: str, begun: Sequence[Decision]) -> list[Note]:
    """The line that begins a stage, if something is begun and the log-book has none for it."""
    known = {e.stage for e in history.logbook if e.code == "stage"}
    if stage in known or stage not in DONE:
        return []
    if not any(isinstance(d, Start | Continue) for d in begun):
        return []
    return [Note(Entry("stage", stage, _seen(history), DONE[stage], WHY[stage],
                       {"trials": len(history.trials), "spent": history.trainings}))]  # fmt: skip


def _seen(history: History) -> str:
    """Where the study stands."""
    spent = say(
        "{trainings:.3g} of {total:.3g} full trainings spent",
        trainings=history.trainings,
        total=total(history),
    )
    best = history.best
    if best is None or best.value is None:
        return spent
    value = f"{history.objective.metric} {best.value:.4g}"
    return say(
        "{spent}, trials: {trials}, the best #{number} with {value}",
        spent=spent,
        trials=len(history.trials),
        number=best.number,
        value=value,
    )


def unconfirmed(history: History) -> Entry | None:
    """The last line of a search that ends without repetitions; None if it stands already."""
    best = history.best
    if history.confirmation is not None or best is None or best.value is None:
        return None
    if any(e.code == "verdict" and e.data.get("winner") == best.number for e in history.logbook):
        return None
    return Entry(
        "verdict", best.stage or FINISH, _seen(history),
        say("use the config of #{number}", number=best.number),
        say("it was not trained again with other seeds, so its value flatters it")
        if all(t.stage != CONFIRM for t in history.trials.values())
        else say("what was trained again with other seeds ended early, so its value flatters it"),
        {"winner": best.number},
    )  # fmt: skip
