"""``danlu.report`` for scripts that are run as commands."""

import os
from collections.abc import Mapping
from typing import Any

from danlu.worker.spool import ENVIRONMENT, evaluation, write_line


def report(
    epoch: int | None = None, metrics: Mapping[str, Any] | None = None, **named: Any
) -> None:
    """Report the evaluations after an epoch from any script.

    When the script is not run by danlu this does nothing but check its arguments, so the call
    can stay in for good.

    Example:
        >>> report(3, train_loss=0.41, val_loss=0.52)

    Args:
        epoch: Counted from 1; left out, it is one more than at the last report.
        metrics: Name → number, for names that are no Python identifiers.
        named: The same as keyword arguments.

    Raises:
        ReportError: If the epoch is no whole number or a value is no number.
    """
    line = evaluation(epoch, metrics, named)
    if path := os.environ.get(ENVIRONMENT):
        write_line(path, line)
