"""Findings act on configs: what is advised for one of the best is tried in a new config.

As a person does who looks at the best curves: all as it was but for the one change, which may
leave the ranges up to the hard limits. Whether the new config beat the one it came from decides
whether such advice is followed again. The line in the log-book comes first; the trial, and later
what became of it, are read off it.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from danlu.catalogue.roles import role_of
from danlu.core.decision import FULL, Start
from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Parameter, Value, is_number, same
from danlu.core.record import TrialRecord
from danlu.core.space import Config, Space
from danlu.strategies.fresh import config_key
from danlu.strategies.pulls import CAPACITY, named
from danlu.strategies.ranges import Range, beyond, current, limits_of, outside, range_of, told
from danlu.strategies.rungs import Ranking

ADVICE, OUTCOME, REACH = "advice", "outcome", "reach"  # codes of the lines
BEST = 3  # so many of the best at half length are looked at
SILENT = frozenset({"unclear", "noisy_val"})
SURE = 0.5  # confidence below which nothing is tried

Kind: TypeAlias = tuple[str, str]
"""A verdict, and the parameter that it would change."""


def advised(history: History, until: int) -> Start | None:
    """The trial that the last advice asks for; None if it was begun."""
    line = _last(history, ADVICE)
    if line is None or _child(history, line) is not None:
        return None
    why = f"fine: {line.done}, {until} of {history.spec.epochs} epochs, for {line.seen}"
    return Start(dict(line.data["config"]), until, FULL, "fine", why=why)


def answered(space: Space, history: History, halfway: Ranking) -> Entry | None:
    """What became of the last advice, or the ranges that follow it; None if both are said."""
    line = _last(history, ADVICE)
    if line is None:
        return None
    if not _settled(history, line):
        return _outcome(history, line, halfway)
    return _reach(space, history, line, halfway)


def advising(space: Space, history: History, halfway: Ranking) -> Entry | None:
    """The next advice that is worth following; None while one is tried, or if there is none.

    After one that did not help, another kind of draw comes first.
    """
    line = _last(history, ADVICE)
    if line is not None and (not _settled(history, line) or _has_just_failed(history, line)):
        return None
    return next(_worth_trying(space, history, halfway), None)


def _worth_trying(space: Space, history: History, halfway: Ranking) -> Iterator[Entry]:
    """Lines of the advice on the best that no trial has followed."""
    tried, refuted = {config_key(t.config) for t in history.trials.values()}, _refuted(history)
    for place, (loss, number) in enumerate(halfway[:BEST], 1):
        trial = history.trials[number]
        if math.isinf(loss) or trial.state == "failed":
            continue
        for finding, advice in _sure(trial):
            for name in named(space, advice.parameter):
                config = followed(space, trial.config, advice, name)
                new = config is not None and config_key(config) not in tried
                if config is not None and new and (finding.code, name) not in refuted:
                    yield _line(space, trial, finding, name, config, place)


def _sure(trial: TrialRecord) -> Iterator[tuple[Finding, Advice]]:
    """The advice of a trial's primary verdict, if that is of harm and sure enough.

    Noisy validation says how trials compare, nothing of what to train.
    """
    first = next((f for f in trial.diagnosis if f.code not in SILENT), None)
    if first is not None and first.severity != "info" and first.confidence >= SURE:
        yield from ((first, a) for a in first.advice)


def followed(space: Space, config: Config, advice: Advice, name: str) -> Config | None:
    """A config with one advice on one of its parameters followed; None if that changes nothing."""
    old, p = config.get(name), space[name]
    value = None if old is None or p.constant else _changed(p, old, advice)
    if value is None or old is None or same(value, old):
        return None
    smaller = is_number(value) and value < old  # type: ignore[operator]
    if smaller and role_of(name, p) in CAPACITY:  # a large model is regularised, not shrunk
        return None
    return space.check({**config, name: value}, complete=True)


def _changed(p: Parameter, old: Value, advice: Advice) -> Value:
    """The value after an advice, within the hard limits; None if it is not about the value."""
    amount = advice.amount
    if isinstance(p, Choice):
        fits = advice.action in ("set", "enable") and p.problem(amount) is None
        return amount if fits else None
    if not (is_number(amount) and is_number(old)):
        return None
    x, by = float(old), float(amount)  # type: ignore[arg-type]
    moved = {"multiply": x * by, "add": x + by, "set": by}.get(advice.action)
    if moved is None:
        return None
    least, most = limits_of(p)
    value = float(f"{min(float(most), max(float(least), moved)):.4g}")
    return round(value) if isinstance(least, int) else value


def _line(
    space: Space, trial: TrialRecord, f: Finding, name: str, config: Config, place: int
) -> Entry:
    old, new = trial.config[name], config[name]
    what = f"{old} → {new}" if isinstance(space[name], Choice) else f"{old:.3g} → {new:.3g}"
    return Entry(
        ADVICE, "fine", f"#{trial.number}, {place} of the best at half length: {f.code}",
        f"#{trial.number} with {name} {what}", f.message,
        {"parent": trial.number, "code": f.code, "parameter": name, "config": dict(config)},
    )  # fmt: skip


# ---- what became of it


def _outcome(history: History, line: Entry, halfway: Ranking) -> Entry | None:
    """Whether the new config beat the one that it came from; None if that is not known yet."""
    child, parent = _child(history, line), line.data["parent"]
    losses = {number: loss for loss, number in halfway}
    if child is None or (child.open and child.number not in losses) or parent not in losses:
        return None
    mine, its = losses.get(child.number, math.inf), losses[parent]
    better, sign = mine < its, history.objective.loss(1.0)
    code, name = line.data["code"], line.data["parameter"]
    before = Counter(e.data["better"] for e in _lines(history, OUTCOME) if e.data["code"] == code)
    helped = before[True] + better
    seen = f"#{child.number}, {line.done}: {sign * mine:.4g} after {sign * its:.4g}"
    done = "advice like this is followed on" if better else f"no more of this for {name}"
    why = f"what was advised for {code} has helped in {helped} of {before.total() + 1} trials"
    data = {"trial": child.number, "code": code, "parameter": name, "better": better}
    return Entry(OUTCOME, "fine", seen, done, why, data | {"config": line.data["config"]})


def _refuted(history: History) -> set[Kind]:
    """Kinds of advice that have harmed more often than helped."""
    balance: Counter[Kind] = Counter()
    for e in _lines(history, OUTCOME):
        balance[e.data["code"], e.data["parameter"]] += 1 if e.data["better"] else -1
    return {kind for kind, n in balance.items() if n < 0}


def _reach(space: Space, history: History, line: Entry, halfway: Ranking) -> Entry | None:
    """The line that extends the ranges to a new best which an advice has led out of them."""
    child, box = _child(history, line), current(space, history.logbook)
    if child is None or halfway[0][1] != child.number:
        return None
    ranges: dict[str, Range] = {
        n: beyond(box[n], space[n], child.config[n]) for n in outside(box, child.config)
    }
    if not ranges:
        return None
    before = {n: range_of(box[n]) for n in ranges}
    return Entry(
        REACH, "fine", f"#{child.number}, {line.done}, is the best and lies outside the ranges",
        told(box, ranges), "the best config lies inside the ranges from which others are drawn",
        {"ranges": ranges, "before": before, "trials": len(history.trials)},
    )  # fmt: skip


def _lines(history: History, code: str) -> list[Entry]:
    return [e for e in history.logbook if e.code == code]


def _last(history: History, code: str) -> Entry | None:
    return next((e for e in reversed(history.logbook) if e.code == code), None)


def _settled(history: History, line: Entry) -> bool:
    last = _last(history, OUTCOME)
    return last is not None and last.data["config"] == line.data["config"]


def _has_just_failed(history: History, line: Entry) -> bool:
    """Whether the last trial that began followed an advice, and in vain."""
    child, last = _child(history, line), _last(history, OUTCOME)
    vain = last is not None and not last.data["better"]
    return vain and child is not None and child.number == history.next_number - 1


def _child(history: History, line: Entry) -> TrialRecord | None:
    """The trial that followed an advice, once it was begun."""
    key = config_key(line.data["config"])
    later = (t for t in history.trials.values() if t.number > line.data["parent"])
    return next((t for t in later if config_key(t.config) == key), None)
