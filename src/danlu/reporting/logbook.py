"""The study's stages with what they took, and one trial's story, for text and page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.record import Launch, TrialRecord
from danlu.core.sentence import say


@dataclass(frozen=True, slots=True)
class StageSpend:
    """What one stage of the plan took.

    Attributes:
        name: Of the stage.
        trials: How many trials were begun in it.
        trainings: Full-training equivalents spent from its beginning to the next one's.
        done: What it did, in words; empty where the log-book does not say.
    """

    name: str
    trials: int
    trainings: float
    done: str = ""


def stages(history: History) -> list[StageSpend]:
    """The stages in their order: as the log-book has them, else as the trials' names tell."""
    lines = [e for e in history.logbook if e.code == "stage" and "spent" in e.data]
    if not lines:
        return _by_trials(history)
    ends = [(int(e.data["trials"]), float(e.data["spent"])) for e in lines]
    ends.append((len(history.trials), history.trainings))
    spans = pairwise(ends)
    return [
        StageSpend(e.stage, b[0] - a[0], max(0.0, b[1] - a[1]), e.done)
        for e, (a, b) in zip(lines, spans, strict=True)
    ]


def _by_trials(history: History) -> list[StageSpend]:
    """Each trial counted in the stage that it reached last."""
    found: dict[str, tuple[int, float]] = {}
    for t in history.trials.values():
        if t.stage:
            count, spent = found.get(t.stage, (0, 0.0))
            found[t.stage] = (count + 1, spent + history.cost(len(t.reports), t.proxy))
    return [StageSpend(name, count, spent) for name, (count, spent) in found.items()]


def told(entry: Entry) -> str:
    """A line of the log-book as a sentence or two."""
    said = entry.done
    if entry.seen.endswith("."):  # a finding's message, which is whole sentences
        said = say("{seen} Done: {done}", seen=entry.seen, done=entry.done)
    elif entry.seen:
        said = say("{seen}: {done}", seen=entry.seen, done=entry.done)
    if not entry.why:
        return say("{said}.", said=said)
    if entry.why.endswith("."):
        return say("{said} – {why}", said=said, why=entry.why)
    return say("{said} – {why}.", said=said, why=entry.why)


@dataclass(frozen=True, slots=True)
class Step:
    """One launch of a trial: what was expected, and what came.

    Attributes:
        after: The epoch the trial stood at.
        until: The epoch it was to train to.
        why: The reason, with what was predicted.
        before: The best value up to ``after``; None at the start.
        reached: The best value up to ``until``, or where it got to; None if nothing was reported.
        epoch: The last epoch that was reported for this launch.
    """

    after: int
    until: int
    why: str
    before: float | None
    reached: float | None
    epoch: int


def steps(history: History, trial: TrialRecord) -> list[Step]:
    """A trial's launches, each with the values before and after it."""
    launches = trial.launches or (Launch(0, trial.until, trial.why, trial.launched_at),)
    found = []
    for i, launch in enumerate(launches):
        last = launches[i + 1].after if i + 1 < len(launches) else trial.epoch
        found.append(
            Step(launch.after, launch.until, launch.why, _best(history, trial, launch.after),
                 _best(history, trial, last), last)
        )  # fmt: skip
    return found


def _best(history: History, trial: TrialRecord, until: int) -> float | None:
    """The best finite value of the objective up to an epoch."""
    known: Sequence[float] = [
        v for e, v in trial.curve(history.objective.metric)
        if e <= until and abs(v) < float("inf")
    ]  # fmt: skip
    return min(known, key=history.objective.loss, default=None)
