"""What a history teaches a library that knows only configs and losses."""

from dataclasses import dataclass

from danlu.core.history import History
from danlu.core.parameter import Choice, Value
from danlu.core.record import TrialRecord
from danlu.core.space import Config, Space
from danlu.core.spec import Objective


@dataclass(frozen=True, slots=True)
class Lesson:
    """One trial as a library sees it.

    Attributes:
        config: Name → value of the active parameters that can vary.
        loss: Lower is better; None for a failed trial, and for one that still runs.
        running: Whether the result is still to come.
    """

    config: Config
    loss: float | None
    running: bool = False


def lessons(space: Space, history: History, until: int) -> list[Lesson]:
    """One lesson for each trial on the real task whose config lies in the space, in their order.

    Args:
        space: What may vary now; configs outside it, as from a wider one, are left out.
        history: All that happened.
        until: Epoch to which this engine trains; a trial paused there is done.
    """
    free = set(space.free)
    return [
        _lesson(t, {n: v for n, v in t.config.items() if n in free}, history.objective, until)
        for t in history.trials.values()
        if t.proxy.full and belongs(space, t.config)
    ]


def _lesson(t: TrialRecord, config: Config, objective: Objective, until: int) -> Lesson:
    if t.state in ("running", "lost") or (t.state == "paused" and t.epoch < until):
        return Lesson(config, None, running=True)
    if t.state == "failed" or t.value is None:
        return Lesson(config, None)
    return Lesson(config, objective.loss(t.value))


def belongs(space: Space, config: Config) -> bool:
    """Whether a config has exactly the space's active parameters, within their ranges."""
    active = [name for name in space if space.active(name, config)]
    return active == [n for n in space if n in config] and all(
        _within(space, name, config[name]) for name in active
    )


def _within(space: Space, name: str, value: Value) -> bool:
    p = space[name]
    if p.problem(value):
        return False
    # A search may have gone beyond the range, up to the parameter's limits.
    return isinstance(p, Choice) or (isinstance(value, int | float) and p.low <= value <= p.high)


def worst(seen: list[Lesson]) -> float | None:
    """The largest loss, for libraries that have no word for failure; None before any is known."""
    return max((lesson.loss for lesson in seen if lesson.loss is not None), default=None)


def results(seen: list[Lesson]) -> int:
    """How many losses are known."""
    return sum(lesson.loss is not None for lesson in seen)
