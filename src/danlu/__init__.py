"""danlu tunes deep networks the way an experienced practitioner does.

Importing it costs next to nothing: what a training script needs is here at once and made of the
standard library, the rest is imported when it is first used.
"""

from typing import Any

from danlu.core.decision import Proxy
from danlu.core.finding import Advice, Finding
from danlu.core.history import History, Report, TrialRecord
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.core.spec import Budget, Objective, Spec
from danlu.errors import (
    ConfigError,
    DanluError,
    LaunchError,
    ReportError,
    SpaceError,
    StoreError,
    StudyError,
    StudyFileError,
)
from danlu.worker.script import report
from danlu.worker.trial import Trial

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Budget",
    "Choice",
    "Command",
    "ConfigError",
    "DanluError",
    "Finding",
    "Float",
    "History",
    "Int",
    "LaunchError",
    "Objective",
    "Proxy",
    "Report",
    "ReportError",
    "Space",
    "SpaceError",
    "Spec",
    "StoreError",
    "Study",
    "StudyError",
    "StudyFileError",
    "Trial",
    "TrialRecord",
    "report",
]


def __getattr__(name: str) -> Any:
    # The study brings the stores and strategies; a training script needs neither (PEP 562).
    if name in ("Study", "Command"):
        from danlu import study

        return getattr(study, name)
    raise AttributeError(f"module 'danlu' has no attribute {name!r}")
