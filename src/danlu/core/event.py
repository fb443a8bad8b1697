"""Everything that happens, as frozen values; a study is the fold of its events.

The life of a trial::

    Started ─► Reported* ─► Paused ─► Continued ─► Reported* ─► Finished
                        └─► Lost ───► Continued                 Stopped | Failed

Each launch (by `Started` or `Continued`) ends in exactly one closing event: `Paused`,
`Finished`, `Stopped`, `Failed` or `Lost`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

from danlu.core.codec import decode_number, encode_number
from danlu.core.decision import FULL, Proxy
from danlu.core.finding import Advice, Finding
from danlu.core.logbook import Entry
from danlu.core.parameter import Value
from danlu.core.sentence import decode_sentences, encode_sentences
from danlu.core.task import Task


@dataclass(frozen=True, slots=True)
class Began:
    """A tuner began to run the study.

    Attributes:
        at: Seconds since 1970, as in every event.
        workers: How many trials it trains at once.
        can_pause: Whether trials can be paused and continued later.
        takes_fraction: Whether training accepts a data fraction; None = not known yet.
        takes_classes: Whether training accepts a number of classes; None = not known yet.
        process: Who it is: ``"pid 123 on host"``.
    """

    at: float
    workers: int = 1
    can_pause: bool = True
    takes_fraction: bool | None = None
    takes_classes: bool | None = None
    process: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """Training showed what it can do: it read ``data_fraction`` or ``classes``, or it saved.

    Attributes:
        capability: ``"data_fraction"``, ``"classes"`` or ``"checkpoint"``.
    """

    at: float
    trial: int
    capability: str


@dataclass(frozen=True, slots=True)
class Started:
    """A trial was begun; written before it is launched, so that a crash leaves a trace."""

    at: float
    trial: int
    config: Mapping[str, Value]
    until: int
    seed: int
    proxy: Proxy = field(default=FULL)
    stage: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Continued:
    """A paused or lost trial goes on; a retry after a loss is a new ``attempt``."""

    at: float
    trial: int
    until: int
    attempt: int
    stage: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """One epoch's evaluation. The first report of an epoch counts, later ones are ignored."""

    at: float
    trial: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint of the trial's state after ``epoch`` lies in its folder."""

    at: float
    trial: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """A rule or check found something; ``trial`` is None for the study as a whole."""

    at: float
    trial: int | None
    finding: Finding


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known of the task; the last one counts."""

    at: float
    task: Task


@dataclass(frozen=True, slots=True)
class Noted:
    """A line of the study's log-book."""

    at: float
    entry: Entry


@dataclass(frozen=True, slots=True)
class Paused:
    """The trial reached its ``until`` and can be continued."""

    at: float
    trial: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The trial is trained to its full length, or training ended by itself.

    Attributes:
        why: What is odd about its end; empty if nothing is.
    """

    at: float
    trial: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The trial was ended early by the search, a rule or a person."""

    at: float
    trial: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The trial cannot go on.

    Attributes:
        cause: Short word: ``"exception"``, ``"exit"``, ``"signal"``, ``"no result"``,
            ``"not finite"``, ``"order"``, ``"launch"``, ``"lost"``.
        message: What happened, for a person.
        log: The last lines of its output.
    """

    at: float
    trial: int
    cause: str
    message: str
    log: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """The trial's worker is gone without a word (killed, machine lost); it will be retried.

    Attributes:
        interrupted: Whether it went down with the whole run, which says nothing about the trial.
        cause: ``"memory"`` if the system killed it for want of memory, else empty.
    """

    at: float
    trial: int
    message: str
    interrupted: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A tuner ended its run.

    Attributes:
        outcome: ``"done"`` (budget spent or search finished), ``"interrupted"``, ``"stopped"``
            (a person's request), ``"hopeless"`` (nothing learns, whatever is tried) or
            ``"failed"``.
        why: The reason, in a sentence.
    """

    at: float
    outcome: str
    why: str = ""


TrialEvent: TypeAlias = (
    Started | Continued | Reported | Saved | Observed | Paused | Finished | Stopped | Failed | Lost
)
Closing: TypeAlias = Paused | Finished | Stopped | Failed | Lost
Event: TypeAlias = TrialEvent | Began | Diagnosed | Learned | Noted | Ended

ALL = (
    *(Began, Observed, Started, Continued, Reported, Saved, Diagnosed, Learned, Noted),
    *(Paused, Finished, Stopped, Failed, Lost, Ended),
)
KINDS: Mapping[str, type[Any]] = {kind.__name__.lower(): kind for kind in ALL}


def encode_event(event: Event) -> tuple[str, dict[str, Any]]:
    """The event's kind and its fields as plain JSON."""
    data = {f.name: getattr(event, f.name) for f in fields(event)}
    if isinstance(event, Reported):
        data["metrics"] = {k: encode_number(v) for k, v in event.metrics.items()}
    elif isinstance(event, Started):
        data["config"], data["proxy"] = dict(event.config), asdict(event.proxy)
    elif isinstance(event, Diagnosed):
        data["finding"] = asdict(event.finding)
    elif isinstance(event, Learned):
        data["task"] = asdict(event.task)
    elif isinstance(event, Noted):
        data["entry"] = asdict(event.entry)
    if not isinstance(event, Reported):
        data = encode_sentences(data)
    return type(event).__name__.lower(), data


def decode_event(kind: str, data: Mapping[str, Any]) -> Event:
    """The event that `encode_event` gave."""
    rest = dict(data) if kind in ("reported", "started") else decode_sentences(data)
    if kind == "reported":
        rest["metrics"] = {k: decode_number(v) for k, v in rest["metrics"].items()}
    elif kind == "started":
        rest["proxy"], rest["why"] = Proxy(**rest["proxy"]), decode_sentences(rest["why"])
    elif kind == "diagnosed":
        finding = dict(rest["finding"])
        finding["advice"] = tuple(Advice(**a) for a in finding["advice"])
        rest["finding"] = Finding(**finding)
    elif kind == "learned":
        task = dict(rest["task"])
        task["priors"] = None if task["priors"] is None else tuple(task["priors"])
        rest["task"] = Task(**task)
    elif kind == "noted":
        rest["entry"] = Entry(**rest["entry"])
    event: Event = KINDS[kind](**rest)
    return event
