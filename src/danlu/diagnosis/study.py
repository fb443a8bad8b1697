"""What is to be said about a study as a whole: its ranges, parameters, leaders, noise and end.

Rules are pure functions of what was tried (`Survey`); none raises, whatever is missing. They are
asked when trials close, ever less often as a study grows, and what they find is recorded when it
is new, says something else than before, or holds no longer.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from danlu.core.finding import Finding, settled, standing
from danlu.core.history import History
from danlu.diagnosis.exhaustion import exhausted
from danlu.diagnosis.failing import everything_fails
from danlu.diagnosis.gains import below_linear, no_gain
from danlu.diagnosis.leaders import (
    best_problem,
    budget_bound,
    duplicate_winners,
    fragile_best,
    seed_noise,
    too_few_good,
)
from danlu.diagnosis.learning import nothing_learns, nothing_yet
from danlu.diagnosis.parameters import flat, redundant
from danlu.diagnosis.ranges import boundary, infeasible, stability_limited
from danlu.diagnosis.rules import says_stop
from danlu.diagnosis.shares import shares_unread
from danlu.diagnosis.survey import Survey

StudyRule: TypeAlias = Callable[[Survey], Iterable[Finding]]
"""What a study tried → findings about it."""

STUDY_RULES: tuple[StudyRule, ...] = (
    everything_fails, nothing_learns, nothing_yet, shares_unread, stability_limited, infeasible,
    boundary, best_problem, fragile_best, seed_noise, budget_bound, below_linear, no_gain, flat,
    redundant, duplicate_winners, too_few_good, exhausted,
)  # fmt: skip
HOPELESS = frozenset({"everything_fails", "nothing_learns"})
"""Where nothing is learned, what the best have in common is luck: nothing else is said."""
GROWTH = 1.15  # of the events, after which a study is looked at again
OURS = frozenset({
    "everything_fails", "nothing_learns", "nothing_yet", "stability_limited", "infeasible",
    "boundary", "best_problem", "fragile_best", "seed_noise", "budget_bound", "below_linear",
    "no_gain", "flat", "redundant", "duplicate_winners", "too_few_good", "noise_limited",
    "space_limited", "budget_ended", "shares_unread",
})  # fmt: skip
"""Codes of the findings that these rules make, and may call settled."""


def study_findings(history: History, rules: Sequence[StudyRule] = STUDY_RULES) -> list[Finding]:
    """What holds for a study as it is now, the gravest first."""
    survey, found = Survey(history), list[Finding]()
    for rule in rules:
        found += rule(survey)
        if any(f.code in HOPELESS for f in found):
            break
    return found


def study_news(history: History, rules: Sequence[StudyRule] = STUDY_RULES) -> list[Finding]:
    """What is to be recorded: findings that are new or say something else, and settled ones."""
    found = {f.about: f for f in study_findings(history, rules)}
    known = {f.about: f for f in standing(history.findings) if f.code in OURS}
    news = [f for about, f in found.items() if _differs(f, known.get(about))]
    return [*news, *(settled(f) for about, f in known.items() if about not in found)]


def _differs(new: Finding, old: Finding | None) -> bool:
    """Whether a finding says something else to a person or a strategy, not only newer numbers."""
    return old is None or new.severity != old.severity or new.advice != old.advice


def next_look(history: History) -> int:
    """The version of the history from which on it is worth looking at the study again."""
    return int(history.version * GROWTH) + 1


def ends_study(history: History) -> Finding | None:
    """The finding that says that the study should end, if one stands."""
    return next((f for f in standing(history.findings) if f.code in OURS and says_stop(f)), None)
