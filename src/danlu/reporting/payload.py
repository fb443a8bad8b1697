"""A history as plain JSON values for the report page; what is judged is judged here, once."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple
from datetime import datetime
from typing import Any

from danlu.comparing import ParameterImportance
from danlu.core.codec import encode_number
from danlu.core.decision import part
from danlu.core.history import History
from danlu.core.parameter import Choice, Parameter
from danlu.core.prediction import Prediction
from danlu.core.record import Report, TrialRecord
from danlu.core.request import FOR_TUNER, Request, answered, notes, on_hold, pinned
from danlu.core.sentence import encode_sentences
from danlu.core.spec import encode_spec
from danlu.reporting.fans import Fan, fans_of, holding
from danlu.reporting.metrics import MetricPair, metric_names, pair_metrics
from danlu.reporting.progress import progress_of, usual_epoch_s
from danlu.reporting.ranges import Range, curve_range, drawable, value_range
from danlu.reporting.result import (
    describe_gain,
    further_data,
    influence,
    leaders,
    result_of,
    stage_starts,
)
from danlu.reporting.snippets import as_command, as_python, as_toml
from danlu.reporting.text import (
    format_measured,
    format_spread,
    format_value,
)
from danlu.reporting.verdict import gravest
from danlu.reporting.why_payload import finding_data, why_data

LEADERS = 5
LONG = 1000  # epochs; longer curves are thinned to what a screen can show
PIECES = 200


def page_data(
    history: History,
    predictions: Iterable[Prediction] = (),
    matter: ParameterImportance | None = None,
    requests: Sequence[Request] = (),
) -> dict[str, Any]:
    """All that the report shows, as values that `json.dumps` takes."""
    overview = overview_data(history, predictions, matter, requests)
    spent = spent_at_values(history)
    rows = [trial_row(history, t, spent[t.number]) for t in history.trials.values()]
    return {**overview, "trials": rows}


def overview_data(
    history: History,
    predictions: Iterable[Prediction] = (),
    matter: ParameterImportance | None = None,
    requests: Sequence[Request] = (),
) -> dict[str, Any]:
    """All that the page shows of a study but its trials.

    Args:
        history: The study.
        predictions: Where trials lead, drawn as a fan; several epochs for each.
        matter: How much each parameter matters, if that is known.
        requests: What people asked for.
    """
    best = leaders(history, LEADERS)
    fans = fans_of(predictions)
    coloured = [fans[t.number] for t in best if t.number in fans]
    names = metric_names(history)
    return {
        "study": _study(history),
        "result": _result(history),
        "findings": [finding_data(f) for f in gravest(history.findings)],
        "metrics": [
            _metric(pair, _with_fans(found, pair, history, coloured))
            for pair in pair_metrics(names, history.objective)
            if (found := curve_range(history, pair, best)) is not None
        ],
        "values": _values(history),
        "parameters": [
            _parameter(name, history.spec.space[name], share)
            for name, share in influence(history).items()
        ],
        "names": list(history.spec.space),
        "leaders": [t.number for t in best],
        "further": further_data(history),
        "stages": list(stage_starts(history).items()),
        "thinned": any(len(t.reports) > LONG for t in history.trials.values()),
        "fans": {str(number): fan for number, fan in fans.items()},
        "progress": _progress(history),
        "importance": _importance(matter),
        "why": why_data(history),
        "settings": encode_spec(history.spec),
        **_wishes(history, requests),
    }


def state_of(history: History) -> str:
    """The study's state in a word, such as ``running``, ``done`` or ``not begun``."""
    if history.active:
        return "running"
    return history.outcome or ("interrupted" if history.trials else "not begun")


def _study(history: History) -> dict[str, Any]:
    spec = history.spec
    return {
        "name": spec.name,
        "metric": spec.objective.metric,
        "direction": spec.objective.direction,
        "epochs": spec.epochs,
        "seed": spec.seed,
        "strategy": spec.strategy,
        "state": state_of(history),
        "ended": encode_sentences(history.ended_why),
        "process": encode_sentences(history.process),
        "began": _when(_began(history)),
        "last": _when(history.last_at),
        "last_at": round(history.last_at, 2),
    }


def _began(history: History) -> float:
    ats = [t.reports[0].at for t in history.trials.values() if t.reports]
    ats += [t.launched_at for t in history.trials.values()]
    return min(ats, default=0.0)


def _when(at: float) -> str:
    """Local date and time, empty for no time at all."""
    if at <= 0:
        return ""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, OSError, ValueError):  # a clock that was wildly wrong
        return ""


def _progress(history: History) -> dict[str, Any]:
    """How far the study is, in numbers; ``seconds`` and ``left`` as of its last event."""
    budget = history.spec.budget
    progress = progress_of(history)
    return {
        "share": progress.share,
        "left": progress.left_s,
        "seconds": round(history.seconds, 2),
        "trainings": round(history.trainings, 4),
        "budget": asdict(budget),
        "workers": history.workers,
        "epoch_s": round(usual_epoch_s(history), 3),
    }


def _importance(matter: ParameterImportance | None) -> dict[str, Any] | None:
    if matter is None:
        return None
    single = [[name, *map(_share, astuple(s))] for name, s in matter.single.items()]
    pairs = [[*names, *map(_share, astuple(s))] for names, s in matter.pairs.items()]
    explained = _share(matter.explained)
    return {"single": single, "pairs": pairs, "rows": matter.rows, "explained": explained}


def _share(value: float) -> float:
    return round(float(value), 4)


def _wishes(history: History, requests: Sequence[Request]) -> dict[str, Any]:
    """What people pinned, wrote and asked for that is not answered yet."""
    known = answered(history)
    waiting = [r for r in requests if r.verb in FOR_TUNER and r.number not in known]
    return {
        "hold": on_hold(history),
        "pinned": [n for n in pinned(requests) if n in history.trials],
        "notes": [
            {"at": r.at, "by": r.by, "trial": r.trial, "text": str(r.data["text"])}
            for r in notes(requests)
        ],
        "waiting": [{"number": r.number, "verb": r.verb, "trial": r.trial} for r in waiting],
    }


def _result(history: History) -> dict[str, Any] | None:
    result = result_of(history)
    if result is None or result.best.value is None:
        return None
    best, value, spec = result.best, result.best.value, history.spec
    spread, seeds = "", []
    if result.mean is not None and result.sd is not None:
        spread = format_spread(result.mean, result.sd)
        values = [t.value for t in result.confirmed if t.value is not None]
        seeds = [format_measured(v, result.sd / 10) for v in values]
    default = result.default.config if result.default else spec.space.default()
    command = as_command(spec, best) if spec.command else ""
    return {
        "number": best.number,
        "value": format_measured(value, (result.sd or 0.0) / 10),
        "epoch": best.value_epoch,
        "length": best.epoch,
        "proxy": encode_sentences(_proxy_text(best)),
        "gain": encode_sentences(describe_gain(history, result)),
        "spread": spread,
        "seeds": seeds,
        "rows": [
            [n, format_value(v), format_value(default[n]) if n in default else "–"]
            for n, v in best.config.items()
        ],
        "copies": [
            {"label": label, "text": text}
            for label, text in (
                ("TOML", as_toml(best.config)),
                ("Python", as_python(best.config)),
                ("Command", command),
            )
            if text
        ],
    }


def _proxy_text(trial: TrialRecord) -> str:
    return "" if trial.proxy.full else part(trial.proxy)


def _metric(pair: MetricPair, found: Range) -> dict[str, Any]:
    return {**asdict(pair), "range": _range(found)}


def _with_fans(found: Range, pair: MetricPair, history: History, fans: Iterable[Fan]) -> Range:
    """Room for the leaders' fans, on the objective's chart."""
    if history.objective.metric not in pair.names:
        return found
    return holding(found, fans, history.objective.direction)


def _range(found: Range | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _values(history: History) -> dict[str, Any] | None:
    """The axis of the trials' values, and under ``close`` that of the best quarter."""
    trials = [t for t in history.trials.values() if drawable(t.value)]
    sound = [t for t in trials if t.state != "failed"]
    known = [t.value for t in sound or trials if t.value is not None]
    known.sort(key=history.objective.loss)
    direction = history.objective.direction
    close = value_range(known[: max(2, (len(known) + 3) // 4)], direction)
    whole = value_range(known, direction)
    return None if whole is None else {**asdict(whole), "close": _range(close)}


def _parameter(name: str, p: Parameter, share: float) -> dict[str, Any]:
    table: dict[str, Any] = {"name": name, "share": round(share, 3)}
    if isinstance(p, Choice):
        values = p.values
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
            values = tuple(sorted(values, key=lambda v: v if isinstance(v, int | float) else 0))
        return {**table, "kind": "choice", "choices": [format_value(v) for v in values]}
    kind = type(p).__name__.lower()
    return {**table, "kind": kind, "low": p.low, "high": p.high, "log": bool(p.log)}


def trial_row(history: History, t: TrialRecord, spent: float, since: int = 0) -> dict[str, Any]:
    """A trial as the page takes it; its curves are lists along its epochs.

    Args:
        history: Of its study.
        t: The trial.
        spent: Full trainings spent in the study when the trial reached its value.
        since: How many of its reports the page has; a long curve is given whole, thinned.
    """
    space = history.spec.space
    since = 0 if len(t.reports) > LONG else min(since, len(t.reports))
    return {
        "n": t.number,
        "state": t.state,
        "stage": t.stage,
        "value": float(f"{t.value:.8g}") if t.value is not None else None,
        "at": t.value_epoch,
        "epoch": t.epoch,
        "until": t.until,
        "feasible": history.feasible(t),
        "full": t.proxy.full,
        "proxy": encode_sentences(_proxy_text(t)),
        "seed": t.seed,
        "seconds": round(t.seconds, 2),
        "launched": round(t.launched_at, 2),
        "till": round(t.reports[-1].at, 2) if t.reports else 0.0,
        "attempt": t.attempt,
        "why": encode_sentences(t.why),
        "cause": t.cause,
        "message": encode_sentences(t.message),
        "log": t.log,
        "findings": [finding_data(f) for f in t.diagnosis],
        "spent": spent,
        "diverged": _diverged(t),
        "config": {
            n: format_value(v) if isinstance(space[n], Choice) else v for n, v in t.config.items()
        },
        "from": since,
        **_curves(t.reports if since else _thinned(t.reports), since),
    }


def _diverged(trial: TrialRecord) -> bool:
    """Whether training ran away: an infinite or undefined number, or a failure that says so."""
    if trial.cause == "not finite":
        return True
    return any(not drawable(v) for r in trial.reports[-1:] for v in r.metrics.values())


def _curves(reports: Sequence[Report], since: int) -> dict[str, Any]:
    """Epochs and values of the reports after the first ``since``."""
    epochs: list[int] | int = [r.epoch for r in reports[since:]]
    if epochs == list(range(since + 1, len(reports) + 1)):
        epochs = len(reports) - since  # the usual case, in a few bytes
    known = dict.fromkeys(name for r in reports[since:] for name in r.metrics)
    return {"e": epochs, "m": {n: [_number(r, n) for r in reports[since:]] for n in known}}


def _number(report: Report, name: str) -> float | str | None:
    value = report.metrics.get(name)
    if value is None:
        return None
    if drawable(value):
        return float(f"{value:.5g}")
    return encode_number(math.nan if math.isnan(value) else math.copysign(math.inf, value))


def _thinned(reports: Sequence[Report]) -> Sequence[Report]:
    """A long curve with its first, last, lowest and highest reports in each piece."""
    if len(reports) <= LONG:
        return reports
    kept = {0, len(reports) - 1}
    names = list(dict.fromkeys(n for r in reports for n in r.metrics))
    edges = [round(i * len(reports) / PIECES) for i in range(PIECES + 1)]
    for k in range(PIECES):
        piece = range(edges[k], edges[k + 1])
        for name in names:
            known = [i for i in piece if math.isfinite(reports[i].metrics.get(name, math.nan))]
            if known:
                kept.add(min(known, key=lambda i: reports[i].metrics[name]))
                kept.add(max(known, key=lambda i: reports[i].metrics[name]))
    kept |= {i for i, r in enumerate(reports) if not all(map(math.isfinite, r.metrics.values()))}
    return [reports[i] for i in sorted(kept)]


def spent_at_values(history: History) -> dict[int, float]:
    """Full trainings spent in the study when each trial reached its value (or its last epoch)."""
    reports = []
    for t in history.trials.values():
        last, cost, number = t.value_epoch or t.epoch, history.cost(1, t.proxy), t.number
        reports += [(r.at, number, r.epoch, cost, r.epoch <= last) for r in t.reports]
    reports.sort()
    spent, at_value = 0.0, dict.fromkeys(history.trials, 0.0)
    for _, number, _, cost, counts in reports:
        spent += cost
        if counts:
            at_value[number] = spent
    return {number: round(value, 4) for number, value in at_value.items()}
