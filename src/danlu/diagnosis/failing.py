"""Whether every training fails: more of them will fail, too."""

from collections import Counter
from collections.abc import Iterator

from danlu.catalogue.roles import known
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice
from danlu.core.sentence import say
from danlu.diagnosis.study_thresholds import FAIL_TRIALS, FAIL_TRIALS_DIVERGED, WIDEST_GAP
from danlu.diagnosis.survey import Survey, broke, diverged, widest_gap


def everything_fails(survey: Survey) -> Iterator[Finding]:
    """All of many trials failed; where they diverged, at learning rates from the whole range.

    Where only the configs tried so far diverge, another may not; where the code breaks, none will.
    """
    closed = [t for t in survey.history.trials.values() if t.state not in ("running", "lost")]
    if len(closed) < FAIL_TRIALS or not all(broke(t) for t in closed):
        return
    ran_away = [t for t in closed if diverged(t)]
    if ran_away:
        rates = [t.config for t in ran_away]
        if len(closed) < FAIL_TRIALS_DIVERGED or widest_gap(survey, rates) > WIDEST_GAP:
            return
    message, count = Counter(t.message or t.cause for t in closed).most_common(1)[0]
    said = say(
        "All {closed} trials failed, {count} of them so: {message} ",
        closed=len(closed),
        count=count,
        message=message,
    )
    if ran_away and (high := _too_high(survey)):
        said += high
    elif ran_away:
        said += say(
            "Learning rates from the whole range were among them: look at the data (is every "
            "value finite and scaled?), at the loss and its sign, and at the initial weights."
        )
    else:
        said += say(
            "It is the code that breaks, whatever the config: mend it and run the study again."
        )
    yield Finding(
        "everything_fails", "error", 0.95, said,
        {"trials": len(closed), "diverged": len(ran_away), "message": message},
        (Advice("stop", group="code"), Advice("check", group="code", why=message)),
    )  # fmt: skip


def _too_high(survey: Survey) -> str:
    """That a whole range of learning rates lies beyond what is of use; empty if none does."""
    limits = known("lr").limits
    for name in survey.learning_rates:
        p = survey.history.spec.space[name]
        if limits and not isinstance(p, Choice) and p.low > limits[1]:
            return say(
                "All of {name}'s range, {low:g} … {high:g}, is beyond {most:g}, the most that is "
                "of use: lower it.",
                name=name, low=p.low, high=p.high, most=limits[1],
            )  # fmt: skip
    return ""
