"""Coarse to fine, as practitioners do: wide and short, then narrow and long, then once more.

1. Coarse: the default config, learning rates with all else at its default, then configs from the
   whole space, trained for a fifth of the epochs (and on a part of the data where that saves
   enough).
2. Fine: the most promising of them go on, and new configs come from ranges that results and
   findings move; at half length the best third goes on to the full one.
3. Confirm: the best few configs and the default once more, in full and with fresh seeds, because
   the best of many single runs flatters itself.

Each stage and each move writes its line into the log-book, which is where later decisions find
the ranges in force. Without pausing, fine trials train on, and are stopped at coarse and at half
length unless they are in the best third there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from danlu.core.decision import Continue, Decision, Finish, Note, Start, on_part
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.coarse import coarse, rates, rates_seen
from danlu.strategies.confirm import confirm, verdict
from danlu.strategies.deepen import deepen
from danlu.strategies.evidence import recorded
from danlu.strategies.fine import fine, looking
from danlu.strategies.lines import PROBE, begins, unconfirmed
from danlu.strategies.options import check_flag
from danlu.strategies.plan import ETA, Moves, Plan, coarse_epochs, plan
from danlu.strategies.rungs import stops
from danlu.surrogates.linalg import one_thread


@dataclass(frozen=True)
class Staged(Moves):
    """Coarse to fine within the budget; without one, within 20 full trainings.

    Its keys switch single moves on and off (see `Moves`).

    Raises:
        StudyError: If a key is not true or false.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            check_flag("staged", f.name, getattr(self, f.name))

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        decisions: list[Decision] = []
        if not history.can_pause:
            decisions += stops(history, self._rungs(space, history), ETA)
        now, begun = history, 0
        while begun < free_slots:
            p = plan(space, now, self)
            with one_thread():
                found = following(space, now, p)
            if not found:
                break
            decisions += found
            for d in found:
                now, begun = recorded(now, d), begun + (not isinstance(d, Note))
        if free_slots and not begun and not history.running:
            last = verdict(now) or unconfirmed(now)
            decisions += [Note(last)] if last else []
            decisions.append(Finish(_summary(history)))
        return decisions

    def _rungs(self, space: Space, history: History) -> tuple[int, ...]:
        """Where trials that cannot pause are compared."""
        epochs, half = history.spec.epochs, plan(space, history, self).half_epochs
        return tuple(sorted({coarse_epochs(epochs), half, epochs}))


def following(space: Space, history: History, p: Plan) -> list[Start | Continue | Note]:
    """What a free slot does next; empty if nothing fits or all depends on what runs.

    Lines of the log-book that are due come before anything else is begun, and the first trial of
    a stage comes with one.
    """
    if seen := list(rates_seen(space, history, p)):
        return [Note(entry) for entry in seen]
    found: Start | Continue | Entry | None = coarse(space, history, p)
    if found is None and (probe := deepen(space, history)) is not None:
        return [*begins(history, PROBE, [probe]), probe]
    if found is None:
        if seen := looking(space, history, p):
            return [Note(entry) for entry in seen]
        found = fine(space, history, p) or confirm(history, p.budget)
    if found is None:
        return []
    if isinstance(found, Entry):
        return [Note(found)]
    stages = {e.stage for e in history.logbook if e.code == "stage"}
    if not found.stage or found.stage in stages:
        return [found]
    return [Note(_stage(space, history, p, found.stage)), found]


def _stage(space: Space, history: History, p: Plan, stage: str) -> Entry:
    """The line that begins a stage."""
    full, spent = (
        history.spec.epochs,
        say(
            "{trainings:.3g} of {budget:.3g} trainings spent",
            trainings=history.trainings,
            budget=p.budget,
        ),
    )
    if stage == "coarse":
        on = on_part(p.proxy)
        first = rates(space, p)
        order = say(", {first} of them on the learning rate alone", first=first) if first else ""
        done = say(
            "{coarse_trials} trials of {coarse_epochs} of {full} epochs{on}{order}",
            coarse_trials=p.coarse_trials,
            coarse_epochs=p.coarse_epochs,
            full=full,
            on=on,
            order=order,
        )
        why = say("many short trials show where good configs lie; the default config comes first")
    elif stage == "fine":
        done = say(
            "the best go on, new ones to epoch {half_epochs}, their best third to {full}",
            half_epochs=p.half_epochs,
            full=full,
        )
        why = say("longer trainings tell what short ones cannot")
    else:
        done = say("the best configs and the default again, with the same fresh seeds")
        why = say("the best of many single runs flatters itself")
    data = {"trials": len(history.trials), "spent": history.trainings}
    return Entry("stage", stage, spent, done, why, data)


def _summary(history: History) -> str:
    best = history.best
    if best is None or best.value is None:
        return say(
            "the plan is done: none of {trials} trials gave a value",
            trials=len(history.trials),
        )
    spent = say("{trainings:.3g} full trainings", trainings=history.trainings)
    metric = f"{history.objective.metric} {best.value:.4g}"
    return say(
        "coarse, fine and confirm are done after {spent}: the best is #{number}, {metric}",
        spent=spent,
        number=best.number,
        metric=metric,
    )
