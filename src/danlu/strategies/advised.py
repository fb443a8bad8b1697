"""Findings act on configs: what is advised for one of the best is tried in a new config.

As a person does who looks at the best curves: all as it was but for the one change, which may
leave the ranges up to the hard limits. Whether the new config beat the one it came from, at the
length at which both are compared, decides whether such advice is followed again. The line in the
log-book comes first; the trial, and later what became of it, are read off it.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from danlu.catalogue.roles import role_of
from danlu.core.decision import Proxy, Start
from danlu.core.finding import Advice, Finding
from danlu.core.history import History
from danlu.core.logbook import Entry
from danlu.core.parameter import Choice, Parameter, Value, is_number, same
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.core.space import Config, Space
from danlu.strategies.fresh import config_key
from danlu.strategies.pulls import CAPACITY, named
from danlu.strategies.ranges import Range, beyond, current, limits_of, outside, range_of, told
from danlu.strategies.rungs import Ranking

ADVICE, OUTCOME, REACH = "advice", "outcome", "reach"  # codes of the lines
BEST = 3  # so many of the best are looked at
SILENT = frozenset({"unclear", "noisy_val"})
FAR = 10.0  # a factor from which one that did not help is tried half as far, by its root
SURE = 0.5  # confidence below which nothing is tried


@dataclass(frozen=True)
class Rung:
    """Where configs are compared: in which stage, at which epoch, on what, and how they rank."""

    stage: str
    epoch: int
    proxy: Proxy
    ranking: Ranking


Kind: TypeAlias = tuple[str, str]
"""A verdict, and the parameter that it would change."""


def advised(history: History, rung: Rung, until: int) -> Start | None:
    """The trial that the last advice asks for; None if it was begun."""
    line = _last(history, ADVICE)
    if line is None or line.stage != rung.stage or _child(history, line) is not None:
        return None
    why = say(
        "{stage}: {done}, {until} of {epochs} epochs, for {seen}",
        stage=rung.stage, done=line.done, until=until, epochs=history.spec.epochs, seen=line.seen,
    )  # fmt: skip
    return Start(dict(line.data["config"]), until, rung.proxy, rung.stage, why=why)


def answered(space: Space, history: History, rung: Rung) -> Entry | None:
    """What became of the stage's last advice, or the ranges that follow; None if both are said."""
    line = _last(history, ADVICE)
    if line is None or line.stage != rung.stage:
        return None
    if not _settled(history, line):
        return _outcome(history, line, rung)
    return _reach(space, history, line, rung)


def advising(space: Space, history: History, rung: Rung) -> Entry | None:
    """The next advice that is worth following; None while one is tried, or if there is none.

    After one that did not help, another kind of draw comes first.
    """
    line = _last(history, ADVICE)
    if line is not None and (not _settled(history, line) or _has_just_failed(history, line)):
        return None
    return next(_worth_trying(space, history, rung), None)


def _worth_trying(space: Space, history: History, rung: Rung) -> Iterator[Entry]:
    """Lines of the advice on the best that no trial has followed."""
    best = [history.trials[n] for loss, n in rung.ranking[:BEST] if math.isfinite(loss)]
    if not (sure := _pooled(best)):
        return
    tried, balance = {config_key(t.config) for t in history.trials.values()}, _balance(history)
    for place, trial in enumerate(best, 1):
        first = _primary(trial)
        if first is None or sure[first.code] < SURE or trial.state == "failed":
            continue
        for advice in first.advice:
            for name in named(space, advice.parameter):
                move = _tempered(advice, balance[first.code, name])
                config = None if move is None else followed(space, trial.config, move, name)
                if config is not None and config_key(config) not in tried:
                    yield _line(space, trial, first, name, config, place, rung)


def _tempered(advice: Advice, balance: int) -> Advice | None:
    """The advice after others of its kind: half as far once if it was far; None if it harms."""
    if balance >= 0:
        return advice
    amount = advice.amount
    if advice.action != "multiply" or not is_number(amount) or balance < -1:
        return None
    factor = float(amount)  # type: ignore[arg-type]
    far = factor > 0 and max(factor, 1.0 / factor) >= FAR
    return replace(advice, amount=math.sqrt(factor)) if far else None


def _primary(trial: TrialRecord) -> Finding | None:
    """A trial's primary verdict, if it is of harm.

    Noisy validation says how trials compare, nothing of what to train.
    """
    first = next((f for f in trial.diagnosis if f.code not in SILENT), None)
    return None if first is None or first.severity == "info" else first


def _pooled(best: Sequence[TrialRecord]) -> dict[str, float]:
    """Code → how sure it is of the best together: what is said of three is surer than of one."""
    doubt: dict[str, float] = {}
    for f in filter(None, map(_primary, best)):
        doubt[f.code] = doubt.get(f.code, 1.0) * (1.0 - min(1.0, max(0.0, f.confidence)))
    return {code: 1.0 - left for code, left in doubt.items()}


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
    space: Space, trial: TrialRecord, f: Finding, name: str, config: Config, place: int, rung: Rung
) -> Entry:
    old, new = trial.config[name], config[name]
    if not isinstance(space[name], Choice):
        old, new = f"{old:.3g}", f"{new:.3g}"
    known = {"number": trial.number, "place": place, "count": len(rung.ranking[:BEST])}
    return Entry(
        ADVICE, rung.stage,
        say("#{number}, {place} of the best {count} at epoch {epoch}: {code}",
            epoch=rung.epoch, code=f.code, **known),
        say("#{number} with {name} {old} → {new}", number=trial.number, name=name, old=old,
            new=new),
        f.message,
        {"parent": trial.number, "code": f.code, "parameter": name, "config": dict(config)},
    )  # fmt: skip


# ---- what became of it


def _outcome(history: History, line: Entry, rung: Rung) -> Entry | None:
    """Whether the new config beat the one that it came from; None if that is not known yet."""
    child, parent = _child(history, line), line.data["parent"]
    losses = {number: loss for loss, number in rung.ranking}
    if child is None or (child.open and child.number not in losses) or parent not in losses:
        return None
    mine, its = losses.get(child.number, math.inf), losses[parent]
    better, sign = mine < its, history.objective.loss(1.0)
    code, name = line.data["code"], line.data["parameter"]
    before = Counter(e.data["better"] for e in _lines(history, OUTCOME) if e.data["code"] == code)
    helped = before[True] + better
    seen = say(
        "#{number}, {done}: {mine:.4g} after {its:.4g}",
        number=child.number, done=line.done, mine=sign * mine, its=sign * its,
    )  # fmt: skip
    followed_on, less = (
        say("advice like this is followed on"),
        say("less of this for {name}", name=name),
    )
    why = say(
        "what was advised for {code} has helped in {helped} of {trials} trials",
        code=code, helped=helped, trials=before.total() + 1,
    )  # fmt: skip
    data = {"trial": child.number, "code": code, "parameter": name, "better": better}
    data["config"] = line.data["config"]
    return Entry(OUTCOME, line.stage, seen, followed_on if better else less, why, data)


def _balance(history: History) -> Counter[Kind]:
    """Kind of advice → how much more often it has helped than harmed."""
    balance: Counter[Kind] = Counter()
    for e in _lines(history, OUTCOME):
        balance[e.data["code"], e.data["parameter"]] += 1 if e.data["better"] else -1
    return balance


def _reach(space: Space, history: History, line: Entry, rung: Rung) -> Entry | None:
    """The line that extends the ranges to a new best which an advice has led out of them."""
    child, box = _child(history, line), current(space, history.logbook)
    if child is None or rung.ranking[0][1] != child.number:
        return None
    ranges: dict[str, Range] = {
        n: beyond(box[n], space[n], child.config[n]) for n in outside(box, child.config)
    }
    if not ranges:
        return None
    before = {n: range_of(box[n]) for n in ranges}
    return Entry(
        REACH, line.stage,
        say("#{number}, {done}, is best and lies outside the ranges", number=child.number,
            done=line.done),
        told(box, ranges),
        say("the best config lies inside the ranges from which others are drawn"),
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
