"""Shares of the training data that training never asked for."""

from collections.abc import Iterator

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis.survey import Survey


def shares_unread(survey: Survey) -> Iterator[Finding]:
    """Trials on shares of the data are over, and none has read what share it was to use."""
    history = survey.history
    over = [
        t.number
        for t in history.trials.values()
        if t.proxy.data_fraction < 1.0 and t.reports and t.state != "running"
    ]
    if history.takes_fraction is None and over:
        code = "trial.data_fraction"
        message = say(
            "Trials were to train on a share of the data, but training never reads {code}: "
            "they see all of it, and cost more than is counted. Use it, or leave fractions out.",
            code=code,
        )
        advice = Advice("check", group="code", why=say("training never reads {code}", code=code))
        yield Finding("shares_unread", "warning", 0.95, message, {"trials": over}, (advice,))
