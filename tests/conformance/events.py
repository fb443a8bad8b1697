"""Random event sequences as a tuner may write them, for property tests."""

import itertools
from collections.abc import Sequence

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
    Learned,
    Lost,
    Noted,
    Observed,
    Paused,
    Reported,
    Saved,
    Started,
    Stopped,
)
from danlu.core.finding import Advice, Finding
from danlu.core.logbook import Entry
from danlu.core.task import Task

texts = st.text(max_size=8)
numbers = st.floats()  # NaN and the infinities too
metrics = st.dictionaries(st.sampled_from(["val_loss", "train_loss"]) | texts, numbers, max_size=3)
values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9) | texts | st.none()
advice = st.builds(Advice, texts, st.none() | texts, st.none() | numbers)
findings = st.builds(
    Finding,
    code=texts,
    severity=st.sampled_from(["info", "warning", "error"]),
    confidence=st.floats(0, 1),
    message=texts,
    evidence=st.dictionaries(texts, st.lists(numbers, max_size=2), max_size=2),
    advice=st.lists(advice, max_size=2).map(tuple),
)
entries = st.builds(Entry, texts, texts, texts, texts, texts, st.dictionaries(texts, values))
tasks = st.builds(
    Task, n_train=st.none() | st.integers(1, 9), priors=st.none() | st.just((0.25, 0.75)),
    initial_loss=st.none() | st.floats(0, 9),
)  # fmt: skip
proxies = st.builds(Proxy, st.floats(0.01, 1), st.none() | st.integers(2, 9))


@st.composite
def sequences(draw: st.DrawFn, most: int = 25) -> list[Event]:
    """Events in a possible order; epochs come twice and out of order now and then."""
    state: dict[int, str] = {}
    attempts: dict[int, int] = {}
    events: list[Event] = []
    for _ in range(draw(st.integers(0, most))):
        event = draw(_next_event(state, attempts))
        if isinstance(event, Started):
            state[event.trial], attempts[event.trial] = "running", 1
        elif isinstance(event, Continued):
            state[event.trial], attempts[event.trial] = "running", event.attempt
        elif isinstance(event, Paused | Lost | Finished | Stopped | Failed):
            state[event.trial] = "waiting" if isinstance(event, Paused | Lost) else "closed"
        events.append(event)
    return events


def _next_event(state: dict[int, str], attempts: dict[int, int]) -> st.SearchStrategy[Event]:
    at, until, epoch = st.floats(0, 1e9), st.integers(1, 9), st.integers(1, 6)
    capabilities = st.sampled_from(["data_fraction", "classes", "checkpoint"])
    started = st.builds(
        Started, at, st.just(len(state) + 1), st.dictionaries(texts, values, max_size=3), until,
        st.integers(0, 2**31), proxies, texts, texts,
    )  # fmt: skip
    kinds: list[st.SearchStrategy[Event]] = [
        started,
        st.builds(Began, at, st.integers(1, 9), st.booleans(), st.none() | st.booleans()),
        st.builds(Ended, at, texts, texts),
        st.builds(Diagnosed, at, st.none(), findings),
        st.builds(Learned, at, tasks),
        st.builds(Noted, at, entries),
    ]
    running = st.sampled_from([t for t, s in state.items() if s == "running"] or [0])
    if any(s == "running" for s in state.values()):
        reported = st.builds(Reported, at, running, epoch, metrics)
        kinds += [reported] * 4
        kinds += [
            st.builds(Saved, at, running, epoch),
            st.builds(Observed, at, running, capabilities),
            st.builds(Diagnosed, at, running, findings),
            st.builds(Paused, at, running),
            st.builds(Finished, at, running),
            st.builds(Stopped, at, running, texts),
            st.builds(Failed, at, running, texts, texts, texts),
            st.builds(Lost, at, running, texts),
        ]
    if waiting := [t for t, s in state.items() if s == "waiting"]:
        kinds += [
            st.builds(Continued, at, st.just(t), until, st.just(attempts[t] + 1), texts, texts)
            for t in waiting
        ]
    return st.one_of(kinds)


@st.composite
def batches(draw: st.DrawFn, events: Sequence[Event]) -> list[Sequence[Event]]:
    """The events, in order, as several appends; some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=5)))
    return [events[a:b] for a, b in itertools.pairwise([0, *cuts, len(events)])]
