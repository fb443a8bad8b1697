from danlu.catalogue.families import space
from danlu.catalogue.lint import lint
from danlu.checking import check
from danlu.comparing import importance
from danlu.core.command import Command
from danlu.core.decision import Proxy
from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.limits import Limits
from danlu.core.parameter import Choice, Float, Int
from danlu.core.prediction import Prediction
from danlu.core.record import Report, TrialRecord
from danlu.core.space import Space
from danlu.core.spec import Budget, Constraint, Objective, Spec
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
from danlu.executors.cluster import Cluster
from danlu.predicting import predict
from danlu.preflight.problem import Data, Problem
from danlu.study import Study
from danlu.worker.script import report
from danlu.worker.trial import Trial

__version__: str

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
