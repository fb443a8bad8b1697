"""The default plan: search by freeze-thaw, then train the best in full, then confirm them.

Freeze-thaw is coarse to fine by itself: it begins with the default config and many short
trainings, and its model narrows them down as it learns where the good configs lie. What it lacks
is the end: the best of many noisy single runs flatters itself, so the last part of the budget
brings the best configs to their full length, the default config too, for a fair comparison, and
trains the best and the default again with the same fresh seeds.

Of several objectives the end brings the Pareto set to its full length; nothing is confirmed,
since that would take many trainings of each of its trials.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from danlu.core.decision import Continue, Decision, Finish, Note, Start
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Space
from danlu.strategies.budgeting import TOLERANCE, fits, total, trials_left
from danlu.strategies.confirm import confirm, verdict
from danlu.strategies.deepen import deepen
from danlu.strategies.evidence import one_by_one
from danlu.strategies.freeze_thaw import FreezeThaw
from danlu.strategies.fresh import config_key
from danlu.strategies.heeding import heard, heeded, reached
from danlu.strategies.lines import FINISH, SEARCH, begins, unconfirmed
from danlu.strategies.options import check_flag
from danlu.strategies.plan import FINALISTS

SMALL = 10.0  # full trainings; with fewer, confirming would take too much from the search
END_SHARE = 1 / 3  # of the budget: to finish the best and the default, and to confirm


@dataclass(frozen=True, slots=True)
class Auto:
    """Freeze-thaw, with the end of the budget kept for the best.

    Without a budget it stops after 20 full trainings.

    Attributes:
        findings: What findings advise for one of the best configs is tried in a new one.

    Raises:
        StudyError: If the key is not true or false.
    """

    findings: bool = True

    def __post_init__(self) -> None:
        check_flag("auto", "findings", self.findings)

    def decide(self, space: Space, history: History, free_slots: int) -> Sequence[Decision]:
        stops: Sequence[Decision] = ()
        if not history.can_pause and _searching(history):
            stops = FreezeThaw().decide(reached(space, history), history, 0)
        begun = one_by_one(self._next, space, history, free_slots)
        trains = any(isinstance(d, Start | Continue) for d in begun)
        if free_slots and not trains and not history.running:
            last = verdict(history) or unconfirmed(history)
            return [*stops, *begun, *([Note(last)] if last else []), Finish(_summary(history))]
        return [*stops, *_with_lines(history, begun)]

    def _next(self, space: Space, history: History) -> Decision | None:
        """What one free slot does; None if nothing fits, or all depends on what runs."""
        if self.findings and (line := heard(space, history)) is not None:
            return line
        if _searching(history):
            if (probe := deepen(space, history)) is not None:
                return probe
            if self.findings and (tried := heeded(space, history)) is not None:
                return tried
            for decision in FreezeThaw().decide(reached(space, history), history, 1):
                if isinstance(decision, Start | Continue):
                    return replace(decision, stage=SEARCH)
        finish = _finish(history)
        return finish if finish or history.spec.further else confirm(history, total(history))


def _with_lines(history: History, begun: Sequence[Decision]) -> list[Decision]:
    """The decisions, each that begins a stage after the log-book's line that says so."""
    lines: list[Decision] = []
    for decision in begun:
        if isinstance(decision, Start | Continue):
            lines += [n for n in begins(history, decision.stage, begun) if n not in lines]
        lines.append(decision)
    return lines


def _searching(history: History) -> bool:
    """Whether the search still goes on: its part of the budget is not spent."""
    if any(t.stage in (FINISH, "confirm") for t in history.trials.values()):
        return False
    budget = total(history)
    kept = END_SHARE * budget if budget >= SMALL else 0.0
    confirmed = bool(kept) and not history.spec.further
    if trials_left(history) <= (2 * FINALISTS if confirmed else 0):
        return False
    return history.trainings + history.committed < budget - kept - TOLERANCE


def _finish(history: History) -> Continue | None:
    """The next trial that is to reach its full length: of the best, then of the default config."""
    best = _leaders(history)
    group = say("the Pareto set's") if history.spec.further else say("the best")
    for place, t in enumerate(best, start=1):
        if _unfinished(history, t):
            return _in_full(
                history,
                t,
                say("is {place} of {group} {best}", place=place, group=group, best=len(best)),
            )
    default = history.default
    if default is not None and total(history) >= SMALL and _unfinished(history, default):
        return _in_full(history, default, say("is the default config, to compare with"))
    return None


def _unfinished(history: History, trial: TrialRecord) -> bool:
    cost = history.cost(history.spec.epochs - trial.epoch, trial.proxy)
    worth = history.can_pause and trial.state == "paused" and cost > 0 and history.feasible(trial)
    return worth and fits(history, cost, total(history))


def _in_full(history: History, trial: TrialRecord, what: str) -> Continue:
    full = history.spec.epochs
    return Continue(
        trial.number,
        full,
        FINISH,
        say(
            "finish: #{number} {what}, on to epoch {full}",
            number=trial.number,
            what=what,
            full=full,
        ),
    )


def _leaders(history: History) -> list[TrialRecord]:
    """The best trials of the search, each of another config; of several objectives the front."""
    if history.spec.further:
        return list(history.pareto)
    best: dict[object, TrialRecord] = {}
    for t in history.ranked:
        if t.stage != "confirm" and history.feasible(t):
            best.setdefault(config_key(t.config), t)
    return list(best.values())[:FINALISTS]


def _summary(history: History) -> str:
    best = history.best
    if best is None or best.value is None:
        return say(
            "the plan is done: none of {trials} trials gave a value",
            trials=len(history.trials),
        )
    spent = say("{trainings:.3g} full trainings", trainings=history.trainings)
    if history.spec.further:
        count = len(history.pareto)
        return say(
            "search and finish are done after {spent}: trials in the Pareto set: {count}",
            spent=spent,
            count=count,
        )
    metric = f"{history.objective.metric} {best.value:.4g}"
    return say(
        "search, finish and confirm are done after {spent}: the best is #{number}, {metric}",
        spent=spent,
        number=best.number,
        metric=metric,
    )
