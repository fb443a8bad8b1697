"""What to look at when nothing learns, in the order that finds most faults soonest."""

import re

from danlu.core.finding import Finding
from danlu.core.history import History
from danlu.core.sentence import say

MOST = 5  # findings of pre-flight that are repeated
TELLING = ("M21", "BL4", "M13")
"""Checks that tell by themselves that nothing can be learned: they come first."""
PREFLIGHT = re.compile(r"[A-Z]{1,2}\d\d")
"""Codes of pre-flight checks, such as D05 or M13."""

DATA = (
    say("validation labels: print ten samples with their labels, as the model sees them."),
    say("the split: are training and validation of the same classes and the same preparation?"),
    say(
        "training labels: are they shuffled against the inputs, or is there any signal at all? A "
        "linear model or nearest neighbours must beat the trivial answer."
    ),
)
CODE = (
    say(
        "data: print one batch as the model sees it: finite, scaled, with the labels that belong "
        "to it."
    ),
    say("loss: logits or probabilities as it wants them, the right sign, mean and not sum."),
    say("learning rate: does any rate fit a single batch of 16 samples to zero loss?"),
    say("gradients: do they reach every layer, and does the optimiser hold all parameters?"),
    say("evaluation: is the model that trains the one that is evaluated, in evaluation mode?"),
)


def checklist(history: History, fits: bool) -> list[str]:
    """What to look at, in order; first what pre-flight found."""
    doubts = [f for f in history.findings if PREFLIGHT.fullmatch(f.code)]
    bad = sorted((f for f in doubts if f.severity != "info"), key=_last)
    first = [
        say("what pre-flight found: {code}, {message}", code=f.code, message=f.message)
        for f in bad[:MOST]
    ]
    if not doubts:
        first = [say("the pre-flight checks, which were not run: `danlu check` runs them.")]
    looks = DATA if fits else CODE
    return [*first, *looks]


def _last(finding: Finding) -> tuple[bool, bool]:
    """What orders the findings: errors first, then what tells most."""
    return finding.severity != "error", finding.code not in TELLING
