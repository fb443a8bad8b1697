"""What a history says about configs that were trained on shares of the data."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from danlu.core.decision import Decision, Start, Stop, part
from danlu.core.history import History
from danlu.core.parameter import Value
from danlu.core.record import TrialRecord
from danlu.core.sentence import say
from danlu.strategies.evidence import Curve, read


def gather_shares(history: History) -> list[Curve]:
    """One curve per trial, on any share of the data, in the order of their starts.

    A trial on a share goes on no more once its config was begun on a larger one.
    """
    trials = [t for t in history.trials.values() if t.proxy.classes is None]
    curves = read(history, trials)
    configs = [frozenset(c.config.items()) for c in curves]
    largest: dict[frozenset[tuple[str, Value]], float] = {}
    for config, c in zip(configs, curves, strict=True):
        largest[config] = max(c.share, largest.get(config, 0.0))
    return [
        c if c.share == 1.0 else _known(c, _climbs(t, c, largest[config]))
        for t, c, config in zip(trials, curves, configs, strict=True)
    ]


def _known(curve: Curve, paused: bool) -> Curve:
    """The curve as one that can go on or not; the same object, if it is one already."""
    return curve if curve.paused == paused else replace(curve, paused=paused)


def _climbs(trial: TrialRecord, curve: Curve, largest: float) -> bool:
    """Whether a trial on a share of the data can go on, there or on a larger one."""
    able = trial.state in ("paused", "finished") and not curve.failed and curve.feasible
    return able and bool(curve.epochs) and curve.share == largest


def climbing(history: History, begun: Sequence[Decision]) -> list[Stop]:
    """Stops of the paused trials whose configs begin anew on more data.

    Nothing trains them further, so that no frozen process need wait for it.
    """
    return [
        Stop(t.number, say("its config is trained on {part} now", part=part(d.proxy)))
        for d in begun
        if isinstance(d, Start)
        for t in history.trials.values()
        if t.state == "paused" and not t.proxy.full and t.config == d.config
    ]


def gather_fractions(history: History, horizon: int) -> list[Curve]:
    """One curve per config over the shares of the data it was trained on.

    A trial on the share s is the point s · horizon of its config's curve, at its best loss.
    """
    trials = [t for t in history.trials.values() if t.proxy.classes is None]
    groups: dict[frozenset[tuple[str, Value]], dict[int, Curve]] = {}
    for t, curve in zip(trials, read(history, trials), strict=True):
        place = max(1, round(t.proxy.data_fraction * horizon))
        groups.setdefault(frozenset(t.config.items()), {})[place] = curve
    return [_joined(points) for points in groups.values()]


def _joined(points: Mapping[int, Curve]) -> Curve:
    """The trainings of one config on growing shares of the data as one curve."""
    newest = max(points.values(), key=lambda c: c.number)
    failed = any(c.failed for c in points.values())
    feasible = all(c.feasible for c in points.values())
    until = max((place for place, c in points.items() if c.awaited), default=0)
    done = [(e, points[e]) for e in sorted(points) if points[e].epochs and not points[e].awaited]
    return Curve(
        newest.number, newest.config, tuple(e for e, _ in done),
        tuple(c.best for _, c in done), tuple(c.times[-1] for _, c in done),
        failed, bool(done) and feasible and not failed and not until, until, feasible,
    )  # fmt: skip
