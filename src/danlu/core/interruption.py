"""What it means for a trial that its run was interrupted or its worker is gone."""

from danlu.core.event import Closing, Continued, Failed, Finished, Lost, Paused
from danlu.core.history import History
from danlu.core.record import TrialRecord
from danlu.core.sentence import say

INTERRUPTED = say("the run was interrupted")


def interrupted(at: float, trial: int) -> Lost:
    """The end of a launch with its run: no fault of its own."""
    return Lost(at, trial, INTERRUPTED, interrupted=True)


def left_over(history: History, lost: Lost) -> Closing:
    """What the loss of a worker means: nothing, if it had done all that it should."""
    trial = history.trials[lost.trial]
    if trial.epoch >= history.spec.epochs:
        return Finished(lost.at, trial.number)
    if trial.epoch >= trial.until and trial.checkpoint >= trial.until:
        return Paused(lost.at, trial.number)
    return lost


def retried(trial: TrialRecord, most: int, at: float) -> Continued | Failed:
    """How a lost trial goes on: from its checkpoint, unless ``most`` losses taught enough."""
    if trial.losses > most:
        message = say(
            "its worker was lost {losses} times in a row: {message}",
            losses=trial.losses, message=trial.message,
        )  # fmt: skip
        return Failed(at, trial.number, "lost", message)
    attempt = trial.attempt + (trial.message != INTERRUPTED)
    saved = trial.checkpoint
    begin = say("epoch {epoch}", epoch=saved) if saved else say("the beginning")
    why = say("{message}; goes on from {begin}", message=trial.message, begin=begin)
    return Continued(at, trial.number, trial.until, attempt, "", why)
