"""What a strategy decides; each decision carries a ``why`` that a person can read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from danlu.core.logbook import Entry
from danlu.core.parameter import Value
from danlu.core.sentence import listed, say


@dataclass(frozen=True, slots=True)
class Proxy:
    """A cheaper stand-in for the real task.

    Attributes:
        data_fraction: Share of the training data, in (0, 1].
        classes: Number of classes to keep; None keeps all.
    """

    data_fraction: float = 1.0
    classes: int | None = None

    @property
    def full(self) -> bool:
        """Whether this is the real task."""
        return self.data_fraction >= 1.0 and self.classes is None


FULL = Proxy()


def part(proxy: Proxy) -> str:
    """What a proxy is trained on, in words."""
    share, classes = proxy.data_fraction, proxy.classes
    words = [say("{share:.3g}% of the data", share=100 * share)] if share < 1.0 else []
    if classes is not None:
        words.append(say("{classes} classes", classes=classes))
    return listed(words) if words else say("all of the data")


def on_part(proxy: Proxy) -> str:
    """The same after a verb: `` on 30% of the data``; nothing on the real task."""
    return "" if proxy.full else say(" on {part}", part=part(proxy))


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a new trial.

    Attributes:
        config: Name → value for every active parameter.
        until: Epoch to train to, counted from 1.
        proxy: What it is trained on.
        stage: Name of the plan's stage.
        seed: The trial's seed; None derives one from the study's seed and the trial's number.
        why: The reason, in a sentence.
    """

    config: Mapping[str, Value]
    until: int
    proxy: Proxy = field(default=FULL)
    stage: str = ""
    seed: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    """Train a paused trial further.

    Attributes:
        trial: Its number.
        until: Epoch to train to, counted from the trial's first epoch, not from the pause.
        stage: Name of the plan's stage; empty keeps the trial's own.
        why: The reason, in a sentence.
    """

    trial: int
    until: int
    stage: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """End a running or paused trial for good; what it reported stays."""

    trial: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The search is over: nothing is left worth its cost."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Write a line into the study's log-book; a strategy sees it in the history ever after.

    It takes no slot. A strategy decides it once: what the log-book holds it does not say again.
    """

    entry: Entry

    @property
    def why(self) -> str:
        """What was seen and done, in a sentence."""
        return say("{seen}: {done}", seen=self.entry.seen, done=self.entry.done)


Decision: TypeAlias = Start | Continue | Stop | Finish | Note
