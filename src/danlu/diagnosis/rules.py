"""What is said of a trial while it trains, and when it pauses or ends.

While it trains only what makes further training a waste is said, once and for good. What
describes its curves is said when it pauses or ends, and holds until it is judged again: curves
that grow change their meaning.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from danlu.core.finding import Finding, standing
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.diagnosis import advice, broken, chance, recognition, thresholds
from danlu.diagnosis.features import Features
from danlu.diagnosis.verdicts import verdicts

Rule: TypeAlias = Callable[[History, TrialRecord], Iterable[Finding]]
"""The study so far, and one of its trials → findings that hold for good.

A rule is pure, never raises, and is silent when it has too little to go by.
"""


def not_finite(history: History, trial: TrialRecord) -> Iterator[Finding]:
    """The objective or a loss is NaN or infinite: nothing that follows can be trusted."""
    if found := broken.not_finite(Features(trial, history)):
        yield found


def diverged(history: History, trial: TrialRecord) -> Iterator[Finding]:
    """The training loss stays far above its start (practice of most tools: 2 to 10 times)."""
    if found := broken.diverging(Features(trial, history)):
        yield found


def at_chance(history: History, trial: TrialRecord) -> Iterator[Finding]:
    """After a fair share of its epochs the network, or its validation, is where it began.

    Trials in the best third at the same epoch are spared: the verdicts are less than certain. So
    are all while the study doubts whether anything learns: only full trainings settle that.
    """
    at = Features(trial, history)
    if trial.epoch < max(1, thresholds.STOP_SHARE * at.horizon) or _learns(at):
        return
    if chance.bad_scale(at):  # a large loss at first says nothing of what will become of it
        return
    for judge in (chance.at_chance, chance.val_at_chance):
        found = judge(at)
        if found and not (_doubted(history) or _spared(found, history, trial)):
            yield replace(found, advice=(advice.STOP, *found.advice))
            return


def _doubted(history: History) -> bool:
    """Whether it is still to be seen if anything learns, early or late."""
    return any(f.code == "nothing_yet" for f in standing(history.findings))


def _spared(found: Finding, history: History, trial: TrialRecord) -> bool:
    return found.confidence < thresholds.SURE_ENOUGH and _leads(history, trial)


def _learns(at: Features) -> bool:
    """Whether the last report is far above chance: most curves need no closer look."""
    last = at.trial.reports[-1].metrics
    for name in (at.named.train_metric, at.named.val_metric):
        value = None if name is None else last.get(name)
        if name is None or value is None or recognition.counts_errors(name) or value > 1.0:
            return False  # errors and percents take the longer way
        skill = at.skill(value)
        if skill is None or skill < thresholds.LEARNS:
            return False
    return True


def _leads(history: History, trial: TrialRecord) -> bool:
    """Whether a trial is among the best third of those that came as far, at its epoch."""
    own = _best_by(history, trial, trial.epoch)
    rivals = [
        value
        for t in history.trials.values()
        if t.number != trial.number and t.proxy == trial.proxy and t.epoch >= trial.epoch
        if (value := _best_by(history, t, trial.epoch)) is not None
    ]
    if own is None:
        return False
    as_good = sum(not history.objective.better(own, value) for value in rivals)
    return as_good < (len(rivals) + 1) // thresholds.PROTECTED


def _best_by(history: History, trial: TrialRecord, epoch: int) -> float | None:
    """The best value of the objective up to an epoch."""
    objective = history.objective
    known = [v for e, v in trial.curve(objective.metric) if e <= epoch and v == v]
    return min(known, key=objective.loss, default=None)


RULES: tuple[Rule, ...] = (not_finite, diverged, at_chance)


def new_findings(
    history: History, trial: TrialRecord, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """What the rules find in a trial that was not found before."""
    known = {finding.code for finding in trial.findings if finding.epoch is None}
    return [f for rule in rules for f in rule(history, trial) if f.code not in known]


def judgement(history: History, trial: TrialRecord) -> list[Finding]:
    """The verdicts on a trial that pauses or ended, each with its epoch; [] if nothing is new.

    They replace those of its judgement before; at its end with the last numbers, though they say
    the same. Failed trials are not judged: they have a cause.
    """
    if trial.state not in ("paused", "finished", "stopped"):
        return []
    final = {f.code for f in trial.findings if f.epoch is None}
    now = [f for f in verdicts(history, trial) if f.code not in final]
    before = [f for f in trial.diagnosis if f.epoch is not None]
    codes = [f.code for f in now]
    again = codes == [f.code for f in before]
    ended = trial.state != "paused" and all(f.epoch != trial.epoch for f in before)
    short = codes == ["unclear"] and len(trial.reports) < thresholds.LEAST_EPOCHS
    if short or (again and not ended):
        return []
    return [replace(f, epoch=trial.epoch) for f in now]


def ruins(finding: Finding) -> bool:
    """Whether what the trial reported is worth nothing, so that it failed."""
    return finding.code in ("not_finite", "diverged")


def says_stop(finding: Finding) -> bool:
    """Whether the advice is to train no further."""
    return any(a.action == advice.STOP.action for a in finding.advice)
