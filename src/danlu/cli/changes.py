"""What happened between two looks at a study, for plain lines, JSON lines and the live view."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from danlu.cli.screen import SEVERITIES, STATES, config_text
from danlu.core.codec import encode_number
from danlu.core.decision import on_part
from danlu.core.finding import SETTLED, Finding
from danlu.core.history import History
from danlu.core.logbook import CLUSTER, DISK
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.reporting.logbook import told
from danlu.reporting.text import format_value

GRAVE = ("failed", "lost")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened.

    Attributes:
        kind: ``started``, ``continued``, ``reported``, ``paused``, ``finished``, ``stopped``,
            ``failed``, ``lost``, ``waiting`` (for space on the disk), ``finding``, ``settled`` (a
            finding that holds no longer), ``best`` (another trial than before), ``improved``
            (the best one itself) or ``ended``.
        at: Seconds since 1970.
        text: For a person.
        data: For machines, plain JSON.
        trial: Its number, if it is about one.
    """

    kind: str
    at: float
    text: str
    data: dict[str, Any] = field(default_factory=dict)
    trial: int | None = None


def changes(before: History, after: History) -> Iterator[Change]:
    """All that happened, trial by trial; then a new best, study findings and the end."""
    if after.version == before.version:
        return
    for number, trial in after.trials.items():
        old = before.trials.get(number)
        if trial is not old:
            yield from _of_trial(old, trial, after)
    if best := _new_best(before, after):
        yield best
    for entry in after.logbook[len(before.logbook) :]:
        if entry.code in (CLUSTER, DISK):
            yield Change("waiting", after.last_at, told(entry), {"why": entry.seen})
    for finding in after.findings[len(before.findings) :]:
        yield _finding(None, finding, after.last_at)
    if after.outcome and not after.active and (before.active or not before.outcome):
        data = {"outcome": after.outcome, "why": after.ended_why}
        text = say("{outcome}: {why}", outcome=after.outcome, why=after.ended_why)
        yield Change("ended", after.last_at, text, data)


def _of_trial(old: TrialRecord | None, new: TrialRecord, history: History) -> Iterator[Change]:
    number, at = new.number, history.last_at
    if old is None:
        yield _started(new, history)
    elif new.launched_at != old.launched_at:
        data = {"until": new.until, "attempt": new.attempt, "stage": new.stage, "why": new.why}
        text = say("goes on to epoch {until}{why}", until=new.until, why=_because(new.why))
        yield Change("continued", new.launched_at, text, data, number)
    for report in new.reports if old is None else new.reports[len(old.reports) :]:
        metrics = {name: encode_number(value) for name, value in report.metrics.items()}
        listed = "  ".join(f"{name} {format_value(v)}" for name, v in report.metrics.items())
        data = {"epoch": report.epoch, "metrics": metrics}
        text = say("epoch {epoch}: {metrics}", epoch=report.epoch, metrics=listed)
        yield Change("reported", report.at, text, data, number)
    for finding in new.findings if old is None else new.findings[len(old.findings) :]:
        if finding.severity != "info":  # of healthy trials there is nothing to tell
            yield _finding(number, finding, at)
    if new.state != "running" and (old is None or new.state != old.state):
        yield _closed(new, at)


def _started(t: TrialRecord, history: History) -> Change:
    data = {
        "config": dict(t.config),
        "until": t.until,
        "stage": t.stage,
        "seed": t.seed,
        "data_fraction": t.proxy.data_fraction,
        "why": t.why,
    }
    stage = f" ({t.stage})" if t.stage else ""
    config = config_text(t.config, history.spec.space)
    text = say(
        "starts{on}{stage}: {config}{why}",
        on=on_part(t.proxy), stage=stage, config=config, why=_because(t.why),
    )  # fmt: skip
    return Change("started", t.launched_at, text, data, t.number)


def _closed(t: TrialRecord, at: float) -> Change:
    value = f", {format_value(t.value)}" if t.value is not None else ""
    data: dict[str, Any] = {"epoch": t.epoch, "value": t.value, "message": t.message}
    text = say(
        "{state} at epoch {epoch}{value}{on}",
        state=STATES[t.state], epoch=t.epoch, value=value, on=on_part(t.proxy),
    )  # fmt: skip
    if t.state in GRAVE:
        data |= {"cause": t.cause, "log": t.log}
        text = say("{state}: {message}", state=STATES[t.state], message=t.message or t.cause)
    elif t.message:
        text = say("{state}: {message}", state=text, message=t.message)
    return Change(t.state, at, text, data, t.number)


def _new_best(before: History, after: History) -> Change | None:
    old, best = before.best, after.best
    if best is None or (old and (old.number, old.value) == (best.number, best.value)):
        return None
    name = after.objective.metric
    text = say(
        "is the best so far: {metric} {value} at epoch {epoch}{on}",
        metric=name, value=format_value(best.value), epoch=best.value_epoch,
        on=on_part(best.proxy),
    )  # fmt: skip
    data = {"value": best.value, "epoch": best.value_epoch, "config": dict(best.config)}
    kind = "improved" if old and old.number == best.number else "best"
    return Change(kind, after.last_at, text, data, best.number)


def _finding(trial: int | None, finding: Finding, at: float) -> Change:
    data = {
        "code": finding.code,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "message": finding.message,
    }
    if finding.evidence.get(SETTLED):
        return Change("settled", at, finding.message, data, trial)
    severity = SEVERITIES[finding.severity]
    text = say("{severity}: {message}", severity=severity, message=finding.message)
    return Change("finding", at, text, data, trial)


def _because(why: str) -> str:
    return say(" – {why}", why=why) if why else ""
