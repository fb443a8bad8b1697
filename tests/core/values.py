"""Hypothesis strategies for the values of core: parameters, spaces, configs, events."""

from typing import Any

from hypothesis import strategies as st

from danlu.core.decision import Proxy
from danlu.core.event import (
    Began,
    Continued,
    Diagnosed,
    Ended,
    Event,
    Failed,
    Finished,
    Lost,
    Observed,
    Paused,
    Reported,
    Saved,
    Started,
    Stopped,
)
from danlu.core.finding import Advice, Finding
from danlu.core.parameter import Choice, Float, Int
from danlu.core.space import Space

METRICS = st.sampled_from(["val_loss", "train_loss", "val_accuracy"])


@st.composite
def floats(draw: st.DrawFn) -> Float:
    log = draw(st.booleans())
    low = draw(st.floats(1e-9, 1e3) if log else st.floats(-1e6, 1e6))
    high = low * draw(st.floats(1.01, 1e6)) if log else low + draw(st.floats(1e-3, 1e6))
    return Float(low, high, log, draw(st.sampled_from([None, low, high])))


@st.composite
def ints(draw: st.DrawFn) -> Int:
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -1000, 1000))
    high = low + draw(st.integers(0, 5000))
    return Int(low, high, log, draw(st.none() | st.integers(low, high)))


def choices() -> st.SearchStrategy[Choice]:
    value = st.none() | st.booleans() | st.integers(2, 99) | st.text(max_size=5)
    return st.lists(value, min_size=1, max_size=5, unique=True).map(lambda v: Choice(*v))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """Up to seven parameters; some exist only for a value of the choice before them."""
    made: dict[str, Any] = {"kind": Choice("a", "b", "c")}
    for i, p in enumerate(draw(st.lists(floats() | ints() | choices(), max_size=5))):
        made[f"p{i}"] = p
    when = {"kind": draw(st.sampled_from([("a",), ("b", "c")]))}
    made["depth"] = Int(1, draw(st.integers(1, 4)), when=when)
    made["width"] = Float(0.5, 2.0, when={"depth": (1,)})
    return Space(made)


def points(space: Space) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({name: st.floats(0.0, 1.0) for name in space})


def findings() -> st.SearchStrategy[Finding]:
    advice = st.builds(Advice, st.sampled_from(["stop", "raise"]), st.none() | st.just("lr"))
    return st.builds(
        Finding,
        code=st.just("diverged"),
        severity=st.sampled_from(["info", "warning", "error"]),
        confidence=st.floats(0, 1),
        message=st.text(max_size=9),
        evidence=st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        advice=st.lists(advice, max_size=2).map(tuple),
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """A study's events in an order that can happen, times never falling."""
    at, events = 1000.0, [Began(1000.0, 2, draw(st.booleans()), draw(st.none() | st.booleans()))]
    story: list[Event] = list(events)
    states: dict[int, str] = {}
    for _ in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from([0.0, 0.5, 7.0]))
        story.append(draw(_event(at, states)))
    if draw(st.booleans()):
        story.append(Ended(at, "done", "enough"))
    return story


@st.composite
def _event(draw: st.DrawFn, at: float, states: dict[int, str]) -> Event:
    """One more event, possible after those that led to ``states``."""
    number = draw(st.integers(1, len(states) + 1))
    if number not in states:
        states[number] = "running"
        proxy = draw(st.sampled_from([Proxy(), Proxy(0.25), Proxy(0.5, 3)]))
        return Started(at, number, {"lr": 0.1, "kind": None}, 9, number * 7, proxy, "coarse", "w")
    if states[number] != "running":
        if states[number] in ("paused", "lost"):
            states[number] = "running"
            return Continued(at, number, draw(st.integers(1, 9)), 2, "", "more")
        return Diagnosed(at, draw(st.sampled_from([None, number])), draw(findings()))
    closing = draw(st.sampled_from([None, None, None, Paused, Finished, Stopped, Failed, Lost]))
    if closing is None:
        metrics = draw(st.dictionaries(METRICS, st.floats(), max_size=3))
        epoch = draw(st.integers(1, 9))
        others: list[Event] = [Saved(at, number, epoch), Observed(at, number, "data_fraction")]
        report: Event = Reported(at, number, epoch, metrics)
        return draw(st.sampled_from([report, report, *others]))
    states[number] = closing.__name__.lower()
    rest: dict[type, tuple[Any, ...]] = {
        Stopped: ("why",),
        Failed: ("exception", "oh", "log"),
        Lost: ("killed", draw(st.booleans())),
    }
    event: Event = closing(at, number, *rest.get(closing, ()))
    return event
