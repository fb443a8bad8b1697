"""danlu tunes deep networks the way an experienced practitioner does.

Importing it costs little: what a training script needs is here at once and made of the standard
library, the rest is imported when it is first used. Type checkers read ``__init__.pyi``.
"""

from importlib import import_module
from typing import Any

from danlu.core.decision import Proxy
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space
from danlu.errors import (
    CheckError,
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
    "CheckError",
    "Choice",
    "Cluster",
    "Command",
    "ConfigError",
    "Constraint",
    "DanluError",
    "Data",
    "Finding",
    "Float",
    "History",
    "Int",
    "LaunchError",
    "Limits",
    "Objective",
    "Prediction",
    "Problem",
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
    "check",
    "importance",
    "lint",
    "predict",
    "report",
    "space",
]

LATER = {
    "Advice": "danlu.core.finding",
    "Budget": "danlu.core.spec",
    "Cluster": "danlu.executors.cluster",
    "Command": "danlu.core.command",
    "Constraint": "danlu.core.spec",
    "Data": "danlu.preflight.problem",
    "Finding": "danlu.core.finding",
    "History": "danlu.core.history",
    "Limits": "danlu.core.limits",
    "Objective": "danlu.core.spec",
    "Prediction": "danlu.core.prediction",
    "Problem": "danlu.preflight.problem",
    "Report": "danlu.core.record",
    "Spec": "danlu.core.spec",
    "Study": "danlu.study",
    "TrialRecord": "danlu.core.record",
    "importance": "danlu.comparing",
    "check": "danlu.checking",
    "lint": "danlu.catalogue.lint",
    "predict": "danlu.predicting",
    "space": "danlu.catalogue.families",
}
"""Names that no training script needs, and the modules they come from at their first use."""


def __getattr__(name: str) -> Any:
    if name in LATER:
        return getattr(import_module(LATER[name]), name)
    raise AttributeError(f"module 'danlu' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
